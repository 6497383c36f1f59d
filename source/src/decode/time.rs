//! Times as they come: numbers in some unit, or text.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use jiff::{Timestamp, tz::TimeZone};
use levada_connector_api::{
    Problem,
    model::{self, Moment, TimeError},
};
use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a number that is a time counts. A date and time is read whatever the unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TimeUnit {
    /// Seconds since 1970 UTC, rounded down to milliseconds.
    S,
    /// Milliseconds since 1970 UTC.
    #[default]
    Ms,
    /// Microseconds since 1970 UTC, rounded down to milliseconds.
    Us,
    /// Nanoseconds since 1970 UTC, rounded down to milliseconds.
    Ns,
}

/// What becomes of a record without a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MissingTime {
    /// It is rejected.
    #[default]
    Reject,
    /// It gets the time at which it is read, and where its device has that millisecond already, the next one. Read again after a
    /// restart, it gets another.
    Now,
}

/// Reads times; the decoders of one source share whether the user was warned.
#[derive(Clone, Debug)]
pub(super) struct TimeReader {
    unit: model::TimeUnit,
    missing: MissingTime,
    zone: TimeZone,
    warned: Arc<AtomicBool>,
    node: Arc<str>,
    given: Arc<Mutex<Given>>,
}

/// The times that records without one were given last, by device.
#[derive(Debug, Default)]
struct Given {
    last: HashMap<Box<str>, i64>,
    /// How many devices there may be before those are forgotten whose time has passed.
    room: usize,
    warned: bool,
}

/// Devices whose times are kept at least.
const KEPT_DEVICES: usize = 1_024;
/// Milliseconds that given times may be ahead of the clock before that is told.
const AHEAD: i64 = 1_000;

impl Given {
    /// The present, or a later millisecond where the device has the present already; and whether it is the first that is far ahead.
    fn next(&mut self, device: &str, now: i64) -> (i64, bool) {
        let time = match self.last.get_mut(device) {
            Some(last) => {
                *last = now.max(*last + 1);
                *last
            }
            None => {
                if self.last.len() >= self.room {
                    self.last.retain(|_, last| *last >= now);
                    self.room = KEPT_DEVICES.max(2 * self.last.len());
                }
                self.last.insert(device.into(), now);
                now
            }
        };
        let is_far = time - now > AHEAD && !self.warned;
        self.warned |= is_far;
        (time, is_far)
    }
}

impl TimeUnit {
    fn unit(self) -> model::TimeUnit {
        match self {
            Self::S => model::TimeUnit::Second,
            Self::Ms => model::TimeUnit::Millisecond,
            Self::Us => model::TimeUnit::Microsecond,
            Self::Ns => model::TimeUnit::Nanosecond,
        }
    }
}

/// What is wrong with the option `zone`.
pub(super) fn zone_problem(zone: Option<&str>) -> Option<Problem> {
    zone.and_then(|name| model::parse_zone(name).err()).map(|error| Problem::new("zone", error.to_string()))
}

impl TimeReader {
    pub(super) fn new(unit: TimeUnit, missing: MissingTime, zone: Option<&str>, node: &str) -> Self {
        // A zone that does not exist was found by the check of the options.
        let zone = zone.and_then(|name| model::parse_zone(name).ok()).unwrap_or(TimeZone::UTC);
        Self {
            unit: unit.unit(),
            missing,
            zone,
            warned: Arc::default(),
            node: node.into(),
            given: Arc::default(),
        }
    }

    /// A whole number in the unit.
    #[inline]
    pub(super) fn integer(&self, time: i64) -> Result<Moment, String> {
        self.doubt(time);
        self.unit.moment(time).ok_or_else(|| out_of_range(&time))
    }

    /// A number with a fraction in the unit.
    pub(super) fn float(&self, time: f64) -> Result<Moment, String> {
        self.doubt(time as i64);
        self.unit.moment_of_real(time).ok_or_else(|| out_of_range(&time))
    }

    /// A number as text, or a date and time.
    pub(super) fn text(&self, text: &str) -> Result<Moment, String> {
        // Nearly all are digits alone, and need not be trimmed.
        if let Ok(number) = text.parse().or_else(|_| text.trim().parse()) {
            return self.integer(number);
        }
        let text = text.trim();
        if let Some(moment) = self.unit.moment_of_digits(text) {
            self.doubt(text.split_once('.').and_then(|(whole, _)| whole.parse().ok()).unwrap_or_default());
            return Ok(moment);
        }
        model::parse_time(text, &self.zone).map_err(|TimeError(message)| message)
    }

    /// The zone of times that do not say theirs.
    pub(super) fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The time of a device's record that has none: no two get the same.
    pub(super) fn missing(&self, device: &str) -> Result<Moment, String> {
        match self.missing {
            MissingTime::Now => {
                let now = Timestamp::now().as_millisecond();
                let mut given = self.given.lock();
                let (time, is_far) = given.next(device, now);
                if is_far {
                    tracing::warn!(
                        node = &*self.node,
                        device,
                        "records without a time come faster than one a millisecond: the times they get run ahead of the clock"
                    );
                }
                Ok(Moment::of_millis(time))
            }
            MissingTime::Reject => {
                Err("there is no time (`missing_time: now` gives such a record the present)".to_owned())
            }
        }
    }

    /// Warns of the first number that looks like one of another unit.
    #[inline]
    fn doubt(&self, time: i64) {
        if let Some(likelier) = self.unit.likelier(time) {
            self.warn(time, likelier);
        }
    }

    #[cold]
    fn warn(&self, time: i64, likelier: model::TimeUnit) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            let (set, likelier) = (self.unit.name(), likelier.name());
            tracing::warn!(
                node = &*self.node,
                time,
                "a time looks like one in {likelier} where {set} is expected; set `time_unit: {likelier}` if it is"
            );
        }
    }
}

#[cold]
fn out_of_range(time: &dyn std::fmt::Display) -> String {
    format!("the time {time} is out of range")
}

/// Milliseconds since 1970 UTC of a date and time, which is one of UTC where it does not say its offset or zone.
pub(crate) fn date_time(text: &str) -> Option<i64> {
    model::parse_time(text, &TimeZone::UTC).ok().map(Moment::millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(unit: TimeUnit) -> TimeReader {
        TimeReader::new(unit, MissingTime::Reject, None, "n")
    }

    #[test]
    fn units_become_milliseconds() {
        let millis = |moment: Result<Moment, String>| moment.map(Moment::millis);
        assert_eq!(millis(reader(TimeUnit::S).integer(1_700_000_000)), Ok(1_700_000_000_000));
        assert_eq!(millis(reader(TimeUnit::S).float(1_700_000_000.001)), Ok(1_700_000_000_001));
        assert_eq!(millis(reader(TimeUnit::Ns).integer(-1)), Ok(-1));
        assert_eq!(millis(reader(TimeUnit::Us).text("1700000000000999")), Ok(1_700_000_000_000));
        assert!(reader(TimeUnit::S).integer(i64::MAX).is_err());
        assert!(reader(TimeUnit::Ms).float(f64::NAN).is_err());
    }

    #[test]
    fn dates_are_read_with_and_without_offset() {
        let read = |text| reader(TimeUnit::Ms).text(text).map(Moment::millis);
        for text in [
            "2026-05-01T12:00:00Z",
            "2026-05-01T14:00:00.000+02:00",
            "2026-05-01 12:00:00",
            "2026/5/1 12:00:00",
        ] {
            assert_eq!(read(text), Ok(1_777_636_800_000), "{text}");
        }
        let paris = TimeReader::new(TimeUnit::Ms, MissingTime::Reject, Some("Europe/Paris"), "n");
        assert_eq!(paris.text("2026-05-01 14:00:00").map(Moment::millis), Ok(1_777_636_800_000));
        assert_eq!(read("1969-12-31T23:59:59.9999Z"), Ok(-1));
        assert_eq!(read("9999-12-31"), Ok(253_402_214_400_000));
        for wrong in ["", "noon", "2026-13-01T00:00:00Z", "nan", "inf"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(zone_problem(Some("Europe/Atlantis")).is_some_and(|problem| problem.path == "zone"));
    }

    #[test]
    fn records_without_a_time_get_one_each_that_never_goes_back() {
        let mut given = Given::default();
        let times = |given: &mut Given, device: &str, now| given.next(device, now).0;
        assert_eq!([5, 5, 5, 4, 9].map(|now| times(&mut given, "a", now)), [5, 6, 7, 8, 9]);
        assert_eq!(
            [9, 9].map(|now| times(&mut given, "b", now)),
            [9, 10],
            "devices do not wait for each other"
        );
        let far: Vec<i64> = (0..3_000).filter(|_| given.next("b", 9).1).collect();
        assert_eq!(far.len(), 1, "it is told once");
        for device in 0..10_000 {
            given.next(&device.to_string(), 100_000 + device);
        }
        assert!(given.last.len() <= KEPT_DEVICES, "{}", given.last.len());
    }

    #[test]
    fn a_number_of_another_unit_is_noticed_once() {
        const NOW: i64 = 1_700_000_000;
        for (set, meant) in [
            (TimeUnit::Ms, NOW),
            (TimeUnit::Ms, NOW * 1_000_000),
            (TimeUnit::Ms, NOW * 1_000_000_000),
            (TimeUnit::S, NOW * 1_000),
            (TimeUnit::Us, NOW * 1_000),
        ] {
            let reader = reader(set);
            for believed in [0, 7] {
                assert!(reader.integer(believed).is_ok());
            }
            assert!(!reader.warned.load(Ordering::Relaxed), "{set:?}");
            assert!(reader.clone().integer(meant).is_ok());
            assert!(reader.warned.load(Ordering::Relaxed), "{set:?} {meant}");
        }
        let by_text = reader(TimeUnit::Ms);
        assert!(by_text.text("1700000000.25").is_ok() && by_text.warned.load(Ordering::Relaxed));
        let right = reader(TimeUnit::Ms);
        assert!(right.integer(NOW * 1_000).is_ok() && right.text("9999-12-31").is_ok());
        assert!(!right.warned.load(Ordering::Relaxed));
    }
}
