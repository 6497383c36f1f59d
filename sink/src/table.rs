//! Rows as files of columns: Parquet and TsFile. One writer for each format; `levada export` uses the same.
//!
//! | format | writer | in memory |
//! | --- | --- | --- |
//! | Parquet | `parquet::ParquetWriter` (feature `parquet`) | one row group |
//! | TsFile | [`tsfile::TableWriter`] | one chunk of each column, and the index of all chunks |
//!
//! The writers know no sink and no query: columns in, bytes out.

#[cfg(feature = "parquet")]
pub mod parquet;
pub mod tsfile;

use std::{borrow::Cow, io};

use arrow_schema::ArrowError;
use levada_connector_api::model::DataType;
use levada_tsfile::TsFileError;

/// The key under which a Parquet column says of which type it is: of texts, Parquet has one kind only.
pub const TYPE_NOTE: &str = "iotdb.type";

/// Why rows could not be written as a table.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The operating system reported an error.
    #[error("{0}")]
    Io(#[source] io::Error),
    /// The format has no place for these rows.
    #[error("{0}")]
    Data(String),
}

impl TableError {
    /// The format has no place for these rows.
    pub fn data(reason: impl Into<String>) -> Self {
        Self::Data(reason.into())
    }
}

impl From<io::Error> for TableError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<TsFileError> for TableError {
    fn from(error: TsFileError) -> Self {
        match error {
            TsFileError::Io { source, .. } => Self::Io(source),
            other => Self::Data(other.to_string()),
        }
    }
}

impl From<ArrowError> for TableError {
    fn from(error: ArrowError) -> Self {
        match error {
            ArrowError::IoError(_, error) => Self::Io(error),
            other => Self::Data(other.to_string()),
        }
    }
}

/// The names of columns that are measurements, which come by name, each name's types one after another. A measurement that has
/// several types has a column for each, `x(DOUBLE)` and `x(TEXT)`; one whose name is that of the time or of the device stands
/// between backquotes.
pub fn measurement_names<'a>(columns: &[(&'a str, DataType)]) -> Vec<Cow<'a, str>> {
    let name_at = |at: Option<usize>| at.and_then(|at| columns.get(at)).map(|(name, _)| *name);
    let name = |(at, (name, data_type)): (usize, &(&'a str, DataType))| {
        let taken = ["time", "device"].iter().any(|taken| taken.eq_ignore_ascii_case(name));
        let shown = if taken { Cow::Owned(format!("`{name}`")) } else { Cow::Borrowed(*name) };
        let has_others = [at.checked_sub(1), Some(at + 1)].into_iter().any(|at| name_at(at) == Some(*name));
        if has_others { Cow::Owned(format!("{shown}({data_type})")) } else { shown }
    };
    columns.iter().enumerate().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_columns_are_told_apart() {
        let columns = [
            ("Time", DataType::Int32),
            ("a", DataType::Double),
            ("x", DataType::Double),
            ("x", DataType::Text),
        ];
        assert_eq!(measurement_names(&columns), ["`Time`", "a", "x(DOUBLE)", "x(TEXT)"]);
    }
}
