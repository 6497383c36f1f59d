use crate::{ParseContext, parse_expression};

fn context() -> ParseContext {
    ParseContext { zone: jiff::tz::TimeZone::UTC, now: 1_000 }
}

fn sql(text: &str) -> String {
    parse_expression(text, &context())
        .map_or_else(|error| error.to_string(), |expression| expression.to_string())
}

fn header(text: &str) -> String {
    parse_expression(text, &context()).expect(text).column_name()
}

#[test]
fn operators_bind_as_the_peer_has_it() {
    for (text, expected) in [
        ("a+b*c", "a + b * c"),
        ("(a+b)*c", "(a + b) * c"),
        ("a-b-c", "a - b - c"),
        ("a-(b-c)", "a - (b - c)"),
        ("!a > b", "!a > b"),
        ("not (a > b)", "!(a > b)"),
        ("a or b and c", "a or b and c"),
        ("(a || b) && c", "(a or b) and c"),
        ("a = b is null", "a = b is null"),
        ("a between 1 and 2 and c", "a between 1 and 2 and c"),
        ("a not in (1, -2.5, 'x')", "a not in (1, -2.5, 'x')"),
        ("a contains (1)", "a in (1)"),
        ("a is not null in (true)", "a is not null in (true)"),
        ("- -a", "-(-a)"),
        ("-5 + +5", "-5 + 5"),
        ("- -5", "-(-5)"),
        ("now() - 1s > time", "(1970-01-01T00:00:00.000+00:00) > time"),
        ("time > 100ms", "time > 100"),
        ("s1*s2", "s1 * s2"),
        ("s1 *s2", "s1 * s2"),
        ("s* - 1", "s * (-1)"),
        ("(s*) - 1", "(s*) - 1"),
        ("d*.s1 + **", "d*.s1 + (**)"),
        ("limit + offset", "`limit` + `offset`"),
        ("f(*)", "f(*)"),
        ("f(a, 'k'='v')", "f(a, 'k'='v')"),
        ("substring(a from 2 for 3)", "substring(a, 2, 3)"),
        ("cast(a as int32)", "cast(a as INT32)"),
        ("case a when 1 then b else c end", "case a when 1 then b else c end"),
        ("root.a.`b.c`.*", "root.a.`b.c`.*"),
        ("`time`", "`time`"),
    ] {
        assert_eq!(sql(text), expected, "{text}");
    }
}

#[test]
fn headers_are_the_peers() {
    for (text, expected) in [
        ("a-(b-c)", "a - b - c"),
        ("(a+b)*2", "(a + b) * 2"),
        ("a == 1", "a = 1"),
        ("a <> 1", "a != 1"),
        ("a and b or c", "a & b | c"),
        ("not b", "!b"),
        ("not (a > b)", "!(a > b)"),
        ("- -a", "-(-a)"),
        ("a not between 2 and 3", "a NOT BETWEEN 2 AND 3"),
        ("a in (1, 2)", "a IN (1,2)"),
        ("a in ('12','true')", "a IN (12,true)"),
        ("a like '%.%'", "a LIKE pattern = '%.%'"),
        ("a not regexp '[0-9]+'", "a NOT REGEXP '[0-9]+'"),
        ("min_by(time, i)", "min_by(Time, i)"),
        ("replace(t,'b','X')", "REPLACE(t, 'b', 'X')"),
        ("cast(d as int64)", "CAST(d AS INT64)"),
        ("cast(i, 'type'='DOUBLE')", "cast(i AS DOUBLE)"),
        ("case when i>0 then 1 else 2.5 end", "CASE WHEN i > 0 THEN 1 ELSE 2.5 END"),
        ("t = 'x'", "t = \"x\""),
        ("1.50 + 007", "1.50 + 007"),
    ] {
        assert_eq!(header(text), expected, "{text}");
    }
}

#[test]
fn nesting_is_limited() {
    let deep = |times: usize| format!("{}a{}", "(".repeat(times), ")".repeat(times));
    assert!(parse_expression(&deep(100), &context()).is_ok());
    for text in [
        deep(100_000),
        "- ".repeat(100_000) + "a",
        "not ".repeat(100_000) + "a",
        "f(".repeat(100_000),
        "case when ".repeat(100_000),
        "a + ".repeat(100_000) + "a",
        "a ".to_owned() + &"is null ".repeat(100_000),
    ] {
        let error = parse_expression(&text, &context()).expect_err("too deep").to_string();
        assert!(error.contains("nests deeper") || error.contains("within each other"), "{error}");
    }
}

#[test]
fn the_deepest_trees_allowed_can_be_walked() {
    let chain = "a + ".repeat(400) + "a";
    let mut nested = chain.clone();
    for _ in 0..90 {
        nested = format!("({nested}) + a");
    }
    let expression = parse_expression(&nested, &context()).expect("within the limits");
    let copy = expression.clone();
    assert_eq!(expression, copy);
    assert_eq!(parse_expression(&copy.to_string(), &context()).expect("reads back"), expression);
    assert!(copy.column_name().len() > 900);
}
