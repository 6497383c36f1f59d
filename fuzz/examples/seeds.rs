//! Writes good inputs for every target into `fuzz/corpus`, for a fuzzer to begin with.

use std::{error::Error, fs, path::Path, sync::Arc};

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use levada_model::{Column, DataType, Encoding, PathPattern, SeriesSchema, SplitRange, Tablet, Write};
use levada_storage::{Storage, StorageOptions, TimeRange};
use levada_tsfile::{TsFileWriter, Version, WriterOptions, encode_values};

type Failure = Box<dyn Error>;

const STATEMENTS: [&str; 8] = [
    "select s1, count(s2) from root.a.** where time > 2024-01-01 and s1 >= 1.5e3 group by ([0, 10), 2ms) fill(previous)",
    "create timeseries root.a.`b c`.s with datatype=DOUBLE, encoding=GORILLA tags(k=v) attributes(a='x')",
    "insert into root.a.d(timestamp, s1, s2) aligned values (1, 1.0, 'text'), (2, null, \"x\")",
    "delete from root.a.*.s where time <= 5 and time > now() - 1d",
    "select * from root.** order by time desc limit 5 offset 2 align by device",
    "show timeseries root.a.** where tags(k) contains 'v'",
    "s1 * 1.8 + 32 > 70 and not (s2 in ('a', 'b') or s3 is null)",
    "case when s between 1 and 2 then 'low' else cast(s as TEXT) end like '%x_'",
];

const RECORDS: [&str; 4] = [
    r#"{"device":"root.a.d1","time":1700000000000,"temperature":21.3,"running":true,"note":"a\u00e9\n"}"#,
    r#"{"device":"d","timestamp":1700000000000,"measurements":"a,b","types":"INT32,TEXT","values":"1,x"}"#,
    r#"{"device":"d","timestamp":1,"measurements":["a","b"],"types":["DOUBLE","BOOLEAN"],"values":[1e-3,false]}"#,
    r#"[{"device":"d","time":1,"a":{"b":[1,null,{"c":-0.0}]}},{"device":"e","time":"2024-01-01T00:00:00Z","x":1}]"#,
];

fn main() -> Result<(), Failure> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let put = |target: &str, name: &str, bytes: &[u8]| -> Result<(), Failure> {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        Ok(fs::write(folder.join(name), bytes)?)
    };
    for (at, text) in STATEMENTS.iter().enumerate() {
        put("sql", &format!("statement-{at}"), text.as_bytes())?;
    }
    for (at, record) in RECORDS.iter().enumerate() {
        put("json", &format!("record-{at}"), record.as_bytes())?;
    }
    for (version, name) in [(Version::V3, "version-3"), (Version::V4, "version-4")] {
        let file = file(version)?;
        put("tsfile", name, &file)?;
        put("index", name, &index(version, &file)?)?;
    }
    for (encoding, number) in Encoding::ALL.into_iter().zip(0..) {
        for (data_type, kind) in DataType::ALL.into_iter().zip(0..) {
            let Some(values) = values(data_type) else { continue };
            // Not every encoding is for every type.
            let Ok(bytes) = encode_values(encoding, data_type, &values) else { continue };
            let [low, high] = u16::try_from(values.len())?.to_le_bytes();
            let input = [&[number, kind, low, high], &bytes[..]].concat();
            put("values", &format!("{encoding}-{data_type}"), &input)?;
            for (aligned, device) in [(false, "plain"), (true, "aligned")] {
                let name = format!("{device}-{encoding}-{data_type}");
                put("chunks", &name, &chunks(aligned, number, kind, values.len(), &bytes)?)?;
            }
        }
    }
    let segment = segment()?;
    put("wal", "segment", &[&[0], &segment[..]].concat())?;
    put("wal", "records", &records(&segment)?)
}

/// A few dozen values of a type.
fn values(data_type: DataType) -> Option<ArrayRef> {
    let rows = 0..40;
    Some(match data_type {
        DataType::Boolean => Arc::new(BooleanArray::from_iter(rows.map(|row| Some(row % 3 == 0)))),
        DataType::Int64 => Arc::new(Int64Array::from_iter_values(rows.map(|row| 1000 + row * row))),
        DataType::Double => {
            Arc::new(Float64Array::from_iter_values(rows.map(|row| 20.0 + f64::from(row as i32) / 8.0)))
        }
        DataType::Text => {
            Arc::new(StringArray::from_iter_values(rows.map(|row| format!("text {}", row % 5))))
        }
        _ => return None,
    })
}

/// A small file with a series for each of these types.
fn file(version: Version) -> Result<Vec<u8>, Failure> {
    let options = WriterOptions::default().pages(20, 64 << 10).degree(3);
    let mut writer = TsFileWriter::new(Vec::new(), version, options)?;
    let times: Vec<i64> = (0..40).collect();
    for device in ["root.a.d1", "root.a.d2"] {
        writer.start_chunk_group(&levada_model::Path::parse(device)?)?;
        for data_type in DataType::ALL {
            let Some(values) = values(data_type) else { continue };
            writer.write_series(data_type.name(), SeriesSchema::default_for(data_type), &times, &*values)?;
        }
    }
    Ok(writer.finish()?.0)
}

/// What stands in a file between its head and its foot, as the target `index` takes it.
fn index(version: Version, file: &[u8]) -> Result<Vec<u8>, Failure> {
    let foot = file.len() - 10;
    let tail = foot - u32::from_be_bytes(file[foot..foot + 4].try_into()?) as usize;
    let [low, high] = u16::try_from(tail - 7)?.to_le_bytes();
    Ok([&[version as u8 - 3, low, high], &file[7..foot]].concat())
}

/// Chunks of values that are encoded already, of the times from 0 on, as the target `chunks` takes them; not compressed.
fn chunks(aligned: bool, encoding: u8, kind: u8, rows: usize, values: &[u8]) -> Result<Vec<u8>, Failure> {
    let numbers = Int64Array::from_iter_values(0..rows as i64);
    let times = encode_values(Encoding::Ts2Diff, DataType::Int64, &numbers)?;
    let mut input = vec![1, u8::from(aligned), kind, u8::try_from(rows)?];
    input.extend_from_slice(&0i64.to_be_bytes());
    input.extend_from_slice(&(rows as i64 - 1).to_be_bytes());
    // Statistics of any type.
    input.push(63);
    input.resize(input.len() + 63, 0);
    let mut put = |encoding: u8, page: &[u8]| -> Result<(), Failure> {
        input.extend_from_slice(&[encoding, 0, 0]);
        input.extend_from_slice(&u16::try_from(page.len())?.to_le_bytes());
        input.extend_from_slice(page);
        Ok(())
    };
    if aligned {
        put(0, &times)?;
        let bitmap = vec![0xff; rows.div_ceil(8)];
        put(encoding, &[&(rows as u32).to_be_bytes(), &bitmap[..], values].concat())?;
    } else {
        put(encoding, &[&[u8::try_from(times.len())?], &times[..], values].concat())?;
    }
    Ok(input)
}

/// A segment of a log with records of several kinds.
fn segment() -> Result<Vec<u8>, Failure> {
    let folder = tempfile::tempdir()?;
    let storage = Storage::open(StorageOptions::new(folder.path()))?;
    for (device, aligned) in [("root.a.d1", false), ("root.a.d2", true)] {
        let columns = DataType::ALL.into_iter().filter_map(|data_type| {
            Some(Column { name: data_type.name().into(), data_type, values: values(data_type)? })
        });
        let (device, times) = (levada_model::Path::parse(device)?, Int64Array::from_iter_values(0..40));
        let tablets = vec![Tablet::try_new(device, aligned, times, columns.collect())?];
        let positions = vec![SplitRange { split: "topic/0".into(), range: 0..40 }];
        storage.insert(Write { tablets, positions, owner: Some("seeds".into()), coerce: false })?;
    }
    let pattern = PathPattern::parse("root.a.d1.*")?;
    storage.delete(std::slice::from_ref(&pattern), TimeRange { start: 3, end: 9 })?;
    storage.set_ttl(&PathPattern::parse("root.a")?, Some(1 << 40))?;
    storage.delete_series(&[pattern])?;
    storage.delete_databases(&[PathPattern::parse("root.a")?])?;
    storage.close()?;
    let mut logs: Vec<_> = fs::read_dir(folder.path().join("wal"))?.collect::<Result<Vec<_>, _>>()?;
    logs.sort_by_key(fs::DirEntry::file_name);
    let first = logs.first().ok_or("the store keeps no log")?;
    Ok(fs::read(first.path())?)
}

/// The bodies of a segment's records, as the target `wal` takes them.
fn records(segment: &[u8]) -> Result<Vec<u8>, Failure> {
    let (mut input, mut at) = (vec![1], 36);
    while let Some(length) = segment.get(at + 4..at + 8) {
        let length = u32::from_le_bytes(length.try_into()?) as usize;
        // Behind mark, length, checksum and number.
        let body = segment.get(at + 20..at + 12 + length).ok_or("a record is cut off")?;
        input.extend_from_slice(&u16::try_from(body.len())?.to_le_bytes());
        input.extend_from_slice(body);
        at += 12 + length;
    }
    Ok(input)
}
