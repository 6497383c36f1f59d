use arrow_array::{Float64Array, Int32Array, Int64Array, StringArray};
use jiff::tz::TimeZone;
use levada_model::{DataType, PathPattern, Value};
use levada_sql::{ParseContext, ast::SeriesName, parse_expression};

use super::*;
use crate::bind::scope::Scope;

/// Columns `i` INT32, `d` DOUBLE, `t` TEXT, `b` BOOLEAN of three rows, the last of them null.
fn chunk() -> (Chunk, Scope) {
    let columns: Vec<(&str, ArrayRef, DataType)> = vec![
        ("i", Arc::new(Int32Array::from(vec![Some(1), Some(-7), None])), DataType::Int32),
        ("d", Arc::new(Float64Array::from(vec![Some(0.5), Some(f64::NAN), None])), DataType::Double),
        ("t", Arc::new(StringArray::from(vec![Some("ab"), Some("b%"), None])), DataType::Text),
        ("b", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])), DataType::Boolean),
    ];
    let mut scope = Scope::new(&crate::FunctionRegistry::builtin());
    for (at, (name, _, data_type)) in columns.iter().enumerate() {
        scope.add_series(&SeriesName::suffix(PathPattern::of_node(name)), at, *data_type);
    }
    let columns = columns.into_iter().map(|(_, array, _)| array).collect();
    (Chunk { times: Int64Array::from(vec![10, 20, 30]), columns }, scope)
}

fn bind(text: &str) -> Result<Expr, QueryError> {
    let context = ParseContext { zone: TimeZone::UTC, now: 0 };
    chunk().1.bind(&parse_expression(text, &context).expect("an expression"))
}

/// The values of an expression, as text; `-` for null.
fn values(text: &str) -> Vec<String> {
    let bound = bind(text).expect(text);
    let array = bound.array(&chunk().0).expect(text);
    let value = |row| Value::at(&array, bound.data_type, row);
    (0..3).map(|row| value(row).map_or_else(|| "-".to_owned(), |value| value.to_string())).collect()
}

#[test]
fn arithmetic_is_in_double_and_null_stays_null() {
    assert_eq!(values("i + 1"), ["2.0", "-6.0", "-"]);
    assert_eq!(values("i / 0"), ["Infinity", "-Infinity", "-"]);
    assert_eq!(values("i % 0"), ["NaN", "NaN", "-"]);
    assert_eq!(values("-i"), ["-1", "7", "-"]);
    assert_eq!(values("time * 2"), ["20.0", "40.0", "60.0"]);
}

#[test]
fn nothing_compares_to_nan() {
    for operator in ["=", "!=", "<", "<=", ">", ">="] {
        assert_eq!(values(&format!("d {operator} d"))[1], "false", "{operator}");
    }
    assert_eq!(values("d = 0.5"), ["true", "false", "-"]);
    assert_eq!(values("0 > i"), ["false", "true", "-"]);
}

#[test]
fn logic_is_three_valued() {
    assert_eq!(values("b and i > 0"), ["true", "false", "-"]);
    assert_eq!(values("b or time = 30"), ["true", "false", "true"]);
    assert_eq!(values("b and time < 30"), ["true", "false", "false"]);
    assert_eq!(values("not b"), ["false", "true", "-"]);
    assert_eq!(values("i is null"), ["false", "false", "true"]);
}

#[test]
fn texts_are_matched_whole_by_like_and_anywhere_by_regexp() {
    assert_eq!(values("t like 'a%'"), ["true", "false", "-"]);
    assert_eq!(values("t like '_b'"), ["true", "false", "-"]);
    assert_eq!(values("t like 'b\\%'"), ["false", "false", "-"]);
    assert_eq!(values("t like '%'"), ["true", "true", "-"]);
    assert_eq!(values("t like 'a'"), ["false", "false", "-"]);
    assert_eq!(values("t like '%b%'"), ["true", "true", "-"]);
    assert_eq!(values("t regexp 'b'"), ["true", "true", "-"]);
    assert_eq!(values("t regexp '^b'"), ["false", "true", "-"]);
    assert!(bind("t regexp '('").is_err());
}

#[test]
fn membership_reads_constants_as_the_operands_type() {
    assert_eq!(values("i in (1, 2.5)"), ["true", "false", "-"]);
    assert_eq!(values("i not in (-7)"), ["true", "false", "-"]);
    assert_eq!(values("d in ('0.5')"), ["true", "false", "-"]);
    assert_eq!(values("t in ('ab')"), ["true", "false", "-"]);
    assert_eq!(bind("i in ('x')").expect_err("no number").code().0, 701);
}

#[test]
fn a_case_gives_what_the_first_true_branch_gives() {
    assert_eq!(values("case when i > 0 then 1 when i < 0 then 2 else 3 end"), ["1.0", "2.0", "3.0"]);
    assert_eq!(values("case when b then 'x' end"), ["x", "-", "-"]);
    assert!(bind("case when b then 'x' else 1 end").is_err());
}

#[test]
fn casts_round_half_up_and_reject_what_does_not_fit() {
    assert_eq!(values("cast(i / 2 as INT32)"), ["1", "-3", "-"]);
    assert_eq!(values("cast(d * 5 as INT64)"), ["3", "0", "-"]);
    assert_eq!(values("cast(i as TEXT)"), ["1", "-7", "-"]);
    assert_eq!(values("cast(i as BOOLEAN)"), ["true", "true", "-"]);
    let too_big = bind("cast(i * 1e10 as INT32)").expect("types fit");
    assert!(too_big.array(&chunk().0).is_err());
}

#[test]
fn types_that_do_not_fit_are_named() {
    for (text, expected) in [
        (
            "t + 1",
            "expression: t, actual data type: TEXT, expected data type(s): [INT32, INT64, FLOAT, DOUBLE].",
        ),
        ("t > 1", "expression: 1, actual data type: INT64, expected data type(s): [TEXT, STRING]."),
        ("i and b", "expression: i, actual data type: INT32, expected data type(s): [BOOLEAN]."),
        ("i like 'x'", "expression: i, actual data type: INT32, expected data type(s): [TEXT, STRING]."),
        ("nofunc(i)", "UDF NOFUNC has not been registered"),
    ] {
        let error = bind(text).expect_err(text);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn row_functions_give_a_value_for_each_row() {
    assert_eq!(values("abs(i)"), ["1", "7", "-"]);
    assert_eq!(values("sign(i)"), ["1.0", "-1.0", "-"]);
    assert_eq!(values("round(i * 0.25, 1)"), ["0.2", "-1.8", "-"]);
    assert_eq!(values("upper(t)"), ["AB", "B%", "-"]);
    assert_eq!(values("substring(t, 2, 5)"), ["b", "%", "-"]);
    assert_eq!(values("locate(t, 'target'='b')"), ["1", "0", "-"]);
    assert_eq!(values("concat(t, t, 'target1'='-')"), ["abab-", "b%b%-", "-"]);
    assert_eq!(values("strcmp(t, t)"), ["0", "0", "-"]);
    assert_eq!(values("in_range(i, 'lower'='0', 'upper'='1')"), ["true", "false", "-"]);
    assert_eq!(values("const(i, 'value'='5', 'type'='INT64')"), ["5", "5", "-"]);
    assert!(bind("sin(i, i)").is_err());
    assert!(bind("in_range(i, 'lower'='0')").is_err());
}

#[test]
fn an_expression_too_deep_is_an_error() {
    let mut expression =
        parse_expression("i", &ParseContext { zone: TimeZone::UTC, now: 0 }).expect("an expression");
    for _ in 0..400 {
        expression = levada_sql::ast::Expression::synthetic(levada_sql::ast::ExpressionKind::Unary {
            operator: levada_sql::ast::UnaryOperator::Negate,
            operand: Box::new(expression),
        });
    }
    assert!(chunk().1.bind(&expression).expect_err("too deep").to_string().contains("levels deep"));
}

#[test]
fn a_sum_of_many_terms_is_computed() {
    let sum = vec!["i"; 450].join(" + ");
    assert_eq!(values(&sum)[0], "450.0");
    let any = vec!["i = 1"; 450].join(" or ");
    assert_eq!(values(&any)[0], "true");
}
