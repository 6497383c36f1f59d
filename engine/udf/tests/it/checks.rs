//! What is wrong is said, and where.

use levada_model::DataType;
use levada_udf::{Cause, FaultKind, Method, UdfLimits};

use crate::support::{call, int32, int64, open, points};

#[test]
fn times_that_do_not_increase_name_function_and_time() {
    let error = call("wrong", &[("transform", "back")], &[7], &[int64(&[Some(1)])]).expect_err("7 twice");
    assert_eq!(error.fault.kind, FaultKind::Failed(Cause::TimesNotIncreasing));
    assert_eq!(
        error.to_string(),
        "function wrong: transform: the times of points must strictly increase: 7 came after 7"
    );
    // Also from one call to the next: the point of `terminate` is behind all rows.
    let error = call("wrong", &[("terminate", "back")], &[7], &[int64(&[Some(1)])]).expect_err("twice");
    assert_eq!(
        (error.method, error.fault.kind),
        (Method::Terminate, FaultKind::Failed(Cause::TimesNotIncreasing))
    );
}

#[test]
fn a_value_of_another_type_than_the_output_is_rejected() {
    let error = call("wrong", &[("transform", "type")], &[7], &[int64(&[Some(1)])]).expect_err("a text");
    assert_eq!(error.fault.kind, FaultKind::Failed(Cause::WrongType));
    assert_eq!(error.fault.message, "a value of type text was given, the output is INT64");
}

#[test]
fn a_value_read_as_another_type_is_rejected() {
    let error = call("adder", &[], &[7], &[int32(&[Some(1)]), int32(&[Some(1)])]).expect_err("INT32");
    assert_eq!(error.fault.message, "values of type INT32 were read as i64");
    let error = call("adder", &[], &[7], &[int64(&[Some(1)])]).expect_err("one input");
    assert_eq!(error.fault.message, "there is no input 1: the call has 1");
}

#[test]
fn what_validate_rejects_names_what_is_wrong() {
    let start =
        |inputs: &[DataType]| open("max", inputs, &[], UdfLimits::default()).expect_err("not its inputs");
    let error = start(&[DataType::Int32; 2]);
    assert_eq!((error.method, error.method.is_of_the_start()), (Method::Validate, true));
    assert_eq!(error.fault.message, "the number of the input series is not valid. expected: 1. actual: 2.");
    assert_eq!(
        start(&[DataType::Text]).fault.message,
        "the data type of the input series (index: 0) is not valid. expected: [INT32]. actual: TEXT."
    );
}

#[test]
fn columns_that_are_not_those_of_the_inputs_are_rejected() {
    let mut run = open("max", &[DataType::Int32], &[], UdfLimits::default()).expect("it starts");
    let error = points(&mut run, &[1], &[int64(&[Some(1)])], 1).expect_err("INT64");
    assert_eq!(error.fault.kind, FaultKind::WrongOutput);
    let mut run = open("max", &[DataType::Int32], &[], UdfLimits::default()).expect("it starts");
    assert!(run.push(vec![1].into(), Vec::new()).is_err());
}

#[test]
fn rows_that_wait_are_saved_once_and_a_change_that_is_missing_is_noticed() {
    let attributes = [("time_interval", "1000000")];
    let start = || open("counter", &[DataType::Int32], &attributes, UdfLimits::default()).expect("it starts");
    let mut run = start();
    let mut parts: Vec<Vec<u8>> = Vec::new();
    for from in (0..10_000).step_by(100) {
        let times: Vec<i64> = (from..from + 100).collect();
        run.push(times.into(), vec![int32(&[Some(1); 100])]).expect("they fit");
        assert!(run.next().expect("it runs").is_none(), "they wait");
        let change = if parts.is_empty() { None } else { run.save_change().expect("it can") };
        parts.push(change.unwrap_or_else(|| run.save().expect("it can").expect("it does")));
    }
    let bytes: usize = parts.iter().map(Vec::len).sum();
    assert!(bytes < 2 * 10_000 * 12, "{bytes} bytes for rows of 12");
    let (whole, changes) = parts.split_first().expect("they were saved");
    let mut other = start();
    other.restore_with(whole, changes).expect("it reads them");
    other.end();
    let points = other.next().expect("it runs").expect("a window");
    assert_eq!(crate::support::arrow_texts(&points.values), ["Int32(10000)"]);
    assert!(start().restore_with(whole, &changes[1..]).is_err(), "the first is missing");
}

#[test]
fn what_a_function_saved_goes_on_in_another_instance() {
    let mut first = open("max", &[DataType::Int32], &[], UdfLimits::default()).expect("it starts");
    first.push(vec![1, 2].into(), vec![int32(&[Some(8), Some(5)])]).expect("they fit");
    assert!(first.save().expect("it can").is_none(), "rows wait");
    while first.next().expect("it runs").is_some() {}
    let saved = first.save().expect("it can").expect("it does");
    let mut second = open("max", &[DataType::Int32], &[], UdfLimits::default()).expect("it starts");
    second.restore(&saved).expect("it reads it");
    let found = points(&mut second, &[3], &[int32(&[Some(6)])], 1).expect("it runs");
    assert_eq!(found, [(1, "Int32(8)".to_owned())]);
    let mut third = open("max", &[DataType::Int32], &[], UdfLimits::default()).expect("it starts");
    assert_eq!(third.restore(b"no").expect_err("2 bytes").method, Method::Save);
}
