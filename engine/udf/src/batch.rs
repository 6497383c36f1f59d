//! What goes into an instance, and what comes out.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array, cast::AsArray, types::Int64Type};
use arrow_buffer::ScalarBuffer;
use arrow_schema::ArrowError;
use arrow_select::{concat::concat, filter::FilterBuilder};
use levada_udf_sdk::{Buffer, DataType};

use crate::{Fault, FaultKind, arrays};

/// Some rows in order of time.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The time of each.
    pub times: ScalarBuffer<i64>,
    /// A column for each input, as long as the times.
    pub columns: Vec<ArrayRef>,
    /// The type of each column.
    pub types: Arc<[DataType]>,
}

impl Batch {
    /// Checks that its columns are those of the inputs.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        let wrong = |message: String| Err(Fault::new(FaultKind::WrongOutput, message));
        if self.columns.len() != self.types.len() {
            return wrong(format!("{} columns came for {} inputs", self.columns.len(), self.types.len()));
        }
        for (column, &data_type) in self.columns.iter().zip(&*self.types) {
            if *column.data_type() != arrays::arrow_type(data_type) {
                return wrong(format!("an input of type {data_type} came as {}", column.data_type()));
            }
            if column.len() != self.times.len() {
                return wrong(format!("{} values came for {} rows", column.len(), self.times.len()));
            }
        }
        Ok(())
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.times.len()
    }

    /// The rows for which `keep` is true.
    fn filter(&self, keep: &BooleanArray) -> Result<Self, ArrowError> {
        let filter = FilterBuilder::new(keep).optimize().build();
        let times = filter.filter(&Int64Array::new(self.times.clone(), None))?;
        let columns = self.columns.iter().map(|column| filter.filter(column)).collect::<Result<_, _>>()?;
        let times = times.as_primitive::<Int64Type>().values().clone();
        Ok(Self { times, columns, types: Arc::clone(&self.types) })
    }

    /// One batch of several of the same inputs.
    pub(crate) fn joined(parts: &[Self], types: &Arc<[DataType]>) -> Result<Self, Fault> {
        let mut times = Vec::with_capacity(parts.iter().map(Self::rows).sum());
        parts.iter().for_each(|part| times.extend_from_slice(&part.times));
        let columns = (0..types.len()).map(|at| {
            let each: Vec<&dyn Array> = parts.iter().map(|part| &*part.columns[at]).collect();
            concat(&each)
        });
        // Texts of more than 2 GiB are what an array cannot hold.
        let columns = columns.collect::<Result<_, _>>();
        let columns = columns.map_err(|error| Fault::new(FaultKind::SizeLimit, error.to_string()))?;
        Ok(Self { times: times.into(), columns, types: Arc::clone(types) })
    }

    /// The rows that have a value at least, and which they are; `None` where all have.
    pub(crate) fn with_values(&self) -> Result<Option<(Self, BooleanArray)>, Fault> {
        let Some(keep) = arrays::not_all_null(&self.columns) else { return Ok(None) };
        let kept =
            self.filter(&keep).map_err(|error| Fault::new(FaultKind::WrongOutput, error.to_string()))?;
        Ok(Some((kept, keep)))
    }

    /// Bytes of its rows.
    pub(crate) fn bytes(&self) -> usize {
        let of_column = |column: &ArrayRef| {
            let slice = column.to_data().get_slice_memory_size();
            slice.unwrap_or_else(|_| column.get_array_memory_size())
        };
        self.times.len() * 8 + self.columns.iter().map(of_column).sum::<usize>()
    }

    /// Bytes of its rows when they are stored; of texts an upper bound.
    pub(crate) fn stored_bytes(&self) -> usize {
        stored_bytes(&self.types, self.rows(), || self.bytes())
    }

    /// Some of the rows, sharing memory.
    pub(crate) fn slice(&self, from: usize, rows: usize) -> Self {
        Self {
            times: self.times.slice(from, rows),
            columns: self.columns.iter().map(|column| column.slice(from, rows)).collect(),
            types: Arc::clone(&self.types),
        }
    }
}

/// Bytes of rows when they are stored: of types of one width it depends on their number alone, and not on how they came.
pub(crate) fn stored_bytes(types: &[DataType], rows: usize, bytes: impl FnOnce() -> usize) -> usize {
    let width = |data_type: &DataType| match data_type {
        DataType::Boolean => Some(1),
        DataType::Int32 | DataType::Date | DataType::Float => Some(4),
        DataType::Int64 | DataType::Timestamp | DataType::Double => Some(8),
        DataType::Text | DataType::String | DataType::Blob => None,
    };
    let of_row = types.iter().try_fold(8, |sum, each| Some(sum + width(each)?));
    of_row.map_or_else(bytes, |of_row| rows * of_row)
}

/// A window: rows `first..last` of the batch that it comes with. Several windows may share rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its first row.
    pub first: usize,
    /// The first row behind it.
    pub last: usize,
    /// Where it begins.
    pub begin: i64,
    /// Where it ends.
    pub end: i64,
}

/// Rows `first..last` of the batch that they come with are of one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupRows {
    /// Which group.
    pub group: usize,
    /// The first row.
    pub first: usize,
    /// The first row behind them.
    pub last: usize,
}

/// Points that a function gave, none of them null.
#[derive(Clone, Debug)]
pub struct Points {
    /// Their times, strictly increasing, also from one to the next.
    pub times: ScalarBuffer<i64>,
    /// Their values, of the function's output type.
    pub values: ArrayRef,
}

impl Points {
    /// Of times and values.
    ///
    /// # Errors
    /// There are not as many of either, or a text is not UTF-8.
    pub fn new(times: Vec<i64>, values: Buffer, data_type: DataType) -> Result<Self, Fault> {
        let values = arrays::of_buffer(values, None, data_type)?;
        if times.len() != values.len() {
            let message = format!("it gave {} times with {} values", times.len(), values.len());
            return Err(Fault::new(FaultKind::WrongOutput, message));
        }
        Ok(Self { times: times.into(), values })
    }

    /// None.
    pub fn none(data_type: DataType) -> Self {
        Self {
            times: Vec::new().into(),
            values: arrow_array::new_empty_array(&arrays::arrow_type(data_type)),
        }
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }
}
