use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;

fn utc(text: &str) -> Result<i64, TimeError> {
    parse_time(text, &TimeZone::UTC).map(Moment::millis)
}

#[test]
fn every_form_of_one_moment_is_that_moment() {
    for text in [
        "2026-05-01T12:00:00Z",
        "2026-05-01t12:00:00z",
        "2026-05-01T14:00:00.000+02:00",
        "2026-05-01 12:00:00",
        "2026-05-01 12:00:00,000",
        "2026/05/01 12:00:00",
        "2026.5.1 12:00",
        "2026-05-01T12",
        "20260501T120000Z",
        "20260501T1200",
        "2026-05-01 08:00:00 -0400",
        "2026-05-01T14:00:00[Europe/Paris]",
        "2026-05-01T14:00:00+02:00[Europe/Paris]",
        "2026-05-01T12:00:00Z[Europe/Paris]",
        "2026-05-01T14:00:00+02[!Europe/Paris][u-ca=iso8601]",
        "2026-05-01T20:00:00[+08:00]",
        " 2026-05-01T12:00:00Z ",
    ] {
        assert_eq!(utc(text), Ok(1_777_636_800_000), "{text}");
    }
}

#[test]
fn a_date_alone_is_its_midnight_in_the_zone_given() {
    let paris = TimeZone::get("Europe/Paris").expect("a zone");
    let read = |text| parse_time(text, &paris).map(Moment::millis);
    assert_eq!(read("2024-02-21"), Ok(1_708_470_000_000));
    assert_eq!(read("2024/2/21"), Ok(1_708_470_000_000));
    assert_eq!(read("2024-02-21T00:00:00Z"), Ok(1_708_473_600_000));
    assert_eq!(read("2024-02-21[UTC]"), Ok(1_708_473_600_000));
}

#[test]
fn a_day_ends_at_the_midnight_that_the_next_begins_with() {
    for (end, next) in [
        ("2024-02-28T24:00:00Z", "2024-02-29T00:00:00Z"),
        ("2023-12-31 24:00", "2024-01-01"),
        ("20240330T240000[Europe/Paris]", "2024-03-31T00:00:00+01:00"),
        ("2024-03-31T24:00:00.000[Europe/Paris]", "2024-04-01T00:00:00+02:00"),
    ] {
        assert_eq!(utc(end), utc(next), "{end}");
        assert!(utc(end).is_ok(), "{end}");
    }
    assert_eq!(utc("2024-01-01T00:00:00+18:00"), utc("2023-12-31T06:00:00Z"));
}

#[test]
fn every_day_of_the_calendar_has_a_date_in_utc() {
    let written = |millis| date_time(millis).map(|at| format!("{at:.3}Z"));
    for text in ["0000-01-01T00:00:00.000Z", "1969-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"] {
        assert_eq!(utc(text).map(written), Ok(Some(text.to_owned())));
    }
    for beyond in [253_402_300_800_000, i64::MAX, i64::MIN] {
        assert_eq!(date_time(beyond), None);
    }
}

#[test]
fn times_before_1970_are_rounded_down() {
    for (text, millis, finer) in [
        ("1969-12-31T23:59:59.9999Z", -1, true),
        ("1969-12-31T23:59:58.0005Z", -2_000, true),
        ("1969-12-31T23:59:59.999Z", -1, false),
        ("1970-01-01T00:00:00.0009999999999Z", 0, true),
        ("1970-01-01T00:00:00.0010000000001Z", 1, true),
        ("1970-01-01T00:00:00.001000000000Z", 1, false),
    ] {
        let moment = parse_time(text, &TimeZone::UTC).expect(text);
        assert_eq!((moment.millis(), moment.is_finer()), (millis, finer), "{text}");
    }
}

#[test]
fn the_ends_of_the_calendar_and_of_milliseconds_are_read() {
    assert_eq!(utc("9999-12-31"), Ok(253_402_214_400_000));
    assert_eq!(utc("9999-12-31T23:59:59.999-08:00"), Ok(253_402_329_599_999));
    assert_eq!(utc("9999-12-31T23:00:00[America/New_York]"), Ok(253_402_297_200_000 + 5 * 3_600_000));
    assert_eq!(utc("0999-12-31T23:59:59.999Z"), Ok(-30_610_224_000_001));
    assert_eq!(utc("0001-01-01"), Ok(-62_135_596_800_000));
    assert_eq!(utc("0000-01-01"), Ok(-62_167_219_200_000));
    assert_eq!(utc("+10000-01-01T00:00:00.000Z"), Ok(253_402_300_800_000));
    assert_eq!(utc("+292278994-08-17T07:12:55.807Z"), Ok(i64::MAX));
    assert_eq!(utc("-292275055-05-16T16:47:04.192Z"), Ok(i64::MIN));
    assert_eq!(utc("9999-12-31T24:00:00Z"), Ok(253_402_300_800_000));
    assert!(utc("+292278994-08-17T07:12:55.808Z").is_err());
    assert!(utc("-292275055-05-16T16:47:04.191Z").is_err());
}

#[test]
fn a_zone_beyond_the_years_it_knows_goes_by_those_it_does() {
    // The same day 400 years earlier: summer time, two hours ahead.
    let summer = utc("+12000-07-01T12:00:00[Europe/Paris]").expect("a time");
    assert_eq!(Ok(summer), utc("+12000-07-01T10:00:00Z"));
    assert_eq!(utc("+12000-07-01T12:00:00+02:00[Europe/Paris]"), Ok(summer));
    assert!(utc("+12000-07-01T12:00:00+01:00[Europe/Paris]").is_err());
}

#[test]
fn what_clocks_skip_or_show_twice_is_decided() {
    // At 02:00 of that day clocks went to 03:00.
    assert_eq!(utc("2024-03-31T02:30:00[Europe/Paris]"), utc("2024-03-31T03:30:00+02:00"));
    // At 03:00 they went back to 02:00.
    assert_eq!(utc("2024-10-27T02:30:00[Europe/Paris]"), utc("2024-10-27T02:30:00+02:00"));
}

#[test]
fn what_is_not_a_time_is_said_to_be_none() {
    for (text, reason) in [
        ("", "is not a time"),
        ("noon", "is not a time"),
        ("20240221", "is not a time"),
        ("2024-02", "is not a time"),
        ("2024-02/21", "is not a time"),
        ("2024-02-21T", "is not a time"),
        ("2024-02-21T12:00:00 ", ""),
        ("2024-02-21T12:00:00x", "is not a time"),
        ("2024-02-21T12:00:00Zebra", "is not a time"),
        ("2024-02-30", "there is no date 2024-02-30"),
        ("2023-02-29T00:00:00Z", "there is no date 2023-02-29"),
        ("2024-13-01T00:00:00Z", "there is no date"),
        ("2024-02-21T24:00:01", "there is no time of day"),
        ("2024-02-21T12:61:00", "there is no time of day"),
        ("2024-02-21T12:00:61", "there is no time of day"),
        ("2016-12-31T23:59:60Z", "23:59:60 is in a leap second"),
        ("2016-12-31 23:59:60.5+00:00", "23:59:60.5 is in a leap second"),
        ("20161231T235960Z", "235960 is in a leap second"),
        ("2017-01-01T08:59:60[Asia/Tokyo]", "write second 59, or 00 of the next minute"),
        ("2024-02-21T24:00:00.001", "there is no time of day"),
        ("2024-02-21T12:00:00+18:01", "there is no offset +18:01"),
        ("2024-02-21T12:00:00-25", "there is no offset -25"),
        ("2024-02-21T12:00:00[Europe/Atlantis]", "there is no time zone `Europe/Atlantis`"),
        ("2024-02-21T12:00:00+05:00[Europe/Paris]", "contradict"),
        ("2024-02-21T12:00:00[Europe/Paris", "is not a time"),
    ] {
        match utc(text) {
            Ok(_) => assert_eq!(reason, "", "{text}"),
            Err(error) => assert!(!reason.is_empty() && error.0.contains(reason), "{text}: {error}"),
        }
    }
}

#[test]
fn dates_are_days_that_exist_in_years_of_four_digits() {
    assert_eq!(parse_date("2024-02-29"), Ok(20_240_229));
    assert_eq!(parse_date("9999/12/31"), Ok(99_991_231));
    assert_eq!(parse_date("0999-12-31"), Ok(9_991_231));
    assert_eq!(parse_date("0001-01-01"), Ok(10_101));
    for wrong in [
        "2023-02-29",
        "0000-12-31",
        "-0001-12-31",
        "+10000-01-01",
        "999-12-31",
        "2024-02-29T00:00:00",
        "20240229",
        "x",
        "",
    ] {
        assert!(parse_date(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn numbers_count_in_their_unit_and_are_rounded_down() {
    use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
    let millis = |moment: Option<Moment>| moment.map(Moment::millis);
    assert_eq!(millis(Second.moment(1_700_000_000)), Some(1_700_000_000_000));
    assert_eq!(Second.moment(i64::MAX), None);
    assert_eq!(millis(Microsecond.moment(-1)), Some(-1));
    assert_eq!(millis(Nanosecond.moment(1_999_999)), Some(1));
    assert_eq!(millis(Second.moment_of_real(1_700_000_000.001)), Some(1_700_000_000_001));
    assert_eq!(millis(Second.moment_of_real(-0.0005)), Some(-1));
    assert_eq!(millis(Millisecond.moment_of_real(1e18)), Some(1_000_000_000_000_000_000));
    assert_eq!([Millisecond.moment_of_real(f64::NAN), Second.moment_of_real(1e300)], [None, None]);
    assert_eq!(
        Second.moment_of_digits("1700000000.123456789"),
        Some(Moment::new(1_700_000_000_123, 456_789))
    );
    assert_eq!(Second.moment_of_digits("-0.0001"), Some(Moment::new(-1, 900_000)));
    assert_eq!(millis(Second.moment_of_digits("1.7e9")), Some(1_700_000_000_000));
    for wrong in ["", "x", "inf", "nan", "1.2.3", "1_000"] {
        assert_eq!(Second.moment_of_digits(wrong), None, "{wrong}");
    }
}

#[test]
fn a_number_of_another_unit_is_noticed_by_its_size() {
    use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
    const NOW: i64 = 1_764_450_000;
    let units = [(Second, 1), (Millisecond, 1_000), (Microsecond, 1_000_000), (Nanosecond, 1_000_000_000)];
    for (meant, factor) in units {
        for (set, _) in units {
            let expected = (set != meant).then_some(meant);
            assert_eq!(set.likelier(NOW * factor), expected, "{meant:?} read as {set:?}");
        }
        // Small numbers are test data; the extreme values stand for "forever".
        assert!([0, 1, -5, 1_000, i64::MAX, i64::MIN].iter().all(|&number| meant.likelier(number).is_none()));
    }
    assert_eq!(Millisecond.likelier(253_402_300_799_999), None);
    assert_eq!(Second.likelier(253_402_300_799), None);
    assert_eq!(Millisecond.likelier(-2_208_988_800_000), None);
}

#[test]
fn moments_of_one_millisecond_are_told_apart() {
    let read = |text| parse_time(text, &TimeZone::UTC).expect(text);
    let (a, b) = (read("2024-01-01T00:00:00.000001Z"), read("2024-01-01T00:00:00.000002Z"));
    assert!(a.falls_on(b) && !a.falls_on(a) && !a.falls_on(Moment::of_millis(0)));
    assert!(Moment::of_millis(a.millis()).falls_on(a));
}

proptest! {
    #[test]
    fn any_text_is_a_time_or_an_error(text in "\\PC{0,40}", near in "[-+0-9TZ:/. \\[\\]Europe]{0,40}") {
        let outcomes = [utc(&text).is_ok(), utc(&near).is_ok(), parse_date(&near).is_ok(), parse_zone(&near).is_ok()];
        prop_assert_eq!(outcomes.len(), 4);
    }

    #[test]
    fn every_millisecond_is_read_as_it_is_printed(millis in -377_705_000_000_000i64..253_402_000_000_000, nanos in 0i64..1_000_000) {
        let at = jiff::Timestamp::from_nanosecond(i128::from(millis) * 1_000_000 + i128::from(nanos)).expect("in range");
        let moment = parse_time(&at.to_string(), &TimeZone::UTC).expect("a time");
        prop_assert_eq!((moment.millis(), moment.is_finer()), (millis, nanos != 0));
    }

    #[test]
    fn local_times_are_those_of_the_zone(seconds in -5_000_000_000i64..30_000_000_000, zone in 0usize..4) {
        let name = ["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"][zone];
        let zone = TimeZone::get(name).expect("a zone");
        let at = jiff::Timestamp::from_second(seconds).expect("in range").to_zoned(zone.clone());
        let civil = at.datetime();
        let expected = zone.to_timestamp(civil).expect("a time").as_millisecond();
        prop_assert_eq!(parse_time(&civil.to_string(), &zone).map(Moment::millis), Ok(expected));
        prop_assert_eq!(utc(&format!("{civil}[{name}]")), Ok(expected));
    }
}
