//! What is known of one measurement's values in one window.

use std::{cmp::Ordering, ops::Range};

use super::{
    super::saved::{Put, Take},
    is_number,
};
use arrow_array::{
    Array,
    cast::AsArray,
    types::{ArrowPrimitiveType, Float32Type, Float64Type, Int32Type, Int64Type},
};
use levada_connector_api::{
    Result,
    model::{Column, DataType, Value},
};

/// What is computed of the values in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    /// How many there are, INT64.
    Count,
    /// Their sum, DOUBLE.
    Sum,
    /// Their mean, DOUBLE.
    Avg,
    /// The smallest, of their own type.
    Min,
    /// The largest, of their own type.
    Max,
    /// The one of the earliest time, of its own type.
    First,
    /// The one of the latest time, of its own type.
    Last,
}

/// Values of one measurement, summed up.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Accumulator {
    count: u64,
    sum: f64,
    /// Of numbers, times and dates; of others `None`.
    min: Option<Value>,
    max: Option<Value>,
    first: Option<(i64, Value)>,
    last: Option<(i64, Value)>,
}

impl Function {
    /// All of them.
    pub(super) const ALL: [Self; 7] =
        [Self::Count, Self::Sum, Self::Avg, Self::Min, Self::Max, Self::First, Self::Last];

    /// The function of a name, in any case.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.name().eq_ignore_ascii_case(name.trim()))
    }

    /// Its name, as options and results have it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::First => "first",
            Self::Last => "last",
        }
    }

    /// Whether it can be computed of values of a type.
    pub(super) fn takes(self, data_type: DataType) -> bool {
        match self {
            Self::Count | Self::First | Self::Last => true,
            Self::Sum | Self::Avg => is_number(data_type),
            Self::Min | Self::Max => {
                is_number(data_type) || matches!(data_type, DataType::Timestamp | DataType::Date)
            }
        }
    }
}

impl Accumulator {
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds the values of some rows.
    pub(super) fn add(&mut self, column: &Column, times: &[i64], rows: Range<usize>) {
        macro_rules! numbers {
            ($arrow:ty, $value:path, $float:expr) => {
                self.numbers::<$arrow>(column.values.as_primitive(), times, rows, $value, $float)
            };
        }
        match column.data_type {
            DataType::Int32 => numbers!(Int32Type, Value::Int32, f64::from),
            DataType::Int64 => numbers!(Int64Type, Value::Int64, |value| value as f64),
            DataType::Float => numbers!(Float32Type, Value::Float, f64::from),
            DataType::Double => numbers!(Float64Type, Value::Double, |value| value),
            DataType::Timestamp => numbers!(Int64Type, Value::Timestamp, |_| 0.0),
            DataType::Date => numbers!(Int32Type, Value::Date, |_| 0.0),
            _ => {
                for row in rows {
                    let (Some(value), Some(&time)) = (column.value(row), times.get(row)) else { continue };
                    self.count += 1;
                    if self.last.as_ref().is_none_or(|(last, _)| time >= *last) {
                        self.last = Some((time, value.clone()));
                    }
                    if self.first.as_ref().is_none_or(|(first, _)| time < *first) {
                        self.first = Some((time, value));
                    }
                }
            }
        }
    }

    /// Adds numbers, which must be the first that are added.
    fn numbers<T: ArrowPrimitiveType>(
        &mut self,
        values: &arrow_array::PrimitiveArray<T>,
        times: &[i64],
        rows: Range<usize>,
        made: impl Fn(T::Native) -> Value,
        float: impl Fn(T::Native) -> f64,
    ) where
        T::Native: PartialOrd + Copy,
    {
        let (mut min, mut max) = (None::<T::Native>, None::<T::Native>);
        let (mut first, mut last) = (None::<(i64, T::Native)>, None::<(i64, T::Native)>);
        // A value that is not equal to itself is no number, and loses against each that is one.
        let none = |value: T::Native| value.partial_cmp(&value).is_none();
        let is = |value: T::Native, wanted, known: T::Native| value.partial_cmp(&known) == Some(wanted);
        for (row, &time) in rows.clone().zip(times.get(rows).unwrap_or_default()) {
            if values.is_null(row) {
                continue;
            }
            let value = values.value(row);
            self.count += 1;
            self.sum += float(value);
            min =
                Some(min.filter(|&known| !none(known) && !is(value, Ordering::Less, known)).unwrap_or(value));
            max = Some(
                max.filter(|&known| !none(known) && !is(value, Ordering::Greater, known)).unwrap_or(value),
            );
            first = Some(first.filter(|&(known, _)| known <= time).unwrap_or((time, value)));
            last = Some(last.filter(|&(known, _)| known > time).unwrap_or((time, value)));
        }
        self.min = min.map(&made);
        self.max = max.map(&made);
        self.first = first.map(|(time, value)| (time, made(value)));
        self.last = last.map(|(time, value)| (time, made(value)));
    }

    /// Adds what was summed up of values that came later.
    pub(super) fn merge(&mut self, later: Self) {
        self.count += later.count;
        self.sum += later.sum;
        self.min = chosen(self.min.take(), later.min, Ordering::Less);
        self.max = chosen(self.max.take(), later.max, Ordering::Greater);
        self.first = match (self.first.take(), later.first) {
            (Some(known), Some(new)) => Some(if new.0 < known.0 { new } else { known }),
            (known, new) => known.or(new),
        };
        self.last = match (self.last.take(), later.last) {
            (Some(known), Some(new)) => Some(if new.0 >= known.0 { new } else { known }),
            (known, new) => known.or(new),
        };
    }

    /// What a function gives; `None` where it cannot be computed of these.
    pub(super) fn result(&self, function: Function) -> Option<Value> {
        let number = || self.last.as_ref().is_some_and(|(_, value)| is_number(value.data_type()));
        match function {
            Function::Count => Some(Value::Int64(i64::try_from(self.count).unwrap_or(i64::MAX))),
            Function::Sum => number().then_some(Value::Double(self.sum)),
            Function::Avg => number().then(|| Value::Double(self.sum / self.count as f64)),
            Function::Min => self.min.clone(),
            Function::Max => self.max.clone(),
            Function::First => self.first.as_ref().map(|(_, value)| value.clone()),
            Function::Last => self.last.as_ref().map(|(_, value)| value.clone()),
        }
    }

    pub(super) fn save(&self, put: &mut Put<'_>) {
        put.number(self.count);
        put.float(self.sum);
        for value in [&self.min, &self.max] {
            put.byte(u8::from(value.is_some()));
            value.iter().for_each(|value| put.value(value));
        }
        for value in [&self.first, &self.last] {
            put.byte(u8::from(value.is_some()));
            if let Some((time, value)) = value {
                put.signed(*time);
                put.value(value);
            }
        }
    }

    pub(super) fn restored(take: &mut Take<'_>) -> Result<Self> {
        let (count, sum) = (take.number()?, take.float()?);
        let mut value = || if take.byte()? == 1 { take.value().map(Some) } else { Ok(None) };
        let (min, max) = (value()?, value()?);
        let mut timed = || -> Result<_> {
            Ok(if take.byte()? == 1 { Some((take.signed()?, take.value()?)) } else { None })
        };
        let (first, last) = (timed()?, timed()?);
        Ok(Self { count, sum, min, max, first, last })
    }
}

/// The one of two values that compares like this with the other.
fn chosen(known: Option<Value>, new: Option<Value>, wanted: Ordering) -> Option<Value> {
    let (Some(known), Some(new)) = (known.as_ref(), new.as_ref()) else { return known.or(new) };
    let ordering = match (known, new) {
        (Value::Int32(known), Value::Int32(new)) => Some(new.cmp(known)),
        (Value::Int64(known), Value::Int64(new)) => Some(new.cmp(known)),
        (Value::Timestamp(known), Value::Timestamp(new)) => Some(new.cmp(known)),
        (Value::Date(known), Value::Date(new)) => Some(new.cmp(known)),
        _ => match (float_of(known), float_of(new)) {
            (known, new) if known.is_nan() && !new.is_nan() => Some(wanted),
            (known, new) => new.partial_cmp(&known),
        },
    };
    Some(if ordering == Some(wanted) { new.clone() } else { known.clone() })
}

fn float_of(value: &Value) -> f64 {
    match value {
        Value::Int32(value) | Value::Date(value) => f64::from(*value),
        Value::Int64(value) | Value::Timestamp(value) => *value as f64,
        Value::Float(value) => f64::from(*value),
        Value::Double(value) => *value,
        _ => f64::NAN,
    }
}
