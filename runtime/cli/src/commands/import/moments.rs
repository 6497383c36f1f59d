//! The times of rows of files, and what is to be told of them once a file is read.

use std::{cell::Cell, collections::HashMap, path::Path};

#[cfg(feature = "parquet")]
use arrow_array::{
    Array, ArrayRef,
    cast::AsArray,
    types::{Int64Type, TimestampMicrosecondType, TimestampNanosecondType},
};
use jiff::tz::TimeZone;
use levada_model::{Moment, TimeError, TimeUnit, parse_time, parse_zone};

/// Moments that are kept to be compared with, at most.
const MAX_MOMENTS: usize = 100_000;

/// How times are read.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct TimeArgs {
    /// The zone of times that do not say theirs, by its name or offset
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = parse_zone)]
    zone: TimeZone,
    /// What a time that is a number counts: s, ms, us or ns
    #[arg(long, value_name = "UNIT", default_value = "ms", value_parser = unit)]
    time_unit: TimeUnit,
}

fn unit(text: &str) -> Result<TimeUnit, String> {
    let units = [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond];
    units
        .into_iter()
        .find(|unit| unit.name() == text)
        .ok_or_else(|| "it is one of s, ms, us and ns".to_owned())
}

/// Reads the times of one file.
#[derive(Debug)]
pub(super) struct Moments {
    zone: TimeZone,
    unit: TimeUnit,
    /// The first number that looks like one of another unit.
    doubt: Cell<Option<(i64, TimeUnit)>>,
    /// The row that came last, while no time was finer than milliseconds.
    last: (String, Option<Moment>),
    /// Rows by device and millisecond, from when a time is finer on.
    seen: HashMap<String, HashMap<i64, Moment>>,
    kept: usize,
    finer: bool,
    /// Rows in the millisecond of another.
    on_another: u64,
}

impl Moments {
    pub(super) fn new(args: &TimeArgs) -> Self {
        Self {
            zone: args.zone.clone(),
            unit: args.time_unit,
            doubt: Cell::new(None),
            last: (String::new(), None),
            seen: HashMap::new(),
            kept: 0,
            finer: false,
            on_another: 0,
        }
    }

    /// The zone of times that do not say theirs.
    pub(super) fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The time that a text says.
    ///
    /// # Errors
    /// It says none.
    pub(super) fn read(&self, text: &str) -> Result<Moment, TimeError> {
        let text = text.trim();
        if let Some(moment) = self.unit.moment_of_digits(text) {
            let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
            self.doubt(whole.parse().unwrap_or_default());
            return Ok(moment);
        }
        parse_time(text, &self.zone)
    }

    /// The times of a Parquet column, where they are numbers or finer than milliseconds; `None` where one is null, too.
    #[cfg(feature = "parquet")]
    pub(super) fn of_array(&self, array: &ArrayRef) -> Option<Vec<Moment>> {
        use arrow_schema::{DataType, TimeUnit as Arrow};
        let (unit, numbers): (_, &[i64]) = match array.data_type() {
            DataType::Int64 => (self.unit, array.as_primitive::<Int64Type>().values()),
            DataType::Timestamp(Arrow::Microsecond, _) => {
                (TimeUnit::Microsecond, array.as_primitive::<TimestampMicrosecondType>().values())
            }
            DataType::Timestamp(Arrow::Nanosecond, _) => {
                (TimeUnit::Nanosecond, array.as_primitive::<TimestampNanosecondType>().values())
            }
            _ => return None,
        };
        if array.null_count() > 0 {
            return None;
        }
        if let Some(first) = numbers.first()
            && *array.data_type() == DataType::Int64
        {
            self.doubt(*first);
        }
        numbers.iter().map(|&number| unit.moment(number)).collect()
    }

    fn doubt(&self, number: i64) {
        if self.doubt.get().is_none()
            && let Some(likelier) = self.unit.likelier(number)
        {
            self.doubt.set(Some((number, likelier)));
        }
    }

    /// Takes note of the time of a row; `device` is empty where a row is of all devices of the file.
    pub(super) fn note(&mut self, device: &str, at: Moment) {
        if !self.finer && !at.is_finer() {
            self.last.1 = Some(at);
            if self.last.0 != device {
                device.clone_into(&mut self.last.0);
            }
            return;
        }
        if !self.finer {
            self.finer = true;
            if let (before, Some(last)) = std::mem::take(&mut self.last) {
                self.seen.entry(before).or_default().insert(last.millis(), last);
            }
        }
        if self.kept >= MAX_MOMENTS {
            self.seen.clear();
            self.kept = 0;
        }
        self.kept += 1;
        let of_device = match self.seen.get_mut(device) {
            Some(of_device) => of_device,
            None => self.seen.entry(device.to_owned()).or_default(),
        };
        let before = of_device.insert(at.millis(), at);
        self.on_another += u64::from(before.is_some_and(|before| before.falls_on(at)));
    }

    /// Tells what was noticed of a file.
    pub(super) fn tell(&self, file: &Path) {
        let file = file.display();
        if let Some((number, likelier)) = self.doubt.get() {
            let (unit, likelier) = (self.unit.name(), likelier.name());
            eprintln!(
                "{file}: the time {number} looks like one in {likelier} where {unit} is expected; give `--time-unit {likelier}` if it is"
            );
        }
        if self.on_another > 0 {
            eprintln!(
                "{file}: times are finer than milliseconds: {} of the rows fall on the millisecond of another row of their device, and of \
                 two values of one series there the later is stored",
                self.on_another
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(zone: &str, time_unit: TimeUnit) -> Moments {
        Moments::new(&TimeArgs { zone: parse_zone(zone).expect("a zone"), time_unit })
    }

    #[test]
    fn times_are_numbers_in_the_unit_or_dates_in_the_zone() {
        let paris = moments("Europe/Paris", TimeUnit::Second);
        let read = |text| paris.read(text).map(Moment::millis);
        assert_eq!(read("2021-05-08 10:11:12.345"), Ok(1_620_461_472_345));
        assert_eq!(read("2021-05-08T10:11:12.348+08:00"), Ok(1_620_439_872_348));
        assert_eq!(read(" 1620461472.3456 "), Ok(1_620_461_472_345));
        assert!(paris.doubt.get().is_none());
        assert!(read("noon").is_err_and(|error| error.0.contains("as in 2026-05-01T12:00:00Z")));
        assert_eq!(
            read("1620461472345").map(|_| paris.doubt.get()),
            Ok(Some((1_620_461_472_345, TimeUnit::Millisecond)))
        );
    }

    #[test]
    fn rows_on_the_millisecond_of_another_are_counted_by_device() {
        let mut moments = moments("UTC", TimeUnit::Microsecond);
        for (device, micros) in
            [("a", "1000"), ("a", "1000"), ("a", "1001"), ("b", "1002"), ("b", "2001"), ("a", "1003")]
        {
            let at = moments.read(micros).expect("a number");
            moments.note(device, at);
        }
        assert_eq!(moments.on_another, 2);
    }
}
