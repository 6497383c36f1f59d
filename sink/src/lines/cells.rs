//! Values of a column as text.

use std::{fmt, io::Write as _};

use arrow_array::{
    Array, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray,
    cast::AsArray,
    types::{Float32Type, Float64Type, Int32Type, Int64Type},
};
use levada_connector_api::model::{Column, DataType, Written, convert::Given, date_time};

use super::TimeFormat;

/// A column, its type looked at once.
pub(super) enum Cells<'a> {
    Boolean(&'a BooleanArray),
    Int32(&'a Int32Array),
    Int64(&'a Int64Array),
    Float(&'a Float32Array),
    Double(&'a Float64Array),
    Text(&'a StringArray),
    Date(&'a Int32Array),
    Blob(&'a BinaryArray),
    Written(Written<'a>),
}

/// A value, ready to be written.
#[derive(Clone, Copy)]
pub(super) enum Cell<'a> {
    Null,
    /// True or false, as it was written.
    Boolean(bool, &'a str),
    /// A number as it was written.
    Number(&'a str),
    Integer(i64),
    Float(f32),
    Double(f64),
    Text(&'a str),
    Date(i32),
    Blob(&'a [u8]),
}

impl<'a> Cells<'a> {
    /// A tablet's column: its array is of the type that it says.
    pub(super) fn of(column: &'a Column) -> Self {
        if let Some(written) = column.written() {
            return Self::Written(written);
        }
        let values = &column.values;
        match column.data_type {
            DataType::Boolean => Self::Boolean(values.as_boolean()),
            DataType::Int32 => Self::Int32(values.as_primitive::<Int32Type>()),
            DataType::Int64 | DataType::Timestamp => Self::Int64(values.as_primitive::<Int64Type>()),
            DataType::Float => Self::Float(values.as_primitive::<Float32Type>()),
            DataType::Double => Self::Double(values.as_primitive::<Float64Type>()),
            DataType::Text | DataType::String => Self::Text(values.as_string()),
            DataType::Date => Self::Date(values.as_primitive::<Int32Type>()),
            DataType::Blob => Self::Blob(values.as_binary()),
        }
    }

    pub(super) fn at(&self, row: usize) -> Cell<'a> {
        match self {
            Self::Boolean(values) => cell(*values, row, |row| {
                let value = values.value(row);
                Cell::Boolean(value, if value { "true" } else { "false" })
            }),
            Self::Int32(values) => cell(*values, row, |row| Cell::Integer(values.value(row).into())),
            Self::Int64(values) => cell(*values, row, |row| Cell::Integer(values.value(row))),
            Self::Float(values) => cell(*values, row, |row| Cell::Float(values.value(row))),
            Self::Double(values) => cell(*values, row, |row| Cell::Double(values.value(row))),
            Self::Text(values) => cell(*values, row, |row| Cell::Text(values.value(row))),
            Self::Date(values) => cell(*values, row, |row| Cell::Date(values.value(row))),
            Self::Blob(values) => cell(*values, row, |row| Cell::Blob(values.value(row))),
            Self::Written(values) => values.get(row).map_or(Cell::Null, written),
        }
    }
}

fn cell<'a>(array: &dyn Array, row: usize, value: impl FnOnce(usize) -> Cell<'a>) -> Cell<'a> {
    if array.is_null(row) { Cell::Null } else { value(row) }
}

fn written(given: Given<'_>) -> Cell<'_> {
    match given {
        Given::Number(text) | Given::Decimal(text) => Cell::Number(text.trim()),
        Given::Boolean(value, text) => Cell::Boolean(value, text.trim()),
        Given::Text(text) | Given::SqlText(text) => Cell::Text(text),
        Given::Int(value) | Given::Time(value) | Given::SqlTime(value) => Cell::Integer(value),
        Given::Float(value) => Cell::Float(value),
        Given::Double(value) => Cell::Double(value),
        Given::Date(value) => Cell::Date(value),
        Given::Bytes(bytes) => Cell::Blob(bytes),
    }
}

impl Cell<'_> {
    /// A value other than null and text, without quotes; the number that is none by its name in Java, as IoTDB prints it.
    pub(super) fn put_plain(self, out: &mut Vec<u8>) {
        match self {
            Cell::Null => {}
            Cell::Boolean(_, text) | Cell::Number(text) => out.extend_from_slice(text.as_bytes()),
            Cell::Integer(value) => put(out, format_args!("{value}")),
            Cell::Float(value) if value.is_finite() => put(out, format_args!("{value:?}")),
            Cell::Double(value) if value.is_finite() => put(out, format_args!("{value:?}")),
            Cell::Float(value) => out.extend_from_slice(not_finite(value.into()).as_bytes()),
            Cell::Double(value) => out.extend_from_slice(not_finite(value).as_bytes()),
            Cell::Text(text) => out.extend_from_slice(text.as_bytes()),
            Cell::Date(value) => {
                put(out, format_args!("{:04}-{:02}-{:02}", value / 10_000, value / 100 % 100, value % 100));
            }
            Cell::Blob(bytes) => {
                out.extend_from_slice(b"0x");
                for byte in bytes {
                    put(out, format_args!("{byte:02x}"));
                }
            }
        }
    }
}

fn not_finite(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

/// A time; one that no calendar holds stays a number.
pub(super) fn put_time(time: i64, format: TimeFormat, out: &mut Vec<u8>) {
    match (format, date_time(time)) {
        (TimeFormat::Rfc3339, Some(at)) => put(out, format_args!("{at:.3}Z")),
        _ => put(out, format_args!("{time}")),
    }
}

pub(super) fn put(out: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a vector takes everything");
}
