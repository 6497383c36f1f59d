use std::sync::Arc;

use arrow_array::{Array, Float64Array};
use proptest::prelude::*;

use super::*;
use crate::{Column, DataType, Value};

fn converted(given: Given<'_>, to: DataType) -> Result<String, Reason> {
    given.value(to).map(|value| value.to_string())
}

/// Values of a kind, among them one for each type that it may go to.
fn examples(from: Input) -> &'static [Given<'static>] {
    match from {
        Input::Whole => &[Given::Number("1"), Given::Number("20260501")],
        Input::Fraction => &[Given::Number("1.0"), Given::Number("21.5")],
        Input::Decimal => &[Given::Decimal("1.0"), Given::Decimal("21.5")],
        Input::Boolean => &[Given::Boolean(true, "TRUE")],
        Input::Text => &[
            Given::Text("1"),
            Given::Text("2026-05-01"),
            Given::Text("0x00ff"),
            Given::Text("2026-05-01T12:00:00Z"),
        ],
        Input::Label => &[Given::Text("0001"), Given::Text("+1"), Given::Text("1E5"), Given::Text("01")],
        Input::Time => &[Given::Time(0)],
        Input::Date => &[Given::Date(20_260_501)],
        Input::Bytes => &[Given::Bytes(b"x")],
        Input::SqlText => &[Given::SqlText("2026-05-01")],
        Input::SqlTime => &[Given::SqlTime(0)],
    }
}

#[test]
fn what_the_table_says_is_what_happens() {
    for from in Input::ALL {
        for to in DataType::ALL {
            let rule = rule(from, to);
            let taken = examples(from).iter().filter(|given| given.value(to).is_ok()).count();
            assert!(examples(from).iter().all(|given| given.input() == from));
            match rule {
                Rule::Never => assert_eq!(taken, 0, "{from:?} to {to}"),
                // The parser of SQL reads it.
                Rule::Literal => {}
                _ => assert!(taken > 0, "{from:?} to {to} by {rule:?}"),
            }
        }
    }
}

#[test]
fn the_table_is_printed_in_full() {
    let table = table();
    let rows: Vec<_> = table.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), 2 + Input::ALL.len());
    assert!(rows.iter().all(|row| row.matches('|').count() == DataType::ALL.len() + 2), "{table}");
}

#[test]
fn decimals_keep_all_their_digits_or_are_rejected() {
    use DataType::{Double, Float, Int64, Text};
    for (text, to, expected) in [
        ("19.99", Double, Ok("19.99")),
        ("-0.000000000000000000012", Double, Ok("-1.2E-20")),
        ("123456789012345.60000", Double, Ok("1.234567890123456E14")),
        ("0.1234567890123456", Double, Ok("0.1234567890123456")),
        ("0.12345678901234567890", Double, Err(Reason::Inexact)),
        ("12345678901234567890.12", Double, Err(Reason::Inexact)),
        ("12345678901234567890.12", Text, Ok("12345678901234567890.12")),
        ("21.00", Int64, Ok("21")),
        ("0.1", Float, Ok("0.1")),
        ("9007199254740993", Double, Err(Reason::Inexact)),
    ] {
        let found = Given::Decimal(text).value(to);
        let expected = expected.map(|text| Given::Text(text).value(to).expect("a value"));
        assert_eq!(found, expected, "{text} as {to}");
    }
}

#[test]
fn numbers_are_exact_nearest_or_rejected() {
    use DataType::{Double, Float, Int32, Int64};
    for (text, to, expected) in [
        ("2882429806056571124", Int64, Ok("2882429806056571124")),
        ("9223372036854775807", Int64, Ok("9223372036854775807")),
        ("-9223372036854775808", Int64, Ok("-9223372036854775808")),
        ("9223372036854775808", Int64, Err(Reason::Range)),
        ("9.223372036854775807e18", Int64, Ok("9223372036854775807")),
        ("92233720368547758080e-1", Int64, Err(Reason::Range)),
        ("21.0", Int64, Ok("21")),
        ("1E5", Int32, Ok("100000")),
        ("0.5e1", Int32, Ok("5")),
        ("0e999999999999999999999", Int32, Ok("0")),
        ("21.5", Int32, Err(Reason::NotWhole)),
        ("1e-400", Int64, Err(Reason::NotWhole)),
        ("2147483648", Int32, Err(Reason::Range)),
        ("1e400", Int64, Err(Reason::Range)),
        ("NaN", Int64, Err(Reason::NotWhole)),
        ("0.1", Double, Ok("0.1")),
        ("-0", Double, Ok("-0.0")),
        ("00123", Double, Ok("123.0")),
        ("9007199254740992", Double, Ok("9007199254740992.0")),
        ("9007199254740993", Double, Err(Reason::Inexact)),
        ("-9007199254740993", Double, Err(Reason::Inexact)),
        ("9223372036854775808", Double, Ok("9.223372036854775808e18")),
        ("18446744073709551615", Double, Err(Reason::Inexact)),
        ("1e400", Double, Err(Reason::Range)),
        ("-1e400", Double, Err(Reason::Range)),
        ("Infinity", Double, Ok("Infinity")),
        ("21.123456789", Float, Ok("21.123457")),
        ("16777217", Float, Ok("16777216.0")),
        ("3.5e38", Float, Err(Reason::Range)),
        ("1e300", Float, Err(Reason::Range)),
        ("x", Double, Err(Reason::NotNumber)),
        (".", Double, Err(Reason::NotNumber)),
        ("", Double, Err(Reason::NotNumber)),
    ] {
        let expected = match expected {
            Ok(text) => Ok(text.parse::<f64>().map(|number| (number, text)).expect("a number").1.to_owned()),
            Err(reason) => Err(reason),
        };
        let found = converted(Given::Number(text), to);
        let same = match (&found, &expected) {
            (Ok(found), Ok(expected)) => {
                found == expected || found.parse::<f64>() == expected.parse::<f64>() && to == Double
            }
            (found, expected) => found == expected,
        };
        assert!(same, "{text} as {to}: {found:?}, expected {expected:?}");
    }
}

#[test]
fn text_that_a_number_would_not_keep_is_one_only_where_it_is_said_to_be() {
    use DataType::{Double, Float, Int32, Int64};
    for text in ["00123", "-007", "09.5", "00", "+45", "+1.5", "1E5"] {
        for to in [Int32, Int64, Float, Double, DataType::Timestamp] {
            assert_eq!(converted(Given::Text(text), to), Err(Reason::Label), "{text} as {to}");
            let number = converted(Given::Number(text), to);
            assert!(number.is_ok() || number == Err(Reason::NotWhole), "{text} as {to}: {number:?}");
        }
    }
    for (text, to, expected) in [
        ("5", Int32, Ok("5")),
        (" -21.50 ", Double, Ok("-21.5")),
        ("1e5", Double, Ok("100000.0")),
        ("+Infinity", Double, Ok("Infinity")),
        ("9223372036854775808", Int64, Err(Reason::Range)),
        ("9223372036854775808", Double, Ok("9.223372036854775808e18")),
    ] {
        let found = converted(Given::Text(text), to);
        let same =
            |expected: &str| found.as_ref().is_ok_and(|found| found.parse::<f64>() == expected.parse());
        assert!(expected.map_or_else(|reason| found == Err(reason), same), "{text} as {to}: {found:?}");
    }
}

#[test]
fn values_that_have_a_type_go_by_the_same_table() {
    for (given, to, expected) in [
        (Given::Double(3.5e38), DataType::Float, Err(Reason::Range)),
        (Given::Double(21.123_456_789), DataType::Float, Ok("21.123457")),
        (Given::Double(9_223_372_036_854_775_808.0), DataType::Int64, Err(Reason::Range)),
        (Given::Int(i64::MAX), DataType::Double, Err(Reason::Inexact)),
        (Given::Int(i64::MAX), DataType::Text, Ok("9223372036854775807")),
        (Given::Int(2), DataType::Boolean, Err(Reason::NotBoolean)),
        (Given::Int(20_230_229), DataType::Date, Err(Reason::NotDate)),
        (Given::Boolean(true, "TRUE"), DataType::Text, Ok("TRUE")),
        (Given::Text("yes"), DataType::Boolean, Err(Reason::NotBoolean)),
        (Given::Text("FALSE"), DataType::Boolean, Ok("false")),
        (Given::Text("2026-05-01T14:00:00+02:00"), DataType::Timestamp, Ok("1777636800000")),
        (Given::Text("noon"), DataType::Timestamp, Err(Reason::NotTime)),
        (Given::Text("2023-02-29"), DataType::Date, Err(Reason::NotDate)),
        (Given::SqlText("2023-02-29"), DataType::Date, Ok("2023-02-28")),
        (Given::Text("0999-12-31"), DataType::Date, Ok("0999-12-31")),
        (Given::SqlText("0001-02-30"), DataType::Date, Ok("0001-02-28")),
        (Given::SqlText("999-12-31"), DataType::Date, Err(Reason::NotDate)),
        (Given::SqlText("0000-12-31"), DataType::Date, Err(Reason::NotDate)),
        (Given::SqlTime(-62_135_596_800_000), DataType::Date, Ok("0001-01-01")),
        (Given::SqlTime(253_402_300_799_999), DataType::Date, Ok("9999-12-31")),
        (Given::SqlTime(253_402_300_800_000), DataType::Date, Err(Reason::Range)),
        (Given::SqlTime(i64::MAX), DataType::Date, Err(Reason::Range)),
        (Given::SqlTime(-62_135_596_800_001), DataType::Date, Err(Reason::Range)),
        (Given::Int(10_101), DataType::Date, Ok("0001-01-01")),
        (Given::Int(1_231), DataType::Date, Err(Reason::NotDate)),
        (Given::Date(9_991_231), DataType::Text, Ok("0999-12-31")),
        (Given::Date(1_231), DataType::Date, Err(Reason::NotDate)),
        (Given::SqlText("21"), DataType::Double, Err(Reason::Never)),
        (Given::Text("0x0aFF"), DataType::Blob, Ok("0x0aff")),
        (Given::Text("0xa"), DataType::Blob, Err(Reason::NotBytes)),
        (Given::Text("abc"), DataType::Blob, Err(Reason::NotBytes)),
    ] {
        assert_eq!(converted(given, to), expected.map(str::to_owned), "{given} as {to}");
    }
}

#[test]
fn a_column_is_converted_as_a_whole() {
    let values: Float64Array =
        [Some(21.0), None, Some(21.5), Some(f64::NAN), Some(1e300)].into_iter().collect();
    let column = Column { name: "s".into(), data_type: DataType::Double, values: Arc::new(values) };
    let Converted { values, rejected } = column.to(DataType::Int32);
    assert_eq!(rejected, [(2, Reason::NotWhole), (3, Reason::NotWhole), (4, Reason::Range)]);
    assert_eq!((values.len(), values.null_count()), (5, 4));
    let written = column.to_written();
    assert!(written.is_written() && !column.is_written());
    assert_eq!(*written.to(DataType::Double).values, *column.values);
    assert_eq!(written.value(2), Some(Value::Double(21.5)));
    let texts = column.to(DataType::Text);
    assert_eq!(Value::at(&texts.values, DataType::Text, 0), Some(Value::Text("21.0".to_owned())));
}

proptest! {
    #[test]
    fn digits_are_read_as_the_standard_library_reads_them(text in "-?[0-9]{0,20}(\\.[0-9]{0,20})?([eE][+-]?[0-9]{1,3})?") {
        match number::double(&text) {
            Ok(number) => prop_assert_eq!(text.parse::<f64>().map(f64::to_bits), Ok(number.to_bits())),
            Err(Reason::NotNumber) => prop_assert!(text.parse::<f64>().is_err()),
            Err(Reason::Range) => prop_assert!(text.parse::<f64>().is_ok_and(f64::is_infinite)),
            Err(_) => prop_assert!(text.parse::<i128>().is_ok_and(|whole| whole as f64 as i128 != whole)),
        }
        if let Ok(whole) = text.parse::<i64>() {
            prop_assert_eq!(number::whole(&text), Ok(whole));
        }
    }

    #[test]
    fn a_whole_number_is_the_same_in_every_form(number in any::<i64>(), zeros in 0usize..5) {
        let forms = [
            format!("{number}.{}", "0".repeat(zeros)),
            format!("{number}{}e-{zeros}", "0".repeat(zeros)),
            format!("{number}e0"),
        ];
        for form in forms {
            prop_assert_eq!(number::whole(&form), Ok(number), "{}", form);
        }
    }
}
