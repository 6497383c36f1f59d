use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use levada_model::{Path, Value};
use levada_sql::{ParseContext, parse_projection};

use super::*;

fn projection(text: &str) -> Projection {
    parse_projection(text, &ParseContext { zone: jiff::tz::TimeZone::UTC, now: 0 }).expect(text)
}

/// `t` DOUBLE 20, null, 40; `on` BOOLEAN true, true, false; `note` TEXT "1", "x", "3"; at times 1, 2, 3.
fn tablet() -> Tablet {
    let column = |name: &str, values: ArrayRef, data_type| Column { name: name.into(), data_type, values };
    let columns = vec![
        column("t", Arc::new(Float64Array::from(vec![Some(20.0), None, Some(40.0)])), DataType::Double),
        column("on", Arc::new(BooleanArray::from(vec![true, true, false])), DataType::Boolean),
        column("note", Arc::new(StringArray::from(vec!["1", "x", "3"])), DataType::Text),
    ];
    let device = Path::parse("root.d").expect("legal");
    Tablet::try_new(device, true, Int64Array::from(vec![1, 2, 3]), columns).expect("columns fit")
}

fn apply(text: &str) -> Result<Vec<String>, QueryError> {
    let tablet = tablet();
    let bound = RowExpressions::bind(
        &projection(text),
        &RowExpressions::schema_of(&tablet),
        &FunctionRegistry::builtin(),
    )?;
    let mask = bound.matching(&tablet)?;
    let computed = bound.compute(&tablet, mask.as_ref())?;
    assert!(computed.aligned());
    Ok((0..computed.rows())
        .map(|row| {
            let cells = computed.columns().iter().map(|column| {
                let value = Value::at(&column.values, column.data_type, row);
                format!("{}={}", column.name, value.map_or("null".to_owned(), |value| value.to_string()))
            });
            format!("{}: {}", computed.times().value(row), cells.collect::<Vec<_>>().join(" "))
        })
        .collect())
}

#[test]
fn columns_are_computed_for_the_rows_that_the_condition_holds_for() {
    let rows = apply("select t * 1.8 + 32 as f, on, t + 1 where on = true").expect("types fit");
    assert_eq!(rows, ["1: f=68.0 on=true `t + 1`=21.0", "2: f=null on=true `t + 1`=null"]);
    assert_eq!(apply("t where time >= 2 and t > 0").expect("types fit"), ["3: t=40.0"]);
}

#[test]
fn stars_stand_for_measurements_and_later_columns_replace_earlier_ones() {
    let rows = apply("select *, t / 2 as t, no* where time = 1").expect("types fit");
    assert_eq!(rows, ["1: t=10.0 on=true note=1"]);
    assert_eq!(apply("time, time as at, on where time = 3").expect("types fit"), ["3: at=3 on=false"]);
}

#[test]
fn measurements_that_are_not_there_are_null() {
    let rows =
        apply("gone, gone * 2 as a, sin(gone) as b, upper(gone) as c, t where time = 1").expect("null fits");
    assert_eq!(rows, ["1: gone=null a=null b=null c=null t=20.0"]);
    for never in ["gone = true", "not gone", "gone and on", "gone like 'a'", "gone in (1, 'a')", "gone"] {
        assert_eq!(apply(&format!("t where {never}")).expect(never), [""; 0], "{never}");
    }
    let rows = apply("t where gone is null and (gone > 5 or on)").expect("null fits");
    assert_eq!(rows, ["1: t=20.0", "2: t=null"]);
    assert_eq!(
        apply("case when gone then 1 else t end as x where time = 3").expect("null fits"),
        ["3: x=40.0"]
    );
}

#[test]
fn types_that_do_not_fit_and_values_that_cannot_be_computed_are_errors() {
    assert!(apply("note * 2").is_err());
    assert!(apply("t where t").is_err());
    assert!(apply("cast(note as INT32) as n").is_err());
    let rows =
        apply("cast(note as INT32) as n where note != 'x'").expect("only the rows that match are computed");
    assert_eq!(rows, ["1: n=1", "3: n=3"]);
}

#[test]
fn what_no_tablet_can_have_is_found_without_one() {
    for (text, at, message) in [
        ("select a, avg(b)", "avg(b)", "needs more than one row"),
        ("select diff(b) + 1", "diff(b)", "needs more than one row"),
        ("select a where sine(b) > 0", "sine(b)", "there is no function `sine`: did you mean `sin`?"),
        ("select root.d.a", "root.d.a", "is a path"),
    ] {
        let (span, error) =
            RowExpressions::check(&projection(text), &FunctionRegistry::builtin()).expect_err(text);
        assert_eq!(span.of(text), at);
        assert!(error.to_string().contains(message), "{error}");
    }
    RowExpressions::check(
        &projection("select *, sin(a), cast(a as TEXT), round(b, 2) where startswith(c, 'target'='x')"),
        &FunctionRegistry::builtin(),
    )
    .expect("all of these are known");
}
