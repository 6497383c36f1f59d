//! What is written is read.

use bytes::Bytes;
use levada_model::Path;
use levada_tsfile::{
    AlignedColumn, DeviceId, TsFileError, TsFileReader, TsFileWriter, Version, WriterOptions,
};

use crate::columns::{name, rows, schemas, times, values};

const VERSIONS: [Version; 2] = [Version::V3, Version::V4];

fn device(path: &str) -> DeviceId {
    DeviceId::from(&Path::parse(path).expect("legal"))
}

fn writer(version: Version) -> TsFileWriter<Vec<u8>> {
    let options = WriterOptions::default().pages(100, 64 << 10).degree(4);
    TsFileWriter::new(Vec::new(), version, options).expect("memory takes anything")
}

fn open(writer: TsFileWriter<Vec<u8>>) -> TsFileReader<Bytes> {
    let (bytes, summary) = writer.finish().expect("memory takes anything");
    assert_eq!(summary.bytes, bytes.len() as u64);
    TsFileReader::open(bytes.into()).expect("opens")
}

/// All rows of a series.
fn scan(reader: &TsFileReader<Bytes>, device: &DeviceId, measurement: &str) -> Vec<(i64, String)> {
    let mut all = Vec::new();
    let series = reader.series(device, measurement).expect("the index is sound").expect("it is there");
    for page in reader.scan(device, measurement).expect("the index is sound") {
        let page = page.expect("the page is sound");
        all.extend(rows(page.times.values(), &page.values, series.data_type.expect("it has values")));
    }
    all
}

#[test]
fn every_type_comes_back_from_a_plain_device() -> Result<(), TsFileError> {
    for version in VERSIONS {
        for (count, nulls) in [(1, false), (9, false), (100, true), (350, true), (350, false)] {
            let device = device("root.plant.hall.d1");
            let times = times(count, 1_700_000_000_000);
            let mut writer = writer(version);
            writer.start_chunk_group(&device)?;
            for schema in schemas() {
                writer.write_series(
                    &name(schema),
                    schema,
                    &times,
                    &values(schema.data_type, count, nulls),
                )?;
            }
            let reader = open(writer);
            assert_eq!(reader.devices()?, std::slice::from_ref(&device));
            let found = reader.device(&device)?.expect("it is there");
            assert!(!found.is_aligned());
            for schema in schemas() {
                let expected = rows(&times, &values(schema.data_type, count, nulls), schema.data_type);
                if !expected.is_empty() {
                    assert_eq!(scan(&reader, &device, &name(schema)), expected, "{}", name(schema));
                }
            }
        }
    }
    Ok(())
}

#[test]
fn every_type_comes_back_from_an_aligned_device() -> Result<(), TsFileError> {
    for version in VERSIONS {
        for (count, nulls) in [(1, false), (9, false), (100, true), (350, true), (350, false)] {
            let device = device("root.plant.hall.d1");
            let times = times(count, -5);
            let schemas = schemas();
            let (names, columns): (Vec<_>, Vec<_>) =
                schemas.iter().map(|&schema| (name(schema), values(schema.data_type, count, nulls))).unzip();
            let columns: Vec<_> = (0..schemas.len())
                .map(|index| AlignedColumn {
                    measurement: &names[index],
                    schema: schemas[index],
                    values: &*columns[index],
                })
                .collect();
            let mut writer = writer(version);
            writer.start_chunk_group(&device)?;
            writer.write_aligned(&times, &columns)?;
            let reader = open(writer);
            let found = reader.device(&device)?.expect("it is there");
            assert_eq!(found.time.as_ref().map(|time| time.statistics.count()), Some(count as u64));
            assert_eq!(found.series.len(), schemas.len());
            for schema in schemas {
                let values = values(schema.data_type, count, nulls);
                let expected = rows(&times, &values, schema.data_type);
                assert_eq!(scan(&reader, &device, &name(schema)), expected, "{}", name(schema));
                let series = reader.series(&device, &name(schema))?.expect("it is there");
                assert_eq!(series.statistics.count(), expected.len() as u64);
                for chunk in &series.chunks {
                    let (time, value) = (reader.read_time_chunk(chunk)?, reader.read_chunk(chunk)?);
                    let mut from = 0;
                    for page in 0..time.pages().len() {
                        let rows = time.read_times(page)?.len();
                        let column = value.read_values(page, rows)?;
                        assert_eq!(&column, &values.slice(from, rows), "{}", name(schema));
                        from += rows;
                    }
                    assert_eq!(from, count);
                }
            }
        }
    }
    Ok(())
}

#[test]
fn a_deep_index_finds_every_series() -> Result<(), TsFileError> {
    let schema = schemas()[4];
    let values = values(schema.data_type, 3, false);
    for version in VERSIONS {
        let mut writer = writer(version);
        // 90 devices in several tables and up to 70 series each, with 4 entries in a node.
        let devices: Vec<_> =
            (0..90).map(|index| device(&format!("root.plant.h{}.d{}", index % 3, index / 3))).collect();
        for (index, device) in devices.iter().enumerate() {
            writer.start_chunk_group(device)?;
            for series in 0..if index == 7 { 70 } else { index % 6 + 1 } {
                writer.write_series(&format!("s{series}"), schema, &times(3, 0), &values)?;
            }
        }
        let reader = open(writer);
        let mut found = reader.devices()?;
        assert_eq!(found.len(), 90);
        found.sort();
        assert!(devices.iter().all(|device| found.binary_search(device).is_ok()));
        for (index, device) in devices.iter().enumerate() {
            let count = if index == 7 { 70 } else { index % 6 + 1 };
            assert_eq!(reader.device(device)?.expect("it is there").series.len(), count);
            for series in 0..count {
                assert!(reader.may_contain(device, &format!("s{series}")));
                assert_eq!(scan(&reader, device, &format!("s{series}")).len(), 3);
            }
            assert_eq!(reader.series(device, "s")?, None);
            assert_eq!(reader.series(device, "s99")?, None);
        }
        assert_eq!(reader.device(&device("root.plant.h0.d"))?, None);
        assert_eq!(reader.device(&device("root.other.h0.d1"))?, None);
    }
    Ok(())
}

#[test]
fn an_aligned_device_may_gain_and_lose_columns() -> Result<(), TsFileError> {
    let schema = schemas()[4];
    let values = values(schema.data_type, 3, false);
    let columns = |names: &[&'static str]| -> Vec<AlignedColumn<'_>> {
        names.iter().map(|&measurement| AlignedColumn { measurement, schema, values: &*values }).collect()
    };
    for version in VERSIONS {
        let device = device("root.plant.d1");
        let mut writer = writer(version);
        writer.start_chunk_group(&device)?;
        writer.write_aligned(&times(3, 0), &columns(&["a"]))?;
        writer.write_aligned(&times(3, 10_000), &columns(&["a", "b"]))?;
        writer.write_aligned(&times(3, 20_000), &columns(&["b", "c"]))?;
        let reader = open(writer);
        for (measurement, starts) in [("a", &[0, 10_000][..]), ("b", &[10_000, 20_000]), ("c", &[20_000])] {
            let series = reader.series(&device, measurement)?.expect("it is there");
            let found: Vec<_> = series.chunks.iter().map(|chunk| chunk.statistics.start()).collect();
            assert_eq!(found, starts);
            assert_eq!(scan(&reader, &device, measurement).len(), starts.len() * 3);
        }
    }
    Ok(())
}

#[test]
fn chunks_can_be_copied_without_decoding() -> Result<(), TsFileError> {
    let schema = schemas()[6];
    let values = values(schema.data_type, 250, true);
    let times = times(250, 0);
    let device = device("root.plant.d1");
    let mut first = writer(Version::V3);
    first.start_chunk_group(&device)?;
    first.write_series("s", schema, &times, &values)?;
    let first = open(first);
    let mut second = writer(Version::V4);
    second.start_chunk_group(&device)?;
    for chunk in &first.series(&device, "s")?.expect("it is there").chunks {
        second.append(first.copy_chunk(chunk)?)?;
    }
    let second = open(second);
    assert_eq!(scan(&second, &device, "s"), scan(&first, &device, "s"));
    Ok(())
}

#[test]
fn a_file_without_data_opens() -> Result<(), TsFileError> {
    for version in VERSIONS {
        let reader = open(writer(version));
        assert_eq!(reader.devices()?, []);
        assert_eq!(reader.device(&device("root.a.b"))?, None);
    }
    Ok(())
}

#[test]
fn what_cannot_be_written_is_rejected() -> Result<(), TsFileError> {
    let schema = schemas()[4];
    let values = values(schema.data_type, 3, false);
    let mut writer = writer(Version::V4);
    let rejected = |result: Result<u64, TsFileError>, reason: &str| {
        let error = result.expect_err(reason).to_string();
        assert!(error.contains(reason), "{error}");
    };
    rejected(writer.write_series("s", schema, &times(3, 0), &values), "no chunk group is open");
    writer.start_chunk_group(device("root.a.b"))?;
    rejected(writer.write_series("s", schema, &[1, 1, 2], &values), "times must ascend: 1 in row 0");
    rejected(writer.write_series("s", schema, &[1, 2], &values), "3 values for 2 times");
    writer.write_series("s", schema, &times(3, 0), &values)?;
    rejected(writer.write_series("s", schema, &times(3, 5), &values), "not after the last one's end 2002");
    let column = AlignedColumn { measurement: "t", schema, values: &*values };
    rejected(writer.write_aligned(&times(3, 9000), &[column]), "is not aligned");
    Ok(())
}
