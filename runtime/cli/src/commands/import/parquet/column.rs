//! What becomes of a column of Parquet.
//!
//! | in the file | type | |
//! | --- | --- | --- |
//! | bool | BOOLEAN | |
//! | int8, int16, int32, uint8, uint16 | INT32 | |
//! | uint32, int64 | INT64 | |
//! | uint64 | INT64 | a value beyond INT64 is rejected |
//! | float16, float | FLOAT | |
//! | double | DOUBLE | |
//! | decimal without a fraction, up to 18 digits | INT64 | |
//! | other decimals | DOUBLE | a value that a DOUBLE does not print with the same digits is rejected |
//! | string, large, view | TEXT | |
//! | binary, large, view, fixed size | BLOB | |
//! | date | DATE | |
//! | timestamp of any unit and zone, INT96 | TIMESTAMP | digits below the millisecond are cut, and counted |
//! | dictionary or runs of one of these | the same | |
//! | null | none | there are no values |
//!
//! All others (lists, structures, maps, times of day, durations) have no place, and are named with what to do.

use std::sync::Arc;

use anyhow::{Context, bail};
use arrow_array::{
    Array, ArrayRef, Int32Array, Int64Array, StringArray,
    builder::Float64Builder,
    cast::AsArray,
    types::{
        Date32Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
        TimestampSecondType,
    },
};
use arrow_cast::{CastOptions, cast, cast_with_options, display::array_value_to_string};
use arrow_schema::{DataType as ArrowType, TimeUnit};
use jiff::{ToSpan, civil, tz::TimeZone};
use levada_model::DataType;

use crate::commands::import::csv::column as texts;

/// Digits that every DOUBLE has.
const SURE_DIGITS: usize = 15;

/// How a column is read.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// What it becomes.
    pub(super) data_type: DataType,
    /// As what its values are taken, out of dictionaries and runs.
    from: ArrowType,
}

/// A column that was read.
pub(super) struct Converted {
    pub(super) values: ArrayRef,
    /// Rows whose value does not fit, and why; the value is null there.
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
        let Some(nearest) = nearest(from) else {
            bail!(
                "no series can hold {found}: leave the column out, or turn it into numbers or text before (in SQL of most \
                 tools, `cast(… as varchar)`)"
            );
        };
        let data_type = noted.filter(|noted| noted.arrow() == nearest.arrow()).unwrap_or(nearest);
        Ok(Some(Self { data_type, from: from.clone() }))
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
        if !is_time {
            bail!(
                "{found} is no time: it is a timestamp, a date, a text, or a whole number of milliseconds since 1970"
            );
        }
        Ok(Self { data_type: DataType::Timestamp, from: from.clone() })
    }

    /// Reads some values; texts that are times and do not say their zone are of this one.
    ///
    /// # Errors
    /// The values are not what the file's schema says.
    pub(super) fn convert(&self, array: &ArrayRef, zone: &TimeZone) -> anyhow::Result<Converted> {
        let array =
            if *array.data_type() == self.from { Arc::clone(array) } else { cast(array, &self.from)? };
        let (mut wrong, mut cut) = (Vec::new(), 0);
        let values: ArrayRef = match (self.data_type, &self.from) {
            (DataType::Timestamp, ArrowType::Timestamp(unit, _)) => {
                times(&array, *unit, &mut cut, &mut wrong)
            }
            (DataType::Timestamp, ArrowType::Date32 | ArrowType::Date64) => {
                let millis = cast(&array, &ArrowType::Timestamp(TimeUnit::Millisecond, None))?;
                times(&millis, TimeUnit::Millisecond, &mut cut, &mut wrong)
            }
            (DataType::Timestamp, from) if is_text(from) => {
                let array = cast(&array, &ArrowType::Utf8)?;
                let (values, not) = texts::read(DataType::Timestamp, array.as_string::<i32>().iter(), zone);
                wrong = not;
                values
            }
            (DataType::Date, _) => dates(&array, &mut wrong)?,
            (DataType::Double, from) if from.is_decimal() => decimals(&array, &mut wrong)?,
            (data_type, _) => fitting(&array, data_type, &mut wrong)?,
        };
        Ok(Converted { values, wrong, cut })
    }
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

/// The type of which nothing is noted.
fn nearest(found: &ArrowType) -> Option<DataType> {
    Some(match found {
        ArrowType::Boolean => DataType::Boolean,
        ArrowType::Int8 | ArrowType::Int16 | ArrowType::Int32 | ArrowType::UInt8 | ArrowType::UInt16 => {
            DataType::Int32
        }
        ArrowType::Int64 | ArrowType::UInt32 | ArrowType::UInt64 => DataType::Int64,
        ArrowType::Float16 | ArrowType::Float32 => DataType::Float,
        ArrowType::Float64 => DataType::Double,
        ArrowType::Decimal32(digits, 0)
        | ArrowType::Decimal64(digits, 0)
        | ArrowType::Decimal128(digits, 0)
        | ArrowType::Decimal256(digits, 0)
            if *digits <= 18 =>
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

/// Values in the form of a type; what the type has no value for is null, and told of.
fn fitting(
    array: &ArrayRef,
    data_type: DataType,
    wrong: &mut Vec<(usize, String)>,
) -> anyhow::Result<ArrayRef> {
    if *array.data_type() == data_type.arrow() {
        return Ok(Arc::clone(array));
    }
    let options = CastOptions { safe: true, ..CastOptions::default() };
    let values = cast_with_options(array, &data_type.arrow(), &options)?;
    if values.null_count() > array.null_count() {
        for row in (0..array.len()).filter(|&row| array.is_valid(row) && values.is_null(row)) {
            wrong.push((row, format!("{} does not fit {data_type}", array_value_to_string(array, row)?)));
        }
    }
    Ok(values)
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
    if *array.data_type() == ArrowType::Int32 {
        return Ok(Arc::clone(array));
    }
    let days = cast(array, &ArrowType::Date32)?;
    let days = days.as_primitive::<Date32Type>();
    let dates: Int32Array = days.iter().map(|day| day.and_then(date)).collect();
    for row in (0..days.len()).filter(|&row| days.is_valid(row) && dates.is_null(row)) {
        wrong.push((
            row,
            format!("{} days from 1970-01-01 is no date of the years 0 to 9999", days.value(row)),
        ));
    }
    Ok(Arc::new(dates))
}

/// The number yyyymmdd of a day that is so many days from 1970-01-01.
fn date(days: i32) -> Option<i32> {
    let date = civil::date(1970, 1, 1).checked_add(i64::from(days).days()).ok()?;
    let year = i32::from(date.year());
    (year >= 0).then(|| year * 10_000 + i32::from(date.month()) * 100 + i32::from(date.day()))
}

/// Decimals as the numbers that print the same digits.
fn decimals(array: &ArrayRef, wrong: &mut Vec<(usize, String)>) -> anyhow::Result<ArrayRef> {
    let digits = cast(array, &ArrowType::Utf8)?;
    let digits: &StringArray = digits.as_string_opt().context("decimals have no digits")?;
    let mut values = Float64Builder::with_capacity(digits.len());
    for (row, digits) in digits.iter().enumerate() {
        let number =
            digits.and_then(|digits| digits.parse::<f64>().ok().filter(|number| is_exact(digits, *number)));
        if let Some(digits) = digits.filter(|_| number.is_none()) {
            wrong.push((
                row,
                format!("{digits} has more digits than a DOUBLE: turn the column into text before"),
            ));
        }
        values.append_option(number);
    }
    Ok(Arc::new(values.finish()))
}

/// Whether a number is the one whose digits these are, and no other of as many digits is nearer to it.
fn is_exact(digits: &str, number: f64) -> bool {
    let significant = digits.bytes().filter(u8::is_ascii_digit).skip_while(|digit| *digit == b'0').count();
    significant <= SURE_DIGITS || trimmed(digits) == trimmed(&number.to_string())
}

/// Without what says nothing behind the point.
fn trimmed(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

/// Whether values are written without quotes.
pub(super) fn is_number(found: &ArrowType) -> bool {
    let found = plain(found);
    found.is_numeric() || *found == ArrowType::Boolean
}

#[cfg(test)]
mod tests {
    use arrow_array::{
        Date64Array, Decimal128Array, TimestampNanosecondArray, UInt64Array,
        types::{Int32Type, Int64Type},
    };

    use super::*;

    fn convert(array: ArrayRef) -> (DataType, ArrayRef, Vec<String>, u64) {
        let plan = Plan::new(array.data_type(), None).expect("a place").expect("values");
        let Converted { values, wrong, cut } = plan.convert(&array, &TimeZone::UTC).expect("converted");
        assert_eq!(*values.data_type(), plan.data_type.arrow());
        assert!(wrong.iter().all(|(row, _)| values.is_null(*row)));
        (plan.data_type, values, wrong.into_iter().map(|(_, reason)| reason).collect(), cut)
    }

    #[test]
    fn whole_numbers_never_wrap() {
        let array = UInt64Array::from(vec![Some(1), None, Some(u64::MAX), Some(i64::MAX as u64)]);
        let (data_type, values, wrong, _) = convert(Arc::new(array));
        assert_eq!((data_type, values.null_count()), (DataType::Int64, 2));
        assert_eq!(wrong, ["18446744073709551615 does not fit INT64"]);
    }

    #[test]
    fn decimals_keep_their_digits_or_are_rejected() {
        let decimal = |values: Vec<i128>, digits, scale| -> ArrayRef {
            Arc::new(Decimal128Array::from(values).with_precision_and_scale(digits, scale).expect("fits"))
        };
        let (data_type, values, wrong, _) =
            convert(decimal(vec![1_234, -5, 12_345_678_901_234_567_890_123], 38, 2));
        assert_eq!((data_type, values.null_count()), (DataType::Double, 1));
        assert_eq!(values.as_primitive::<arrow_array::types::Float64Type>().values()[..2], [12.34, -0.05]);
        assert!(wrong[0].starts_with("123456789012345678901.23 has more digits"), "{wrong:?}");
        let (data_type, values, wrong, _) = convert(decimal(vec![999_999_999_999_999_999], 18, 0));
        assert_eq!((data_type, wrong.len()), (DataType::Int64, 0));
        assert_eq!(values.as_primitive::<Int64Type>().values(), &[999_999_999_999_999_999]);
    }

    #[test]
    fn times_and_dates_before_1970_round_down() {
        let (data_type, values, wrong, cut) =
            convert(Arc::new(TimestampNanosecondArray::from(vec![-1, 1_000_000, 1_500_000])));
        assert_eq!((data_type, wrong.len(), cut), (DataType::Timestamp, 0, 2));
        assert_eq!(values.as_primitive::<Int64Type>().values(), &[-1, 1, 1]);
        let (data_type, values, wrong, _) =
            convert(Arc::new(Date64Array::from(vec![-86_400_000, 1_709_164_800_000])));
        assert_eq!((data_type, wrong.len()), (DataType::Date, 0));
        assert_eq!(values.as_primitive::<Int32Type>().values(), &[19_691_231, 20_240_229]);
    }

    #[test]
    fn what_has_no_place_is_named_with_what_to_do() {
        let list = ArrowType::new_list(ArrowType::Int64, true);
        for found in [list, ArrowType::Time64(TimeUnit::Microsecond), ArrowType::Duration(TimeUnit::Second)] {
            let error = Plan::new(&found, None).expect_err("no place").to_string();
            assert!(error.contains(&found.to_string()) && error.contains("leave the column out"), "{error}");
        }
        assert!(Plan::new(&ArrowType::Null, None).expect("a place").is_none());
    }
}
