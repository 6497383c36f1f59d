//! The SQL parser: a text is a statement or an error; an expression reads back as it was printed.
#![no_main]

use jiff::tz::TimeZone;
use levada_sql::{ParseContext, parse, parse_expression};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let context = ParseContext { zone: TimeZone::UTC, now: 1_700_000_000_000 };
    if let Err(error) = parse(text, &context) {
        assert!(!error.to_string().is_empty());
    }
    if let Ok(expression) = parse_expression(text, &context) {
        let printed = expression.to_string();
        match parse_expression(&printed, &context) {
            Ok(again) => assert_eq!(again.to_string(), printed, "of {text:?}"),
            Err(error) => panic!("{printed:?}, printed of {text:?}: {error}"),
        }
    }
});
