//! Functions that are given rows one by one.

use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int64Array, StringArray};
use levada_model::DataType;
use levada_udf::UdfLimits;

use crate::support::{call, int32, int64, open, points};

#[test]
fn the_models_adder_adds_where_both_have_a_value() {
    let times = [1, 2, 3, 4];
    let columns =
        [int64(&[Some(1), None, Some(3), Some(i64::MAX)]), int64(&[Some(10), Some(20), None, Some(1)])];
    let points = call("adder", &[], &times, &columns).expect("it runs");
    assert_eq!(points, [(1, "Int64(11)".to_owned()), (4, format!("Int64({})", i64::MIN))]);
}

#[test]
fn the_models_max_gives_its_point_behind_the_last_row() {
    let points = call("max", &[], &[1, 2, 3], &[int32(&[Some(4), Some(9), Some(7)])]).expect("it runs");
    assert_eq!(points, [(2, "Int32(9)".to_owned())]);
    assert_eq!(call("max", &[], &[], &[int32(&[])]).expect("it runs"), []);
}

#[test]
fn rows_without_any_value_are_not_given() {
    let points = call("same", &[], &[1, 2, 3], &[int64(&[None, Some(2), None])]).expect("it runs");
    assert_eq!(points, [(2, "Int64(2)".to_owned())]);
}

#[test]
fn each_type_goes_in_and_comes_out() {
    let columns: [(ArrayRef, &str); 7] = [
        (Arc::new(BooleanArray::from(vec![None, Some(true)])), "Boolean(true)"),
        (int32(&[None, Some(-1)]), "Int32(-1)"),
        (int64(&[None, Some(i64::MIN)]), "Int64(-9223372036854775808)"),
        (Arc::new(Float32Array::from(vec![None, Some(1.5)])), "Float(1.5)"),
        (Arc::new(Float64Array::from(vec![None, Some(-0.0)])), "Double(-0.0)"),
        (Arc::new(StringArray::from(vec![None, Some("grün")])), "grün"),
        (Arc::new(BinaryArray::from(vec![None, Some(&[0xff, 0][..])])), "Blob([255, 0])"),
    ];
    for (column, expected) in columns {
        let points = call("same", &[], &[5, 6], &[column]).expect("it runs");
        assert_eq!(points, [(6, expected.to_owned())]);
    }
}

#[test]
fn dates_and_timestamps_are_numbers_of_their_own_type() {
    for (data_type, column) in
        [(DataType::Date, int32(&[Some(20_261_130)])), (DataType::Timestamp, int64(&[Some(7)]))]
    {
        let mut run = open("same", &[data_type], &[], UdfLimits::default()).expect("it starts");
        assert_eq!(run.data_type(), data_type);
        assert_eq!(points(&mut run, &[1], &[column], 1).expect("it runs").len(), 1);
    }
}

#[test]
fn many_rows_come_in_calls_of_some_thousand() {
    let rows = 10_000_i64;
    let times: Vec<i64> = (0..rows).collect();
    let column: ArrayRef = Arc::new(Int64Array::from(times.clone()));
    let mut run = open("adder", &[DataType::Int64; 2], &[], UdfLimits::default()).expect("it starts");
    run.push(times.into(), vec![Arc::clone(&column), column]).expect("they fit");
    run.end();
    let mut sizes = Vec::new();
    while let Some(points) = run.next().expect("it runs") {
        sizes.push(points.len());
    }
    assert_eq!(sizes, [4096, 4096, 1808, 0]);
}
