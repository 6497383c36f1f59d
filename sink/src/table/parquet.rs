//! Rows as a Parquet file.
//!
//! ```text
//!   arrays ─► columns of Parquet's types ─► rows of a row group ─► one column after another ─► file
//!                                           (in memory)            encoded, compressed
//! ```
//!
//! What encodes a column takes some 40 KiB before it has seen a value, so there is one at a time, and columns of a few values are
//! written as they are: a row over thousands of columns costs what its values do. A column that has no value in a batch costs
//! nothing there.
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

mod waiting;

use std::{
    collections::{HashMap, HashSet},
    fmt,
    io::{self, Write},
    sync::Arc,
};

use arrow_array::{
    Array, ArrayRef, Date32Array, NullArray, TimestampMillisecondArray,
    cast::AsArray,
    new_null_array,
    types::{Date32Type, Int32Type, Int64Type},
};
use arrow_schema::{DataType as ArrowType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use levada_connector_api::model::{DataType, convert::days_of_date};
use parquet::{
    arrow::{
        ArrowWriter,
        arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves},
    },
    basic::{Compression, Encoding, ZstdLevel},
    column::page_store::{InMemoryPageStoreFactory, PageStoreFactory},
    errors::ParquetError,
    file::{
        properties::{WriterProperties, WriterPropertiesPtr},
        writer::SerializedFileWriter,
    },
    schema::types::{ColumnPath, Type, TypePtr},
};

use self::waiting::Waiting;
use super::{TYPE_NOTE, TableError};

/// Of a column of fewer bytes, a dictionary and compression cost more than they save.
const SMALL: usize = 512;
/// Rows without a value are made into nulls so many at a time.
const NULLS: usize = 64 << 10;
const UTC: &str = "UTC";

/// What ends a row group, whichever comes first. Its rows wait in memory until it is whole.
#[derive(Clone, Copy, Debug)]
pub struct GroupLimit {
    /// Rows.
    pub rows: usize,
    /// Bytes of values, before they are encoded and compressed.
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
    inner: SerializedFileWriter<W>,
    /// How columns of a few values are written.
    small: WriterPropertiesPtr,
    /// Where pages of the column that is encoded wait.
    pages: Arc<dyn PageStoreFactory>,
    /// The rows of the next row group, by column.
    waiting: Vec<Waiting>,
    rows: usize,
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
        let properties = properties(&types, &schema);
        let writer = ArrowWriter::try_new(out, Arc::clone(&schema), Some(properties))?;
        let (inner, _) = writer.into_serialized_writer()?;
        let waiting = types.iter().map(|_| Waiting::default()).collect();
        let small = WriterProperties::builder().set_compression(Compression::UNCOMPRESSED);
        let small = small.set_dictionary_enabled(false).build();
        let (small, pages) = (Arc::new(small), Arc::new(InMemoryPageStoreFactory));
        Ok(Self { types, schema, limit, inner, small, pages, waiting, rows: 0 })
    }

    /// Adds rows: for each column an array of [`DataType::arrow`], or of nothing where none of the rows has a value. Only dates are
    /// computed anew, all else is shared.
    ///
    /// # Errors
    /// An array is of another type or length, a DATE is none, or the file cannot be written to.
    pub fn write(&mut self, arrays: &[ArrayRef]) -> Result<(), TableError> {
        let rows = arrays.first().map_or(0, |array| array.len());
        if arrays.len() != self.types.len() {
            let (found, wanted) = (arrays.len(), self.types.len());
            return Err(TableError::data(format!("{found} arrays where there are {wanted} columns")));
        }
        let (mut columns, mut bytes) = (Vec::with_capacity(arrays.len()), 0);
        for ((array, data_type), field) in arrays.iter().zip(&self.types).zip(self.schema.fields()) {
            let array = convert(array, *data_type).and_then(|array| fitting(array, field, rows));
            let array =
                array.map_err(|reason| TableError::data(format!("column `{}`: {reason}", field.name())))?;
            bytes += array.to_data().get_slice_memory_size()?;
            columns.push(array);
        }
        // Of wide rows, one batch can be more than a row group may have.
        let most = self.limit.bytes.max(1) / bytes.div_ceil(rows.max(1)).max(1);
        let mut from = 0;
        while from < rows {
            let room = self.limit.rows.saturating_sub(self.rows).max(1);
            let piece = (rows - from).min(room).min(most.max(1));
            let mut held = 0;
            for ((waiting, array), field) in self.waiting.iter_mut().zip(&columns).zip(self.schema.fields()) {
                let array = if piece == rows { Arc::clone(array) } else { array.slice(from, piece) };
                waiting.push(array, field.data_type())?;
                held += waiting.bytes();
            }
            self.rows += piece;
            from += piece;
            if self.rows >= self.limit.rows || held >= self.limit.bytes {
                self.end_group()?;
            }
        }
        Ok(())
    }

    /// Ends the file and gives what it was written to, which is not flushed or synced.
    ///
    /// # Errors
    /// It cannot be written to.
    pub fn finish(mut self) -> Result<W, TableError> {
        self.end_group()?;
        Ok(self.inner.into_inner()?)
    }

    /// Writes the rows that wait as a row group, column after column.
    fn end_group(&mut self) -> Result<(), TableError> {
        if self.rows == 0 {
            return Ok(());
        }
        let properties = Arc::clone(self.inner.properties());
        let leaves: Vec<TypePtr> =
            self.inner.schema_descr().columns().iter().map(|column| column.self_type_ptr()).collect();
        let mut group = self.inner.next_row_group()?;
        for ((waiting, field), leaf) in self.waiting.iter_mut().zip(self.schema.fields()).zip(leaves) {
            let properties = if waiting.bytes() < SMALL { &self.small } else { &properties };
            let mut column = column_writer(field, leaf, properties, &self.pages)?;
            for array in waiting.take() {
                put(&mut column, field, &array)?;
            }
            column.close()?.append_to_row_group(&mut group)?;
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

/// What encodes one column of a row group.
fn column_writer(
    field: &FieldRef,
    leaf: TypePtr,
    properties: &WriterPropertiesPtr,
    pages: &Arc<dyn PageStoreFactory>,
) -> Result<ArrowColumnWriter, TableError> {
    // Writers come for all columns of a file at once, so the column gets a file of its own, to which nothing is written.
    let root = Type::group_type_builder("arrow_schema").with_fields(vec![leaf]).build()?;
    let alone = SerializedFileWriter::new(io::sink(), Arc::new(root), Arc::clone(properties))?;
    let schema = Arc::new(Schema::new(vec![Arc::clone(field)]));
    let factory = ArrowRowGroupWriterFactory::new(&alone, schema).with_page_store_factory(Arc::clone(pages));
    let writer = factory.create_column_writers(0)?.pop();
    writer.ok_or_else(|| TableError::data(format!("the column `{}` has no place in Parquet", field.name())))
}

fn put(column: &mut ArrowColumnWriter, field: &FieldRef, array: &ArrayRef) -> Result<(), TableError> {
    if *array.data_type() != ArrowType::Null {
        return put_values(column, field, array);
    }
    for from in (0..array.len()).step_by(NULLS) {
        let nulls = new_null_array(field.data_type(), NULLS.min(array.len() - from));
        put_values(column, field, &nulls)?;
    }
    Ok(())
}

fn put_values(column: &mut ArrowColumnWriter, field: &FieldRef, array: &ArrayRef) -> Result<(), TableError> {
    for leaf in compute_leaves(field, array)? {
        column.write(&leaf)?;
    }
    Ok(())
}

/// An array that fits its column; one of nothing where it has no value.
fn fitting(array: ArrayRef, field: &Field, rows: usize) -> Result<ArrayRef, String> {
    if array.len() != rows {
        return Err(format!("it has {} values where there are {rows} rows", array.len()));
    }
    let nulls = array.logical_null_count();
    if nulls > 0 && !field.is_nullable() {
        return Err("a value is missing".to_owned());
    }
    if nulls == rows && rows > 0 {
        return Ok(Arc::new(NullArray::new(rows)));
    }
    if array.data_type() != field.data_type() {
        return Err(format!("it is of type {} where {} is meant", array.data_type(), field.data_type()));
    }
    Ok(array)
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

fn properties(types: &[DataType], schema: &Schema) -> WriterProperties {
    let mut properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default()));
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
        _ if *array.data_type() == ArrowType::Null => Arc::clone(array),
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
    days_of_date(date).ok_or_else(|| format!("{date} is no date: a DATE is the number yyyymmdd"))
}

#[cfg(test)]
mod tests {
    use std::{
        io::Seek,
        sync::atomic::{AtomicUsize, Ordering::Relaxed},
    };

    use arrow_array::{BooleanArray, Int64Array};
    use parquet::{
        arrow::arrow_reader::ParquetRecordBatchReaderBuilder,
        column::page_store::{InMemoryPageStore, PageKey, PageStore, PageStoreArgs},
    };

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

    /// Counts the columns that are encoded at once.
    #[derive(Debug, Default)]
    struct Open {
        now: Arc<AtomicUsize>,
        most: AtomicUsize,
        all: AtomicUsize,
    }

    struct Counted(InMemoryPageStore, Arc<AtomicUsize>);

    impl PageStoreFactory for Open {
        fn create(&self, _: &PageStoreArgs<'_>) -> Result<Box<dyn PageStore>, ParquetError> {
            let now = self.now.fetch_add(1, Relaxed) + 1;
            self.most.fetch_max(now, Relaxed);
            self.all.fetch_add(1, Relaxed);
            Ok(Box::new(Counted(InMemoryPageStore::default(), Arc::clone(&self.now))))
        }
    }

    impl PageStore for Counted {
        fn put(&mut self, page: bytes::Bytes) -> Result<PageKey, ParquetError> {
            self.0.put(page)
        }

        fn take(&mut self, key: PageKey) -> Result<bytes::Bytes, ParquetError> {
            self.0.take(key)
        }
    }

    impl Drop for Counted {
        fn drop(&mut self) {
            self.1.fetch_sub(1, Relaxed);
        }
    }

    #[test]
    fn one_column_is_encoded_at_a_time() -> Result<(), TableError> {
        let names: Vec<String> = (0..500).map(|at| format!("c{at}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut file = tempfile::tempfile()?;
        let mut writer = ParquetWriter::new(file.try_clone()?, columns(&names), GroupLimit::default())?;
        let open = Arc::new(Open::default());
        writer.pages = Arc::clone(&open) as Arc<dyn PageStoreFactory>;
        for time in 0..3 {
            let mut row: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(vec![time]))];
            row.extend((0..500).map(|at| -> ArrayRef { Arc::new(Int64Array::from(vec![at * time])) }));
            writer.write(&row)?;
        }
        writer.finish()?;
        assert_eq!((open.most.load(Relaxed), open.all.load(Relaxed)), (1, 501));
        file.rewind()?;
        let rows = ParquetRecordBatchReaderBuilder::try_new(file)?.build()?.next().expect("rows")?;
        assert_eq!(rows.num_columns(), 501);
        for (at, column) in rows.columns().iter().skip(1).enumerate() {
            assert_eq!(column.as_primitive::<Int64Type>().values(), &[0, at as i64, 2 * at as i64]);
        }
        Ok(())
    }

    #[test]
    fn columns_without_values_may_be_arrays_of_nothing() -> Result<(), TableError> {
        let mut file = tempfile::tempfile()?;
        let mut writer =
            ParquetWriter::new(file.try_clone()?, columns(&["a", "b", "c"]), GroupLimit::default())?;
        let times = |from: i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(from..from + 2)) };
        let nothing: ArrayRef = Arc::new(NullArray::new(2));
        let value: ArrayRef = Arc::new(Int64Array::from(vec![None, Some(7)]));
        writer.write(&[times(0), Arc::clone(&nothing), Arc::clone(&value), Arc::clone(&nothing)])?;
        writer.write(&[times(2), Arc::clone(&value), Arc::clone(&nothing), Arc::clone(&nothing)])?;
        for wrong in [
            vec![Arc::clone(&nothing); 4],
            vec![times(4), Arc::new(NullArray::new(3)), Arc::clone(&nothing), Arc::clone(&nothing)],
            vec![times(4), Arc::new(BooleanArray::from(vec![true; 2])), Arc::clone(&nothing), nothing],
            vec![times(4)],
        ] {
            assert!(matches!(writer.write(&wrong), Err(TableError::Data(_))), "{wrong:?}");
        }
        writer.finish()?;
        file.rewind()?;
        let rows = ParquetRecordBatchReaderBuilder::try_new(file)?.build()?.next().expect("rows")?;
        let values = |at: usize| rows.column(at).as_primitive::<Int64Type>().iter().collect::<Vec<_>>();
        assert_eq!(values(1), [None, None, None, Some(7)]);
        assert_eq!(values(2), [None, Some(7), None, None]);
        assert_eq!(values(3), [None; 4]);
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
