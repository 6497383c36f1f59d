//! Aggregates.

use arrow_array::ArrayRef;
use levada_model::DataType;
use levada_udf::{Method, UdafRun, parameters};

use crate::{
    factory::factory,
    support::{doubles, int64},
};

fn mean(inputs: &[DataType]) -> Result<UdafRun, levada_udf::UdfError> {
    let inputs = inputs.iter().map(|&each| ("root.d.s".to_owned(), each));
    UdafRun::open("mean", &*factory("mean"), parameters(inputs, []))
}

#[test]
fn each_group_has_a_state_of_its_own() {
    let mut run = mean(&[DataType::Int64]).expect("it starts");
    assert_eq!(run.data_type(), DataType::Double);
    let column: Vec<ArrayRef> = vec![int64(&[Some(1), Some(2), Some(3), None, Some(9)])];
    let times = [1, 2, 3, 4, 5];
    run.add(0, &times, &column, 0..2).expect("it adds");
    run.add(1, &times, &column, 2..4).expect("it adds");
    run.add(3, &times, &column, 4..5).expect("it adds");
    // Groups without rows have no value.
    let values = run.finish(3).expect("it gives them");
    assert_eq!(doubles(&values), [Some(1.5), Some(3.0), None]);
    // What was behind has moved to the front.
    run.add(0, &times, &column, 0..1).expect("it adds");
    assert_eq!(doubles(&run.finish(1).expect("it gives it")), [Some(5.0)]);
    run.close().expect("it ends");
}

#[test]
fn more_rows_than_a_call_holds_are_added_whole() {
    let rows = 10_000_usize;
    let times: Vec<i64> = (0..rows as i64).collect();
    let column: Vec<ArrayRef> = vec![int64(&times.iter().map(|&time| Some(time)).collect::<Vec<_>>())];
    let mut run = mean(&[DataType::Int64]).expect("it starts");
    run.add(0, &times, &column, 0..rows).expect("it adds");
    for row in 0..rows {
        run.add(1 + row % 2, &times, &column, row..row + 1).expect("it adds");
    }
    let values = doubles(&run.finish(3).expect("it gives them"));
    assert_eq!(values, [Some(4999.5), Some(4999.0), Some(5000.0)]);
}

#[test]
fn what_was_saved_of_a_group_is_combined_with_another() {
    let column: Vec<ArrayRef> = vec![int64(&[Some(1), Some(5)])];
    let mut one = mean(&[DataType::Int64]).expect("it starts");
    one.add(0, &[1, 2], &column, 0..2).expect("it adds");
    let saved = one.save(0).expect("it can").expect("it does");
    let mut other = mean(&[DataType::Int64]).expect("it starts");
    other.add(2, &[1, 2], &column, 0..1).expect("it adds");
    other.combine(2, &saved).expect("it can");
    let values = doubles(&other.finish(3).expect("it gives them"));
    assert_eq!(values, [None, None, Some(7.0 / 3.0)]);
    assert_eq!(one.combine(0, b"x").expect_err("one byte").method, Method::Combine);
}

#[test]
fn what_validate_rejects_does_not_start() {
    let error = mean(&[DataType::Text]).expect_err("a text");
    assert_eq!(error.method, Method::Validate);
    assert!(mean(&[DataType::Int64; 2]).is_err());
}
