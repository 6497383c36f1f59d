//! Rows that are too far ahead of the clock.
//!
//! A transform that goes by each device's own time takes the latest that it has sent for how far it is. A clock that was wrong once, or
//! a time in another unit, would make all rows of the device late that come after it. So a row that is further ahead of this machine's
//! clock than it may be is rejected.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use arrow_array::BooleanArray;
use levada_connector_api::{Facilities, Interval, Readings, Result};

use super::rejection::Rejection;
use crate::rejections::Clock;

/// A day, as a default: no zone of the world is as far from another, so that a device that sends local time is not rejected.
pub(super) fn a_day() -> Option<Interval> {
    Some(Interval(Duration::from_secs(24 * 60 * 60)))
}

/// How far ahead of the clock rows may be.
pub(super) struct Earliness {
    clock: Clock,
    allowed: Option<Interval>,
}

impl fmt::Debug for Earliness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Earliness").field(&self.allowed).finish()
    }
}

impl Earliness {
    /// By the clock that is lent, or the machine's.
    pub(super) fn new(allowed: Option<Interval>, facilities: &Facilities) -> Self {
        let clock = facilities.get::<Clock>().map_or_else(|| Arc::new(SystemTime::now) as Clock, Arc::clone);
        Self { clock, allowed }
    }

    /// Rejects rows that are too far ahead, and gives the others. Rows that came from no record were made of rows that were not.
    ///
    /// # Errors
    /// Never for rows that came from records.
    pub(super) fn check(&self, readings: Readings, rejection: &mut Rejection) -> Result<Readings> {
        let Some(allowed) = self.allowed.filter(|_| readings.records.is_some()) else { return Ok(readings) };
        let times = readings.tablet.times().values();
        let Some(&latest) = times.iter().max() else { return Ok(readings) };
        let now = (self.clock)().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let last = i64::try_from(now.saturating_add(allowed.0.as_millis())).unwrap_or(i64::MAX);
        if latest <= last {
            return Ok(readings);
        }
        let device = readings.tablet.device();
        for (row, &time) in times.iter().enumerate().filter(|(_, time)| **time > last) {
            let reason = format!(
                "{device}: the time {time} is more than {allowed} ahead of the clock, which is at {now}, and would make rows late \
                 that come after it; `allowed_earliness` says how far ahead a row may be"
            );
            rejection.rows(&readings.records, [row], &reason)?;
        }
        let keep: BooleanArray = times.iter().map(|time| Some(*time <= last)).collect();
        readings.filter(&keep)
    }
}
