//! Damaged files: an error or other data, but no panic, and no memory beyond what the limits allow.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use arrow_array::Array;
use bytes::Bytes;
use levada_model::{DataType, Encoding, Path};
use levada_tsfile::{
    AlignedColumn, ReadAt, TsFileError, TsFileReader, TsFileWriter, Version, WriterOptions, decode_values,
    encode_values,
};

use crate::columns::{name, schemas, times, values};

/// What this thread may still allocate at once; the largest allocation it has made.
#[derive(Debug)]
struct Watch;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: hands everything to the system's allocator unchanged.
unsafe impl GlobalAlloc for Watch {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that ends has no counter any more, and makes no large allocation.
        let _counted = LARGEST.try_with(|largest| largest.set(largest.get().max(layout.size())));
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static WATCH: Watch = Watch;

/// A small file of everything: many devices, plain and aligned, several pages and chunks.
fn file(version: Version) -> Result<Vec<u8>, TsFileError> {
    let options = WriterOptions::default().pages(20, 64 << 10).degree(3);
    let mut writer = TsFileWriter::new(Vec::new(), version, options)?;
    let schemas = schemas();
    for (group, rows) in [3, 45].into_iter().enumerate() {
        let times = times(rows, 0);
        let columns: Vec<_> = schemas.iter().map(|schema| values(schema.data_type, rows, true)).collect();
        let names: Vec<_> = schemas.iter().map(|&schema| name(schema)).collect();
        writer.start_chunk_group(&path(&format!("root.plant.plain{group}")))?;
        for index in 0..schemas.len() {
            writer.write_series(&names[index], schemas[index], &times, &columns[index])?;
        }
        let columns: Vec<_> = (0..schemas.len())
            .map(|index| AlignedColumn {
                measurement: &names[index],
                schema: schemas[index],
                values: &*columns[index],
            })
            .collect();
        writer.start_chunk_group(&path(&format!("root.plant.aligned{group}")))?;
        writer.write_aligned(&times, &columns)?;
    }
    Ok(writer.finish()?.0)
}

fn path(text: &str) -> Path {
    Path::parse(text).expect("legal")
}

/// Reads everything readable.
fn read_all<R: ReadAt>(reader: &TsFileReader<R>) -> Result<usize, TsFileError> {
    let mut rows = 0;
    for device in reader.devices()? {
        let Some(found) = reader.device(&device)? else { continue };
        for series in found.series {
            rows += reader.series(&device, &series.measurement)?.map_or(0, |series| series.chunks.len());
            for page in reader.scan(&device, &series.measurement)? {
                // The other pages are read all the same.
                rows += page.map_or(0, |page| page.times.len());
            }
        }
    }
    Ok(rows)
}

/// Numbers that look random; the same for the same seed.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % below
    }
}

/// The seed in `LEVADA_SEED`, or another each time; printed, so that a failure can be repeated.
fn seed() -> u64 {
    let given = std::env::var("LEVADA_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(1, |since| since.as_nanos() as u64 | 1)
    });
    println!("LEVADA_SEED={seed}");
    seed
}

/// What every count and size in a file could be misread as.
const WORST: [u8; 8] = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x0f, 0xfe, 0x40];

fn damaged(whole: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..=numbers.next(3) {
        if bytes.len() < 16 {
            break;
        }
        let at = match numbers.next(3) {
            // The metadata is at the end, and more is built on it than on data.
            0 => bytes.len() - 1 - numbers.next(bytes.len() / 4),
            _ => numbers.next(bytes.len()),
        };
        match numbers.next(6) {
            0 => bytes[at] ^= 1 << numbers.next(8),
            1 => bytes[at] = numbers.next(256) as u8,
            2 => {
                let end = bytes.len().min(at + 1 + numbers.next(10));
                bytes[at..end].fill(WORST[numbers.next(WORST.len())]);
            }
            3 => {
                let from = numbers.next(bytes.len() - 8);
                let end = bytes.len().min(at + 8);
                bytes.copy_within(from..from + end - at, at);
            }
            4 => drop(bytes.drain(at..bytes.len().min(at + 1 + numbers.next(5)))),
            _ => bytes[at] = WORST[numbers.next(WORST.len())],
        }
    }
    bytes
}

#[test]
fn no_damage_makes_the_reader_panic() -> Result<(), TsFileError> {
    let seed = seed();
    for version in [Version::V3, Version::V4] {
        let whole = file(version)?;
        let expected = read_all(&TsFileReader::open(Bytes::from(whole.clone()))?)?;
        assert!(expected > 1000);
        let mut numbers = Numbers(seed);
        let mut survived = 0;
        for round in 0..100 {
            let bytes = Bytes::from(damaged(&whole, &mut numbers));
            LARGEST.set(0);
            let opened = TsFileReader::open(bytes.clone()).and_then(|reader| read_all(&reader));
            survived += usize::from(opened.is_ok());
            let salvaged = TsFileReader::salvage(bytes.slice(..bytes.len() - 1));
            if let Ok(reader) = salvaged {
                assert!(read_all(&reader).is_ok(), "what was salvaged can be looked up; round {round}");
            }
            let largest = LARGEST.get();
            // Of the default limits: the most rows of a page, and what was compressed into one.
            assert!(largest <= 256 << 20, "{largest} bytes at once in round {round}");
        }
        assert!(survived > 4, "{survived}");
    }
    Ok(())
}

#[test]
fn no_damage_makes_a_decoder_panic_or_take_more_than_it_may() -> Result<(), TsFileError> {
    let mut numbers = Numbers(seed());
    for schema in schemas() {
        let (data_type, encoding) = (schema.data_type, schema.encoding);
        let whole = values(data_type, 300, false);
        // Not every encoding keeps these values.
        let Ok(bytes) = encode_values(encoding, data_type, &whole) else { continue };
        assert_eq!(decode_values(encoding, data_type, &bytes, 300)?.len(), 300);
        for round in 0..150 {
            // Sometimes only the count is wrong.
            let bytes = if round % 5 == 0 { bytes.clone() } else { damaged(&bytes, &mut numbers) };
            let count = [300, 299, 301, 0, 1, numbers.next(5000), 16 << 20][numbers.next(7)];
            LARGEST.set(0);
            if let Ok(decoded) = decode_values(encoding, data_type, &bytes, count) {
                assert_eq!(decoded.len(), count, "{encoding} {data_type}");
            }
            let largest = LARGEST.get();
            // As many values as were asked for, in as many as eight bytes; or a dictionary's longest text.
            assert!(
                largest <= 256 << 20,
                "{encoding} {data_type}: {largest} bytes at once for {count} values"
            );
        }
    }
    Ok(())
}

#[test]
fn what_fuzzing_has_found_is_read_or_rejected() -> std::io::Result<()> {
    let seeds = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    let inputs = |target: &str| -> std::io::Result<Vec<Vec<u8>>> {
        std::fs::read_dir(seeds.join(target))?.map(|entry| std::fs::read(entry?.path())).collect()
    };
    for bytes in inputs("tsfile")? {
        LARGEST.set(0);
        if let Ok(reader) = TsFileReader::open(Bytes::from(bytes.clone())) {
            drop(read_all(&reader));
        }
        if let Ok(reader) = TsFileReader::salvage(Bytes::from(bytes)) {
            assert!(read_all(&reader).is_ok(), "what was salvaged can be looked up");
        }
        assert!(LARGEST.get() <= 256 << 20);
    }
    // As the target takes them apart.
    for bytes in inputs("values")? {
        let [encoding, data_type, low, high, values @ ..] = &bytes[..] else { continue };
        let encoding = Encoding::ALL[usize::from(*encoding) % Encoding::ALL.len()];
        let data_type = DataType::ALL[usize::from(*data_type) % DataType::ALL.len()];
        let count = usize::from(u16::from_le_bytes([*low, *high]));
        if let Ok(decoded) = decode_values(encoding, data_type, values, count) {
            assert_eq!(decoded.len(), count, "{encoding} {data_type}");
        }
    }
    Ok(())
}

#[test]
fn arbitrary_bytes_are_no_file() {
    let mut numbers = Numbers(7);
    for length in 0..300 {
        let mut bytes: Vec<u8> = (0..length).map(|_| numbers.next(256) as u8).collect();
        let head = b"TsFile\x04";
        let count = head.len().min(length);
        bytes[..count].copy_from_slice(&head[..count]);
        assert!(TsFileReader::open(bytes.clone()).is_err());
        if let Ok(reader) = TsFileReader::salvage(bytes) {
            assert!(read_all(&reader).is_ok());
        }
    }
}

#[test]
fn limits_hold() -> Result<(), TsFileError> {
    let schema = levada_model::SeriesSchema::default_for(DataType::Text);
    let text = arrow_array::StringArray::from(vec!["x".repeat(1 << 20)]);
    let mut writer = TsFileWriter::new(Vec::new(), Version::V4, WriterOptions::default())?;
    writer.start_chunk_group(&path("root.a.b"))?;
    writer.write_series("s", schema, &[1], &text)?;
    let (bytes, _) = writer.finish()?;
    let limits = levada_tsfile::ReadLimits::default().page_bytes(1 << 19);
    let reader = TsFileReader::open_with(Bytes::from(bytes), limits)?;
    let page = reader.scan(&(&path("root.a.b")).into(), "s")?.next().expect("there is one");
    let error = page.expect_err("it is too large").to_string();
    assert!(error.contains("exceeds the limit"), "{error}");
    Ok(())
}
