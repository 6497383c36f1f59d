//! The unit of data: one device's rows, as columns.
//!
//! ```text
//!   root.plant.d1      time            temperature DOUBLE   status BOOLEAN
//!                      1700000000000   21.3                 true
//!                      1700000001000   null                 true
//!                      └ Int64Array    └ Float64Array       └ BooleanArray
//! ```
//!
//! A column whose type is not known yet holds its values as they were written: see [`Column`].

use std::sync::Arc;

use arrow_array::{Array, BooleanArray, Int64Array};

use crate::{Column, DataType, Path};

/// Rows of one device, as columns. Times need neither be sorted nor unique: of two rows with the same time, the later one in
/// the tablet wins, value by value.
#[derive(Clone, Debug, PartialEq)]
pub struct Tablet {
    device: Path,
    aligned: bool,
    times: Int64Array,
    columns: Vec<Column>,
}

/// Why columns do not make a tablet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TabletError {
    /// A column has another number of rows than there are times.
    #[error("column `{column}` has {rows} rows where the tablet has {expected}")]
    Rows {
        /// The column.
        column: String,
        /// Its rows.
        rows: usize,
        /// The rows of the time column.
        expected: usize,
    },
    /// A column's array does not have the Arrow type of its data type.
    #[error("column `{column}` of type {data_type} cannot be held in an Arrow array of {array}")]
    Type {
        /// The column.
        column: String,
        /// Its type.
        data_type: DataType,
        /// The array's type.
        array: String,
    },
    /// The time column holds a null.
    #[error("the time column holds {0} nulls")]
    NullTime(usize),
}

impl Tablet {
    /// A tablet of checked columns.
    ///
    /// # Errors
    /// See [`TabletError`].
    pub fn try_new(
        device: Path,
        aligned: bool,
        times: Int64Array,
        columns: Vec<Column>,
    ) -> Result<Self, TabletError> {
        if times.null_count() > 0 {
            return Err(TabletError::NullTime(times.null_count()));
        }
        for column in &columns {
            if column.values.len() != times.len() {
                return Err(TabletError::Rows {
                    column: column.name.to_string(),
                    rows: column.values.len(),
                    expected: times.len(),
                });
            }
            if *column.values.data_type() != column.data_type.arrow() && !column.is_written() {
                return Err(TabletError::Type {
                    column: column.name.to_string(),
                    data_type: column.data_type,
                    array: column.values.data_type().to_string(),
                });
            }
        }
        Ok(Self { device, aligned, times, columns })
    }

    /// The device of the rows.
    pub fn device(&self) -> &Path {
        &self.device
    }

    /// Whether the device's series are stored with one shared time column.
    pub fn aligned(&self) -> bool {
        self.aligned
    }

    /// The time of each row, in milliseconds since 1970 UTC.
    pub fn times(&self) -> &Int64Array {
        &self.times
    }

    /// The measurements.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.times.len()
    }

    /// How many values that are not null.
    pub fn points(&self) -> usize {
        self.columns.iter().map(|column| column.values.len() - column.values.null_count()).sum()
    }

    /// Bytes of memory held by the columns, for bounding queues.
    pub fn bytes(&self) -> usize {
        self.times.get_array_memory_size()
            + self.columns.iter().map(|column| column.values.get_array_memory_size()).sum::<usize>()
    }

    /// The same rows under another device name.
    #[must_use]
    pub fn with_device(self, device: Path) -> Self {
        Self { device, ..self }
    }

    /// The same rows, stored aligned or not.
    #[must_use]
    pub fn with_aligned(self, aligned: bool) -> Self {
        Self { aligned, ..self }
    }

    /// The same rows with other columns.
    ///
    /// # Errors
    /// As [`Tablet::try_new`].
    pub fn with_columns(self, columns: Vec<Column>) -> Result<Self, TabletError> {
        Self::try_new(self.device, self.aligned, self.times, columns)
    }

    /// `rows` rows starting at row `from`, sharing memory with this tablet.
    ///
    /// # Panics
    /// If the range is not within the tablet.
    #[must_use]
    pub fn slice(&self, from: usize, rows: usize) -> Self {
        Self {
            device: self.device.clone(),
            aligned: self.aligned,
            times: self.times.slice(from, rows),
            columns: self
                .columns
                .iter()
                .map(|column| Column {
                    name: Arc::clone(&column.name),
                    data_type: column.data_type,
                    values: column.values.slice(from, rows),
                })
                .collect(),
        }
    }

    /// The rows for which `keep` is true.
    ///
    /// # Errors
    /// `keep` has another number of rows, or memory cannot be allocated.
    pub fn filter(&self, keep: &BooleanArray) -> Result<Self, arrow_schema::ArrowError> {
        let filter = arrow_select::filter::FilterBuilder::new(keep).optimize().build();
        let times = filter.filter(&self.times)?;
        let times = arrow_array::cast::AsArray::as_primitive::<arrow_array::types::Int64Type>(&times).clone();
        let columns = self
            .columns
            .iter()
            .map(|column| {
                Ok(Column {
                    name: Arc::clone(&column.name),
                    data_type: column.data_type,
                    values: filter.filter(&column.values)?,
                })
            })
            .collect::<Result<_, arrow_schema::ArrowError>>()?;
        Ok(Self { device: self.device.clone(), aligned: self.aligned, times, columns })
    }

    /// Device, times and columns.
    pub fn into_parts(self) -> (Path, Int64Array, Vec<Column>) {
        (self.device, self.times, self.columns)
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{ArrayRef, Float64Array, Int32Array};

    use super::*;

    fn column(data_type: DataType, values: ArrayRef) -> Column {
        Column { name: "s".into(), data_type, values }
    }

    fn device() -> Path {
        Path::parse("root.d").expect("legal")
    }

    #[test]
    fn columns_must_fit_the_time_column_and_their_type() {
        let times = Int64Array::from(vec![1, 2]);
        let short = column(DataType::Double, Arc::new(Float64Array::from(vec![1.0])));
        let wrong = column(DataType::Double, Arc::new(Int32Array::from(vec![1, 2])));
        assert!(matches!(
            Tablet::try_new(device(), false, times.clone(), vec![short]),
            Err(TabletError::Rows { rows: 1, expected: 2, .. })
        ));
        assert!(matches!(
            Tablet::try_new(device(), false, times, vec![wrong]),
            Err(TabletError::Type { .. })
        ));
    }

    #[test]
    fn filter_keeps_rows_of_every_column() {
        let values = column(DataType::Double, Arc::new(Float64Array::from(vec![Some(1.0), None, Some(3.0)])));
        let tablet =
            Tablet::try_new(device(), false, Int64Array::from(vec![1, 2, 3]), vec![values]).expect("fits");
        assert_eq!(tablet.points(), 2);
        let kept = tablet.filter(&BooleanArray::from(vec![true, true, false])).expect("same length");
        assert_eq!((kept.rows(), kept.points()), (2, 1));
    }
}
