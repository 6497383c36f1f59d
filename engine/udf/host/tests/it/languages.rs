//! Functions in other languages than Rust do what those in Rust do.

use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use levada_model::DataType;
use levada_udf::{FaultKind, Method, UdafRun, UdfError, UdfLimits, UdtfRun, parameters};

use crate::{
    factory::factory,
    support::{arrow_texts, call, doubles, int32, int64, little_room, open, points},
};

#[test]
fn an_adder_in_c_adds_where_both_have_a_value() {
    let times: Vec<i64> = (1..=9).collect();
    let odd: Vec<_> = times.iter().map(|&time| (time % 2 == 1).then_some(time)).collect();
    let all: Vec<_> = times.iter().map(|&time| Some(i64::MAX - time)).collect();
    let columns = [int64(&odd), int64(&all)];
    let points = call("c.adder", &[], &times, &columns).expect("it runs");
    assert_eq!(points, call("adder", &[], &times, &columns).expect("it runs"));
    assert_eq!(points.len(), 5);
}

#[test]
fn windows_in_c_are_those_of_rust() {
    let times = [1, 2, 3, 15, 31];
    let columns = [int64(&[Some(1), Some(2), None, Some(4), Some(5)])];
    let points = call("c.counter", &[("time_interval", "10")], &times, &columns).expect("it runs");
    let counts: Vec<_> = points.iter().map(|(time, count)| (*time, count.as_str())).collect();
    assert_eq!(counts, [(1, "Int32(2)"), (15, "Int32(1)"), (31, "Int32(1)")]);
    let error = open("c.counter", &[DataType::Int64], &[], UdfLimits::default()).expect_err("no interval");
    assert_eq!(error.method, Method::BeforeStart);
    assert!(error.to_string().contains("attribute \"time_interval\" is required"), "{error}");
}

#[test]
fn a_maximum_in_c_goes_on_where_it_saved() {
    let start = || open("c.max", &[DataType::Int32], &[], UdfLimits::default()).expect("it starts");
    let push = |run: &mut UdtfRun, time: i64, value: i32| {
        run.push(vec![time].into(), vec![int32(&[Some(value)])]).expect("an INT32");
        while run.next().expect("it runs").is_some() {}
    };
    let mut first = start();
    push(&mut first, 1, 7);
    push(&mut first, 2, 3);
    let saved = first.save().expect("it can").expect("it does");
    let mut second = start();
    second.restore(&saved).expect("it reads it");
    assert_eq!(
        points(&mut second, &[3], &[int32(&[Some(5)])], 1).expect("it runs"),
        [(1, "Double(7.0)".to_owned())]
    );
    let error = start().restore(b"no").expect_err("2 bytes");
    assert!(error.to_string().contains("this is not what max saved"), "{error}");
    let error = open("c.adder", &[DataType::Text], &[], UdfLimits::default()).expect_err("not its inputs");
    assert!(error.to_string().contains("validate: adder takes two inputs of type INT64"), "{error}");
}

#[test]
fn texts_go_through_c_as_they_are() {
    let texts: Vec<_> = (0..3000).map(|n| (n % 3 != 1).then(|| "grün ".repeat(n % 40))).collect();
    let times: Vec<i64> = (0..3000).collect();
    let column: ArrayRef = Arc::new(StringArray::from(texts.clone()));
    let inputs = [("root.d.s".to_owned(), DataType::Text)];
    let mut run = UdtfRun::open("same", &*factory("c.same"), parameters(inputs, []), UdfLimits::default())
        .expect("it starts");
    let given = points(&mut run, &times, &[column], 1000).expect("it runs");
    let expected = (0..).zip(texts).filter_map(|(time, text)| Some((time, text?)));
    assert_eq!(given, expected.collect::<Vec<_>>());
}

/// A call of an aggregate that has started.
fn aggregate(name: &str, input: DataType, attributes: &[(&str, &str)]) -> Result<UdafRun, UdfError> {
    let attributes = attributes.iter().map(|&(key, value)| (key.to_owned(), value.to_owned()));
    let inputs = [("root.d.s".to_owned(), input)];
    UdafRun::open(name, &*factory(name), parameters(inputs, attributes))
}

#[test]
fn an_aggregate_in_c_has_a_state_for_each_group() {
    let start = || aggregate("c.span", DataType::Int64, &[]).expect("it starts");
    let mut run = start();
    assert_eq!(run.data_type(), DataType::Double);
    let column: Vec<ArrayRef> = vec![int64(&[Some(1), Some(-2), Some(3), None, Some(9)])];
    let times = [1, 2, 3, 4, 5];
    run.add(0, &times, &column, 0..2).expect("it adds");
    run.add(1, &times, &column, 1..4).expect("it adds");
    run.add(3, &times, &column, 2..5).expect("it adds");
    assert_eq!(doubles(&run.finish(3).expect("it gives them")), [Some(3.0), Some(5.0), None]);
    // What was behind has moved to the front.
    run.add(0, &times, &column, 0..1).expect("it adds");
    let saved = run.save(0).expect("it can").expect("it does");
    assert_eq!(doubles(&run.finish(1).expect("it gives it")), [Some(8.0)]);
    let mut other = start();
    other.add(1, &times, &column, 1..2).expect("it adds");
    other.combine(1, &saved).expect("it can");
    assert_eq!(doubles(&other.finish(2).expect("it gives them")), [None, Some(11.0)]);
    let error = other.combine(0, b"x").expect_err("one byte");
    assert_eq!(error.method, Method::Combine);
    assert!(error.to_string().contains("this is not what it saved"), "{error}");
}

#[test]
fn groups_in_c_come_and_go_by_the_thousand() {
    let mut run = aggregate("c.span", DataType::Int64, &[]).expect("it starts");
    let rows = 6000_i64;
    let times: Vec<i64> = (0..rows).collect();
    let column: Vec<ArrayRef> = vec![int64(&times.iter().map(|&time| Some(time)).collect::<Vec<_>>())];
    let mut given = Vec::new();
    for row in 0..rows as usize {
        // Five groups are open at each time.
        for group in 0..5 {
            run.add(group, &times, &column, row..row + 1).expect("it adds");
        }
        given.extend(doubles(&run.finish(1).expect("it gives it")));
    }
    let expected = (0..rows).map(|row| Some(row.min(4) as f64));
    assert_eq!(given, expected.collect::<Vec<_>>());
}

#[test]
fn what_an_aggregate_in_c_holds_elsewhere_is_saved_and_freed() {
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some(""), Some("grün")]));
    let columns = [texts];
    let times = [1, 2, 3, 4];
    let start = || aggregate("c.joined", DataType::Text, &[("by", "; ")]).expect("it starts");
    let mut one = start();
    one.add(0, &times, &columns, 0..4).expect("it adds");
    one.add(2, &times, &columns, 2..3).expect("it adds");
    let saved = [0, 1, 2].map(|group| one.save(group).expect("it can").expect("it does"));
    let mut other = start();
    other.add(0, &times, &columns, 3..4).expect("it adds");
    for (group, saved) in saved.iter().enumerate() {
        other.combine(group, saved).expect("it can");
    }
    assert_eq!(arrow_texts(&other.finish(3).expect("it gives them")), ["grün; a; ; grün", "null", ""]);
    other.close().expect("it ends");
    // 400 MB in all pass through 16 MiB of memory: what was given is freed.
    let long: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(1 << 20)]));
    let columns = [long];
    for _ in 0..400 {
        one.add(0, &[1], &columns, 0..1).expect("it adds");
        drop(one.finish(1).expect("it gives it"));
    }
    let error = aggregate("c.joined", DataType::Int32, &[]).expect_err("not its input");
    assert!(error.to_string().contains("validate: joined takes a TEXT"), "{error}");
}

#[test]
fn a_module_that_does_not_read_pages_is_given_windows_whole_or_not_at_all() {
    let rows = 4000;
    let times: Vec<i64> = (0..rows).collect();
    let column = int64(&vec![Some(1); times.len()]);
    let attributes = [("time_interval", "100000")];
    let counted = |memory: usize| {
        let limits = UdfLimits { memory, ..UdfLimits::default() };
        let mut run = open("c.counter", &[DataType::Int64], &attributes, limits).expect("it starts");
        run.spill_to(little_room(1 << 10));
        points(&mut run, &times, std::slice::from_ref(&column), 1000)
    };
    // It has more rows than there is room for in memory, and less than the whole budget.
    assert_eq!(counted(1 << 20).expect("it fits"), [(0, "Int32(4000)".to_owned())]);
    let error = counted(32 << 10).expect_err("it does not fit");
    assert_eq!((error.method, error.fault.kind), (Method::Transform, FaultKind::MemoryLimit));
    assert!(error.to_string().contains("`udf_memory_budget`"), "{error}");
}
