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
/// Either somebody said which type they are of (a `cast`, a record's own types, a query), and `values` is an array of
/// [`DataType::arrow`]. Or nobody did, and the column is *written*: `values` holds the characters that came, each with its
/// [`Kind`](crate::Kind), in a binary array. A store that knows the type of the series converts them by the table of
/// conversions ([`Column::to`]); `data_type` is what the series gets if it is new. Kernels that choose rows work on both alike.
#[derive(Clone, Debug)]
pub struct Column {
    /// The measurement, a node in canonical form.
    pub name: Arc<str>,
    /// The type of its values; of written values, the one that a new series gets.
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
    /// Whether its values are as they were written, without a type as yet.
    pub fn is_written(&self) -> bool {
        self.data_type != DataType::Blob && *self.values.data_type() == ArrowType::Binary
    }

    /// Its values as they were written; `None` where they have a type.
    pub fn written(&self) -> Option<Written<'_>> {
        self.is_written().then(|| Written::new(self.values.as_binary()))
    }

    /// Its values as values of a type, by the table of conversions; texts without an offset are in UTC.
    pub fn to(&self, data_type: DataType) -> Converted {
        self.to_in(data_type, &TimeZone::UTC)
    }

    /// As [`Column::to`]; texts without an offset are in `zone`.
    pub fn to_in(&self, data_type: DataType, zone: &TimeZone) -> Converted {
        let values = &self.values;
        if let Some(written) = self.written() {
            return convert_each(written.iter(), data_type, zone);
        }
        let same = self.data_type == data_type || self.data_type.is_text() && data_type.is_text();
        // The number of a date may be that of no day.
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

    /// The value at a row, `None` where it is null. A written value is what a new series would hold, or where that cannot be
    /// the same, what it is by itself: a whole number, a text.
    pub fn value(&self, row: usize) -> Option<Value> {
        let Some(written) = self.written() else { return Value::at(&self.values, self.data_type, row) };
        let given = written.get(row)?;
        let own = self.own_type(given);
        [own, DataType::Int64, DataType::Double, DataType::Text]
            .into_iter()
            .find_map(|each| given.value(each).ok())
    }

    /// The type that a written value has by itself: of a number, what a new series gets of the column's numbers.
    fn own_type(&self, given: Given<'_>) -> DataType {
        match given {
            Given::Number(_) | Given::Int(_) | Given::Float(_) | Given::Double(_)
                if self.data_type.is_numeric() =>
            {
                self.data_type
            }
            Given::Int(_) => DataType::Int64,
            Given::Float(_) => DataType::Float,
            Given::Number(_) | Given::Double(_) => DataType::Double,
            Given::Boolean(..) => DataType::Boolean,
            Given::Time(_) | Given::SqlTime(_) => DataType::Timestamp,
            Given::Date(_) => DataType::Date,
            Given::Bytes(_) => DataType::Blob,
            Given::Text(_) | Given::SqlText(_) => DataType::Text,
        }
    }

    /// For every row the type that its written value has by itself, `None` where it is null. `None` for a column of a type.
    pub fn own_types(&self) -> Option<Vec<Option<DataType>>> {
        let written = self.written()?;
        Some(written.iter().map(|given| given.map(|given| self.own_type(given))).collect())
    }

    /// Columns of one type each, which together have the same values.
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

    /// The same values as they were written; values of a type as written by [`Value`].
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
        // Bytes among other values are written in digits.
        let data_type = if self.data_type == DataType::Blob { DataType::Text } else { self.data_type };
        Self { name: Arc::clone(&self.name), data_type, values: Arc::new(builder.finish()) }
    }
}
