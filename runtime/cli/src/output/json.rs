//! JSON: an object for each row, in one array or one a line. Times are milliseconds, a number that JSON has no name for
//! (NaN, infinity) is null, as are nulls; bytes are the hexadecimal text SQL prints.

use std::io::{self, Write};

use arrow_array::{Array, RecordBatch};
use levada_model::{DataType, Value};
use serde_json::{Map, Value as Json_};

use super::{Header, RowFormat, cell};

pub(super) struct Json {
    header: Header,
    array: bool,
    first: bool,
}

impl Json {
    /// One array.
    pub(super) fn array(header: Header) -> Self {
        Self { header, array: true, first: true }
    }

    /// An object a line.
    pub(super) fn lines(header: Header) -> Self {
        Self { header, array: false, first: true }
    }
}

impl RowFormat for Json {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.array { write!(out, "[") } else { Ok(()) }
    }

    fn rows(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> io::Result<()> {
        for row in 0..batch.num_rows() {
            let mut object = Map::with_capacity(self.header.columns.len() + 1);
            let mut arrays = batch.columns().iter();
            if self.header.has_time
                && let Some(times) = arrays.next()
            {
                object.insert("Time".to_owned(), cell::time(times, row).into());
            }
            for (array, column) in arrays.zip(&self.header.columns) {
                let value = if array.is_null(row) { None } else { Value::at(array, column.data_type, row) };
                // A measurement of several types has several columns, of which one at most has a value.
                if value.is_none() && object.contains_key(&column.name) {
                    continue;
                }
                object.insert(column.name.clone(), value.map_or(Json_::Null, to_json));
            }
            if self.array {
                write!(out, "{}\n  ", if self.first { "" } else { "," })?;
            }
            self.first = false;
            serde_json::to_writer(&mut *out, &Json_::Object(object))?;
            if !self.array {
                writeln!(out)?;
            }
        }
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        match (self.array, self.first) {
            (true, true) => writeln!(out, "]"),
            (true, false) => writeln!(out, "\n]"),
            (false, _) => Ok(()),
        }
    }
}

fn to_json(value: Value) -> Json_ {
    match value {
        Value::Boolean(value) => value.into(),
        Value::Int32(value) => value.into(),
        Value::Int64(value) | Value::Timestamp(value) => value.into(),
        Value::Float(value) => {
            serde_json::Number::from_f64(shortest(value)).map_or(Json_::Null, Json_::Number)
        }
        Value::Double(value) => serde_json::Number::from_f64(value).map_or(Json_::Null, Json_::Number),
        Value::Text(value) | Value::String(value) => value.into(),
        Value::Date(_) | Value::Blob(_) => {
            debug_assert!(matches!(value.data_type(), DataType::Date | DataType::Blob));
            value.to_string().into()
        }
    }
}

/// The double that prints with the same digits as the float.
fn shortest(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}
