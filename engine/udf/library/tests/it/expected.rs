//! Results computed by other programs: `tests/expected.py` makes them with numpy, scipy, statsmodels and PyWavelets.

use serde_json::Value;

use crate::support::{assert_points, case};

#[test]
fn results_are_those_of_other_programs() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../data/expected.json")).expect("it is JSON");
    assert!(cases.len() > 60);
    let mut failures = Vec::new();
    for each in &cases {
        let outcome = std::panic::catch_unwind(|| {
            let (what, points, expected) = case(each);
            assert_points(&what, &points, &expected, 1e-7);
        });
        if outcome.is_err() {
            failures.push(format!("{}{}", each["function"], each["attributes"]));
        }
    }
    assert!(failures.is_empty(), "{failures:?}");
}
