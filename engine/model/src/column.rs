//! One measurement's values in a tablet.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef,
    cast::AsArray,
    types::{Float32Type, Float64Type, Int32Type, Int64Type},
};
use arrow_schema::DataType as ArrowType;
use jiff::tz::TimeZone;

use crate::{
    DataType, Value,
    convert::{Converted, Given, convert_each},
    written::{Written, put_typed},
};

/// One measurement's values in a [`Tablet`](crate::Tablet).
///
/// Either the type is known (from a `cast`, a record's own types, a query), and `values` is an array of [`DataType::arrow`]. Or
/// it is not, and the column is *written*: `values` is a binary array that holds the characters as they came, each with its
/// [`Kind`](crate::Kind). A store that knows the series' type converts them by the table of conversions ([`Column::to`]);
/// `data_type` is the type of a new series. Kernels that select rows work on both alike.
#[derive(Clone, Debug)]
pub struct Column {
    /// The measurement, a node in canonical form.
    pub name: Arc<str>,
    /// The type of its values; of written values, the type of a new series.
    pub data_type: DataType,
    /// A value, or null, for every row.
    pub values: ArrayRef,
}

impl PartialEq for Column {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.data_type == other.data_type && *self.values == *other.values
    }
}

impl Column {
    /// Whether its values are as they were written, without a type yet.
    pub fn is_written(&self) -> bool {
        self.data_type != DataType::Blob && *self.values.data_type() == ArrowType::Binary
    }

    /// Its values as they were written; `None` where they have a type.
    pub fn written(&self) -> Option<Written<'_>> {
        self.is_written().then(|| Written::new(self.values.as_binary()))
    }

    /// Its values converted to a type, by the table of conversions; text without an offset is in UTC.
    pub fn to(&self, data_type: DataType) -> Converted {
        self.to_in(data_type, &TimeZone::UTC)
    }

    /// As [`Column::to`]; text without an offset is in `zone`.
    pub fn to_in(&self, data_type: DataType, zone: &TimeZone) -> Converted {
        let values = &self.values;
        if let Some(written) = self.written() {
            return written.to(data_type, zone);
        }
        let same = self.data_type == data_type || self.data_type.is_text() && data_type.is_text();
        // A number may be no valid date, so dates are checked.
        if same && data_type != DataType::Date {
            return Converted { values: Arc::clone(values), rejected: Vec::new() };
        }
        macro_rules! each {
            ($array:expr, $given:expr) => {
                convert_each($array.iter().map(|value| value.map($given)), data_type, zone)
            };
        }
        match self.data_type {
            DataType::Boolean => each!(values.as_boolean(), |value| {
                Given::Boolean(value, if value { "true" } else { "false" })
            }),
            DataType::Int32 => each!(values.as_primitive::<Int32Type>(), |value| Given::Int(value.into())),
            DataType::Int64 => each!(values.as_primitive::<Int64Type>(), Given::Int),
            DataType::Float => each!(values.as_primitive::<Float32Type>(), Given::Float),
            DataType::Double => each!(values.as_primitive::<Float64Type>(), Given::Double),
            DataType::Text | DataType::String => each!(values.as_string::<i32>(), Given::Text),
            DataType::Timestamp => each!(values.as_primitive::<Int64Type>(), Given::Time),
            DataType::Date => each!(values.as_primitive::<Int32Type>(), Given::Date),
            DataType::Blob => each!(values.as_binary::<i32>(), Given::Bytes),
        }
    }

    /// The value at a row, `None` if it is null. A written value becomes what a new series would hold or, if that is not
    /// possible without loss, what it is by itself: a whole number, a string.
    pub fn value(&self, row: usize) -> Option<Value> {
        let Some(written) = self.written() else { return Value::at(&self.values, self.data_type, row) };
        let given = written.get(row)?;
        let own = self.own_type(given);
        [own, DataType::Int64, DataType::Double, DataType::Text]
            .into_iter()
            .find_map(|each| given.value(each).ok())
    }

    /// The type that a written value has by itself; of a number, the type of a new series of the column's numbers.
    fn own_type(&self, given: Given<'_>) -> DataType {
        match given {
            Given::Number(_) | Given::Decimal(_) | Given::Int(_) | Given::Float(_) | Given::Double(_)
                if self.data_type.is_numeric() =>
            {
                self.data_type
            }
            Given::Int(_) => DataType::Int64,
            Given::Float(_) => DataType::Float,
            Given::Number(_) | Given::Decimal(_) | Given::Double(_) => DataType::Double,
            Given::Boolean(..) => DataType::Boolean,
            Given::Time(_) | Given::SqlTime(_) => DataType::Timestamp,
            Given::Date(_) => DataType::Date,
            Given::Bytes(_) => DataType::Blob,
            Given::Text(_) | Given::SqlText(_) => DataType::Text,
        }
    }

    /// The type that each row's written value has by itself, `None` if it is null. `None` for a typed column.
    pub fn own_types(&self) -> Option<Vec<Option<DataType>>> {
        let written = self.written()?;
        Some(written.iter().map(|given| given.map(|given| self.own_type(given))).collect())
    }

    /// Columns of one type each that together have the same values.
    pub fn apart(&self) -> Vec<Self> {
        let Some(written) = self.written() else { return vec![self.clone()] };
        let exact = |row: usize| self.value(row).map(|value| value.data_type());
        let types: Vec<Option<DataType>> = (0..written.len()).map(exact).collect();
        let mut columns: Vec<Self> = Vec::new();
        for &data_type in types.iter().flatten() {
            if columns.iter().all(|known| known.data_type != data_type) {
                let own = (0..written.len()).map(|row| {
                    if types.get(row) == Some(&Some(data_type)) { written.get(row) } else { None }
                });
                let values = convert_each(own, data_type, &TimeZone::UTC).values;
                columns.push(Self { name: Arc::clone(&self.name), data_type, values });
            }
        }
        columns
    }

    /// The same values as they were written; typed values as [`Value`] prints them.
    #[must_use]
    pub fn to_written(&self) -> Self {
        if self.is_written() {
            return self.clone();
        }
        let mut builder = arrow_array::builder::BinaryBuilder::with_capacity(self.values.len(), 0);
        let mut bytes = Vec::new();
        for row in 0..self.values.len() {
            match Value::at(&self.values, self.data_type, row) {
                None => builder.append_null(),
                Some(value) => {
                    bytes.clear();
                    put_typed(&value, &mut bytes);
                    builder.append_value(&bytes);
                }
            }
        }
        // Bytes among other values are written in hexadecimal digits.
        let data_type = if self.data_type == DataType::Blob { DataType::Text } else { self.data_type };
        Self { name: Arc::clone(&self.name), data_type, values: Arc::new(builder.finish()) }
    }
}
