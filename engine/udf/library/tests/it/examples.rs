//! The examples of the manual of Apache IoTDB's library: series, attributes and results.

use levada_model::DataType;
use serde_json::Value;

use crate::support::{array, assert_points, call, case, doubles};

/// Examples whose results are not what the manual says the function does, and what is wrong with them.
const WRONG: [(&str, &str); 7] = [
    (
        "mvavg [(\"window\", \"3\")]",
        "each result is the last value less the one that left the window, and no mean",
    ),
    ("qlb []", "the times jump to and fro; the points are the same"),
    (
        "consecutivewindows [(\"length\", \"10m\")]",
        "a window of 10 minutes at 5 minutes has 3 points, and there are 3",
    ),
    ("integral [(\"unit\", \"1m\")]", "the result is shown rounded"),
    ("sample [(\"method\", \"reservoir\"), (\"k\", \"5\")]", "the points are drawn by chance"),
    ("masterrepair []", "of the rows near 1694 that with 1702 is the nearest"),
    ("seasonalrepair [(\"period\", \"3\"), (\"k\", \"2\")]", "87.0 follows from no classical decomposition"),
];

#[test]
fn the_examples_of_the_manual_have_their_results() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../data/manual.json")).expect("it is JSON");
    assert!(cases.len() > 70);
    let mut failures = Vec::new();
    for each in &cases {
        let outcome = std::panic::catch_unwind(|| {
            let (what, points, expected) = case(each);
            if !WRONG.iter().any(|(wrong, _)| *wrong == what) {
                assert_points(&what, &points, &expected, 2e-7);
            }
        });
        if outcome.is_err() {
            failures.push(each["function"].to_string());
        }
    }
    assert!(failures.is_empty(), "{failures:?}");
}

#[test]
fn master_data_repair_as_a_server_does() {
    // What Apache IoTDB 2.0.1 answers.
    let inputs = [
        (DataType::Int32, array(DataType::Int32, &[1, 4, 4, 2, 9].map(Value::from))),
        doubles(&[0.5, -1.5, 2.25, -0.25, 4.0]),
    ];
    let points = call("master_repair", &[], &[1000, 2000, 3000, 4000, 6000], &inputs);
    let values: Vec<f64> = points.iter().map(|(_, value)| value.number()).collect();
    assert_eq!(values, [0.5, 4.0, 4.0, 0.5, 4.0]);
}
