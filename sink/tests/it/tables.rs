//! Files of columns, read back.

use std::{collections::BTreeMap, fs, path::Path as FilePath, sync::Arc};

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray,
};
use levada_connector_api::{
    Batch, BatchBuilder, FieldValue, Readings, Result, Sink,
    model::{Column, DataType, Path, Tablet, Value},
};
use levada_sink::file::{FileSink, SystemDisk};
use levada_testkit::{NUMBER, Row, numbered};
use levada_tsfile::TsFileReader;
use serde_json::json;
use tempfile::TempDir;

use crate::{
    faulty_disk::FaultyDisk,
    file_contract::{names, options, rows},
};

/// Values by device, time and measurement.
type Points = BTreeMap<(String, i64), BTreeMap<String, Value>>;

fn numbers_of(points: Points) -> Vec<Row> {
    let row = |((device, time), values): ((String, i64), BTreeMap<String, Value>)| Row {
        device,
        time,
        number: match values.get(NUMBER) {
            Some(Value::Int64(number)) => Some(*number),
            _ => None,
        },
    };
    points.into_iter().map(row).collect()
}

/// All of a TsFile.
pub(crate) fn tsfile_points(path: &FilePath) -> Points {
    let reader = TsFileReader::open(fs::File::open(path).expect("there")).expect("a TsFile");
    let mut points = Points::new();
    let mut devices = Vec::new();
    reader.for_each_device(|device| devices.push(device)).expect("an index");
    for device in devices {
        let name = device.device.to_path().expect("a path").to_string();
        for series in device.series {
            let data_type = series.data_type.expect("a type");
            for page in reader.scan(&device.device, &series.measurement).expect("a series") {
                let page = page.expect("a page");
                for (row, &time) in page.times.values().iter().enumerate() {
                    let values = points.entry((name.clone(), time)).or_default();
                    if let Some(value) = Value::at(&page.values, data_type, row) {
                        let before = values.insert(series.measurement.to_string(), value);
                        assert!(before.is_none(), "two values of one time");
                    }
                }
            }
        }
    }
    points
}

pub(crate) fn tsfile_rows(path: &FilePath) -> Vec<Row> {
    numbers_of(tsfile_points(path))
}

#[cfg(feature = "parquet")]
pub(crate) fn parquet_rows(path: &FilePath) -> Vec<Row> {
    parquet_points(path)
        .into_iter()
        .map(|(device, time, values)| numbers_of(Points::from([((device, time), values)])).remove(0))
        .collect()
}

/// All rows of a Parquet file, in their order.
#[cfg(feature = "parquet")]
fn parquet_points(path: &FilePath) -> Vec<(String, i64, BTreeMap<String, Value>)> {
    use arrow_array::{
        cast::AsArray,
        types::{Date32Type, TimestampMillisecondType},
    };
    use levada_sink::table::TYPE_NOTE;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    let file = fs::File::open(path).expect("there");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet").build().expect("a reader");
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.expect("rows");
        assert_eq!(
            (batch.schema().field(0).name().as_str(), batch.schema().field(1).name().as_str()),
            ("Time", "Device")
        );
        let times = batch.column(0).as_primitive::<TimestampMillisecondType>();
        let devices = batch.column(1).as_string::<i32>();
        for row in 0..batch.num_rows() {
            let mut values = BTreeMap::new();
            for (field, array) in batch.schema().fields().iter().zip(batch.columns()).skip(2) {
                let data_type: DataType = field.metadata()[TYPE_NOTE].parse().expect("a type");
                let array: ArrayRef = match data_type {
                    DataType::Date => {
                        let days = array.as_primitive::<Date32Type>();
                        Arc::new(days.unary::<_, arrow_array::types::Int32Type>(|day| {
                            let date = Date32Type::to_naive_date_opt(day).expect("a day").to_string();
                            date.replace('-', "").parse().expect("digits")
                        }))
                    }
                    DataType::Timestamp => {
                        let times = array.as_primitive::<TimestampMillisecondType>();
                        Arc::new(times.reinterpret_cast::<arrow_array::types::Int64Type>())
                    }
                    _ => Arc::clone(array),
                };
                if let Some(value) = Value::at(&array, data_type, row) {
                    values.insert(field.name().clone(), value);
                }
            }
            rows.push((devices.value(row).to_owned(), times.value(row), values));
        }
    }
    rows
}

/// Every type with odd values, and nulls.
fn odd() -> Batch {
    let all: Vec<(&str, DataType, ArrayRef)> = vec![
        ("b", DataType::Boolean, Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
        ("i", DataType::Int32, Arc::new(Int32Array::from(vec![Some(i32::MIN), Some(i32::MAX), None]))),
        ("l", DataType::Int64, Arc::new(Int64Array::from(vec![Some(i64::MIN), Some(i64::MAX), None]))),
        (
            "f",
            DataType::Float,
            Arc::new(Float32Array::from(vec![Some(f32::INFINITY), Some(-0.0), Some(f32::MIN_POSITIVE)])),
        ),
        (
            "d",
            DataType::Double,
            Arc::new(Float64Array::from(vec![Some(0.1), Some(f64::NEG_INFINITY), Some(5e-324)])),
        ),
        (
            "t",
            DataType::Text,
            Arc::new(StringArray::from(vec![Some("a\n\"b\",'c"), Some(""), Some("\u{feff}ü\0")])),
        ),
        ("s", DataType::String, Arc::new(StringArray::from(vec![Some("null"), None, Some("0x00")]))),
        (
            "at",
            DataType::Timestamp,
            Arc::new(Int64Array::from(vec![Some(-1), Some(1_714_550_400_000), None])),
        ),
        ("day", DataType::Date, Arc::new(Int32Array::from(vec![Some(20_240_229), Some(10_101), None]))),
        ("x", DataType::Blob, Arc::new(BinaryArray::from(vec![Some(&b"\0\xff"[..]), Some(b""), None]))),
        ("`a b.c`", DataType::Int32, Arc::new(Int32Array::from(vec![None, None, Some(7)]))),
    ];
    let columns =
        all.into_iter().map(|(name, data_type, values)| Column { name: name.into(), data_type, values });
    let times = Int64Array::from(vec![-5, 0, 1_714_550_400_000]);
    let device = Path::parse("root.`odd one`.d1").expect("a path");
    let tablet = Tablet::try_new(device, false, times, columns.collect()).expect("fits");
    Batch { readings: vec![Readings::synthetic(tablet)], ..Batch::default() }
}

fn points(batch: &Batch) -> Points {
    let mut points = Points::new();
    for tablet in batch.readings.iter().map(|readings| &readings.tablet) {
        for row in 0..tablet.rows() {
            let key = (tablet.device().to_string(), tablet.times().value(row));
            let values = points.entry(key).or_default();
            for column in tablet.columns() {
                values.extend(column.value(row).map(|value| (column.name.to_string(), value)));
            }
        }
    }
    points
}

fn sink(folder: &FilePath, name: &str) -> FileSink {
    let options = options(folder.join(name), &json!({}));
    FileSink::new(&options.own, &options.group, Arc::new(SystemDisk)).expect("options without problems")
}

async fn written(folder: &FilePath, name: &str, batches: &[Batch]) -> Result<usize> {
    let sink = sink(folder, name);
    sink.connect().await?;
    let mut rejected = 0;
    for batch in batches {
        rejected += sink.write(batch).await?.rejected.len();
    }
    sink.close().await?;
    Ok(rejected)
}

#[tokio::test]
async fn every_type_and_odd_value_is_in_a_tsfile_as_it_was() -> Result<()> {
    let folder = TempDir::new().expect("a folder");
    assert_eq!(written(folder.path(), "r.tsfile", &[odd()]).await?, 0);
    assert_eq!(tsfile_points(&folder.path().join("r.tsfile")), points(&odd()));
    Ok(())
}

#[cfg(feature = "parquet")]
#[tokio::test]
async fn every_type_and_odd_value_is_in_parquet_as_it_was() -> Result<()> {
    let folder = TempDir::new().expect("a folder");
    assert_eq!(written(folder.path(), "r.parquet", &[odd(), numbered("s", 0..10, 2)]).await?, 0);
    let found = parquet_points(&folder.path().join("r.parquet"));
    assert_eq!(found.len(), 13);
    let found: Points = found.into_iter().map(|(device, time, values)| ((device, time), values)).collect();
    let mut expected = points(&odd());
    expected.extend(points(&numbered("s", 0..10, 2)));
    assert_eq!(found, expected);
    Ok(())
}

/// Rows whose values have no type yet.
fn inferred(rows: &[(i64, &str, levada_connector_api::model::Kind)]) -> Batch {
    let mut builder = BatchBuilder::new();
    for (time, text, kind) in rows {
        builder.row("root.d", *time, &[("v", FieldValue::Written(*kind, text))]).expect("held");
    }
    builder.finish(Vec::new())
}

#[tokio::test]
async fn a_series_has_one_type_in_a_tsfile_and_what_is_not_of_it_is_rejected() -> Result<()> {
    use levada_connector_api::model::Kind;
    let folder = TempDir::new().expect("a folder");
    let sink = sink(folder.path(), "r.tsfile");
    sink.connect().await?;
    assert_eq!(sink.write(&inferred(&[(1, "1.5", Kind::Number)])).await?.rejected, []);
    let mixed = inferred(&[(2, "2.5", Kind::Number), (3, "high", Kind::Text), (4, "4", Kind::Number)]);
    let rejected = sink.write(&mixed).await?.rejected;
    sink.close().await?;
    assert_eq!((rejected.len(), rejected[0].readings, rejected[0].rows.as_deref()), (1, 0, Some(&[1][..])));
    assert!(
        rejected[0].error.contains("`v`") && rejected[0].error.contains("`high` is not of type DOUBLE"),
        "{rejected:?}"
    );
    let values: Vec<_> =
        tsfile_points(&folder.path().join("r.tsfile")).into_iter().map(|((_, time), _)| time).collect();
    assert_eq!(values, [1, 2, 4]);
    Ok(())
}

#[cfg(feature = "parquet")]
#[tokio::test]
async fn a_measurement_of_two_types_has_two_columns_in_parquet() -> Result<()> {
    use levada_connector_api::model::Kind;
    let folder = TempDir::new().expect("a folder");
    let batches = [inferred(&[(1, "1.5", Kind::Number)]), inferred(&[(2, "high", Kind::Text)])];
    assert_eq!(written(folder.path(), "r.parquet", &batches).await?, 0);
    let found = parquet_points(&folder.path().join("r.parquet"));
    assert_eq!(found[0].2, BTreeMap::from([("v(DOUBLE)".to_owned(), Value::Double(1.5))]));
    assert_eq!(found[1].2, BTreeMap::from([("v(TEXT)".to_owned(), Value::Text("high".to_owned()))]));
    Ok(())
}

/// Rows come in any order of time, some twice: the file has each time once, in order, with the values that came last.
#[tokio::test]
async fn rows_out_of_order_are_in_order_in_a_tsfile_and_the_later_counts() -> Result<()> {
    let folder = TempDir::new().expect("a folder");
    let batch = |times: Vec<i64>, values: Vec<Option<i32>>, name: &str| {
        let column = Column {
            name: name.into(),
            data_type: DataType::Int32,
            values: Arc::new(Int32Array::from(values)),
        };
        let device = Path::parse("root.d").expect("a path");
        let tablet = Tablet::try_new(device, true, Int64Array::from(times), vec![column]).expect("fits");
        Batch { readings: vec![Readings::synthetic(tablet)], ..Batch::default() }
    };
    let batches = [
        batch(vec![5, 3, 9, 3], vec![Some(1), Some(2), Some(3), Some(4)], "a"),
        batch(vec![4, 5, 1], vec![Some(5), Some(6), Some(7)], "a"),
        batch(vec![5, 10], vec![Some(8), Some(9)], "b"),
        batch(vec![9, 3], vec![None, Some(10)], "a"),
    ];
    written(folder.path(), "r.tsfile", &batches).await?;
    let found = tsfile_points(&folder.path().join("r.tsfile"));
    let value = |time, name: &str| match found.get(&("root.d".to_owned(), time))?.get(name)? {
        Value::Int32(value) => Some(*value),
        _ => None,
    };
    let a: Vec<_> = [1, 3, 4, 5, 9, 10].map(|time| value(time, "a")).into();
    assert_eq!(a, [Some(7), Some(10), Some(5), Some(6), Some(3), None]);
    assert_eq!((found.len(), value(5, "b"), value(10, "b")), (6, Some(8), Some(9)));
    Ok(())
}

/// The process dies at any point of finishing a file of columns: the next makes it, once, of all that was acknowledged.
#[tokio::test]
async fn a_file_of_columns_comes_into_being_once_wherever_the_process_dies() -> Result<()> {
    for call in 0.. {
        let (folder, disk) = (TempDir::new().expect("a folder"), FaultyDisk::default());
        let options = options(folder.path().join("r.tsfile"), &json!({}));
        let sink = FileSink::new(&options.own, &options.group, Arc::new(disk.clone()))?;
        sink.connect().await?;
        sink.write(&numbered("s", 0..10, 2)).await?;
        disk.fail_at(call, false);
        let closed = sink.close().await;
        drop(sink);
        disk.heal();
        let next = FileSink::new(&options.own, &options.group, Arc::new(disk))?;
        next.connect().await?;
        next.close().await?;
        assert_eq!(names(folder.path()), ["r.tsfile"], "call {call}");
        assert_eq!(rows(folder.path()).len(), 10, "call {call}");
        if closed.is_ok() {
            assert!(call > 5, "{call} calls only");
            break;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_journal_that_is_torn_is_cut_and_its_rows_before_are_kept() -> Result<()> {
    let folder = TempDir::new().expect("a folder");
    let left = sink(folder.path(), "r.tsfile");
    left.connect().await?;
    left.write(&numbered("s", 0..10, 1)).await?;
    left.write(&numbered("s", 10..20, 1)).await?;
    drop(left);
    let part = folder.path().join("r.tsfile.part");
    let whole = fs::read(&part).expect("there");
    for (cut, flip, expected) in
        [(whole.len() - 7, None, 10), (whole.len(), Some(whole.len() / 4), 0), (whole.len(), None, 20)]
    {
        let mut bytes = whole[..cut].to_vec();
        if let Some(at) = flip {
            bytes[at] ^= 0x10;
        }
        fs::write(&part, &bytes).expect("written");
        sink(folder.path(), "r.tsfile").connect().await?;
        let made = names(folder.path());
        assert_eq!(made.len(), usize::from(expected > 0), "{made:?}");
        assert_eq!(rows(folder.path()).len(), expected);
        for name in made {
            fs::remove_file(folder.path().join(name)).expect("removed");
        }
    }
    Ok(())
}
