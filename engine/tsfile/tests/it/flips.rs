//! Any one byte of a file is changed: what it does not touch is read, and no wrong value is returned.

use std::{collections::BTreeMap, sync::Arc};

use arrow_array::{
    Array, ArrayRef, Float32Array, Float64Array, Int32Array, Int64Array, cast::AsArray, types::Float64Type,
};
use bytes::Bytes;
use levada_model::{Compressor, DataType, Encoding, Path, SeriesSchema, Value};
use levada_tsfile::{
    AlignedColumn, DeviceId, Flaw, ReadAt, TsFileError, TsFileReader, TsFileWriter, Version, WriterOptions,
};

use crate::columns::{name, schemas, times, values};

/// A value by device, measurement and time, in a form that tells any two apart.
type Values = BTreeMap<(String, String, i64), String>;

/// From, to, device, measurement; times of aligned devices have an empty one.
type Chunks = Vec<(u64, u64, String, String)>;

/// Plain and aligned devices, chunks of one page and of several, two chunks of some series.
fn file(version: Version) -> Result<(Vec<u8>, Vec<u64>), TsFileError> {
    let options = WriterOptions::default().pages(60, 64 << 10).degree(4);
    let mut writer = TsFileWriter::new(Vec::new(), version, options)?;
    let schemas: Vec<_> = schemas().into_iter().step_by(5).take(14).collect();
    let mut ends = Vec::new();
    for (group, rows) in [(0, 40), (1, 150), (2, 30), (1, 50), (0, 50)] {
        let times = times(rows, 1_000_000 * ends.len() as i64);
        let names: Vec<_> = schemas.iter().map(|&schema| name(schema)).collect();
        let columns: Vec<_> = schemas.iter().map(|schema| values(schema.data_type, rows, true)).collect();
        writer
            .start_chunk_group(&Path::parse(&format!("root.plant.hall{group}.d{group}")).expect("legal"))?;
        if group == 1 {
            let columns: Vec<_> = (0..schemas.len())
                .map(|at| AlignedColumn {
                    measurement: &names[at],
                    schema: schemas[at],
                    values: &*columns[at],
                })
                .collect();
            writer.write_aligned(&times, &columns)?;
        } else {
            for at in 0..schemas.len() {
                writer.write_series(&names[at], schemas[at], &times, &columns[at])?;
            }
        }
        ends.push(writer.position());
    }
    Ok((writer.finish()?.0, ends))
}

fn shown(value: Option<Value>) -> String {
    match value {
        Some(Value::Float(value)) => format!("{:x}", value.to_bits()),
        Some(Value::Double(value)) => format!("{:x}", value.to_bits()),
        other => format!("{other:?}"),
    }
}

fn read<R: ReadAt>(reader: &TsFileReader<R>) -> Result<Values, TsFileError> {
    let mut all = Values::new();
    for device in reader.devices()? {
        let Some(found) = reader.device(&device)? else { continue };
        for series in &found.series {
            let data_type = series.data_type.expect("it has one");
            for page in reader.scan(&device, &series.measurement)? {
                let page = page?;
                for (row, &time) in page.times.values().iter().enumerate() {
                    let key = (device.to_string(), series.measurement.to_string(), time);
                    all.insert(key, shown(Value::at(&page.values, data_type, row)));
                }
            }
        }
    }
    Ok(all)
}

fn chunks<R: ReadAt>(reader: &TsFileReader<R>, ends: &[u64]) -> Result<Chunks, TsFileError> {
    let mut chunks = Chunks::new();
    for device in reader.devices()? {
        let found = reader.device(&device)?.expect("it is there");
        for series in found.time.iter().chain(&found.series) {
            for chunk in &series.chunks {
                chunks.push((chunk.offset, 0, device.to_string(), series.measurement.to_string()));
            }
        }
    }
    chunks.sort();
    let starts: Vec<u64> = chunks.iter().map(|chunk| chunk.0).collect();
    for (at, chunk) in chunks.iter_mut().enumerate() {
        let group = ends.iter().copied().find(|&end| end > chunk.0).expect("it is in a group");
        chunk.1 = starts.get(at + 1).copied().unwrap_or(group).min(group);
    }
    Ok(chunks)
}

struct Whole {
    bytes: Vec<u8>,
    values: Values,
    chunks: Chunks,
    data_end: u64,
}

impl Whole {
    fn new(version: Version) -> Result<Self, TsFileError> {
        let (bytes, ends) = file(version)?;
        let (reader, flaws) = TsFileReader::inspect(Bytes::from(bytes.clone()))?;
        assert_eq!(flaws, []);
        let values = read(&reader)?;
        let sealed = TsFileReader::salvage(Bytes::from(bytes.clone()))?;
        assert!(sealed.is_sealed());
        assert_eq!(read(&sealed)?, values);
        let chunks = chunks(&sealed, &ends)?;
        let data_end = sealed.data_end();
        Ok(Self { bytes, values, chunks, data_end })
    }

    /// The series whose values a byte is part of, and from which time to which: their chunk is hit, or its times.
    fn hit(&self, at: u64) -> Vec<(String, String)> {
        let Some((_, _, device, measurement)) =
            self.chunks.iter().find(|chunk| (chunk.0..chunk.1).contains(&at))
        else {
            return Vec::new();
        };
        let of_device = self.chunks.iter().filter(|chunk| chunk.2 == *device);
        of_device
            .filter(|chunk| measurement.is_empty() || chunk.3 == *measurement)
            .map(|chunk| (chunk.2.clone(), chunk.3.clone()))
            .collect()
    }

    /// Reads a changed file; returns how many values are lost, and how many have changed.
    fn check(&self, bytes: Vec<u8>, at: u64) -> Result<(usize, usize), TsFileError> {
        let (reader, flaws) = TsFileReader::inspect(Bytes::from(bytes.clone()))?;
        let found = read(&reader)?;
        let hit = self.hit(at);
        let is_hit = |key: &(String, String, i64)| {
            hit.iter().any(|(device, measurement)| *device == key.0 && *measurement == key.1)
        };
        let (mut wrong, mut lost) = (0, 0);
        for (key, value) in &found {
            if self.values.get(key) != Some(value) {
                assert!(is_hit(key), "byte {at}: {key:?} is {value}; {flaws:#?}");
                wrong += 1;
            }
        }
        let mut spoilt: Vec<&(String, String, i64)> = Vec::new();
        for key in self.values.keys().filter(|key| !found.contains_key(*key)) {
            lost += 1;
            if !is_hit(key) {
                spoilt.push(key);
            }
        }
        if wrong + lost > 0 && flaws.is_empty() {
            // Times in the midst of a page, or values without a sum, may change unseen; nothing is missing without a word.
            assert!(wrong >= lost, "byte {at}: {lost} values are missing, and nothing is said");
        }
        if !spoilt.is_empty() {
            // The statistics in the index are the only checksum there is. Where they differ, nobody can tell who is right.
            spoilt.dedup_by_key(|key| (&key.0, &key.1));
            let told = |flaw: &Flaw| {
                flaw.lost.is_some() && flaw.series() == Some(format!("{}.{}", spoilt[0].0, spoilt[0].1))
            };
            assert!(at >= self.data_end, "byte {at}: {spoilt:?} are lost; {flaws:#?}");
            assert!(
                spoilt.len() == 1 && flaws.iter().any(told),
                "byte {at}: {spoilt:?} are lost; {flaws:#?}"
            );
        }
        let salvaged = read(&TsFileReader::salvage(Bytes::from(bytes))?);
        // Without decoding, what is structurally sound is accepted, and may turn out unreadable.
        let unread =
            salvaged.map_or(0, |salvaged| found.keys().filter(|key| !salvaged.contains_key(*key)).count());
        assert_eq!(unread, 0, "byte {at}: salvage reads less than inspect");
        Ok((lost, wrong))
    }
}

/// Numbers that look random; the same for the same seed.
fn next(state: &mut u64, below: usize) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 11) as usize % below
}

#[test]
fn whatever_byte_changes_the_other_chunks_are_read() -> Result<(), TsFileError> {
    let seed = std::env::var("LEVADA_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0x5eed_u64);
    let rounds = std::env::var("LEVADA_FLIPS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(300);
    println!("LEVADA_SEED={seed}");
    for version in [Version::V3, Version::V4] {
        let whole = Whole::new(version)?;
        let mut state = seed | 1;
        let (mut lost, mut wrong) = (0, 0);
        for round in 0..rounds {
            // As many in the metadata as in the data, which is larger.
            let at = match round % 2 {
                0 => next(&mut state, whole.bytes.len()),
                _ => whole.data_end as usize + next(&mut state, whole.bytes.len() - whole.data_end as usize),
            };
            let mut bytes = whole.bytes.clone();
            bytes[at] ^= 1 << next(&mut state, 8);
            let outcome = whole.check(bytes, at as u64)?;
            lost += outcome.0;
            wrong += outcome.1;
        }
        println!(
            "{version:?}: of {} values, {lost} lost, {wrong} wrong unseen in {rounds} rounds",
            whole.values.len()
        );
    }
    Ok(())
}

#[test]
fn where_the_foot_is_whole_a_region_of_nothing_costs_what_was_in_it() -> Result<(), TsFileError> {
    let whole = Whole::new(Version::V4)?;
    for from in (7..whole.data_end).step_by(331) {
        let mut bytes = whole.bytes.clone();
        let to = (from + 200).min(whole.data_end);
        bytes[from as usize..to as usize].fill(0);
        let (reader, flaws) = TsFileReader::inspect(Bytes::from(bytes))?;
        assert!(!flaws.is_empty(), "bytes {from} to {to}");
        let found = read(&reader)?;
        for (key, value) in &whole.values {
            let series: Vec<_> = whole
                .chunks
                .iter()
                .filter(|chunk| chunk.2 == key.0 && (chunk.3 == key.1 || chunk.3.is_empty()))
                .collect();
            let sound = series.iter().all(|chunk| chunk.1 <= from || chunk.0 >= to);
            if sound {
                assert_eq!(found.get(key), Some(value), "bytes {from} to {to}: {key:?}; {flaws:#?}");
            }
        }
    }
    Ok(())
}

#[test]
fn without_an_index_all_is_read_that_stands_in_sound_chunk_groups() -> Result<(), TsFileError> {
    for version in [Version::V3, Version::V4] {
        let whole = Whole::new(version)?;
        // The foot, the middle of the index, all of it.
        let (data_end, length) = (whole.data_end as usize, whole.bytes.len());
        for damage in [length - 10..length, data_end + 200..length - 400, data_end + 1..length] {
            let mut bytes = whole.bytes.clone();
            bytes[damage.clone()].fill(0xa5);
            let (reader, flaws) = TsFileReader::inspect(Bytes::from(bytes))?;
            assert!(!flaws.is_empty());
            assert_eq!(read(&reader)?, whole.values, "bytes {damage:?} of {version:?}: {flaws:#?}");
        }
        // Without an index and with damage in the second chunk group: the third and the later ones are found again.
        let mut bytes = whole.bytes.clone();
        bytes[data_end + 1..].fill(0);
        let second =
            whole.chunks.iter().find(|chunk| chunk.2.ends_with("d1")).expect("it is there").0 as usize;
        bytes[second..second + 9].fill(0xff);
        let (reader, flaws) = TsFileReader::inspect(Bytes::from(bytes))?;
        let found = read(&reader)?;
        assert!(flaws.len() > 1, "{flaws:#?}");
        assert!(
            reader.device(&DeviceId::from(&Path::parse("root.plant.hall2.d2").expect("legal")))?.is_some()
        );
        let right = found.iter().all(|(key, value)| whole.values.get(key) == Some(value));
        assert!(right && found.len() > whole.values.len() / 2, "{} of {}", found.len(), whole.values.len());
    }
    Ok(())
}

/// A file, and where bytes of it begin and end.
type Laid = (Vec<u8>, Vec<(u64, u64)>);

/// A file of one series of numbers, neither compressed nor encoded, and where its pages stand.
fn plain_file(values: &ArrayRef, data_type: DataType) -> Result<Laid, TsFileError> {
    let options = WriterOptions::default().pages(64, 64 << 10);
    let mut writer = TsFileWriter::new(Vec::new(), Version::V4, options)?;
    writer.start_chunk_group(&Path::parse("root.d").expect("legal"))?;
    let schema = SeriesSchema { data_type, encoding: Encoding::Plain, compressor: Compressor::Uncompressed };
    let times: Vec<i64> = (0..values.len() as i64).collect();
    writer.write_series("s", schema, &times, values)?;
    let bytes = writer.finish()?.0;
    let reader = TsFileReader::open(Bytes::from(bytes.clone()))?;
    let device = DeviceId::from(&Path::parse("root.d").expect("legal"));
    let series = reader.series(&device, "s")?.expect("it is there");
    let chunk = reader.read_chunk(&series.chunks[0])?;
    let pages = (0..chunk.pages().len()).filter_map(|page| chunk.page_bytes(page)).map(|(_, body)| body);
    Ok((bytes, pages.map(|body| (body.start, body.end)).collect()))
}

#[test]
fn a_flipped_bit_of_a_bare_number_is_an_error_that_names_the_page() -> Result<(), TsFileError> {
    let rows = 1..151i64;
    let numbers = |scale: f64| rows.clone().map(move |row| row as f64 * scale);
    let columns: [(DataType, ArrayRef, f64); 5] = [
        (
            DataType::Int32,
            Arc::new(Int32Array::from_iter_values(rows.clone().map(|row| row as i32 * 7_001))),
            0.0,
        ),
        (
            DataType::Int64,
            Arc::new(Int64Array::from_iter_values(rows.clone().map(|row| row * 1_000_000_007))),
            0.0,
        ),
        (
            DataType::Float,
            Arc::new(Float32Array::from_iter_values(numbers(0.1).map(|number| number as f32))),
            0.0,
        ),
        // A sum rounds away what is less than its own last digit, and so it is not seen.
        (DataType::Double, Arc::new(Float64Array::from_iter_values(numbers(0.5))), 1e-9),
        (DataType::Double, Arc::new(Float64Array::from_iter_values(numbers(0.37))), 1e-9),
    ];
    for (data_type, values, unseen) in columns {
        let (bytes, pages) = plain_file(&values, data_type)?;
        assert_eq!(pages.len(), 3);
        for (page, &(start, end)) in pages.iter().enumerate() {
            // The times come first, behind their length, which is less than a byte holds.
            let from = start + 1 + u64::from(bytes[start as usize]);
            assert!(bytes[start as usize] < 128 && from < end);
            for at in (from..end).step_by(3) {
                let mut flipped = bytes.clone();
                flipped[at as usize] ^= 1 << (at % 8);
                let (reader, flaws) = TsFileReader::inspect(Bytes::from(flipped))?;
                let page = format!("page {page}");
                if flaws.iter().any(|flaw| flaw.lost.is_some() && flaw.what.contains(&page)) {
                    continue;
                }
                let device = DeviceId::from(&Path::parse("root.d").expect("legal"));
                let found: Vec<f64> = reader
                    .scan(&device, "s")?
                    .flat_map(|page| {
                        page.map(|page| page.values.as_primitive::<Float64Type>().values().to_vec())
                    })
                    .flatten()
                    .collect();
                let changed = found
                    .iter()
                    .zip(values.as_primitive_opt::<Float64Type>().map_or(&[][..], |values| values.values()))
                    .map(|(found, value)| (found - value).abs())
                    .fold(0.0, f64::max);
                assert!(changed < unseen, "{data_type}, byte {at} of {page}: {flaws:#?}");
            }
        }
    }
    Ok(())
}

#[test]
fn statistics_of_a_series_are_those_of_its_chunks() -> Result<(), TsFileError> {
    let values: ArrayRef = Arc::new(Int64Array::from_iter_values(1_000_000..1_000_150));
    let (bytes, _) = plain_file(&values, DataType::Int64)?;
    assert_eq!(TsFileReader::inspect(Bytes::from(bytes.clone()))?.1, []);
    // Of a series of one chunk, the index has the statistics once.
    let greatest = 1_000_149i64.to_be_bytes();
    let data_end = TsFileReader::open(Bytes::from(bytes.clone()))?.data_end() as usize;
    let place = (data_end..bytes.len() - 8).find(|&at| bytes[at..at + 8] == greatest).expect("it is there");
    let mut other = bytes;
    other[place + 7] ^= 1;
    let (_, flaws) = TsFileReader::inspect(Bytes::from(other))?;
    assert!(!flaws.is_empty() && flaws.iter().all(|flaw| flaw.what.contains("greatest value")), "{flaws:#?}");
    Ok(())
}
