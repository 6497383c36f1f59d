//! Values as they were written.
//!
//! ```text
//!   21.50 , "on" , true     →     n21.50  ton  btrue      a binary array: the kind in one byte, then the characters
//! ```
//!
//! Invariant: only this module, and code that writes [`Kind::tag`] followed by the characters, creates such arrays.

use std::{ops::Range, sync::Arc};

use arrow_array::{Array, BinaryArray, Float64Array};
use arrow_buffer::NullBufferBuilder;
use jiff::tz::TimeZone;

use crate::{
    DataType, Value,
    convert::{Converted, Given, convert_each, plain_double},
};

/// The form of a written value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number; a new series of it is DOUBLE.
    Number,
    /// A whole number; a new series of it is INT64.
    Integer,
    /// A number with a fraction all of whose digits count; a new series of it is DOUBLE.
    Decimal,
    /// `true`, `false`
    Boolean,
    /// Text.
    Text,
    /// A value that had a type already, among values that had none or another.
    Typed(DataType),
}

/// The tag of a BOOLEAN value; the tags of other types follow by their codes.
const TYPED_TAG: u8 = b'A';

impl Kind {
    /// The byte in front of the characters.
    #[inline]
    pub const fn tag(self) -> u8 {
        match self {
            Self::Number => b'n',
            Self::Integer => b'i',
            Self::Decimal => b'd',
            Self::Boolean => b'b',
            Self::Text => b't',
            Self::Typed(data_type) => TYPED_TAG + data_type.code(),
        }
    }

    /// The kind of a tag; `None` if there is no such kind.
    pub fn of_tag(tag: u8) -> Option<Self> {
        Some(match tag {
            b'n' => Self::Number,
            b'i' => Self::Integer,
            b'd' => Self::Decimal,
            b'b' => Self::Boolean,
            b't' => Self::Text,
            tag => Self::Typed(DataType::from_code(tag.checked_sub(TYPED_TAG)?)?),
        })
    }

    /// Whether the type was stated rather than inferred. BOOLEAN and TEXT do not count, as a value looks the same without a
    /// type; nor does BLOB, which is text among other values.
    const fn says(self) -> bool {
        !matches!(
            self,
            Self::Number
                | Self::Integer
                | Self::Decimal
                | Self::Boolean
                | Self::Text
                | Self::Typed(DataType::Boolean | DataType::Text | DataType::Blob)
        )
    }

    /// The type of a new series of values of this kind alone.
    const fn data_type(self) -> DataType {
        match self {
            Self::Number | Self::Decimal => DataType::Double,
            Self::Integer => DataType::Int64,
            Self::Boolean => DataType::Boolean,
            // Bytes among other values are written in hexadecimal digits.
            Self::Text | Self::Typed(DataType::Blob) => DataType::Text,
            Self::Typed(data_type) => data_type,
        }
    }
}

/// The kinds seen in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds {
    first: Kind,
    last: Kind,
    data_type: DataType,
    /// Whether the type was stated rather than inferred.
    said: bool,
}

impl Kinds {
    /// The kinds of a column with one value.
    pub const fn new(first: Kind) -> Self {
        Self { first, last: first, data_type: first.data_type(), said: first.says() }
    }

    /// Adds the kind of a further value.
    #[inline]
    pub fn see(&mut self, kind: Kind) {
        if kind != self.last {
            self.see_other(kind);
        }
    }

    #[cold]
    fn see_other(&mut self, kind: Kind) {
        self.last = kind;
        match (self.said, kind.says()) {
            (true, false) => {}
            (false, true) if self.data_type.is_numeric() => {
                (self.data_type, self.said) = (kind.data_type(), true);
            }
            _ => self.data_type = wider(self.data_type, kind.data_type()),
        }
    }

    /// The type of a new series: that of the first value or, for numbers of several types, one that holds them all. Stated
    /// types take precedence over inferred ones.
    pub const fn data_type(&self) -> DataType {
        self.data_type
    }
}

/// The type that holds numbers of both types; the first if they are not both numeric.
fn wider(first: DataType, second: DataType) -> DataType {
    use DataType::{Double, Float, Int32, Int64};
    match (first, second) {
        (Int32, Int64) => Int64,
        (Int32 | Int64 | Float, Double) | (Int32 | Int64, Float) | (Float, Int32 | Int64) => Double,
        _ => first,
    }
}

/// An array of written values.
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    offsets: &'a [i32],
    bytes: &'a [u8],
    array: &'a BinaryArray,
}

impl<'a> Written<'a> {
    pub(crate) fn new(array: &'a BinaryArray) -> Self {
        Self { offsets: array.value_offsets(), bytes: array.value_data(), array }
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.array.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.array.is_empty()
    }

    /// The tag and the characters at a row; `None` where it is null.
    #[inline]
    pub(crate) fn bytes(&self, row: usize) -> Option<&'a [u8]> {
        if self.array.is_null(row) {
            return None;
        }
        self.bytes.get(self.range(row)?)
    }

    /// The value at a row; `None` where it is null.
    #[inline]
    pub fn get(&self, row: usize) -> Option<Given<'a>> {
        let (&tag, text) = self.bytes(row)?.split_first()?;
        given(tag, std::str::from_utf8(text).ok()?)
    }

    /// Where the bytes of a row are.
    #[inline]
    fn range(&self, row: usize) -> Option<Range<usize>> {
        Some(*self.offsets.get(row)? as usize..*self.offsets.get(row + 1)? as usize)
    }

    /// All values.
    pub fn iter(self) -> impl ExactSizeIterator<Item = Option<Given<'a>>> {
        // That they are text is found out of all at once: tags are ASCII.
        let all = std::str::from_utf8(self.bytes).ok();
        (0..self.len()).map(move |row| {
            let Some(all) = all else { return self.get(row) };
            if self.array.is_null(row) {
                return None;
            }
            let text = all.get(self.range(row)?)?;
            given(*text.as_bytes().first()?, text.get(1..)?)
        })
    }

    /// The values as values of a type, by the table of conversions. Numbers in a common form, which nearly all are, become DOUBLE
    /// straight from their bytes.
    pub(crate) fn to(self, data_type: DataType, zone: &TimeZone) -> Converted {
        if data_type != DataType::Double {
            return convert_each(self.iter(), data_type, zone);
        }
        let mut rejected = Vec::new();
        let mut values = Vec::with_capacity(self.len());
        let mut valid = NullBufferBuilder::new(self.len());
        for row in 0..self.len() {
            let plain = match self.bytes(row) {
                Some([tag, digits @ ..]) if Kind::Number.tag() == *tag => plain_double(digits),
                _ => None,
            };
            let double = plain.or_else(|| match self.get(row)?.double() {
                Ok(double) => Some(double),
                Err(reason) => {
                    // An array with 32-bit offsets has no more rows.
                    rejected.push((u32::try_from(row).unwrap_or(u32::MAX), reason));
                    None
                }
            });
            valid.append(double.is_some());
            values.push(double.unwrap_or_default());
        }
        let values = Arc::new(Float64Array::new(values.into(), valid.finish()));
        Converted { values, rejected }
    }
}

#[inline]
fn given(tag: u8, text: &str) -> Option<Given<'_>> {
    match tag {
        b'n' | b'i' => Some(Given::Number(text)),
        b't' => Some(Given::Text(text)),
        tag => other(tag, text),
    }
}

#[cold]
fn other(tag: u8, text: &str) -> Option<Given<'_>> {
    Some(match Kind::of_tag(tag)? {
        Kind::Number | Kind::Integer => Given::Number(text),
        Kind::Decimal => Given::Decimal(text),
        Kind::Text | Kind::Typed(DataType::Text | DataType::String) => Given::Text(text),
        Kind::Boolean | Kind::Typed(DataType::Boolean) => {
            Given::Boolean(text.trim().eq_ignore_ascii_case("true"), text)
        }
        Kind::Typed(DataType::Int32 | DataType::Int64) => Given::Int(text.parse().ok()?),
        Kind::Typed(DataType::Float) => Given::Float(text.parse().ok()?),
        Kind::Typed(DataType::Double) => Given::Double(text.parse().ok()?),
        Kind::Typed(DataType::Timestamp) => Given::Time(text.parse().ok()?),
        Kind::Typed(DataType::Date) => Given::Date(text.parse().ok()?),
        // Bytes are held as hexadecimal digits, as in text.
        Kind::Typed(DataType::Blob) => Given::Text(text),
    })
}

/// Writes a typed value and its tag.
pub(crate) fn put_typed(value: &Value, into: &mut Vec<u8>) {
    into.push(Kind::Typed(value.data_type()).tag());
    match value {
        // As a number, which needs no calendar to read back.
        Value::Date(number) => into.extend_from_slice(number.to_string().as_bytes()),
        other => into.extend_from_slice(other.to_string().as_bytes()),
    }
}
