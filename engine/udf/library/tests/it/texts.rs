//! Functions of texts.

use crate::support::{Cell, call, texts};

fn made(name: &str, attributes: &[(&str, &str)], text: &str) -> Option<Cell> {
    call(name, attributes, &[7], &[texts(&[Some(text)])]).pop().map(|(_, cell)| cell)
}

fn text(name: &str, attributes: &[(&str, &str)], given: &str) -> String {
    match made(name, attributes, given) {
        Some(Cell::Text(text)) => text,
        other => panic!("{other:?} is no text"),
    }
}

#[test]
fn parts_are_those_of_java() {
    let count = |separator: &str, text: &str| {
        made("strsplit", &[("delim", separator)], text).map(|cell| cell.number())
    };
    assert_eq!(count(",", "a,b,c"), Some(3.0));
    // Empty parts at the end do not count, those before and between do.
    assert_eq!(count(",", ",a,,b,,"), Some(4.0));
    assert_eq!(count(",", ""), Some(1.0));
    assert_eq!(count(",", ",,"), Some(0.0));
    assert_eq!(count(",", "none"), Some(1.0));
    assert_eq!(text("strsplit", &[("delim", ","), ("index", "1")], "a,ö,c"), "ö");
    assert_eq!(made("strsplit", &[("delim", ","), ("index", "3")], "a,b,c"), None);
    // Separators without letters part letters, and not at the ends.
    assert_eq!(made("regexsplit", &[("regex", "(?=b)")], "abab").map(|cell| cell.number()), Some(3.0));
    assert_eq!(made("regexsplit", &[("regex", "x*")], "ab").map(|cell| cell.number()), Some(2.0));
    assert_eq!(text("regexsplit", &[("regex", "\\d+"), ("index", "2")], "a1b22c333"), "c");
}

#[test]
fn a_group_that_took_no_part_gives_no_point() {
    assert_eq!(text("regexmatch", &[("regex", "(a)|(b)"), ("group", "2")], "b"), "b");
    assert_eq!(made("regexmatch", &[("regex", "(a)|(b)"), ("group", "2")], "a"), None);
    assert_eq!(made("regexmatch", &[("regex", "z")], "a"), None);
    assert_eq!(text("regexmatch", &[("regex", "(?<=v)\\d+")], "x1 v22"), "22");
}

#[test]
fn matches_are_counted_from_either_end() {
    let replaced = |limit: &str, offset: &str, reverse: &str| {
        let which = [("limit", limit), ("offset", offset), ("reverse", reverse)];
        let by_text =
            text("strreplace", &[&[("target", "a"), ("replace", "-")], &which[..]].concat(), "a1a2a3a");
        let by_regex =
            text("regexreplace", &[&[("regex", "a"), ("replace", "-")], &which[..]].concat(), "a1a2a3a");
        assert_eq!(by_text, by_regex);
        by_text
    };
    assert_eq!(replaced("-1", "0", "false"), "-1-2-3-");
    assert_eq!(replaced("2", "0", "false"), "-1-2a3a");
    assert_eq!(replaced("2", "1", "false"), "a1-2-3a");
    assert_eq!(replaced("1", "0", "true"), "a1a2a3-");
    assert_eq!(replaced("2", "1", "true"), "a1-2-3a");
    assert_eq!(replaced("-1", "3", "true"), "-1a2a3a");
    assert_eq!(replaced("-1", "9", "false"), "a1a2a3a");
    assert_eq!(replaced("0", "0", "false"), "a1a2a3a");
}

#[test]
fn replacements_refer_to_groups() {
    let replaced = |regex: &str, by: &str, given: &str| {
        text("regexreplace", &[("regex", regex), ("replace", by)], given)
    };
    assert_eq!(replaced("(\\w)(\\w)", "$2$1", "abcd"), "badc");
    assert_eq!(replaced("(?<first>a)b", "${first}!", "abab"), "a!a!");
    assert_eq!(replaced("(a)", "$12", "a"), "a2");
    assert_eq!(replaced("a", "\\$1", "a"), "$1");
}

#[test]
fn a_search_that_would_take_for_ever_ends_with_an_error() {
    let series = [texts(&[Some(&"a".repeat(60))])];
    let message = crate::support::rejected("regexmatch", &[("regex", "^(?:(a+)\\1?)+b")], &series);
    assert!(message.contains("a text cannot be searched"), "{message}");
}

#[test]
fn texts_that_are_missing_have_no_points() {
    let points = call(
        "strreplace",
        &[("target", "a"), ("replace", "b")],
        &[1, 2, 3],
        &[texts(&[Some("a"), None, Some("c")])],
    );
    assert_eq!(points, [(1, Cell::Text("b".to_owned())), (3, Cell::Text("c".to_owned()))]);
}
