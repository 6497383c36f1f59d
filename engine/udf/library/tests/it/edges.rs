//! Series without rows, with one, without values, with NaN; numbers at the ends of their ranges; attributes that cannot be.

use std::{collections::BTreeMap, sync::Arc};

use arrow_array::{Float32Array, Int32Array};
use levada_model::DataType;
use levada_udf_library::{DECLARATIONS, Inputs};

use crate::support::{Cell, Input, call, doubles, longs, rejected, some_doubles, texts, times};

/// The attributes that a function must be given.
fn needed(name: &str) -> &'static [(&'static str, &'static str)] {
    match name {
        "resample" => &[("every", "1s")],
        "spline" => &[("points", "5")],
        "range" => &[("lower_bound", "0"), ("upper_bound", "1")],
        "highpass" | "lowpass" => &[("wpass", "0.5")],
        "dwt" | "idwt" => &[("method", "haar")],
        "seasonalrepair" => &[("period", "2")],
        "consecutivewindows" => &[("length", "2s")],
        "regexmatch" | "regexsplit" => &[("regex", "[a-z]+")],
        "regexreplace" => &[("regex", "[a-z]+"), ("replace", "x")],
        "strreplace" => &[("target", "a"), ("replace", "b")],
        _ => &[],
    }
}

fn inputs_of(inputs: Inputs, values: &[Option<f64>]) -> Vec<Input> {
    let count = match inputs {
        Inputs::Numbers(count) => count,
        Inputs::NumberPairs => 2,
        Inputs::Text => {
            return vec![texts(&values.iter().map(|each| each.map(|_| "a,b")).collect::<Vec<_>>())];
        }
        _ => 1,
    };
    vec![some_doubles(values); count]
}

fn points_of(name: &str, inputs: Inputs, values: &[Option<f64>]) -> Vec<(i64, Cell)> {
    call(name, needed(name), &times(values.len(), 1000), &inputs_of(inputs, values))
}

#[test]
fn a_series_without_rows_has_no_points_but_sums() {
    for each in &DECLARATIONS {
        let points = points_of(each.name, each.inputs, &[]);
        let expected = match each.name {
            "histogram" | "integral" | "integralavg" | "dtw" => vec![(0, Cell::Number(0.0))],
            "cov" | "pearson" => {
                assert!(points.len() == 1 && points[0].1.number().is_nan(), "{}: {points:?}", each.name);
                continue;
            }
            _ => Vec::new(),
        };
        assert_eq!(points, expected, "{}", each.name);
    }
}

#[test]
fn a_series_with_one_row_is_no_fault() {
    let at_zero = |value: f64| vec![(0, Cell::Number(value))];
    let expected: BTreeMap<&str, Vec<(i64, Cell)>> = [
        ("acf", at_zero(25.0)),
        ("distinct", vec![(1, Cell::Number(5.0))]),
        ("histogram", at_zero(1.0)),
        ("integral", at_zero(0.0)),
        ("integralavg", at_zero(5.0)),
        ("mad", at_zero(0.0)),
        ("median", at_zero(5.0)),
        ("minmax", at_zero(0.0)),
        ("mode", at_zero(5.0)),
        ("percentile", at_zero(5.0)),
        ("period", at_zero(0.0)),
        ("resample", at_zero(5.0)),
        ("sample", at_zero(5.0)),
        ("segment", at_zero(5.0)),
        ("spread", at_zero(0.0)),
        ("stddev", at_zero(0.0)),
        ("zscore", at_zero(0.0)),
        ("timestamprepair", at_zero(5.0)),
        ("valuefill", at_zero(5.0)),
        ("valuerepair", at_zero(5.0)),
        ("masterrepair", at_zero(5.0)),
        ("master_repair", at_zero(5.0)),
        ("seasonalrepair", at_zero(5.0)),
        ("cov", at_zero(0.0)),
        ("dtw", at_zero(0.0)),
        ("xcorr", at_zero(25.0)),
        ("crosscorrelation", at_zero(25.0)),
        ("missdetect", vec![(0, Cell::Truth(false))]),
        ("range", at_zero(5.0)),
        ("conv", at_zero(25.0)),
        ("deconv", at_zero(1.0)),
        ("fft", at_zero(5.0)),
        ("highpass", at_zero(0.0)),
        ("lowpass", at_zero(5.0)),
        ("ifft", at_zero(5.0)),
        ("regexmatch", vec![(0, Cell::Text("a".to_owned()))]),
        ("regexreplace", vec![(0, Cell::Text("x,x".to_owned()))]),
        ("regexsplit", at_zero(2.0)),
        ("strreplace", vec![(0, Cell::Text("b,b".to_owned()))]),
        ("strsplit", at_zero(2.0)),
    ]
    .into();
    for each in &DECLARATIONS {
        match each.name {
            // Of one value there is no skewness and no correlation.
            "skew" | "pearson" => {
                let points = points_of(each.name, each.inputs, &[Some(5.0)]);
                assert!(points.len() == 1 && points[0].1.number().is_nan(), "{}: {points:?}", each.name);
            }
            // What is shorter than a wavelet has no transform.
            "dwt" | "idwt" => {
                let message = rejected(each.name, needed(each.name), &[doubles(&[5.0])]);
                assert!(message.contains("at least as long as the wavelet"), "{message}");
            }
            name => {
                let points = points_of(name, each.inputs, &[Some(5.0)]);
                assert_eq!(&points, expected.get(name).unwrap_or(&Vec::new()), "{name}");
            }
        }
    }
}

#[test]
fn series_of_nan_and_of_nothing_are_no_fault() {
    for values in [vec![Some(f64::NAN); 30], vec![None; 30], vec![Some(f64::INFINITY); 30]] {
        for each in &DECLARATIONS {
            let points = points_of(each.name, each.inputs, &values);
            let made = !matches!(
                each.name,
                // They count values or rows, or give them as they came.
                "acf"
                    | "xcorr"
                    | "crosscorrelation"
                    | "histogram"
                    | "integral"
                    | "integralavg"
                    | "distinct"
                    | "mode"
                    | "sample"
                    | "period"
                    | "pacf"
                    | "qlb"
                    | "cov"
                    | "pearson"
                    | "dtw"
                    | "completeness"
                    | "consistency"
                    | "timeliness"
                    | "consecutivesequences"
                    | "consecutivewindows"
                    | "range"
                    | "timestamprepair"
                    | "valuerepair"
                    | "seasonalrepair"
                    | "regexmatch"
                    | "regexreplace"
                    | "regexsplit"
                    | "strreplace"
                    | "strsplit"
            );
            assert!(!made || points.is_empty(), "{}: {points:?}", each.name);
            if values[0].is_none() {
                let sums =
                    matches!(each.name, "histogram" | "integral" | "integralavg" | "dtw" | "cov" | "pearson");
                assert!(points.is_empty() || sums, "{}: {points:?}", each.name);
            }
        }
    }
}

#[test]
fn nan_among_numbers_is_left_out() {
    let with: Vec<Option<f64>> =
        (0..40).map(|at| if at % 4 == 3 { Some(f64::NAN) } else { Some(f64::from(at * at % 17)) }).collect();
    let without: Vec<Option<f64>> = with.iter().map(|each| each.filter(|value| !value.is_nan())).collect();
    for name in [
        "mad",
        "median",
        "spread",
        "stddev",
        "skew",
        "integral",
        "integralavg",
        "zscore",
        "minmax",
        "percentile",
        "segment",
        "spline",
        "iqr",
        "ksigma",
        "fft",
        "lowpass",
        "histogram",
        "mvavg",
        "twosidedfilter",
        "outlier",
    ] {
        let attributes = needed(name);
        let at = times(40, 1000);
        assert_eq!(
            call(name, attributes, &at, &[some_doubles(&with)]),
            call(name, attributes, &at, &[some_doubles(&without)]),
            "{name}"
        );
    }
}

#[test]
fn whole_numbers_of_64_bits_come_back_as_they_were() {
    let large = i64::MAX - 5;
    let values = [large, 1, 2, 3, large, 5, 6, large - 1];
    let at = times(8, 1000);
    let found = |name: &str, attributes: &[(&str, &str)]| call(name, attributes, &at, &[longs(&values)]);
    assert_eq!(found("percentile", &[("rank", "1")]), [(0, Cell::Long(large))]);
    assert_eq!(found("percentile", &[("rank", "0.75")]), [(7000, Cell::Long(large - 1))]);
    assert_eq!(found("mode", &[]), [(0, Cell::Long(large))]);
    assert_eq!(found("spread", &[]), [(0, Cell::Long(large - 1))]);
    assert_eq!(found("distinct", &[])[0], (1, Cell::Long(large)));
    assert_eq!(
        found("sample", &[("method", "isometric"), ("k", "2")]),
        [(0, Cell::Long(large)), (4000, Cell::Long(large))]
    );
    let outside = found("range", &[("lower_bound", "0"), ("upper_bound", "9")]);
    assert_eq!(outside, [(0, Cell::Long(large)), (4000, Cell::Long(large)), (7000, Cell::Long(large - 1))]);
    assert_eq!(found("timestamprepair", &[])[7], (7000, Cell::Long(large - 1)));
    let message = rejected("spread", &[], &[longs(&[i64::MIN, i64::MAX])]);
    assert!(
        message.contains("the spread from -9223372036854775808 to 9223372036854775807 is no INT64"),
        "{message}"
    );
}

#[test]
fn times_at_the_ends_of_the_axis_are_no_fault() {
    let at = [i64::MIN, -1, 0, 1, i64::MAX];
    for each in &DECLARATIONS {
        if matches!(each.name, "ifft" | "dwt" | "idwt" | "resample" | "timestamprepair")
            || each.inputs == Inputs::Text
        {
            continue;
        }
        let inputs = inputs_of(each.inputs, &[1.0, 2.0, 3.0, 2.0, 1.0].map(Some));
        call(each.name, needed(each.name), &at, &inputs);
    }
}

/// A function, attributes, inputs, and what the error says.
type Case = (&'static str, &'static [(&'static str, &'static str)], Vec<Input>, &'static str);

fn all_are_told(cases: Vec<Case>) {
    for (name, attributes, inputs, expected) in cases {
        let message = rejected(name, attributes, &inputs);
        assert!(message.contains(expected), "{name} {attributes:?}: {message}");
    }
}

#[test]
fn attributes_of_profiles_that_cannot_be_are_told() {
    let one = || vec![doubles(&[1.0, 2.0, 3.0])];
    all_are_told(vec![
        (
            "median",
            &[("error", "1")],
            one(),
            "parameter \"error\" should be at least 0 and less than 1: 1 is not",
        ),
        ("median", &[("error", "x")], one(), "attribute \"error\" must be a number: `x` is not"),
        (
            "percentile",
            &[("rank", "0")],
            one(),
            "parameter \"rank\" should be above 0 and at most 1: 0 is not",
        ),
        (
            "range",
            &[("lower_bound", "1")],
            one(),
            "attribute \"upper_bound\" is required but was not provided.",
        ),
        ("histogram", &[("count", "0")], one(), "parameter \"count\" should be at least 1: 0 is not"),
        (
            "histogram",
            &[("count", "2000000")],
            one(),
            "parameter \"count\" should be at most 1000000: 2000000 is not",
        ),
        ("histogram", &[("min", "2"), ("max", "1")], one(), "not less than \"min\": 1 is not"),
        ("integral", &[("unit", "1y")], one(), "should be one of 1S, 1s, 1m, 1H, 1d: `1y` is not"),
        (
            "resample",
            &[("every", "5")],
            one(),
            "should be a duration above 0 with its unit ms, s, m, h or d: `5` is not",
        ),
        (
            "resample",
            &[("every", "5s"), ("aggr", "sum")],
            one(),
            "should be one of mean, max, min, first, last, median: `sum`",
        ),
        (
            "resample",
            &[("every", "5s"), ("start", "noon")],
            one(),
            "should be a time as `2021-01-01 00:00:00`: `noon` is not",
        ),
    ]);
}

#[test]
fn attributes_that_cannot_be_are_told() {
    let one = || vec![doubles(&[1.0, 2.0, 3.0])];
    let two = || vec![doubles(&[1.0, 2.0]), doubles(&[1.0, 2.0])];
    let text = || vec![texts(&[Some("a")])];
    all_are_told(vec![
        (
            "completeness",
            &[("window", "-1")],
            one(),
            "should be a number of points or a duration above 0: `-1` is not",
        ),
        ("zscore", &[("compute", "stream"), ("avg", "1")], one(), "attribute \"sd\" is required"),
        ("ksigma", &[("k", "-1")], one(), "parameter \"k\" should be finite and above 0: -1 is not"),
        ("masterrepair", &[], one(), "the number of the input series should be even. actual: 1."),
        (
            "masterrepair",
            &[("output_column", "2")],
            two(),
            "Parameter output_column should be from 1 to 1: 2 is not.",
        ),
        ("dwt", &[], one(), "give a \"method\", or an even number of coefficients"),
        ("dwt", &[("method", "haar")], one(), "the length of the series should be a power of 2: 3 is not"),
        ("lowpass", &[("wpass", "1")], one(), "parameter \"wpass\" should be between 0 and 1: 1 is not"),
        ("deconv", &[], vec![doubles(&[1.0]), doubles(&[0.0])], "divided by zero"),
        ("cov", &[], one(), "the number of the input series is not valid. expected: 2. actual: 1."),
        ("median", &[], text(), "expected: [INT32, INT64, FLOAT, DOUBLE]. actual: TEXT."),
        ("regexmatch", &[("regex", "(")], text(), "`(` is no regular expression"),
        (
            "regexmatch",
            &[("regex", "a"), ("group", "1")],
            text(),
            "the regular expression has no group 1, but 0 at most",
        ),
        (
            "regexreplace",
            &[("regex", "a"), ("replace", "$1")],
            text(),
            "`$1` is no replacement: there is no group 1",
        ),
        ("strreplace", &[("target", ""), ("replace", "b")], text(), "target should not be empty"),
        ("sample", &[("method", "triangle")], text(), "method `triangle` samples numbers: the input is TEXT"),
        ("timestamprepair", &[("interval", "0")], one(), "should be a duration above 0"),
    ]);
}

#[test]
fn a_series_that_would_need_too_many_places_is_told() {
    let inputs = [doubles(&[1.0, 2.0, 3.0])];
    let error =
        crate::support::call_by("timestamprepair", &[("interval", "1")], &[0, 1, 1 << 40], &inputs, 9);
    let message = error.expect_err("it is too long").to_string();
    assert!(message.contains("give a longer \"interval\""), "{message}");
}

#[test]
fn repaired_values_have_the_type_of_the_input() {
    let floats = Float32Array::from(vec![0.1, f32::NAN, 0.3]);
    let points = call("valuefill", &[], &times(3, 1), &[(DataType::Float, Arc::new(floats) as _)]);
    assert_eq!(points[1], (1, Cell::Number(f64::from(0.2_f32))));
    // 20 is too fast: the line through the others has 5 there, and whole numbers are rounded to it.
    let numbers = Int32Array::from(vec![1, 2, 3, 4, 20, 6, 7, 8, 9, 10]);
    let points = call("valuerepair", &[], &times(10, 1), &[(DataType::Int32, Arc::new(numbers) as _)]);
    assert_eq!(points[4], (4, Cell::Number(5.0)));
}

#[test]
fn an_autoregressive_model_fills_or_says_that_it_does_not_fit() {
    let filled =
        |values: &[f64]| call("valuefill", &[("method", "AR")], &times(values.len(), 1), &[doubles(values)]);
    // The part of the value before is (1 × 2) ÷ (1 × 1 + 2 × 2), and what is left is 2 − 0.4 × 1.
    assert_eq!(filled(&[1.0, 2.0, f64::NAN, 4.0])[2], (2, Cell::Number(2.4000000000000004)));
    // Twice as much each time does not come back to a mean.
    assert_eq!(filled(&[f64::NAN, 1.0, 2.0, 4.0, 8.0]), [(0, Cell::Number(0.0))]);
}
