//! Values that a function gives, as they gather.

use crate::{Cause, DataType, Failure};

/// Values of one type, in Arrow's layout.
#[derive(Clone, Debug, PartialEq)]
pub enum Buffer {
    /// `BOOLEAN`: bits, and how many.
    Boolean(Vec<u8>, usize),
    /// `INT32`, `DATE`.
    Int32(Vec<i32>),
    /// `INT64`, `TIMESTAMP`.
    Int64(Vec<i64>),
    /// `FLOAT`.
    Float(Vec<f32>),
    /// `DOUBLE`.
    Double(Vec<f64>),
    /// `TEXT`, `STRING`, `BLOB`: one more offset than values, and all bytes.
    Bytes(Vec<i32>, Vec<u8>),
}

impl Buffer {
    /// One without values, for a type.
    pub fn new(data_type: DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Boolean(Vec::new(), 0),
            DataType::Int32 | DataType::Date => Self::Int32(Vec::new()),
            DataType::Int64 | DataType::Timestamp => Self::Int64(Vec::new()),
            DataType::Float => Self::Float(Vec::new()),
            DataType::Double => Self::Double(Vec::new()),
            DataType::Text | DataType::String | DataType::Blob => Self::Bytes(vec![0], Vec::new()),
        }
    }

    /// One without values, with room for some.
    pub(crate) fn with_capacity(data_type: DataType, values: usize) -> Self {
        match Self::new(data_type) {
            Self::Boolean(..) => Self::Boolean(Vec::with_capacity(values.div_ceil(8)), 0),
            Self::Int32(_) => Self::Int32(Vec::with_capacity(values)),
            Self::Int64(_) => Self::Int64(Vec::with_capacity(values)),
            Self::Float(_) => Self::Float(Vec::with_capacity(values)),
            Self::Double(_) => Self::Double(Vec::with_capacity(values)),
            Self::Bytes(mut offsets, bytes) => {
                offsets.reserve_exact(values);
                Self::Bytes(offsets, bytes)
            }
        }
    }

    /// How many values it has.
    pub fn len(&self) -> usize {
        match self {
            Self::Boolean(_, len) => *len,
            Self::Int32(values) => values.len(),
            Self::Int64(values) => values.len(),
            Self::Float(values) => values.len(),
            Self::Double(values) => values.len(),
            Self::Bytes(offsets, _) => offsets.len().saturating_sub(1),
        }
    }

    /// Whether it has no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds what stands where there is no value.
    pub(crate) fn push_null(&mut self) {
        match self {
            Self::Boolean(bits, len) => push_bit(bits, len, false),
            Self::Int32(values) => values.push(0),
            Self::Int64(values) => values.push(0),
            Self::Float(values) => values.push(0.0),
            Self::Double(values) => values.push(0.0),
            Self::Bytes(offsets, _) => offsets.push(offsets.last().copied().unwrap_or(0)),
        }
    }
}

/// Adds a bit to packed ones.
#[inline(always)]
pub(crate) fn push_bit(bits: &mut Vec<u8>, len: &mut usize, bit: bool) {
    if len.is_multiple_of(8) {
        bits.push(0);
    }
    if let Some(last) = bits.last_mut() {
        *last |= u8::from(bit) << (*len % 8);
    }
    *len += 1;
}

/// Rust types that a function may give. Not for others to implement.
pub trait Put {
    /// Adds the value to values of a type.
    #[doc(hidden)]
    fn put(self, buffer: &mut Buffer, data_type: DataType) -> Result<(), Failure>;
}

#[cold]
fn wrong(data_type: DataType, given: &str) -> Failure {
    Failure::of(Cause::WrongType, format!("a value of type {given} was given, the output is {data_type}"))
}

macro_rules! plain {
    ($($type:ident, $layout:ident);+) => {
        $(
            impl Put for $type {
                #[inline(always)]
                fn put(self, buffer: &mut Buffer, data_type: DataType) -> Result<(), Failure> {
                    match buffer {
                        Buffer::$layout(values) => {
                            values.push(self);
                            Ok(())
                        }
                        _ => Err(wrong(data_type, stringify!($type))),
                    }
                }
            }
        )+
    };
}

plain!(i32, Int32; i64, Int64; f32, Float; f64, Double);

impl Put for bool {
    #[inline(always)]
    fn put(self, buffer: &mut Buffer, data_type: DataType) -> Result<(), Failure> {
        let Buffer::Boolean(bits, len) = buffer else { return Err(wrong(data_type, "bool")) };
        push_bit(bits, len, self);
        Ok(())
    }
}

impl Put for &str {
    #[inline(always)]
    fn put(self, buffer: &mut Buffer, data_type: DataType) -> Result<(), Failure> {
        match data_type {
            DataType::Text | DataType::String => put_bytes(self.as_bytes(), buffer, data_type),
            _ => Err(wrong(data_type, "text")),
        }
    }
}

impl Put for String {
    fn put(self, buffer: &mut Buffer, data_type: DataType) -> Result<(), Failure> {
        self.as_str().put(buffer, data_type)
    }
}

impl Put for &[u8] {
    fn put(self, buffer: &mut Buffer, data_type: DataType) -> Result<(), Failure> {
        match data_type {
            DataType::Text | DataType::String if std::str::from_utf8(self).is_err() => {
                Err(wrong(data_type, "bytes that are no text"))
            }
            _ => put_bytes(self, buffer, data_type),
        }
    }
}

fn put_bytes(value: &[u8], buffer: &mut Buffer, data_type: DataType) -> Result<(), Failure> {
    let Buffer::Bytes(offsets, bytes) = buffer else { return Err(wrong(data_type, "bytes")) };
    let end = i32::try_from(bytes.len() + value.len())
        .map_err(|_| Failure::new("the values of one call are more than 2 GiB"))?;
    bytes.extend_from_slice(value);
    offsets.push(end);
    Ok(())
}
