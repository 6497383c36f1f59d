//! Rows as a Parquet file.
//!
//! ```text
//!   arrays ─► columns of Parquet's types ─► pages, compressed ─► row group ─► file
//!                                           (in memory, up to a row group)
//! ```
//!
//! | column | type in the file |
//! | --- | --- |
//! | the time, `TIMESTAMP` | timestamp in milliseconds, UTC |
//! | `BOOLEAN`, `INT32`, `INT64`, `FLOAT`, `DOUBLE` | the same |
//! | `TEXT`, `STRING` | UTF-8 text |
//! | `DATE` | date: days since 1970-01-01 |
//! | `BLOB` | bytes |
//!
//! The type itself is noted beside each column ([`TYPE_NOTE`]), for programs that read the file back. Names of columns are
//! unique, as most readers need it.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    io::Write,
    sync::Arc,
};

use arrow_array::{
    Array, ArrayRef, Date32Array, RecordBatch, TimestampMillisecondArray,
    cast::AsArray,
    types::{Date32Type, Int32Type, Int64Type},
};
use arrow_schema::{DataType as ArrowType, Field, Schema, SchemaRef, TimeUnit};
use jiff::civil::{self, Date};
use levada_connector_api::model::DataType;
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, Encoding, ZstdLevel},
    errors::ParquetError,
    file::properties::WriterProperties,
    schema::types::ColumnPath,
};

use super::{TYPE_NOTE, TableError};

/// Rows are given to a row group in pieces of about its bytes divided by this.
const PIECES: usize = 8;
const EPOCH: Date = civil::date(1970, 1, 1);
const SECONDS_OF_DAY: i64 = 24 * 60 * 60;
const UTC: &str = "UTC";

/// What ends a row group, whichever comes first. Its pages wait in memory until it is whole.
#[derive(Clone, Copy, Debug)]
pub struct GroupLimit {
    /// Rows.
    pub rows: usize,
    /// Bytes of encoded and compressed pages.
    pub bytes: usize,
}

impl Default for GroupLimit {
    fn default() -> Self {
        Self { rows: 1 << 20, bytes: 64 << 20 }
    }
}

/// A column of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableColumn {
    /// Its name, of which there is one only.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
    /// Whether there may be no value.
    pub nullable: bool,
}

/// A Parquet file being written. One that is not finished is not readable.
pub struct ParquetWriter<W: Write + Send> {
    types: Vec<DataType>,
    schema: SchemaRef,
    limit: GroupLimit,
    inner: ArrowWriter<W>,
}

impl<W: Write + Send> fmt::Debug for ParquetWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParquetWriter").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl<W: Write + Send> ParquetWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// Two columns have one name; `out` cannot be written to.
    pub fn new(out: W, columns: Vec<TableColumn>, limit: GroupLimit) -> Result<Self, TableError> {
        let (mut types, mut fields, mut names) = (Vec::new(), Vec::new(), HashSet::new());
        for TableColumn { name, data_type, nullable } in columns {
            // The format allows it, but most that read it do not.
            if !names.insert(name.clone()) {
                return Err(TableError::data(format!("two columns are called `{name}`")));
            }
            types.push(data_type);
            let note = HashMap::from([(TYPE_NOTE.to_owned(), data_type.name().to_owned())]);
            fields.push(Field::new(name, in_file(data_type), nullable).with_metadata(note));
        }
        let schema = Arc::new(Schema::new(fields));
        let properties = properties(&types, &schema, limit);
        let inner = ArrowWriter::try_new(out, Arc::clone(&schema), Some(properties))?;
        Ok(Self { types, schema, limit, inner })
    }

    /// Adds rows: an array of [`DataType::arrow`] for each column. Only dates are computed anew, all else is shared.
    ///
    /// # Errors
    /// An array is of another type, a DATE is none, or the file cannot be written to.
    pub fn write(&mut self, arrays: &[ArrayRef]) -> Result<(), TableError> {
        let mut converted = Vec::with_capacity(self.types.len());
        for ((array, data_type), field) in arrays.iter().zip(&self.types).zip(self.schema.fields()) {
            let array = convert(array, *data_type);
            converted.push(
                array.map_err(|reason| TableError::data(format!("column `{}`: {reason}", field.name())))?,
            );
        }
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), converted)?;
        // A row group takes what comes first whole: of wide rows, one batch can be more than its limit.
        let pieces = batch.get_array_memory_size().div_ceil((self.limit.bytes / PIECES).max(1)).max(1);
        let piece_rows = batch.num_rows().div_ceil(pieces).max(1);
        for from in (0..batch.num_rows()).step_by(piece_rows) {
            self.inner.write(&batch.slice(from, piece_rows.min(batch.num_rows() - from)))?;
        }
        Ok(())
    }

    /// Ends the file and gives what it was written to, which is not flushed or synced.
    ///
    /// # Errors
    /// It cannot be written to.
    pub fn finish(self) -> Result<W, TableError> {
        Ok(self.inner.into_inner()?)
    }
}

impl From<ParquetError> for TableError {
    fn from(error: ParquetError) -> Self {
        match error {
            ParquetError::External(error) => match error.downcast::<std::io::Error>() {
                Ok(error) => Self::Io(*error),
                Err(error) => Self::Data(error.to_string()),
            },
            other => Self::Data(other.to_string()),
        }
    }
}

fn properties(types: &[DataType], schema: &Schema, limit: GroupLimit) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(limit.rows))
        .set_max_row_group_bytes(Some(limit.bytes));
    for (data_type, field) in types.iter().zip(schema.fields()) {
        // Times rarely repeat, but their distances do.
        if *data_type == DataType::Timestamp {
            let path = ColumnPath::new(vec![field.name().clone()]);
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        }
    }
    properties.build()
}

/// The Arrow type that the Parquet type of a column is made of.
fn in_file(data_type: DataType) -> ArrowType {
    match data_type {
        DataType::Timestamp => ArrowType::Timestamp(TimeUnit::Millisecond, Some(UTC.into())),
        DataType::Date => ArrowType::Date32,
        other => other.arrow(),
    }
}

fn convert(array: &ArrayRef, data_type: DataType) -> Result<ArrayRef, String> {
    Ok(match data_type {
        DataType::Timestamp => {
            let millis = array.as_primitive_opt::<Int64Type>().ok_or("times are of another type")?;
            let times = TimestampMillisecondArray::new(millis.values().clone(), millis.nulls().cloned());
            Arc::new(times.with_timezone(UTC))
        }
        DataType::Date => {
            let dates = array.as_primitive_opt::<Int32Type>().ok_or("dates are of another type")?;
            let days: Date32Array = dates.try_unary::<_, Date32Type, String>(days)?;
            Arc::new(days)
        }
        _ => Arc::clone(array),
    })
}

/// The days from 1970-01-01 to a date that is given as `yyyymmdd`.
fn days(date: i32) -> Result<i32, String> {
    let part = |number: i32| i8::try_from(number % 100).ok();
    let day = i16::try_from(date / 10_000).ok().zip(part(date / 100)).zip(part(date));
    let day = day.and_then(|((year, month), day)| Date::new(year, month, day).ok());
    let day = day.ok_or_else(|| format!("{date} is no date: a DATE is the number yyyymmdd"))?;
    // A date of our calendar is a few million days away.
    Ok((day.duration_since(EPOCH).as_secs() / SECONDS_OF_DAY) as i32)
}

#[cfg(test)]
mod tests {
    use std::io::Seek;

    use arrow_array::Int64Array;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    fn columns(names: &[&str]) -> Vec<TableColumn> {
        let column = |(name, data_type, nullable): (&str, _, _)| TableColumn {
            name: name.to_owned(),
            data_type,
            nullable,
        };
        let time = std::iter::once(column(("Time", DataType::Timestamp, false)));
        time.chain(names.iter().map(|name| column((name, DataType::Int64, true)))).collect()
    }

    #[test]
    fn row_groups_stay_within_their_limit() -> Result<(), TableError> {
        let by_rows = GroupLimit { rows: 1_500, bytes: 64 << 20 };
        // Less than a batch: a row is about 10 bytes.
        let by_bytes = GroupLimit { rows: 1 << 20, bytes: 4_096 };
        for (limit, most) in [(by_rows, 1_500), (by_bytes, 600)] {
            let mut file = tempfile::tempfile()?;
            let mut writer = ParquetWriter::new(file.try_clone()?, columns(&["noise"]), limit)?;
            for number in 0..10i64 {
                let times = Int64Array::from_iter_values(number * 1_000..(number + 1) * 1_000);
                let noise = times.values().iter().map(|time| time.wrapping_mul(0x5851_f42d_4c95_7f2d));
                let noise: ArrayRef = Arc::new(Int64Array::from_iter_values(noise));
                writer.write(&[Arc::new(times) as ArrayRef, noise])?;
            }
            writer.finish()?;
            file.rewind()?;
            let reader = ParquetRecordBatchReaderBuilder::try_new(file)?;
            let groups: Vec<i64> =
                reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
            assert_eq!(groups.iter().sum::<i64>(), 10_000);
            assert!(groups.iter().all(|&rows| rows <= most && rows > 0), "{groups:?}");
            assert!(groups.len() < 100, "{groups:?}");
        }
        Ok(())
    }

    #[test]
    fn columns_of_one_name_are_rejected() {
        for names in [["noise", "noise"], ["noise", "Time"]] {
            let limit = GroupLimit::default();
            let rejected =
                ParquetWriter::new(Vec::new(), columns(&names), limit).expect_err("two of one name");
            assert!(rejected.to_string().contains(names[1]), "{rejected}");
        }
    }

    #[test]
    fn dates_become_days() {
        let known = [(19_700_101, 0), (19_691_231, -1), (20_000_229, 11_016), (20_260_501, 20_574)];
        for (date, expected) in known {
            assert_eq!(days(date), Ok(expected), "{date}");
        }
        for wrong in [0, -19_700_101, 20_260_230, 20_261_301, i32::MAX, i32::MIN] {
            assert!(days(wrong).is_err(), "{wrong}");
        }
    }
}
