//! Scripts with the answers of an IoTDB 2.0.1.

use super::{Kind, Value, parser, run::Run};

/// What a script gives for one input, as text; "?" and the reason where it is not understood.
fn given(script: &str, input: Value) -> String {
    let script = match parser::parse(script) {
        Ok(script) => script,
        Err(why) => return format!("? {why}"),
    };
    match Run::new(&script).of(vec![input]) {
        Ok(value) => value.text().to_string(),
        Err(fault) => format!("! {fault}"),
    }
}

fn of_numbers(script: &str) -> Vec<String> {
    [5.0, -7.0, 0.0].into_iter().map(|each| given(script, Value::Double(each))).collect()
}

fn of_texts(script: &str) -> Vec<String> {
    ["abc", "Hello", ""].into_iter().map(|each| given(script, Value::Text(each.into()))).collect()
}

#[test]
fn numbers_are_computed_and_chosen() {
    for (script, expected) in [
        ("x -> {x / 2}", ["2.5", "-3.5", "0.0"]),
        ("x -> {x % 3}", ["2.0", "-1.0", "0.0"]),
        ("x -> {if (x > 0) x; else -x;}", ["5.0", "7.0", "-0.0"]),
        ("x -> { if (x > 0) { x } else { -x } }", ["5.0", "7.0", "-0.0"]),
        ("x -> x > 0 ? x : -x", ["5.0", "7.0", "-0.0"]),
        ("x -> x > 0 ? \"p\" : 'n'", ["p", "n", "n"]),
        ("x -> x ?: 1", ["5.0", "-7.0", "1"]),
        ("x -> {var y = x * 2; y + 1}", ["11.0", "-13.0", "1.0"]),
        ("x -> {var y = 2; y = y + x; y}", ["7.0", "-5.0", "2.0"]),
        ("x -> x != 5 && x lt 3", ["false", "true", "true"]),
        ("x -> not (x gt 0)", ["false", "true", "true"]),
        ("x -> x > 0 or x < -5", ["true", "true", "false"]),
        ("x -> empty(x)", ["false", "false", "true"]),
        ("x -> {return x * 3;}", ["15.0", "-21.0", "0.0"]),
        ("x -> {x + 1; x + 2}", ["7.0", "-5.0", "2.0"]),
        ("x -> \"v\" + x", ["v5.0", "v-7.0", "v0.0"]),
        ("x -> x + \"1\"", ["5.01", "-7.01", "0.01"]),
        ("x -> x.intValue()", ["5", "-7", "0"]),
        ("x -> x & 3", ["1", "1", "0"]),
        ("x -> x | 3", ["7", "-5", "3"]),
        ("x -> x ^ 3", ["6", "-6", "3"]),
        ("x -> ~x", ["-6", "6", "-1"]),
        ("x -> x << 2", ["20", "-28", "0"]),
        ("x -> x >> 1", ["2", "-4", "0"]),
        ("x -> x div 2", ["2.5", "-3.5", "0.0"]),
        ("x -> x > 0 ? x > 3 ? 2 : 1 : 0", ["2", "0", "0"]),
        ("x -> -x * -1", ["5.0", "-7.0", "0.0"]),
        ("x -> 0x10 + x", ["21.0", "9.0", "16.0"]),
        ("x -> size(x)", ["0", "0", "0"]),
        ("(x) -> x", ["5.0", "-7.0", "0.0"]),
        ("x -> x =~ [1, 5]", ["false", "false", "false"]),
        ("x -> x == \"5.0\"", ["true", "false", "false"]),
        ("x -> x ge 0 and not (x eq 5)", ["false", "false", "true"]),
        ("x -> {if (x > 0) return 1; 2}", ["1", "2", "2"]),
        ("x -> {x += 2; x}", ["7.0", "-5.0", "2.0"]),
        ("x -> x++", ["5.0", "-7.0", "0.0"]),
        ("x -> {// c\n x + 1}", ["6.0", "-6.0", "1.0"]),
        ("x -> x > 0 && \"\"", ["false", "false", "false"]),
    ] {
        assert_eq!(of_numbers(script), expected, "{script}");
    }
}

#[test]
fn loops_end_and_those_that_would_not_are_errors() {
    for (script, expected) in [
        ("x -> {for (var k : [1,2]) x = x + k; x}", ["8.0", "-4.0", "3.0"]),
        ("x -> {for (var k : 1..3) x = x + k; x}", ["11.0", "-1.0", "6.0"]),
        ("x -> {while (x < 10) x = x + 1; x}", ["10.0", "10.0", "10.0"]),
        ("x -> {do x = x + 1; while (x < 9); x}", ["9.0", "9.0", "9.0"]),
        ("x -> {while (true) {x = x + 1; if (x > 6) break;} x}", ["7.0", "7.0", "7.0"]),
        ("x -> {var s = 0; for (var k : 1..4) {if (k == 2) continue; s = s + k;} s}", ["8", "8", "8"]),
    ] {
        assert_eq!(of_numbers(script), expected, "{script}");
    }
    for script in
        ["x -> {while (true) x; x}", "x -> {var s = \"a\"; while (true) s = s + s; s}", "x -> 1..x * 1e12"]
    {
        let given = given(script, Value::Double(1.0));
        assert!(given.starts_with("! "), "{script}: {given}");
    }
}

#[test]
fn texts_are_compared_cut_and_joined() {
    for (script, expected) in [
        ("x -> x.length()", ["3", "5", "0"]),
        ("x -> x =~ \"a.*\"", ["true", "false", "false"]),
        ("x -> x !~ \"a.*\"", ["false", "true", "true"]),
        ("x -> x =^ \"a\"", ["true", "false", "false"]),
        ("x -> x =$ \"o\"", ["false", "true", "false"]),
        ("x -> x + \"z\"", ["abcz", "Helloz", "z"]),
        ("x -> x < \"b\"", ["true", "true", "true"]),
        ("x -> x > 1", ["true", "true", "false"]),
        ("x -> x == 1", ["false", "false", "false"]),
        ("x -> empty x", ["false", "false", "true"]),
        ("x -> x.toUpperCase()", ["ABC", "HELLO", ""]),
        ("x -> x.indexOf(\"l\")", ["-1", "2", "-1"]),
        ("x -> x.lastIndexOf(\"l\")", ["-1", "3", "-1"]),
        ("x -> x.replace(\"l\",\"L\")", ["abc", "HeLLo", ""]),
        ("x -> x.hashCode()", ["96354", "69609650", "0"]),
        ("x -> x.compareTo(\"b\")", ["-1", "-26", "-1"]),
        ("x -> x.repeat(2)", ["abcabc", "HelloHello", ""]),
        ("x -> x.equalsIgnoreCase(\"HELLO\")", ["false", "true", "false"]),
        ("x -> x.matches(\".*l.*\")", ["false", "true", "false"]),
        ("x -> !x.isEmpty()", ["true", "true", "false"]),
        ("x -> x ? 1 : 0", ["1", "1", "0"]),
        ("x -> `${x}!`", ["abc!", "Hello!", "!"]),
        ("x -> x ?: \"none\"", ["abc", "Hello", "none"]),
        ("x -> x.length() > 3 && x.startsWith(\"H\")", ["false", "true", "false"]),
        ("x -> \"12\" * 2", ["24", "24", "24"]),
        ("x -> \"12\" - 2", ["10", "10", "10"]),
        ("x -> 5 / 2", ["2", "2", "2"]),
        ("x -> 7 % 4 + 0.5", ["3.5", "3.5", "3.5"]),
        (
            "x -> 9223372036854775807 + 1",
            ["9.223372036854776E18", "9.223372036854776E18", "9.223372036854776E18"],
        ),
        ("x -> [1,2,3][1] + [1].size()", ["3", "3", "3"]),
    ] {
        assert_eq!(of_texts(script), expected, "{script}");
    }
    let given = given("x -> x.substring(1, 2)", Value::Text("".into()));
    assert!(given.contains("UTF-16 units"), "{given}");
}

#[test]
fn what_is_not_understood_says_why() {
    for (script, why) in [
        ("x", "`->` is missing"),
        ("x -> ", "ends where a value"),
        ("x -> y", "no variable `y`"),
        ("x -> x ** 2", "`*` stands where a value"),
        ("x -> {x # comment", "`;` is missing"),
        ("x -> if (x) 1; else 2", "no variable `if`"),
        ("x, y -> x", "brackets"),
        ("x -> x.foo", "no property `foo`"),
        ("x -> \"a", "does not end"),
        ("x -> x =~ \"(\"", "not a regular expression"),
    ] {
        let given = given(script, Value::Double(1.0));
        assert!(given.starts_with("? ") && given.contains(why), "{script}: {given}");
    }
    for script in ["x -> x / 0", "x -> x.foo()", "x -> x[0]"] {
        assert!(given(script, Value::Double(1.0)).starts_with("! "), "{script}");
    }
}

#[test]
fn nothing_that_is_written_breaks_it() {
    for deep in ["(", "[", "-", "!", "x ? ", "{", "x.a(", "${"] {
        given(&format!("x -> {}", deep.repeat(100_000)), Value::Double(1.0));
        given(&format!("x -> {}", deep.repeat(400)), Value::Double(1.0));
    }
    let chain = |operands| given(&format!("x -> x{}", " + x".repeat(operands)), Value::Double(1.0));
    assert_eq!(chain(90), "91.0");
    assert!(chain(490).contains("build on each other"), "{}", chain(490));
    let text =
        "x -> {var y = \"é\" + `${x}`; if (y =~ 'a\\d+') return [1, 0x1F, 1.5e3f][0]; y.length() ?: 1..2}";
    let mut random = 1u64;
    for _ in 0..5_000 {
        let mut chars: Vec<char> = text.chars().collect();
        for _ in 0..3 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (at, from) = ((random >> 33) as usize % chars.len(), (random >> 13) as usize % chars.len());
            match random >> 62 {
                0 => drop(chars.remove(at)),
                1 => chars.insert(at, chars[from]),
                _ => chars[at] = chars[from],
            }
        }
        given(&chars.into_iter().collect::<String>(), Value::Double(1.0));
    }
}

#[test]
fn examples_of_inputs_have_their_types() {
    for (kind, named) in [(Kind::Number, "a number"), (Kind::Text, "a text"), (Kind::Truth, "a truth value")]
    {
        assert_eq!(kind.example().named(), named);
    }
}
