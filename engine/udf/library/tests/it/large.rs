//! Series that are larger than memory.

use levada_udf::{FaultKind, Scratch, Spill, UdfLimits};

use crate::support::{call_by, call_within, some_doubles, times};

const ROWS: usize = 100_000;
/// A tenth of the rows of one series.
const MEMORY: usize = ROWS * 16 / 10;

#[test]
fn quality_by_times_is_the_same_of_windows_that_memory_does_not_hold() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut last = 0;
    let irregular = (0..ROWS).map(|row| {
        last += [1000, 1000, 3000, 200, 1000, 20_000, 200][row % 7] + row as i64 % 5;
        last
    });
    let irregular: Vec<i64> = irregular.collect();
    let values: Vec<_> =
        (0..ROWS).map(|row| Some(if row % 50 == 0 { f64::NAN } else { row as f64 })).collect();
    let inputs = [some_doubles(&values)];
    // Of all rows together, counted by a program in another language.
    let (missing, redundant, late, special) = (271_416.0, 14_285.0, 14_286.0, 2000.0);
    let rows = ROWS as f64;
    let whole = [
        ("completeness", 1.0 - (missing + special) / (rows + missing)),
        ("consistency", 1.0 - redundant / rows),
        ("timeliness", 1.0 - late / rows),
    ];
    for (name, part) in whole {
        assert_eq!(
            call_by(name, &[], &irregular, &inputs, 4000).expect("it runs")[0].1.number(),
            part,
            "{name}"
        );
        for attributes in [&[][..], &[("window", "70000")], &[("window", "12h")]] {
            let expected = call_by(name, attributes, &irregular, &inputs, 4000).expect("it runs");
            assert!(expected.iter().all(|(_, part)| part.number() < 1.0), "{expected:?}");
            let spill = Spill { memory: MEMORY, disk: 1 << 30, scratch: Scratch::new(folder.path()) };
            let limits = UdfLimits { memory: MEMORY, spill: Some(spill) };
            let given = call_within(name, attributes, &irregular, &inputs, 4000, limits).expect("it runs");
            assert_eq!(given, expected, "{name} {attributes:?}");
        }
    }
}

#[test]
fn functions_that_need_all_values_say_so_where_memory_does_not_hold_them() {
    let values: Vec<_> = (0..ROWS).map(|row| Some(row as f64)).collect();
    let (times, inputs) = (times(ROWS, 1000), [some_doubles(&values)]);
    let all =
        ["median", "mad", "percentile", "period", "acf", "spline", "fft", "validity", "valuefill", "iqr"];
    for name in all {
        let attributes: &[_] = if name == "spline" { &[("points", "10")] } else { &[] };
        let folder = tempfile::tempdir().expect("a folder");
        let spill = Spill { memory: MEMORY, disk: 1 << 30, scratch: Scratch::new(folder.path()) };
        let limits = UdfLimits { memory: MEMORY, spill: Some(spill) };
        let error = call_within(name, attributes, &times, &inputs, 4000, limits).expect_err(name);
        assert_eq!(error.fault.kind, FaultKind::MemoryLimit, "{error}");
        let text = error.to_string();
        assert!(text.contains(name) && text.contains("`udf_memory_budget` says how many"), "{text}");
    }
}

#[test]
fn functions_that_go_row_by_row_need_no_more_memory_for_more_rows() {
    let values: Vec<_> = (0..ROWS).map(|row| Some((row % 1000) as f64)).collect();
    let (times, inputs) = (times(ROWS, 1000), [some_doubles(&values)]);
    let calls: [(&str, &[(&str, &str)]); 8] = [
        ("integral", &[]),
        ("integralavg", &[]),
        ("mvavg", &[("window", "5")]),
        ("skew", &[]),
        ("histogram", &[("min", "0"), ("max", "1000"), ("count", "10")]),
        ("minmax", &[("compute", "stream"), ("min", "0"), ("max", "1000")]),
        ("zscore", &[("compute", "stream"), ("avg", "500"), ("sd", "300")]),
        ("resample", &[("every", "10s"), ("aggr", "max")]),
    ];
    for (name, attributes) in calls {
        let limits = UdfLimits { memory: MEMORY / 4, spill: None };
        let given = call_within(name, attributes, &times, &inputs, 4000, limits).expect(name);
        assert!(!given.is_empty(), "{name}");
    }
}
