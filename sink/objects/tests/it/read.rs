//! Objects, read back.

use arrow_array::{
    cast::AsArray,
    types::{Int64Type, TimestampMillisecondType},
};
use axum::body::Bytes;
use levada_testkit::{NUMBER, Row};
use levada_tsfile::TsFileReader;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

/// The rows of an object, by the end of its name; none of the log.
pub(crate) fn rows(name: &str, bytes: &Bytes) -> Vec<Row> {
    match name.rsplit_once('.').map(|(_, end)| end) {
        Some("json") => Vec::new(),
        Some("parquet") => parquet(bytes),
        Some("tsfile") => tsfile(bytes),
        Some("csv") => csv(bytes),
        _ => jsonl(bytes),
    }
}

fn text(bytes: &Bytes) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

fn jsonl(bytes: &Bytes) -> Vec<Row> {
    let row = |line: &str| {
        let row: Value = serde_json::from_str(line).expect("JSON");
        Row {
            device: row["device"].as_str().expect("a device").to_owned(),
            time: row["time"].as_i64().expect("a time"),
            number: row[NUMBER].as_i64(),
        }
    };
    text(bytes).lines().map(row).collect()
}

/// Wide CSV.
fn csv(bytes: &Bytes) -> Vec<Row> {
    let mut lines = text(bytes).lines();
    let header: Vec<_> = lines.next().expect("a header").split(',').collect();
    let at = header.iter().position(|name| *name == NUMBER).expect("numbers");
    let row = |line: &str| {
        let cells: Vec<_> = line.split(',').collect();
        let (time, number) = (cells[0].parse().expect("a time"), cells[at].parse().ok());
        Row { device: cells[1].to_owned(), time, number }
    };
    lines.map(row).collect()
}

fn parquet(bytes: &Bytes) -> Vec<Row> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).expect("Parquet");
    let mut rows = Vec::new();
    for batch in reader.build().expect("a reader") {
        let batch = batch.expect("rows");
        let times = batch.column(0).as_primitive::<TimestampMillisecondType>();
        let devices = batch.column(1).as_string::<i32>();
        let numbers = batch.column_by_name(NUMBER).map(|column| column.as_primitive::<Int64Type>().clone());
        for row in 0..batch.num_rows() {
            let number = numbers.as_ref().map(|numbers| numbers.value(row));
            rows.push(Row { device: devices.value(row).to_owned(), time: times.value(row), number });
        }
    }
    rows
}

fn tsfile(bytes: &Bytes) -> Vec<Row> {
    let mut file = tempfile::tempfile().expect("a file");
    std::io::Write::write_all(&mut file, bytes).expect("written");
    let reader = TsFileReader::open(file).expect("a TsFile");
    let mut devices = Vec::new();
    reader.for_each_device(|device| devices.push(device)).expect("an index");
    let mut rows = Vec::new();
    for device in devices {
        let name = device.device.to_path().expect("a path").to_string();
        for page in reader.scan(&device.device, NUMBER).expect("a series") {
            let page = page.expect("a page");
            let numbers = page.values.as_primitive::<Int64Type>();
            for (&time, &number) in page.times.values().iter().zip(numbers.values()) {
                rows.push(Row { device: name.clone(), time, number: Some(number) });
            }
        }
    }
    rows
}
