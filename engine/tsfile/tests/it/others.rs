//! Features of other writers' files that ours lack.

use bytes::Bytes;
use levada_model::{DataType, SeriesSchema};
use levada_tsfile::{
    AlignedColumn, DeviceId, TsFileError, TsFileReader, TsFileWriter, Version, WriterOptions,
};

use crate::columns::{times, values};

/// A file of version 4 with two chunk groups of each of some aligned devices.
fn file(devices: &[DeviceId]) -> Result<Vec<u8>, TsFileError> {
    let schema = SeriesSchema::default_for(DataType::Double);
    let column = values(DataType::Double, 50, true);
    let mut writer = TsFileWriter::new(Vec::new(), Version::V4, WriterOptions::default())?;
    for start in [0, 1_000_000] {
        for device in devices {
            writer.start_chunk_group(device)?;
            let column = |measurement| AlignedColumn { measurement, schema, values: &*column };
            writer.write_aligned(&times(50, start), &[column("first"), column("second")])?;
        }
    }
    Ok(writer.finish()?.0)
}

/// Replaces bytes that occur a given number of times.
fn replace(bytes: &mut [u8], from: &[u8], to: &[u8], count: usize) {
    let places: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(from)).collect();
    assert_eq!(places.len(), count, "{from:?}");
    places.iter().for_each(|&at| bytes[at..at + to.len()].copy_from_slice(to));
}

fn rows(bytes: Vec<u8>, device: &DeviceId) -> Result<Vec<i64>, TsFileError> {
    let reader = TsFileReader::open(Bytes::from(bytes))?;
    let mut rows = Vec::new();
    for page in reader.scan(device, "second")? {
        rows.extend_from_slice(page?.times.values());
    }
    Ok(rows)
}

#[test]
fn devices_of_tables_may_lack_segments() -> Result<(), TsFileError> {
    let device = |segments: &[Option<&'static str>]| DeviceId::from_segments(segments.iter().copied());
    let devices = [
        device(&[Some("readings")]),
        device(&[Some("readings"), None, Some("north")]),
        device(&[Some("readings"), Some("hall"), None]),
        device(&[Some("readings"), Some("hall"), Some("north")]),
        device(&[Some("states"), None, None, Some("x")]),
    ];
    assert_eq!(devices[2], device(&[Some("readings"), Some("hall")]));
    let bytes = file(&devices)?;
    let reader = TsFileReader::open(Bytes::from(bytes.clone()))?;
    assert_eq!(reader.devices()?, devices);
    let mut visited = Vec::new();
    reader.for_each_device(|meta| visited.push(meta))?;
    let one_by_one = devices.iter().filter_map(|device| reader.device(device).transpose());
    assert_eq!(visited, one_by_one.collect::<Result<Vec<_>, _>>()?);
    for device in &devices {
        assert!(reader.may_contain(device, "first"));
        assert_eq!(reader.device(device)?.map(|found| found.series.len()), Some(2), "{device}");
        assert!(!rows(bytes.clone(), device)?.is_empty(), "{device}");
    }
    let mut older = TsFileWriter::new(Vec::new(), Version::V3, WriterOptions::default())?;
    assert!(older.start_chunk_group(&devices[1]).is_err());
    Ok(())
}

#[test]
fn an_aligned_device_is_known_by_its_time_column_alone() -> Result<(), TsFileError> {
    let device = DeviceId::from_segments([Some("root.plant"), Some("d1")]);
    let mut bytes = file(std::slice::from_ref(&device))?;
    let expected = rows(bytes.clone(), &device)?;
    // C++ writers leave out the bits that tell of time and value columns. The lowest bit says that there are several chunks.
    replace(&mut bytes, &[0x81, 0x00, 0x06], &[0x01], 1);
    replace(&mut bytes, &[0x41, 10, b'f', b'i', b'r', b's', b't', 0x04], &[0x01], 1);
    replace(&mut bytes, &[0x41, 12, b's', b'e', b'c', b'o', b'n', b'd', 0x04], &[0x01], 1);
    let reader = TsFileReader::open(Bytes::from(bytes.clone()))?;
    let found = reader.device(&device)?.expect("it is there");
    assert!(found.is_aligned());
    assert_eq!(found.series.iter().map(|series| series.chunks.len()).sum::<usize>(), 4);
    assert_eq!(rows(bytes, &device)?, expected);
    Ok(())
}

#[test]
fn an_encrypted_file_is_told_to_be_one() -> Result<(), TsFileError> {
    let device = DeviceId::from_segments([Some("root.plant"), Some("d1")]);
    let mut bytes = file(&[device])?;
    let level = |level: u8| [b"\x18encryptLevel\x02", &[level][..]].concat();
    for (from, to) in [(b'0', b'1'), (b'1', b'2')] {
        replace(&mut bytes, &level(from), &level(to), 1);
        let error = TsFileReader::open(Bytes::from(bytes.clone())).expect_err("it cannot be read");
        assert!(matches!(error, TsFileError::Unsupported { .. }), "{error:?}");
        assert_eq!(error.to_string(), "an encrypted file is not supported");
    }
    Ok(())
}
