//! What a page, a chunk or a whole series holds, known without reading it.

use levada_model::{DataType, Value};

use arrow_array::Array;

use crate::{
    column::{Dense, indices},
    error::Parsed,
    wire::{Cursor, put_bin, put_uvar},
};

/// Count, first and last time and, by type, first, last, least and greatest value and the sum.
///
/// This crate leaves NaN out of the least and greatest values; Java's writer keeps NaN if it comes first. [`Statistics::min`]
/// and [`Statistics::max`] are `None` if they are NaN.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    count: u64,
    start: i64,
    end: i64,
    /// `None` for a time column.
    data_type: Option<DataType>,
    values: Values,
}

#[derive(Clone, Debug, PartialEq)]
struct Range<T, S> {
    min: T,
    max: T,
    first: T,
    last: T,
    sum: S,
}

#[derive(Clone, Debug, PartialEq)]
enum Values {
    None,
    Boolean { first: bool, last: bool, sum: i64 },
    Int32(Range<i32, i64>),
    Int64(Range<i64, f64>),
    Float(Range<f32, f64>),
    Double(Range<f64, f64>),
    Text { first: Box<[u8]>, last: Box<[u8]> },
    String(Box<Range<Box<[u8]>, ()>>),
}

impl Values {
    fn empty(data_type: Option<DataType>) -> Self {
        fn range<T: Default, S: Default>() -> Range<T, S> {
            Range {
                min: T::default(),
                max: T::default(),
                first: T::default(),
                last: T::default(),
                sum: S::default(),
            }
        }
        match data_type {
            None | Some(DataType::Blob) => Self::None,
            Some(DataType::Boolean) => Self::Boolean { first: false, last: false, sum: 0 },
            Some(DataType::Int32 | DataType::Date) => Self::Int32(range()),
            Some(DataType::Int64 | DataType::Timestamp) => Self::Int64(range()),
            Some(DataType::Float) => Self::Float(range()),
            Some(DataType::Double) => Self::Double(range()),
            Some(DataType::Text) => Self::Text { first: Box::default(), last: Box::default() },
            Some(DataType::String) => Self::String(Box::new(range())),
        }
    }

    /// Statistics of at least one value.
    fn of(data_type: DataType, values: &Dense<'_>) -> Self {
        match values {
            Dense::Boolean(values) => Self::Boolean {
                first: values.first().is_some_and(|&value| value),
                last: values.last().is_some_and(|&value| value),
                sum: values.iter().filter(|&&value| value).count() as i64,
            },
            Dense::Int32(values) => Self::Int32(Range {
                min: values.iter().copied().min().unwrap_or_default(),
                max: values.iter().copied().max().unwrap_or_default(),
                first: values.first().copied().unwrap_or_default(),
                last: values.last().copied().unwrap_or_default(),
                sum: values.iter().map(|&value| i64::from(value)).sum(),
            }),
            Dense::Int64(values) => Self::Int64(Range {
                min: values.iter().copied().min().unwrap_or_default(),
                max: values.iter().copied().max().unwrap_or_default(),
                first: values.first().copied().unwrap_or_default(),
                last: values.last().copied().unwrap_or_default(),
                sum: values.iter().map(|&value| value as f64).sum(),
            }),
            Dense::Float(values) => Self::Float(Range {
                min: values.iter().copied().fold(f32::NAN, f32::min),
                max: values.iter().copied().fold(f32::NAN, f32::max),
                first: values.first().copied().unwrap_or_default(),
                last: values.last().copied().unwrap_or_default(),
                sum: values.iter().map(|&value| f64::from(value)).sum(),
            }),
            Dense::Double(values) => Self::Double(Range {
                min: values.iter().copied().fold(f64::NAN, f64::min),
                max: values.iter().copied().fold(f64::NAN, f64::max),
                first: values.first().copied().unwrap_or_default(),
                last: values.last().copied().unwrap_or_default(),
                sum: values.iter().sum(),
            }),
            Dense::Bytes(values) => {
                let first = values.first().copied().unwrap_or_default().into();
                let last = values.last().copied().unwrap_or_default().into();
                match data_type {
                    DataType::Text => Self::Text { first, last },
                    DataType::String => Self::String(Box::new(Range {
                        min: values.iter().copied().min().unwrap_or_default().into(),
                        max: values.iter().copied().max().unwrap_or_default().into(),
                        first,
                        last,
                        sum: (),
                    })),
                    _ => Self::None,
                }
            }
        }
    }
}

impl<T: Clone, S> Range<T, S> {
    fn take_ends(&mut self, other: &Self, earlier: bool, later: bool) {
        if earlier {
            self.first = other.first.clone();
        }
        if later {
            self.last = other.last.clone();
        }
    }
}

impl Statistics {
    /// Statistics of no values.
    pub(crate) fn empty(data_type: Option<DataType>) -> Self {
        Self { count: 0, start: i64::MAX, end: i64::MIN, data_type, values: Values::empty(data_type) }
    }

    /// Statistics of the non-null values of an array, at ascending times.
    ///
    /// # Panics
    /// If the array does not have the type's [`DataType::arrow`], or its length differs from that of `times`.
    pub fn of(data_type: DataType, times: &[i64], values: &dyn Array) -> Self {
        assert_eq!(times.len(), values.len(), "every value has a time");
        let mut rows = indices(values, 0..values.len());
        let Some(first) = rows.next() else { return Self::empty(Some(data_type)) };
        let last = rows.last().unwrap_or(first);
        Self::of_dense(data_type, times[first], times[last], &Dense::of(values, data_type, 0..values.len()))
    }

    /// Statistics of values whose first and last are at these times.
    pub(crate) fn of_dense(data_type: DataType, start: i64, end: i64, values: &Dense<'_>) -> Self {
        if values.len() == 0 {
            return Self::empty(Some(data_type));
        }
        let (count, values) = (values.len() as u64, Values::of(data_type, values));
        Self { count, start, end, data_type: Some(data_type), values }
    }

    /// Statistics of ascending times.
    pub(crate) fn of_times(times: &[i64]) -> Self {
        match (times.first(), times.last()) {
            (Some(&start), Some(&end)) => {
                Self { count: times.len() as u64, start, end, data_type: None, values: Values::None }
            }
            _ => Self::empty(None),
        }
    }

    /// The number of values; nulls do not count.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The first value's time; `i64::MAX` if there is none.
    pub const fn start(&self) -> i64 {
        self.start
    }

    /// The last value's time; `i64::MIN` if there is none.
    pub const fn end(&self) -> i64 {
        self.end
    }

    /// The type of the values; `None` for a time column.
    pub const fn data_type(&self) -> Option<DataType> {
        self.data_type
    }

    /// The value at the first time; `None` for `BLOB`, for a time column and if there is no value.
    pub fn first(&self) -> Option<Value> {
        match &self.values {
            Values::Boolean { first, .. } => self.value(Value::Boolean(*first)),
            Values::Int32(range) => self.int32(range.first),
            Values::Int64(range) => self.int64(range.first),
            Values::Float(range) => self.value(Value::Float(range.first)),
            Values::Double(range) => self.value(Value::Double(range.first)),
            Values::Text { first, .. } => self.text(first),
            Values::String(range) => self.text(&range.first),
            Values::None => None,
        }
    }

    /// The value at the last time; `None` as for [`Statistics::first`].
    pub fn last(&self) -> Option<Value> {
        match &self.values {
            Values::Boolean { last, .. } => self.value(Value::Boolean(*last)),
            Values::Int32(range) => self.int32(range.last),
            Values::Int64(range) => self.int64(range.last),
            Values::Float(range) => self.value(Value::Float(range.last)),
            Values::Double(range) => self.value(Value::Double(range.last)),
            Values::Text { last, .. } => self.text(last),
            Values::String(range) => self.text(&range.last),
            Values::None => None,
        }
    }

    /// The least value; also `None` for `BOOLEAN` and `TEXT`, and if it is NaN.
    pub fn min(&self) -> Option<Value> {
        self.extreme(
            |range| range.min,
            |range| range.min,
            |range| range.min,
            |range| range.min,
            |range| &range.min,
        )
    }

    /// The greatest value; also `None` for `BOOLEAN` and `TEXT`, and if it is NaN.
    pub fn max(&self) -> Option<Value> {
        self.extreme(
            |range| range.max,
            |range| range.max,
            |range| range.max,
            |range| range.max,
            |range| &range.max,
        )
    }

    /// The sum of numbers, or the number of `true` values; `None` for other types and if there is no value.
    pub fn sum(&self) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        match (&self.values, self.data_type) {
            (Values::Boolean { sum, .. }, _) => Some(*sum as f64),
            (Values::Int32(range), Some(DataType::Int32)) => Some(range.sum as f64),
            (Values::Int64(range), Some(DataType::Int64)) => Some(range.sum),
            (Values::Float(range), _) => Some(range.sum),
            (Values::Double(range), _) => Some(range.sum),
            _ => None,
        }
    }

    fn extreme(
        &self,
        int32: impl Fn(&Range<i32, i64>) -> i32,
        int64: impl Fn(&Range<i64, f64>) -> i64,
        float: impl Fn(&Range<f32, f64>) -> f32,
        double: impl Fn(&Range<f64, f64>) -> f64,
        string: impl Fn(&Range<Box<[u8]>, ()>) -> &[u8],
    ) -> Option<Value> {
        match &self.values {
            Values::Int32(range) => self.int32(int32(range)),
            Values::Int64(range) => self.int64(int64(range)),
            Values::Float(range) => self.value(Value::Float(float(range))).filter(|_| !float(range).is_nan()),
            Values::Double(range) => {
                self.value(Value::Double(double(range))).filter(|_| !double(range).is_nan())
            }
            Values::String(range) => self.text(string(range)),
            Values::Boolean { .. } | Values::Text { .. } | Values::None => None,
        }
    }

    fn value(&self, value: Value) -> Option<Value> {
        (self.count > 0).then_some(value)
    }

    fn int32(&self, value: i32) -> Option<Value> {
        self.value(match self.data_type {
            Some(DataType::Date) => Value::Date(value),
            _ => Value::Int32(value),
        })
    }

    fn int64(&self, value: i64) -> Option<Value> {
        self.value(match self.data_type {
            Some(DataType::Timestamp) => Value::Timestamp(value),
            _ => Value::Int64(value),
        })
    }

    fn text(&self, bytes: &[u8]) -> Option<Value> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.value(match self.data_type {
            Some(DataType::String) => Value::String(text),
            _ => Value::Text(text),
        })
    }

    /// Merges the statistics of other values of the same series. Does nothing if the types differ.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 || self.data_type != other.data_type {
            return;
        }
        if self.count == 0 {
            self.clone_from(other);
            return;
        }
        let (earlier, later) = (other.start < self.start, other.end >= self.end);
        match (&mut self.values, &other.values) {
            (Values::Boolean { first, last, sum }, Values::Boolean { first: f, last: l, sum: s }) => {
                *first = if earlier { *f } else { *first };
                *last = if later { *l } else { *last };
                *sum = sum.wrapping_add(*s);
            }
            (Values::Int32(range), Values::Int32(more)) => {
                range.min = range.min.min(more.min);
                range.max = range.max.max(more.max);
                // A damaged file may hold any sum.
                range.sum = range.sum.wrapping_add(more.sum);
                range.take_ends(more, earlier, later);
            }
            (Values::Int64(range), Values::Int64(more)) => {
                range.min = range.min.min(more.min);
                range.max = range.max.max(more.max);
                range.sum += more.sum;
                range.take_ends(more, earlier, later);
            }
            (Values::Float(range), Values::Float(more)) => {
                range.min = range.min.min(more.min);
                range.max = range.max.max(more.max);
                range.sum += more.sum;
                range.take_ends(more, earlier, later);
            }
            (Values::Double(range), Values::Double(more)) => {
                range.min = range.min.min(more.min);
                range.max = range.max.max(more.max);
                range.sum += more.sum;
                range.take_ends(more, earlier, later);
            }
            (Values::Text { first, last }, Values::Text { first: f, last: l }) => {
                if earlier {
                    first.clone_from(f);
                }
                if later {
                    last.clone_from(l);
                }
            }
            (Values::String(range), Values::String(more)) => {
                if more.min < range.min {
                    range.min.clone_from(&more.min);
                }
                if range.max < more.max {
                    range.max.clone_from(&more.max);
                }
                range.take_ends(more, earlier, later);
            }
            _ => {}
        }
        self.count = self.count.saturating_add(other.count);
        self.start = self.start.min(other.start);
        self.end = self.end.max(other.end);
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put_uvar(out, u32::try_from(self.count).unwrap_or(u32::MAX));
        out.extend_from_slice(&self.start.to_be_bytes());
        out.extend_from_slice(&self.end.to_be_bytes());
        match &self.values {
            Values::None => {}
            Values::Boolean { first, last, sum } => {
                out.extend_from_slice(&[u8::from(*first), u8::from(*last)]);
                out.extend_from_slice(&sum.to_be_bytes());
            }
            Values::Int32(range) => {
                for value in [range.min, range.max, range.first, range.last] {
                    out.extend_from_slice(&value.to_be_bytes());
                }
                out.extend_from_slice(&range.sum.to_be_bytes());
            }
            Values::Int64(range) => {
                for value in [range.min, range.max, range.first, range.last] {
                    out.extend_from_slice(&value.to_be_bytes());
                }
                out.extend_from_slice(&range.sum.to_be_bytes());
            }
            Values::Float(range) => {
                for value in [range.min, range.max, range.first, range.last] {
                    out.extend_from_slice(&value.to_be_bytes());
                }
                out.extend_from_slice(&range.sum.to_be_bytes());
            }
            Values::Double(range) => {
                for value in [range.min, range.max, range.first, range.last, range.sum] {
                    out.extend_from_slice(&value.to_be_bytes());
                }
            }
            Values::Text { first, last } => {
                put_bin(out, first);
                put_bin(out, last);
            }
            Values::String(range) => {
                for value in [&range.first, &range.last, &range.min, &range.max] {
                    put_bin(out, value);
                }
            }
        }
    }

    pub(crate) fn parse(cursor: &mut Cursor<'_>, data_type: Option<DataType>) -> Parsed<Self> {
        let count = u64::from(cursor.uvar()?);
        let start = cursor.i64()?;
        let end = cursor.i64()?;
        let values = match data_type {
            None | Some(DataType::Blob) => Values::None,
            Some(DataType::Boolean) => {
                Values::Boolean { first: cursor.bool()?, last: cursor.bool()?, sum: cursor.i64()? }
            }
            Some(DataType::Int32 | DataType::Date) => {
                Values::Int32(parse_range(cursor, Cursor::i32, Cursor::i64)?)
            }
            Some(DataType::Int64 | DataType::Timestamp) => {
                Values::Int64(parse_range(cursor, Cursor::i64, Cursor::f64)?)
            }
            Some(DataType::Float) => Values::Float(parse_range(cursor, Cursor::f32, Cursor::f64)?),
            Some(DataType::Double) => Values::Double(parse_range(cursor, Cursor::f64, Cursor::f64)?),
            Some(DataType::Text) => Values::Text { first: cursor.bin()?.into(), last: cursor.bin()?.into() },
            Some(DataType::String) => {
                let (first, last) = (cursor.bin()?.into(), cursor.bin()?.into());
                let (min, max) = (cursor.bin()?.into(), cursor.bin()?.into());
                Values::String(Box::new(Range { min, max, first, last, sum: () }))
            }
        };
        Ok(Self { count, start, end, data_type, values })
    }
}

fn parse_range<'a, T, S>(
    cursor: &mut Cursor<'a>,
    value: impl Fn(&mut Cursor<'a>) -> Parsed<T>,
    sum: impl Fn(&mut Cursor<'a>) -> Parsed<S>,
) -> Parsed<Range<T, S>> {
    let (min, max) = (value(cursor)?, value(cursor)?);
    let (first, last) = (value(cursor)?, value(cursor)?);
    Ok(Range { min, max, first, last, sum: sum(cursor)? })
}
