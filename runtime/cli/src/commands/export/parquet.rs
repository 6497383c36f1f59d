//! Rows as a Parquet file.
//!
//! ```text
//!   batches ─► columns of Parquet's types ─► pages, compressed ─► row group ─► file
//!                                            (in memory, up to a row group)
//! ```
//!
//! | column | type in the file |
//! | --- | --- |
//! | `Time`, `TIMESTAMP` | timestamp in milliseconds, UTC |
//! | `BOOLEAN`, `INT32`, `INT64`, `FLOAT`, `DOUBLE` | the same |
//! | `TEXT`, `STRING` | UTF-8 text |
//! | `DATE` | date: days since 1970-01-01 |
//! | `BLOB` | bytes |
//!
//! The type itself is noted beside each column, for `levada import`.
//!
//! Names of columns are unique, as most readers need it: of a measurement that has several types each has a column of its own,
//! `x(DOUBLE)` and `x(TEXT)`; a measurement whose name is that of the time or of the device stands between backquotes.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use anyhow::{Context, bail};
use arrow_array::{
    Array, ArrayRef, Date32Array, RecordBatch, TimestampMillisecondArray,
    cast::AsArray,
    types::{Date32Type, Int32Type, Int64Type},
};
use arrow_schema::{DataType as ArrowType, Field, Schema, SchemaRef, TimeUnit};
use futures::TryStreamExt;
use jiff::civil::{self, Date};
use levada_model::{DataType, Rows};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, Encoding, ZstdLevel},
    file::properties::WriterProperties,
    schema::types::ColumnPath,
};

use super::{TYPE_NOTE, target::Output};
use crate::output::two_of;

/// How large a row group grows: its pages wait in memory until it is whole.
const GROUP: GroupLimit = GroupLimit { rows: 1 << 20, bytes: 64 << 20 };
/// Rows are given to a row group in pieces of about its bytes divided by this.
const PIECES: usize = 8;
const EPOCH: Date = civil::date(1970, 1, 1);
const SECONDS_OF_DAY: i64 = 24 * 60 * 60;
const UTC: &str = "UTC";

/// What ends a row group, whichever comes first.
#[derive(Clone, Copy, Debug)]
struct GroupLimit {
    rows: usize,
    /// Of encoded and compressed pages.
    bytes: usize,
}

/// Writes all rows and syncs the file; how many there are.
/// `by_device` says that columns are measurements, behind one that names the device.
pub(super) async fn write(rows: Rows, by_device: bool, file: Output) -> anyhow::Result<u64> {
    write_groups(rows, by_device, file, GROUP).await
}

async fn write_groups(
    mut rows: Rows,
    by_device: bool,
    file: Output,
    limit: GroupLimit,
) -> anyhow::Result<u64> {
    let columns = Columns::of(&rows, by_device)?;
    let mut writer =
        ArrowWriter::try_new(file, Arc::clone(&columns.schema), Some(columns.properties(limit)))?;
    let mut count = 0;
    while let Some(batch) = rows.batches.try_next().await? {
        count += batch.num_rows() as u64;
        let batch = columns.convert(&batch)?;
        // A row group takes what comes first whole: of wide rows, one batch can be more than its limit.
        let pieces = batch.get_array_memory_size().div_ceil(limit.bytes / PIECES).max(1);
        let piece_rows = batch.num_rows().div_ceil(pieces).max(1);
        for from in (0..batch.num_rows()).step_by(piece_rows) {
            writer.write(&batch.slice(from, piece_rows.min(batch.num_rows() - from)))?;
        }
        tokio::task::yield_now().await;
    }
    writer.into_inner()?.sync()?;
    Ok(count)
}

/// The columns of the file: those of the result, the time first where it has one.
#[derive(Debug)]
struct Columns {
    types: Vec<DataType>,
    schema: SchemaRef,
}

impl Columns {
    fn of(rows: &Rows, by_device: bool) -> anyhow::Result<Self> {
        let time = rows.has_time.then_some((Cow::Borrowed("Time"), DataType::Timestamp, false));
        let others = if by_device { measurements(rows) } else { as_they_are(rows) };
        let (mut types, mut fields, mut names) = (Vec::new(), Vec::new(), HashSet::new());
        for (name, data_type, nullable) in time.into_iter().chain(others) {
            // The format allows it, but most that read it do not.
            if !names.insert(name.clone()) {
                return Err(two_of(&name));
            }
            types.push(data_type);
            let note = HashMap::from([(TYPE_NOTE.to_owned(), data_type.name().to_owned())]);
            fields.push(Field::new(name, in_file(data_type), nullable).with_metadata(note));
        }
        Ok(Self { types, schema: Arc::new(Schema::new(fields)) })
    }

    fn properties(&self, limit: GroupLimit) -> WriterProperties {
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(limit.rows))
            .set_max_row_group_bytes(Some(limit.bytes));
        for (data_type, field) in self.types.iter().zip(self.schema.fields()) {
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

    /// A batch in the types of the file. Only dates are computed anew, all else is shared.
    fn convert(&self, batch: &RecordBatch) -> anyhow::Result<RecordBatch> {
        let mut arrays = Vec::with_capacity(self.types.len());
        for ((array, data_type), field) in batch.columns().iter().zip(&self.types).zip(self.schema.fields()) {
            let converted = convert(array, *data_type);
            arrays.push(converted.with_context(|| format!("column `{}`", field.name()))?);
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), arrays)?)
    }
}

/// A column: its name, its type, and whether there may be no value.
type Named<'a> = (Cow<'a, str>, DataType, bool);

fn as_they_are(rows: &Rows) -> Vec<Named<'_>> {
    rows.columns.iter().map(|column| (Cow::Borrowed(column.name.as_str()), column.data_type, true)).collect()
}

/// Columns of measurements, which come by name; those of one name are told apart by their types, and it is said.
fn measurements(rows: &Rows) -> Vec<Named<'_>> {
    let columns = &rows.columns;
    let mut named = Vec::with_capacity(columns.len());
    for (at, column) in columns.iter().enumerate() {
        let same = |other: Option<usize>| {
            other.and_then(|at| columns.get(at)).is_some_and(|other| other.name == column.name)
        };
        let taken = ["time", "device"].iter().any(|taken| taken.eq_ignore_ascii_case(&column.name));
        let name = if at > 0 && taken {
            Cow::Owned(format!("`{}`", column.name))
        } else {
            Cow::Borrowed(column.name.as_str())
        };
        let name = if at > 1 && same(at.checked_sub(1)) || at > 0 && same(Some(at + 1)) {
            let typed = format!("{name}({})", column.data_type);
            eprintln!(
                "`{name}` has several types: the column `{typed}` has its values of {}",
                column.data_type
            );
            Cow::Owned(typed)
        } else {
            name
        };
        named.push((name, column.data_type, true));
    }
    named
}

/// The Arrow type that the Parquet type of a column is made of.
fn in_file(data_type: DataType) -> ArrowType {
    match data_type {
        DataType::Timestamp => ArrowType::Timestamp(TimeUnit::Millisecond, Some(UTC.into())),
        DataType::Date => ArrowType::Date32,
        other => other.arrow(),
    }
}

fn convert(array: &ArrayRef, data_type: DataType) -> anyhow::Result<ArrayRef> {
    Ok(match data_type {
        DataType::Timestamp => {
            let millis = array.as_primitive_opt::<Int64Type>().context("times are of another type")?;
            let times = TimestampMillisecondArray::new(millis.values().clone(), millis.nulls().cloned());
            Arc::new(times.with_timezone(UTC))
        }
        DataType::Date => {
            let dates = array.as_primitive_opt::<Int32Type>().context("dates are of another type")?;
            let days: Date32Array = dates.try_unary::<_, Date32Type, anyhow::Error>(days)?;
            Arc::new(days)
        }
        _ => Arc::clone(array),
    })
}

/// The days from 1970-01-01 to a date that is given as `yyyymmdd`.
fn days(date: i32) -> anyhow::Result<i32> {
    let part = |number: i32| i8::try_from(number % 100).ok();
    let day = i16::try_from(date / 10_000).ok().zip(part(date / 100)).zip(part(date));
    let day = day.and_then(|((year, month), day)| Date::new(year, month, day).ok());
    let Some(day) = day else { bail!("{date} is no date: a DATE is the number yyyymmdd") };
    Ok(i32::try_from(day.duration_since(EPOCH).as_secs() / SECONDS_OF_DAY)?)
}

#[cfg(test)]
mod tests {
    use std::io::Seek;

    use arrow_array::Int64Array;
    use futures::{StreamExt, stream};
    use levada_model::ResultColumn;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    fn rows(names: &[&str], batches: i64) -> Rows {
        let columns =
            names.iter().map(|&name| ResultColumn { name: name.into(), data_type: DataType::Int64 });
        let mut fields = vec![Field::new("Time", ArrowType::Int64, false)];
        fields.extend(names.iter().map(|&name| Field::new(name, ArrowType::Int64, true)));
        let (schema, width) = (Arc::new(Schema::new(fields)), names.len());
        let batch = move |number: i64| {
            let times = Int64Array::from_iter_values(number * 1_000..(number + 1) * 1_000);
            let noise = times.values().iter().map(|time| time.wrapping_mul(0x5851_f42d_4c95_7f2d));
            let noise: ArrayRef = Arc::new(Int64Array::from_iter_values(noise));
            let mut arrays: Vec<ArrayRef> = vec![Arc::new(times)];
            arrays.extend(std::iter::repeat_n(noise, width));
            Ok(RecordBatch::try_new(Arc::clone(&schema), arrays).expect("fitting arrays"))
        };
        let batches = stream::iter((0..batches).map(batch)).boxed();
        Rows::new(true, columns.collect(), batches)
    }

    #[test]
    fn row_groups_stay_within_their_limit() -> anyhow::Result<()> {
        let by_rows = GroupLimit { rows: 1_500, bytes: 64 << 20 };
        // Less than a batch: a row is about 10 bytes.
        let by_bytes = GroupLimit { rows: 1 << 20, bytes: 4_096 };
        for (limit, most) in [(by_rows, 1_500), (by_bytes, 600)] {
            let mut file = tempfile::tempfile()?;
            let output = Output::of(file.try_clone()?);
            let written = write_groups(rows(&["noise"], 10), false, output, limit);
            assert_eq!(futures::executor::block_on(written)?, 10_000);
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
    fn columns_of_one_name_are_refused() {
        for names in [["noise", "noise"], ["noise", "Time"]] {
            let refused = Columns::of(&rows(&names, 0), false).expect_err("two of one name");
            assert!(refused.to_string().contains(names[1]), "{refused}");
        }
    }

    #[test]
    fn dates_become_days() {
        let known = [(19_700_101, 0), (19_691_231, -1), (20_000_229, 11_016), (20_260_501, 20_574)];
        for (date, expected) in known {
            assert_eq!(days(date).expect("a date"), expected, "{date}");
        }
        for wrong in [0, -19_700_101, 20_260_230, 20_261_301, i32::MAX, i32::MIN] {
            assert!(days(wrong).is_err(), "{wrong}");
        }
    }
}
