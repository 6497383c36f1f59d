use levada_connector_api::{
    FieldValue::{Double, Int32},
    Holds,
};
use levada_testkit::transform_contract;
use serde_json::json;

use super::*;
use crate::transform::tests::{applied, batch, built, lines};

fn rows(times: &[i64]) -> Batch {
    let field = [("a", Double(1.0))];
    let rows: Vec<_> = times.iter().map(|&time| ("d", time, &field[..])).collect();
    batch(&rows)
}

#[test]
fn a_row_of_the_same_device_time_and_measurements_is_a_duplicate() {
    let mut dedupe = built::<Dedupe>(json!({}));
    let output = applied(
        &mut dedupe,
        batch(&[
            ("d", 1, &[("a", Double(1.0))]),
            ("d", 1, &[("a", Double(2.0))]),
            ("e", 1, &[("a", Double(3.0))]),
            ("d", 1, &[("b", Double(4.0))]),
            ("d", 2, &[("a", Double(5.0)), ("b", Double(6.0))]),
            ("d", 2, &[("b", Double(7.0)), ("a", Double(8.0))]),
        ]),
    );
    assert_eq!(
        lines(&output.expect("it works")),
        ["d 1: a=1.0", "d 1: b=4.0", "d 2: a=5.0 b=6.0", "e 1: a=3.0"]
    );
    let output = applied(&mut dedupe, batch(&[("e", 1, &[("a", Int32(9))]), ("e", 3, &[("a", Int32(9))])]));
    assert_eq!(lines(&output.expect("it works")), ["e 3: a=9"]);
}

#[test]
fn the_oldest_are_forgotten_first_and_memory_is_bounded() {
    let mut dedupe = built::<Dedupe>(json!({"capacity": 3}));
    let mut times = |of: &[i64]| {
        let output = applied(&mut dedupe, rows(of)).expect("it works");
        output.readings.iter().flat_map(|each| each.tablet.times().values().to_vec()).collect::<Vec<_>>()
    };
    assert_eq!(times(&[1, 2, 3, 1, 2]), [1, 2, 3]);
    assert_eq!(times(&[4, 1]), [4, 1]);
    assert_eq!(times(&[4, 3]), [0; 0]);
    let mut names = Dedupe {
        node: String::new(),
        capacity: 10,
        names: Names::default(),
        seen: HashSet::default(),
        order: VecDeque::new(),
        unsaved: 0,
        told: false,
    };
    for device in 0..1_000 {
        let field = [("a", Double(1.0))];
        let batch = batch(&[(format!("d{device}").as_str(), 1, &field)]);
        names.new_rows(&batch.readings[0].tablet);
    }
    assert_eq!((names.order.len(), names.seen.len(), names.names.len()), (10, 10, 11));
}

#[test]
fn dedupe_passes_the_contract() {
    let input: Vec<_> =
        [[1, 2, 3, 1], [3, 4, 5, 6], [2, 7, 7, 8], [1, 6, 9, 9]].iter().map(|of| rows(of)).collect();
    for capacity in [3, 1_000] {
        transform_contract(Holds::State, || built::<Dedupe>(json!({"capacity": capacity})), &input);
    }
}
