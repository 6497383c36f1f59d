use super::*;

fn kinds(text: &str) -> Vec<(TokenKind, &str)> {
    let tokens = tokenize(text).expect("tokens");
    tokens
        .iter()
        .filter(|token| token.kind != TokenKind::End)
        .map(|token| (token.kind, token.span.of(text)))
        .collect()
}

#[test]
fn words_numbers_durations_and_dates_are_told_apart() {
    use TokenKind::{Blob, DateTime, Duration, Integer, Real, Text, Word};
    for (text, kind) in [
        ("s1", Word),
        ("1x", Word),
        ("0x10", Word),
        ("中文", Word),
        ("::", Word),
        ("${2}_v", Word),
        ("12", Integer),
        ("1.", Real),
        (".5", Real),
        ("1e5", Real),
        ("1.5e-3", Real),
        ("1d12h", Duration),
        ("2MO", Duration),
        ("2024-01-31", DateTime),
        ("2024/1/3", DateTime),
        ("2024.01.31", DateTime),
        ("2024-01-31T12:00:00.123456+05:30", DateTime),
        ("2024-01-31 12:00:00", DateTime),
        ("2024-01-31T12:00:00[Europe/Paris]", DateTime),
        ("2024-01-31T12:00:00+01:00[Europe/Paris]", DateTime),
        ("X'0aFF'", Blob),
        ("'it''s'", Text),
        ("\"a\"", Text),
    ] {
        assert_eq!(kinds(text), [(kind, text)], "{text}");
    }
}

#[test]
fn points_join_nodes_and_begin_numbers() {
    let texts = |text| kinds(text).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
    assert_eq!(texts("root.1d.`a.b`.5x"), ["root", ".", "1d", ".", "`a.b`", ".", "5x"]);
    assert_eq!(texts("s1 + .5"), ["s1", "+", ".5"]);
    assert_eq!(texts("*1.s2"), ["*", "1", ".", "s2"]);
    assert_eq!(texts("*1.e"), ["*", "1", ".", "e"]);
    assert_eq!(texts("2*1.e5"), ["2", "*", "1.e5"]);
    assert_eq!(texts("2*1.5"), ["2", "*", "1.5"]);
}

#[test]
fn comments_end_with_the_line() {
    assert_eq!(kinds("a -- b\nc --").len(), 2);
}

#[test]
fn literals_of_time_are_read_in_their_zone() {
    let utc = jiff::tz::TimeZone::UTC;
    let kolkata = jiff::tz::TimeZone::fixed(jiff::tz::Offset::from_seconds(19_800).expect("in range"));
    assert_eq!(parse_datetime("1970-01-01T00:00:00.300+00:00", &kolkata), Ok(300));
    assert_eq!(parse_datetime("1970-01-01 00:00:01-01:00", &utc), Ok(3_601_000));
    assert_eq!(parse_datetime("1970/1/2", &utc), Ok(86_400_000));
    assert_eq!(parse_datetime("1970-01-01T05:30:00", &kolkata), Ok(0));
    assert_eq!(parse_datetime("1969-12-31T23:59:59.9999", &utc), Ok(-1));
    // What people write for "for ever": the calendar's last day, wherever they are.
    assert_eq!(parse_datetime("9999-12-31", &utc), Ok(253_402_214_400_000));
    assert_eq!(parse_datetime("9999-12-31T23:59:59.999", &utc), Ok(253_402_300_799_999));
    assert_eq!(parse_datetime("9999-12-31T23:59:59.999-08:00", &utc), Ok(253_402_329_599_999));
    let new_york = jiff::tz::TimeZone::get("America/New_York").expect("a zone");
    assert_eq!(parse_datetime("9999-12-31T23:00:00", &new_york), Ok(253_402_297_200_000 + 5 * 3_600_000));
    assert_eq!(parse_datetime("2024-02-21T09:34:33[Europe/Paris]", &new_york), Ok(1_708_504_473_000));
    assert_eq!(kinds("[2024-02-21, 2024-02-22]")[3], (TokenKind::DateTime, "2024-02-22"));
    // A day that its month does not have is the last one.
    assert_eq!(parse_datetime("2024-02-30", &utc), parse_datetime("2024-02-29", &utc));
    assert_eq!(parse_datetime("2024-02-32", &utc), Err("there is no date 2024-02-32".to_owned()));
}

#[test]
fn durations_add_up() {
    let length = |text| parse_duration(text).map(|length| (length.months, length.millis));
    assert_eq!(length("1d1h"), Some((0, 90_000_000)));
    assert_eq!(length("1Y2mo10d"), Some((14, 864_000_000)));
    assert_eq!(length("1500us"), Some((0, 1)));
    assert_eq!(length("1x"), None);
    assert_eq!(length("99999999999999999999d"), None);
    assert_eq!(length("9999999999999999y"), Some((9_999_999_999_999_999 * 12, 0)));
}
