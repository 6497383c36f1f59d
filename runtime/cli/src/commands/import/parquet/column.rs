//! What becomes of a column of Parquet.
//!
//! | in the file | type of a new series | |
//! | --- | --- | --- |
//! | bool | BOOLEAN | |
//! | int8, int16, int32, uint8, uint16 | INT32 | |
//! | uint32, int64 | INT64 | |
//! | uint64, decimal without a fraction | INT64 | a value beyond INT64 is rejected |
//! | float16, float | FLOAT | |
//! | double | DOUBLE | |
//! | other decimals | DOUBLE | a value that no DOUBLE has the digits of is rejected |
//! | string, large, view | TEXT | |
//! | binary, large, view, fixed size | BLOB | |
//! | date | DATE | |
//! | timestamp of any unit and zone, INT96 | TIMESTAMP | digits below the millisecond are cut, and counted |
//! | dictionary or runs of one of these | the same | |
//! | null | none | there are no values |
//!
//! Values of a series that exists, or of a column whose type is noted, become those of its type by the table of conversions
//! ([`Column::to_in`]): decimals and uint64 by their digits, all others by their own type.
//!
//! All others (lists, structures, maps, times of day, durations) have no place, and are named with what to do.

use std::{io::Write as _, sync::Arc};

use anyhow::{Context, bail};
use arrow_array::{
    Array, ArrayRef, Int32Array, Int64Array, StringArray,
    builder::BinaryBuilder,
    cast::AsArray,
    types::{
        Date32Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
        TimestampSecondType, UInt64Type,
    },
};
use arrow_cast::cast;
use arrow_schema::{DataType as ArrowType, TimeUnit};
use jiff::tz::TimeZone;
use levada_model::{
    Column, DataType, Kind, Value,
    convert::{Converted, Reason, date_of_days},
};

/// What to do with numbers that no type of numbers holds.
const TEXT_ADVICE: &str = ": declare the series TEXT, or turn the column into text before";

/// How a column is read.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// What its values are by themselves.
    pub(super) own: DataType,
    /// The type that is noted beside it.
    noted: Option<DataType>,
    /// As what its values are taken, out of dictionaries and runs.
    from: ArrowType,
}

/// A column that was read.
pub(super) struct Taken {
    /// The values: of their own type, or their digits as written values.
    pub(super) values: ArrayRef,
    /// Rows whose value no type holds, and why; the value is null there.
    pub(super) wrong: Vec<(usize, String)>,
    /// How many values have lost digits below the millisecond.
    pub(super) cut: u64,
}

impl Plan {
    /// For a column of values, and the type that is noted beside it; `None` for one that cannot have values.
    ///
    /// # Errors
    /// No series can hold such values.
    pub(super) fn new(found: &ArrowType, noted: Option<DataType>) -> anyhow::Result<Option<Self>> {
        let from = plain(found);
        if *from == ArrowType::Null {
            return Ok(None);
        }
        let Some(own) = nearest(from) else {
            bail!(
                "no series can hold {found}: leave the column out, or turn it into numbers or text before (in SQL of most \
                 tools, `cast(… as varchar)`)"
            );
        };
        Ok(Some(Self { own, noted, from: from.clone() }))
    }

    /// For the column of times.
    ///
    /// # Errors
    /// Such values are no times.
    pub(super) fn of_time(found: &ArrowType) -> anyhow::Result<Self> {
        let from = plain(found);
        let is_time = from.is_integer()
            || matches!(from, ArrowType::Timestamp(..) | ArrowType::Date32 | ArrowType::Date64)
            || is_text(from);
        let Some(own) = nearest(from).filter(|_| is_time) else {
            bail!(
                "{found} is no time: it is a timestamp, a date, a text, or a whole number of milliseconds since 1970"
            );
        };
        Ok(Self { own, noted: None, from: from.clone() })
    }

    /// Whether its values are texts.
    pub(super) fn is_text(&self) -> bool {
        is_text(&self.from)
    }

    /// Reads some values.
    ///
    /// # Errors
    /// The values are not what the file's schema says.
    pub(super) fn take(&self, array: &ArrayRef) -> anyhow::Result<Taken> {
        let array = self.flat(array)?;
        let (mut wrong, mut cut) = (Vec::new(), 0);
        let values: ArrayRef = match &self.from {
            ArrowType::Timestamp(unit, _) => times(&array, *unit, &mut cut, &mut wrong),
            ArrowType::Date32 | ArrowType::Date64 => dates(&array, &mut wrong)?,
            ArrowType::UInt64 if array.as_primitive::<UInt64Type>().iter().flatten().any(is_beyond) => {
                digits(&array, Kind::Number)?
            }
            decimal if decimal.is_decimal() => digits(&array, Kind::Decimal)?,
            _ => cast(&array, &self.own.arrow())?,
        };
        Ok(Taken { values, wrong, cut })
    }

    /// Reads some times: milliseconds since 1970, and how many have lost digits below; null where it is none, and told why.
    ///
    /// # Errors
    /// As [`Plan::take`].
    pub(super) fn take_times(&self, array: &ArrayRef) -> anyhow::Result<Taken> {
        if let ArrowType::Date32 | ArrowType::Date64 = self.from {
            let millis = cast(&self.flat(array)?, &ArrowType::Timestamp(TimeUnit::Millisecond, None))?;
            let values = times(&millis, TimeUnit::Millisecond, &mut 0, &mut Vec::new());
            return Ok(Taken { values, wrong: Vec::new(), cut: 0 });
        }
        let mut taken = self.take(array)?;
        let column = self.column("".into(), Arc::clone(&taken.values));
        let Converted { values, rejected } = column.to(DataType::Timestamp);
        let wrong = rejected.into_iter().map(|(row, reason)| {
            (row as usize, reason.of(shown(&column, row as usize), DataType::Timestamp))
        });
        taken.wrong.extend(wrong);
        Ok(Taken { values, ..taken })
    }

    /// Out of dictionaries and runs.
    fn flat(&self, array: &ArrayRef) -> anyhow::Result<ArrayRef> {
        Ok(if *array.data_type() == self.from { Arc::clone(array) } else { cast(array, &self.from)? })
    }

    /// Values that were taken, with their measurement.
    pub(super) fn column(&self, name: Arc<str>, values: ArrayRef) -> Column {
        Column { name, data_type: self.own, values }
    }

    /// A column in the type of its series, which is `known` if it exists: null where a value does not fit, and told why.
    pub(super) fn typed(
        &self,
        column: &Column,
        known: Option<DataType>,
        zone: &TimeZone,
    ) -> (Column, Vec<(usize, String)>) {
        let data_type = known.or(self.noted).unwrap_or(self.own);
        let Converted { values, rejected } = column.to_in(data_type, zone);
        let is_new = known.or(self.noted).is_none();
        let advice = |reason| if is_new && reason == Reason::Range { TEXT_ADVICE } else { "" };
        let reason = |row: usize, reason: Reason| reason.of(shown(column, row), data_type) + advice(reason);
        let wrong =
            rejected.into_iter().map(|(row, why)| (row as usize, reason(row as usize, why))).collect();
        (Column { name: Arc::clone(&column.name), data_type, values }, wrong)
    }
}

/// A value as it is in the file, for an error.
fn shown(column: &Column, row: usize) -> String {
    match column.written() {
        Some(written) => written.get(row).map(|given| given.to_string()),
        None => Value::at(&column.values, column.data_type, row).map(|value| value.to_string()),
    }
    .unwrap_or_default()
}

fn is_beyond(number: u64) -> bool {
    i64::try_from(number).is_err()
}

/// The type of the values, out of dictionaries and runs.
fn plain(found: &ArrowType) -> &ArrowType {
    match found {
        ArrowType::Dictionary(_, values) => plain(values),
        ArrowType::RunEndEncoded(_, values) => plain(values.data_type()),
        other => other,
    }
}

fn is_text(found: &ArrowType) -> bool {
    matches!(found, ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View)
}

/// The type of values by themselves.
fn nearest(found: &ArrowType) -> Option<DataType> {
    Some(match found {
        ArrowType::Boolean => DataType::Boolean,
        ArrowType::Int8 | ArrowType::Int16 | ArrowType::Int32 | ArrowType::UInt8 | ArrowType::UInt16 => {
            DataType::Int32
        }
        ArrowType::Int64 | ArrowType::UInt32 | ArrowType::UInt64 => DataType::Int64,
        ArrowType::Float16 | ArrowType::Float32 => DataType::Float,
        ArrowType::Float64 => DataType::Double,
        ArrowType::Decimal32(_, scale)
        | ArrowType::Decimal64(_, scale)
        | ArrowType::Decimal128(_, scale)
        | ArrowType::Decimal256(_, scale)
            if *scale <= 0 =>
        {
            DataType::Int64
        }
        decimal if decimal.is_decimal() => DataType::Double,
        text if is_text(text) => DataType::Text,
        ArrowType::Binary
        | ArrowType::LargeBinary
        | ArrowType::BinaryView
        | ArrowType::FixedSizeBinary(_) => DataType::Blob,
        ArrowType::Date32 | ArrowType::Date64 => DataType::Date,
        ArrowType::Timestamp(..) => DataType::Timestamp,
        _ => return None,
    })
}

/// The digits of numbers, as written values.
fn digits(array: &ArrayRef, kind: Kind) -> anyhow::Result<ArrayRef> {
    let texts = cast(array, &ArrowType::Utf8)?;
    let texts: &StringArray = texts.as_string_opt().context("numbers have no digits")?;
    let mut values = BinaryBuilder::with_capacity(texts.len(), texts.value_data().len() + texts.len());
    for text in texts {
        match text {
            Some(text) => {
                values.write_all(&[kind.tag()])?;
                values.append_value(text);
            }
            None => values.append_null(),
        }
    }
    Ok(Arc::new(values.finish()))
}

/// Milliseconds since 1970.
fn times(array: &ArrayRef, unit: TimeUnit, cut: &mut u64, wrong: &mut Vec<(usize, String)>) -> ArrayRef {
    let (raw, per_milli) = match unit {
        TimeUnit::Millisecond => {
            let array = array.as_primitive::<TimestampMillisecondType>();
            return Arc::new(Int64Array::new(array.values().clone(), array.nulls().cloned()));
        }
        TimeUnit::Second => {
            let seconds = array.as_primitive::<TimestampSecondType>();
            let millis: Int64Array =
                seconds.iter().map(|time| time.and_then(|time| time.checked_mul(1_000))).collect();
            for row in (0..seconds.len()).filter(|&row| seconds.is_valid(row) && millis.is_null(row)) {
                wrong.push((row, format!("{} s since 1970 is beyond all times", seconds.value(row))));
            }
            return Arc::new(millis);
        }
        TimeUnit::Microsecond => {
            let array = array.as_primitive::<TimestampMicrosecondType>();
            (Int64Array::new(array.values().clone(), array.nulls().cloned()), 1_000)
        }
        TimeUnit::Nanosecond => {
            let array = array.as_primitive::<TimestampNanosecondType>();
            (Int64Array::new(array.values().clone(), array.nulls().cloned()), 1_000_000)
        }
    };
    *cut += raw.iter().flatten().filter(|time| time.rem_euclid(per_milli) != 0).count() as u64;
    let millis: Int64Array = raw.unary(|time| time.div_euclid(per_milli));
    Arc::new(millis)
}

/// The numbers yyyymmdd of days.
fn dates(array: &ArrayRef, wrong: &mut Vec<(usize, String)>) -> anyhow::Result<ArrayRef> {
    let days = cast(array, &ArrowType::Date32)?;
    let days = days.as_primitive::<Date32Type>();
    let dates: Int32Array = days.iter().map(|day| day.and_then(|day| date_of_days(day.into()))).collect();
    for row in (0..days.len()).filter(|&row| days.is_valid(row) && dates.is_null(row)) {
        wrong.push((
            row,
            format!("{} days from 1970-01-01 is no date of the years 1 to 9999", days.value(row)),
        ));
    }
    Ok(Arc::new(dates))
}

/// Whether values are written without quotes.
pub(super) fn is_number(found: &ArrowType) -> bool {
    let found = plain(found);
    found.is_numeric() || *found == ArrowType::Boolean
}

#[cfg(test)]
mod tests;
