//! Functions that are given windows.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, StringArray};
use levada_model::DataType;
use levada_udf::{FaultKind, Method, UdfLimits};

use crate::support::{call, int32, int64, open, points};

/// The windows over rows at some times.
fn windows(attributes: &[(&str, &str)], times: &[i64]) -> Vec<String> {
    let values: Vec<Option<i64>> = times.iter().map(|&time| Some(time)).collect();
    of_values(attributes, times, int64(&values))
}

fn of_values(attributes: &[(&str, &str)], times: &[i64], values: ArrayRef) -> Vec<String> {
    let points = call("windows", attributes, times, &[values]).expect("it runs");
    points.into_iter().map(|(_, value)| value).collect()
}

#[test]
fn windows_of_time_begin_at_the_first_row_and_end_with_the_last() {
    let found = windows(&[("by", "time"), ("length", "10")], &[3, 5, 13, 40]);
    assert_eq!(found, ["3-13: 3 5", "13-23: 13", "23-33: ", "33-43: 40"]);
}

#[test]
fn the_step_is_the_interval_unless_it_is_given() {
    let found = windows(&[("by", "time"), ("length", "10"), ("step", "4")], &[0, 5, 9]);
    assert_eq!(found, ["0-10: 0 5 9", "4-14: 5 9", "8-18: 9"]);
    let found = windows(&[("by", "time"), ("length", "2"), ("step", "5")], &[0, 1, 2, 5, 8, 11]);
    assert_eq!(found, ["0-2: 0 1", "5-7: 5", "10-12: 11"]);
}

#[test]
fn the_display_window_says_where_windows_of_time_begin_and_end() {
    let display = [("by", "time"), ("length", "10"), ("begin", "0"), ("end", "35")];
    let found = windows(&display, &[-5, 12, 34, 35, 99]);
    assert_eq!(found, ["0-10: ", "10-20: 12", "20-30: ", "30-35: 34"]);
    // Windows behind the last row are given too, up to the end that was asked for.
    assert_eq!(windows(&display, &[3]), ["0-10: 3", "10-20: ", "20-30: ", "30-35: "]);
}

#[test]
fn without_rows_there_are_no_windows() {
    assert!(windows(&[("by", "time"), ("length", "10"), ("begin", "0"), ("end", "35")], &[]).is_empty());
    assert!(windows(&[("by", "size"), ("length", "10")], &[]).is_empty());
}

#[test]
fn windows_at_the_ends_of_time_do_not_overflow() {
    let found = windows(&[("by", "time"), ("length", "10")], &[i64::MAX - 1, i64::MAX]);
    assert_eq!(found.len(), 1, "{found:?}");
    let all = i64::MAX.to_string();
    let found = windows(&[("by", "time"), ("length", &all)], &[i64::MIN, 0, i64::MAX]);
    assert_eq!(found.iter().map(|each| each.split(": ").count()).sum::<usize>(), 6, "{found:?}");
}

#[test]
fn windows_of_rows_have_a_size_and_a_step_and_the_last_may_be_shorter() {
    let found = windows(&[("by", "size"), ("length", "2")], &[1, 2, 3, 4, 5]);
    assert_eq!(found, ["1-2: 1 2", "3-4: 3 4", "5-5: 5"]);
    let found = windows(&[("by", "size"), ("length", "3"), ("step", "1")], &[1, 2, 3, 4]);
    assert_eq!(found, ["1-3: 1 2 3", "2-4: 2 3 4", "3-4: 3 4", "4-4: 4"]);
    let found = windows(&[("by", "size"), ("length", "1"), ("step", "3")], &[1, 2, 3, 4]);
    assert_eq!(found, ["1-1: 1", "4-4: 4"]);
    let found = windows(&[("by", "size"), ("length", "2"), ("begin", "2"), ("end", "5")], &[1, 2, 3, 4, 5]);
    assert_eq!(found, ["2-3: 2 3", "4-4: 4"]);
}

#[test]
fn a_session_ends_where_no_row_follows_within_the_gap() {
    let found = windows(&[("by", "session"), ("length", "3")], &[1, 4, 8, 11, 20]);
    assert_eq!(found, ["1-4: 1 4", "8-11: 8 11", "20-20: 20"]);
    let found = windows(&[("by", "session"), ("length", "3")], &[i64::MIN, i64::MAX]);
    assert_eq!(found.len(), 2);
}

#[test]
fn a_state_ends_where_the_value_differs_from_that_at_its_beginning() {
    let by = |delta| [("by", "state"), ("length", delta)];
    let numbers = int32(&[Some(1), Some(2), Some(3), None, Some(3)]);
    // The row without a value is not given.
    assert_eq!(of_values(&by("1"), &[1, 2, 3, 4, 5], numbers), ["1-2: 1 2", "3-5: 3 5"]);
    let doubles: ArrayRef =
        Arc::new(Float64Array::from(vec![f64::INFINITY, f64::INFINITY, f64::NAN, f64::NAN]));
    assert_eq!(of_values(&by("0.5"), &[1, 2, 3, 4], doubles), ["1-2: 1 2", "3-4: 3 4"]);
    let truths: ArrayRef = Arc::new(BooleanArray::from(vec![true, false, false]));
    assert_eq!(of_values(&by("5"), &[1, 2, 3], truths), ["1-1: 1", "2-3: 2 3"]);
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["a", "a", "b"]));
    assert_eq!(of_values(&by("0"), &[1, 2, 3], texts), ["1-2: 1 2", "3-3: 3"]);
}

#[test]
fn the_models_counter_counts_the_rows_of_each_window() {
    let attributes = [
        ("time_interval", "10"),
        ("sliding_step", "10"),
        ("display_window_begin", "0"),
        ("display_window_end", "30"),
    ];
    let points = call("counter", &attributes, &[1, 2, 25], &[int64(&[Some(1); 3])]).expect("it runs");
    assert_eq!(points, [(1, "Int32(2)".to_owned()), (25, "Int32(1)".to_owned())]);
}

#[test]
fn numbers_of_a_strategy_that_make_no_sense_are_rejected() {
    let cases: [(&[(&str, &str)], &str); 5] = [
        (&[("by", "time"), ("length", "-5")], "the time interval (-5) should be positive"),
        (&[("by", "time"), ("length", "5"), ("step", "0")], "the sliding step (0) should be positive"),
        (&[("by", "size"), ("length", "0")], "the window size (0) should be positive"),
        (&[("by", "session"), ("length", "-1")], "the session's time gap (-1) should not be negative"),
        (
            &[("by", "time"), ("length", "5"), ("begin", "10"), ("end", "1")],
            "the display window ends (1) before it begins (10)",
        ),
    ];
    for (attributes, message) in cases {
        let error = open("windows", &[DataType::Int64], attributes, UdfLimits::default()).expect_err(message);
        assert_eq!((error.method, error.fault.message.as_str()), (Method::BeforeStart, message));
    }
}

#[test]
fn a_window_that_needs_more_memory_than_it_may_ends_the_call() {
    let times: Vec<i64> = (0..1000).collect();
    let values: Vec<Option<i64>> = vec![Some(1); 1000];
    let attributes = [("by", "size"), ("length", "1000")];
    let limits = UdfLimits { memory: 4096, ..UdfLimits::default() };
    let mut run = open("windows", &[DataType::Int64], &attributes, limits.clone()).expect("it starts");
    let error = points(&mut run, &times, &[int64(&values)], 100).expect_err("it does not fit");
    assert_eq!((error.method, error.fault.kind), (Method::Transform, FaultKind::MemoryLimit));
    assert!(error.to_string().contains("more than the 4096 that a call may use"), "{error}");
    assert!(error.to_string().contains("`udf_memory_budget`"), "{error}");
    // Windows that fit are no trouble, however many rows there are.
    let mut run =
        open("windows", &[DataType::Int64], &[("by", "size"), ("length", "10")], limits).expect("it starts");
    assert_eq!(points(&mut run, &times, &[int64(&values)], 100).expect("it runs").len(), 100);
}

#[test]
fn rows_without_room_are_those_that_would_wait_with_too_many() {
    let room = |attributes: &[(&str, &str)], waiting: &[i64], next: &[i64], most: usize| {
        let of = |times: &[i64]| int64(&times.iter().map(|&time| Some(time / 10)).collect::<Vec<_>>());
        let mut run =
            open("windows", &[DataType::Int64], attributes, UdfLimits::default()).expect("it starts");
        // One by one, which makes no difference.
        for &time in waiting {
            run.push(vec![time].into(), vec![of(&[time])]).expect("it fits");
            while run.next().expect("it runs").is_some() {}
        }
        run.without_room(next.to_vec().into(), vec![of(next)], most).expect("it is known")
    };
    let (waiting, next) = ([0, 1, 2, 3], [4, 5, 6, 10, 20, 21]);
    let by = |by, length| [("by", by), ("length", length)];
    // A row has 16 bytes.
    for (by, end) in
        [(by("time", "10"), 3), (by("session", "3"), 3), (by("state", "0"), 3), (by("time", "1000"), 6)]
    {
        assert_eq!(room(&by, &waiting, &next, 160), 0..0, "{by:?}: there is room for all");
        assert_eq!(room(&by, &waiting, &next, 112), if end == 3 { 0..0 } else { 3..6 }, "{by:?}");
        assert_eq!(room(&by, &waiting, &next, 80), 1..end, "{by:?}: there is room for one");
        assert_eq!(room(&by, &waiting, &next, 64), 0..end, "{by:?}: there is room for none");
        assert_eq!(room(&by, &waiting, &next, 16), 0..end, "{by:?}: nor was there before");
    }
    // The row with which a window of six is complete does not wait. One of seven is never complete.
    assert_eq!(room(&by("size", "6"), &waiting, &next, 80), 0..0);
    assert_eq!(room(&by("size", "7"), &waiting, &next, 80), 1..6);
}

#[test]
fn many_empty_windows_are_given_some_at_a_time() {
    let mut run =
        open("windows", &[DataType::Int64], &[("by", "time"), ("length", "1")], UdfLimits::default())
            .expect("it starts");
    run.push(vec![0, i64::MAX / 2].into(), vec![int64(&[Some(1), Some(2)])]).expect("they fit");
    for _ in 0..3 {
        assert_eq!(run.next().expect("it runs").expect("there are more").len(), 4096);
    }
}

#[test]
fn long_gaps_can_be_left_out_and_short_ones_are_given_as_ever() {
    let leaping = |attributes: &[(&str, &str)], times: &[i64], rows_a_push: usize| {
        let values: Vec<Option<i64>> = times.iter().map(|&time| Some(time)).collect();
        let mut run =
            open("windows", &[DataType::Int64], attributes, UdfLimits::default()).expect("it starts");
        run.leave_gaps_out();
        let found = points(&mut run, times, &[int64(&values)], rows_a_push).expect("it runs");
        found.into_iter().map(|(_, value)| value).collect::<Vec<_>>()
    };
    let time = |length, more: &[(&'static str, &'static str)]| {
        [&[("by", "time"), ("length", length)][..], more].concat()
    };
    for rows_a_push in [1, 2, 100] {
        let leaping = |attributes: &[_], times: &[_]| leaping(attributes, times, rows_a_push);
        // 1000 empty windows are given, 1001 are not.
        assert_eq!(
            leaping(&time("10", &[]), &[0, 10_010, 10_011]),
            windows(&time("10", &[]), &[0, 10_010, 10_011])
        );
        assert_eq!(leaping(&time("10", &[]), &[0, 10_010]).len(), 1002);
        assert_eq!(leaping(&time("10", &[]), &[0, 10_020, 10_021]), ["0-10: 0", "10020-10030: 10020 10021"]);
        // Windows stand where they would stand, those that overlap and those with rows between too.
        let overlapping = time("10", &[("step", "3")]);
        let all = windows(&overlapping, &[0, 8_000, 8_001]);
        let full = all.into_iter().filter(|each| !each.ends_with(": ")).collect::<Vec<_>>();
        assert_eq!(leaping(&overlapping, &[0, 8_000, 8_001]), full);
        let apart = time("2", &[("step", "5")]);
        assert_eq!(
            leaping(&apart, &[0, 10_003, 10_006, 90_001]),
            ["0-2: 0", "10005-10007: 10006", "90000-90002: 90001"]
        );
        // Before the first row and behind the last.
        let displayed = time("10", &[("begin", "0"), ("end", "4000000000000000000")]);
        assert_eq!(leaping(&displayed, &[1_760_000_000_005]), ["1760000000000-1760000000010: 1760000000005"]);
        let short = time("10", &[("begin", "0"), ("end", "35")]);
        assert_eq!(leaping(&short, &[12]), windows(&short, &[12]));
        // At the ends of time.
        assert_eq!(leaping(&time("10", &[]), &[i64::MIN, i64::MAX - 1, i64::MAX]).len(), 2);
        let wide = time("4", &[("step", "4611686018427387904")]);
        assert_eq!(leaping(&wide, &[i64::MIN, i64::MAX]), windows(&wide, &[i64::MIN, i64::MAX]));
    }
}

#[test]
fn overlapping_windows_that_are_larger_than_a_call_are_given_whole() {
    let times: Vec<i64> = (0..20_000).collect();
    let values: Vec<Option<i64>> = times.iter().map(|&time| Some(time)).collect();
    let attributes = [("by", "size"), ("length", "9000"), ("step", "4000")];
    let mut run = open("windows", &[DataType::Int64], &attributes, UdfLimits::default()).expect("it starts");
    let found = points(&mut run, &times, &[int64(&values)], 1024).expect("it runs");
    let ends: Vec<&str> = found.iter().filter_map(|(_, text)| text.split(':').next()).collect();
    assert_eq!(ends, ["0-8999", "4000-12999", "8000-16999", "12000-19999", "16000-19999"]);
}
