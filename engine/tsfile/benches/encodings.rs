//! Encoding and decoding a million realistic values, beside copying them: `cargo bench -p levada-tsfile`.
//!
//! Before criterion's numbers, a table tells of each encoding the bits per value, and nanoseconds, GB/s of values as they are in
//! memory and, where the clock is known (`LEVADA_GHZ`, else from /proc/cpuinfo), cycles per value. The last columns are of whole
//! pages of an aligned device through the reader: nanoseconds to decompress them, decode times and values, spread the values
//! over the rows that have one and make Arrow arrays of all that; and what share of it the decoder of the values has.

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use arrow_array::{
    Array, ArrayRef, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray,
    make_array,
};
use arrow_buffer::NullBuffer;
use bytes::Bytes;
use criterion::{Criterion, Throughput};
use levada_model::{Compressor, DataType, Encoding, Path, SeriesSchema};
use levada_tsfile::{
    AlignedColumn, ChunkMeta, DeviceId, TsFileError, TsFileReader, TsFileWriter, Version, WriterOptions,
    decode_values, encode_values, smallest_encoding,
};

const VALUES: usize = 1_000_000;

/// Values in a page.
const PAGE_VALUES: usize = 8192;

/// A number from 0 up to but without 1 that looks random; the same for the same index.
fn random(index: u64) -> f64 {
    let mut bits = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

struct Column {
    name: &'static str,
    data_type: DataType,
    /// Bytes of a value in memory.
    width: f64,
    pages: Vec<ArrayRef>,
}

fn column<T>(
    name: &'static str,
    data_type: DataType,
    width: f64,
    value: impl FnMut(usize) -> T,
    array: impl Fn(Vec<T>) -> ArrayRef,
) -> Column {
    let mut values = (0..VALUES).map(value).collect::<Vec<T>>().into_iter();
    let mut pages = Vec::new();
    while values.len() > 0 {
        pages.push(array(values.by_ref().take(PAGE_VALUES).collect()));
    }
    Column { name, data_type, width, pages }
}

/// Up to a hundred more or less than the value before.
fn walk() -> impl FnMut(usize) -> i64 {
    let mut at = 0;
    move |row| {
        at += (random(row as u64) * 200.) as i64 - 100;
        at
    }
}

/// A wave with noise.
fn wave(row: usize) -> f64 {
    20. + 10. * (row as f64 / 1000.).sin() + random(row as u64) - 0.5
}

const STATES: [&str; 4] = ["running", "stopped", "starting", "failed"];

fn columns() -> Vec<Column> {
    let two_decimals = |row| (wave(row) * 100.).round() / 100.;
    let int32 = |values: Vec<i32>| Arc::new(Int32Array::from(values)) as ArrayRef;
    let int64 = |values: Vec<i64>| Arc::new(Int64Array::from(values)) as ArrayRef;
    let double = |values: Vec<f64>| Arc::new(Float64Array::from(values)) as ArrayRef;
    // Every second, a few milliseconds early or late.
    let time = |row: usize| 1_700_000_000_000 + row as i64 * 1000 + (random(row as u64) * 5.) as i64;
    let state = |row: usize| STATES[(random(row as u64 / 20) * 4.) as usize];
    // An offset of four bytes, and the text.
    let state_width = 4. + STATES.iter().map(|state| state.len()).sum::<usize>() as f64 / STATES.len() as f64;
    let mut steps = walk();
    vec![
        column("times", DataType::Timestamp, 8., time, int64),
        column("walk", DataType::Int64, 8., walk(), int64),
        column("walk", DataType::Int32, 4., move |row| steps(row) as i32, int32),
        column("level", DataType::Int32, 4., |row| (random(row as u64 / 50) * 1000.) as i32, int32),
        column("wave", DataType::Double, 8., two_decimals, double),
        // Every bit of it.
        column("raw wave", DataType::Double, 8., wave, double),
        column(
            "wave",
            DataType::Float,
            4.,
            |row| two_decimals(row) as f32,
            |values| Arc::new(Float32Array::from(values)),
        ),
        column(
            "status",
            DataType::Boolean,
            1.,
            |row| random(row as u64 / 300) < 0.7,
            |values| Arc::new(BooleanArray::from(values)),
        ),
        column("state", DataType::Text, state_width, state, |values| Arc::new(StringArray::from(values))),
    ]
}

/// The clock in GHz, if it can be told.
fn clock() -> Option<f64> {
    if let Some(given) = std::env::var("LEVADA_GHZ").ok().and_then(|given| given.parse().ok()) {
        return Some(given);
    }
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("cpu MHz"))?;
    line.split(':').nth(1)?.trim().parse::<f64>().ok().map(|mhz| mhz / 1000.)
}

/// How often all pages are gone through.
const ROUNDS: usize = 15;

/// The sum of each page's best time, in nanoseconds per value: other programs interrupt some pages, and not always the same.
fn best(pages: usize, mut run: impl FnMut(usize)) -> f64 {
    let mut times = vec![f64::INFINITY; pages];
    for _ in 0..ROUNDS {
        for (page, time) in times.iter_mut().enumerate() {
            let start = Instant::now();
            run(page);
            *time = time.min(start.elapsed().as_secs_f64());
        }
    }
    times.iter().sum::<f64>() * 1e9 / VALUES as f64
}

/// A line of the table.
struct Row<'a> {
    column: &'a Column,
    what: &'a str,
    /// As it is, and after LZ4.
    bits: (f64, f64),
    encode: f64,
    decode: f64,
    /// Nanoseconds of reading whole pages.
    whole: Option<f64>,
}

impl Row<'_> {
    fn print(&self, clock: Option<f64>) {
        let Self { column: Column { name, data_type, width, .. }, what, bits, encode, decode, whole } = self;
        let rate = |ns: f64| width / ns;
        let cycles = clock.map_or_else(|| "?".into(), |clock| format!("{:.1}", clock * decode));
        let whole = whole.map_or_else(
            || "|".into(),
            |whole| format!("{whole:.2} | {:.0} %", decode * PRESENT / whole * 100.),
        );
        println!(
            "| {name} | {data_type} | {what} | {:.2} | {:.2} | {encode:.2} | {:.2} | {decode:.2} | {:.2} | {cycles} | {whole} |",
            bits.0,
            bits.1,
            rate(*encode),
            rate(*decode),
        );
    }
}

fn main() {
    let clock = clock();
    let mut criterion = Criterion::default()
        .configure_from_args()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(50))
        .measurement_time(Duration::from_millis(200));
    println!(
        "| column | type | encoding | bits/value | with LZ4 | encode ns | GB/s | decode ns | GB/s | cycles | whole page ns | share |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for column in columns() {
        let raw: Vec<u8> = vec![7; (VALUES as f64 * column.width) as usize];
        let mut copy = vec![0u8; raw.len()];
        let size = raw.len().div_ceil(column.pages.len());
        let mut parts: Vec<_> = copy.chunks_mut(size).zip(raw.chunks(size)).collect();
        let ns = best(column.pages.len(), |page| {
            let (copy, raw) = &mut parts[page];
            black_box(copy).copy_from_slice(black_box(raw));
        });
        let bits = (column.width * 8., column.width * 8.);
        Row { column: &column, what: "memcpy", bits, encode: ns, decode: ns, whole: None }.print(clock);
        for encoding in Encoding::ALL {
            measure(&column, encoding, clock, &mut criterion);
        }
        let usual = Encoding::default_for(column.data_type);
        let smallest = smallest_encoding(column.data_type, Compressor::Lz4, &column.pages[0]);
        println!("|  |  | usual: {usual}; smallest: {smallest} |  |  |  |  |  |  |  |  |  |");
    }
}

/// Measures an encoding, if it is for such a column.
fn measure(column: &Column, encoding: Encoding, clock: Option<f64>, criterion: &mut Criterion) {
    let encode = |page: &ArrayRef| encode_values(encoding, column.data_type, page);
    let Ok(pages) = column.pages.iter().map(encode).collect::<Result<Vec<_>, _>>() else { return };
    let bytes: usize = pages.iter().map(Vec::len).sum();
    let encode_ns = best(pages.len(), |page| {
        black_box(encode(black_box(&column.pages[page])).expect("it was encoded before"));
    });
    let decode = |page: usize| {
        let (bytes, count) = (&pages[page], column.pages[page].len());
        let decoded = decode_values(encoding, column.data_type, black_box(bytes), count);
        black_box(decoded.expect("it was encoded so"));
    };
    let decode_ns = best(pages.len(), decode);
    let packed: usize = pages.iter().map(|page| lz4_flex::block::compress(page).len()).sum();
    let bits = (bytes as f64 * 8. / VALUES as f64, packed as f64 * 8. / VALUES as f64);
    let whole = Some(whole_pages(column, encoding).expect("memory takes anything"));
    Row { column, what: encoding.name(), bits, encode: encode_ns, decode: decode_ns, whole }.print(clock);
    let mut group = criterion.benchmark_group(format!("{} {}", column.name, column.data_type));
    group.throughput(Throughput::Elements(VALUES as u64));
    group.bench_function(format!("decode {encoding}"), |bencher| {
        bencher.iter(|| (0..pages.len()).for_each(decode));
    });
    group.finish();
}

/// The share of rows that have a value in whole pages.
const PRESENT: f64 = 31. / 32.;

/// Reads a file of an aligned device with one such column, which lacks a value now and then: nanoseconds for each row.
fn whole_pages(column: &Column, encoding: Encoding) -> Result<f64, TsFileError> {
    let schema = SeriesSchema { data_type: column.data_type, encoding, compressor: Compressor::Lz4 };
    let device = Path::parse("root.plant.d1").expect("a legal path");
    let options = WriterOptions::default().pages(PAGE_VALUES, 1 << 20);
    let mut writer = TsFileWriter::new(Vec::new(), Version::V4, options)?;
    writer.start_chunk_group(&device)?;
    let mut start = 1_700_000_000_000;
    for page in &column.pages {
        let times: Vec<i64> = (0..page.len() as i64).map(|row| start + row * 1000).collect();
        start += page.len() as i64 * 1000;
        let present = NullBuffer::from_iter((0..page.len()).map(|row| random(row as u64) < PRESENT));
        let data = page.to_data().into_builder().nulls(Some(present)).build().expect("as long as it was");
        let values = make_array(data);
        writer.write_aligned(&times, &[AlignedColumn { measurement: "s", schema, values: &values }])?;
    }
    let reader = TsFileReader::open(Bytes::from(writer.finish()?.0))?;
    let chunks = reader.series(&DeviceId::from(&device), "s")?.expect("it was written").chunks;
    let read = |chunk: &ChunkMeta| -> Result<usize, TsFileError> {
        let (times, values) = (reader.read_time_chunk(chunk)?, reader.read_chunk(chunk)?);
        let mut rows = 0;
        for page in 0..times.pages().len() {
            let times = black_box(times.read_times(page)?);
            rows += black_box(values.read_values(page, times.len())?).len();
        }
        Ok(rows)
    };
    assert_eq!(chunks.iter().map(read).sum::<Result<usize, _>>()?, VALUES);
    Ok(best(chunks.len(), |index| drop(black_box(read(&chunks[index])))))
}
