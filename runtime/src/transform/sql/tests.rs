use arrow_array::cast::AsArray;
use levada_connector_api::{
    FieldValue::*,
    Readings, TransformType,
    model::{DataType, Kind},
};
use serde_json::json;

use super::*;
use crate::transform::tests::{applied, batch, built, lines, rejected};

#[test]
fn columns_are_computed_and_rows_that_do_not_fit_are_dropped() {
    let mut sql = built::<Sql>(json!("select t * 1.8 + 32 as f, on where on = true"));
    let input = batch(&[
        ("d1", 1, &[("t", Double(20.0)), ("on", Boolean(true))]),
        ("d1", 2, &[("t", Double(30.0)), ("on", Boolean(false))]),
        ("d2", 3, &[("on", Boolean(true))]),
        ("d3", 4, &[("t", Int32(100))]),
    ]);
    let output = applied(&mut sql, input.clone()).expect("types fit");
    assert_eq!(lines(&output), ["d1 1: f=68.0 on=true", "d2 3: on=true"]);
    assert_eq!((&output.positions, output.rejected.len()), (&input.positions, 0));
    let mut parts = built::<Sql>(json!({"select": "t", "where": "time >= 2"}));
    assert_eq!(lines(&applied(&mut parts, input).expect("types fit")), ["d1 2: t=30.0", "d3 4: t=100"]);
}

#[test]
fn rows_of_a_wrong_type_are_rejected_and_their_neighbours_are_not() {
    let mut sql = built::<Sql>(json!("select t * 2 as t, u + 1 as u where on"));
    let on = ("on", Boolean(true));
    let output = applied(
        &mut sql,
        batch(&[
            ("d", 1, &[("t", Text("n/a")), on]),
            ("d", 2, &[("t", Double(20.0)), on]),
            ("d", 3, &[("u", Text("x")), ("t", Double(1.0)), on]),
            ("d", 4, &[on]),
            ("d", 5, &[("u", Double(1.0)), ("t", Text("x")), on]),
            ("d", 6, &[("u", Double(1.0)), ("t", Double(5.0)), on]),
        ]),
    );
    let output = output.expect("they came from records");
    let mut kept = lines(&output);
    kept.sort();
    assert_eq!(kept, ["d 2: t=40.0", "d 6: t=10.0 u=2.0"]);
    let mut rejected = rejected(&output);
    rejected.sort();
    assert_eq!(rejected, ["d 1", "d 3", "d 5"]);
    assert!(output.rejected[0].error.contains("TEXT"), "{}", output.rejected[0].error);
}

#[test]
fn values_that_cannot_be_computed_cost_their_own_rows_only() {
    let mut sql = built::<Sql>(json!("select cast(c as INT32) as n where keep"));
    let mut rows = Vec::new();
    let texts: Vec<_> = (0..100).map(|n| if n % 10 == 7 { "x".to_owned() } else { n.to_string() }).collect();
    let fields: Vec<_> =
        texts.iter().map(|text| [("c", Text(text)), ("keep", Boolean(text != "3"))]).collect();
    rows.extend((0..).zip(&fields).map(|(time, fields)| ("d", time, fields.as_slice())));
    let output = applied(&mut sql, batch(&rows)).expect("they came from records");
    assert_eq!(lines(&output).len(), 100 - 10 - 1);
    assert_eq!(rejected(&output), (0..10).map(|n| format!("d {}", n * 10 + 7)).collect::<Vec<_>>());
}

#[test]
fn rows_of_no_record_that_cannot_be_computed_are_an_error() {
    let Batch { readings, .. } = batch(&[("d", 1, &[("t", Text("x"))])]);
    let readings = readings.into_iter().map(|each| Readings::synthetic(each.tablet)).collect::<Vec<_>>();
    let input = Batch { readings, ..Batch::default() };
    for text in ["select t * 2 as t", "select cast(t as INT32) as t"] {
        let error = applied(&mut built::<Sql>(json!(text)), input.clone()).expect_err("it is a text");
        assert!(error.to_string().starts_with("d: "), "{error}");
    }
    let fitting = applied(&mut built::<Sql>(json!("select upper(t) as t")), input).expect("it is a text");
    assert_eq!(fitting.rows(), 1);
}

#[test]
fn options_are_read_in_both_forms() {
    let wrong: Result<SqlOptions, _> = serde_json::from_value(json!({"select": "a", "wher": "b"}));
    assert!(wrong.is_err());
    assert_eq!(Sql::NAME, "sql");
}

#[test]
fn what_was_written_is_computed_as_a_new_series_would_hold_it() {
    let number = |text| Written(Kind::Number, text);
    let mut sql = built::<Sql>(json!("select t * 2 as t, n + 0 as n where on"));
    let on = ("on", Boolean(true));
    let output = applied(
        &mut sql,
        batch(&[
            ("d", 1, &[("t", number("20.5")), on]),
            ("d", 2, &[("t", Text("n/a")), on]),
            ("d", 3, &[("t", number("22")), ("n", number("9007199254740993")), on]),
            ("d", 4, &[("t", number("1e400")), on]),
            ("d", 5, &[("t", number("23")), ("unread", number("1e400")), on]),
        ]),
    );
    let output = output.expect("they came from records");
    assert_eq!(lines(&output), ["d 1: t=41.0", "d 5: t=46.0"]);
    let mut rejected = rejected(&output);
    rejected.sort();
    assert_eq!(rejected, ["d 2", "d 3", "d 4"]);
    let inexact = output.rejected.iter().find(|each| each.record.bytes() == b"d 3").expect("it is rejected");
    assert!(inexact.error.contains("d.n: `9007199254740993` is not of type DOUBLE"), "{}", inexact.error);
}

#[test]
fn rows_of_several_kinds_stay_in_their_order() {
    let mut sql = built::<Sql>(json!("select t, on"));
    let on = ("on", Boolean(true));
    let number = |text| Written(Kind::Number, text);
    let output = applied(
        &mut sql,
        batch(&[
            ("d", 1, &[("t", number("1")), on]),
            ("d", 2, &[("t", Text("off")), on]),
            ("d", 3, &[on]),
            ("d", 4, &[("t", number("2")), on]),
            ("d", 5, &[("t", Boolean(false)), on]),
        ]),
    );
    assert_eq!(
        lines(&output.expect("types fit")),
        [
            "d 1: t=1.0 on=true",
            "d 2: t=off on=true",
            "d 3: on=true",
            "d 4: t=2.0 on=true",
            "d 5: t=false on=true"
        ]
    );
}

#[test]
fn a_measurement_alone_goes_through_as_it_was_written() {
    let number = |text| Written(Kind::Number, text);
    let rows = batch(&[
        ("d", 1, &[("a", number("1.50")), ("b", number("9007199254740993"))]),
        ("d", 2, &[("a", number("2.50")), ("b", number("9007199254740993"))]),
    ]);
    let mut sql = built::<Sql>(json!("select *, a as c, a * 2 as d where a < 2"));
    let computed = applied(&mut sql, rows).expect("it works");
    assert!(rejected(&computed).is_empty());
    let tablet = &computed.readings[0].tablet;
    let texts: Vec<_> = (tablet.columns().iter())
        .map(|column| {
            (&*column.name, column.to(DataType::Text).values.as_string::<i32>().value(0).to_owned())
        })
        .collect();
    let expected = [("a", "1.50"), ("b", "9007199254740993"), ("c", "1.50"), ("d", "3.0")];
    assert_eq!(texts, expected.map(|(name, text)| (name, text.to_owned())));
    assert_eq!(tablet.rows(), 1);
}
