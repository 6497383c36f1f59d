//! Functions in other languages than Rust do what those in Rust do.

use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use levada_model::DataType;
use levada_udf::{Method, UdfLimits, UdtfRun, parameters};

use crate::{
    factory::factory,
    support::{call, int32, int64, open, points},
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
