//! Encoding and decoding a million realistic values, beside copying them: `cargo bench -p levada-tsfile`.
//!
//! Before criterion's numbers, a table tells of each encoding the bits per value, and nanoseconds, GB/s of decoded values and,
//! where the clock is known (`LEVADA_GHZ`, else from /proc/cpuinfo), cycles per value.

use std::{hint::black_box, sync::Arc, time::Instant};

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, StringArray};
use bytes::Bytes;
use criterion::{Criterion, Throughput};
use levada_model::{Compressor, DataType, Encoding, Path, SeriesSchema};
use levada_tsfile::{
    DeviceId, TsFileError, TsFileReader, TsFileWriter, Version, WriterOptions, decode_values, encode_values,
    smallest_encoding,
};

const VALUES: usize = 1_000_000;

/// Values in a page.
const PAGE: usize = 8192;

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
    width: usize,
    pages: Vec<ArrayRef>,
}

fn column<T>(
    name: &'static str,
    data_type: DataType,
    width: usize,
    mut value: impl FnMut(usize) -> T,
    array: impl Fn(Vec<T>) -> ArrayRef,
) -> Column {
    let values: Vec<T> = (0..VALUES).map(&mut value).collect();
    let mut pages = Vec::new();
    let mut values = values.into_iter();
    while values.len() > 0 {
        pages.push(array(values.by_ref().take(PAGE).collect()));
    }
    Column { name, data_type, width, pages }
}

fn columns() -> Vec<Column> {
    let mut walk = 0i64;
    let int64 = |values: Vec<i64>| Arc::new(Int64Array::from(values)) as ArrayRef;
    let double = |values: Vec<f64>| Arc::new(Float64Array::from(values)) as ArrayRef;
    vec![
        // Every second, a few milliseconds early or late.
        column(
            "times",
            DataType::Int64,
            8,
            |row| 1_700_000_000_000 + row as i64 * 1000 + (random(row as u64) * 5.) as i64,
            int64,
        ),
        column(
            "walk",
            DataType::Int64,
            8,
            |row| {
                walk += (random(row as u64) * 200.) as i64 - 100;
                walk
            },
            int64,
        ),
        // A wave with noise, two decimals.
        column(
            "wave",
            DataType::Double,
            8,
            |row| {
                let noise = random(row as u64) - 0.5;
                ((20. + 10. * (row as f64 / 1000.).sin() + noise) * 100.).round() / 100.
            },
            double,
        ),
        // The same, every bit of it.
        column(
            "raw wave",
            DataType::Double,
            8,
            |row| 20. + 10. * (row as f64 / 1000.).sin() + random(row as u64),
            double,
        ),
        column(
            "level",
            DataType::Int32,
            4,
            |row| (random(row as u64 / 50) * 1000.) as i32,
            |values| Arc::new(Int32Array::from(values)),
        ),
        column(
            "status",
            DataType::Boolean,
            1,
            |row| random(row as u64 / 300) < 0.7,
            |values| Arc::new(BooleanArray::from(values)),
        ),
        column(
            "state",
            DataType::Text,
            8,
            |row| ["running", "stopped", "starting", "failed"][(random(row as u64 / 20) * 4.) as usize],
            |values| Arc::new(StringArray::from(values)),
        ),
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

/// The best of some runs, in nanoseconds per value.
fn best(mut run: impl FnMut()) -> f64 {
    let once = |run: &mut dyn FnMut()| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64() * 1e9 / VALUES as f64
    };
    (0..7).map(|_| once(&mut run)).fold(f64::INFINITY, f64::min)
}

fn main() {
    let clock = clock();
    let mut criterion = Criterion::default().configure_from_args().sample_size(10);
    println!(
        "column    encoding      bits/value  with LZ4  encode ns  decode ns    GB/s   cycles/value (decode)"
    );
    for column in columns() {
        let raw: Vec<u8> = vec![7; VALUES * column.width];
        let mut copy = vec![0u8; raw.len()];
        let ns = best(|| black_box(&mut copy).copy_from_slice(black_box(&raw)));
        print_row(
            column.name,
            "(memcpy)",
            (column.width as f64 * 8., column.width as f64 * 8.),
            ns,
            ns,
            column.width,
            clock,
        );
        for encoding in Encoding::ALL {
            let encode = |page: &ArrayRef| encode_values(encoding, column.data_type, page);
            let Ok(pages) = column.pages.iter().map(encode).collect::<Result<Vec<_>, _>>() else { continue };
            let bytes: usize = pages.iter().map(Vec::len).sum();
            let encode_ns = best(|| {
                for page in &column.pages {
                    black_box(encode(black_box(page)).expect("it was encoded before"));
                }
            });
            let decode = || {
                for (page, bytes) in column.pages.iter().zip(&pages) {
                    let decoded = decode_values(encoding, column.data_type, black_box(bytes), page.len());
                    black_box(decoded.expect("it was encoded so"));
                }
            };
            let decode_ns = best(decode);
            let packed: usize = pages.iter().map(|page| lz4_flex::block::compress(page).len()).sum();
            let bits = (bytes as f64 * 8. / VALUES as f64, packed as f64 * 8. / VALUES as f64);
            print_row(column.name, encoding.name(), bits, encode_ns, decode_ns, column.width, clock);
            let mut group = criterion.benchmark_group(column.name);
            group.throughput(Throughput::Elements(VALUES as u64));
            group.bench_function(format!("decode {encoding}"), |bencher| bencher.iter(decode));
            group.finish();
        }
        let usual = Encoding::default_for(column.data_type);
        let smallest = smallest_encoding(column.data_type, Compressor::Lz4, &column.pages[0]);
        whole_file(&column, usual, clock).expect("memory takes anything");
        if smallest != usual {
            whole_file(&column, smallest, clock).expect("memory takes anything");
        }
    }
}

/// A whole file of one series: from columns to bytes and back, times, statistics and LZ4 included.
fn whole_file(column: &Column, encoding: Encoding, clock: Option<f64>) -> Result<(), TsFileError> {
    let schema = SeriesSchema { data_type: column.data_type, encoding, compressor: Compressor::Lz4 };
    let device = Path::parse("root.plant.d1").expect("a legal path");
    let times: Vec<i64> = (0..VALUES as i64).map(|row| 1_700_000_000_000 + row * 1000).collect();
    let write = || -> Result<Vec<u8>, TsFileError> {
        let mut writer = TsFileWriter::new(Vec::new(), Version::V4, WriterOptions::default())?;
        writer.start_chunk_group(&device)?;
        let mut times = times.as_slice();
        for page in &column.pages {
            let (first, rest) = times.split_at(page.len());
            writer.write_series("s", schema, first, page)?;
            times = rest;
        }
        Ok(writer.finish()?.0)
    };
    let bytes = Bytes::from(write()?);
    let write_ns = best(|| drop(black_box(write())));
    let reader = TsFileReader::open(bytes.clone())?;
    let device = DeviceId::from(&device);
    let read_ns = best(|| {
        let pages = reader.scan(&device, "s").expect("it was written");
        let rows: usize = pages.map(|page| black_box(page.expect("it was written")).times.len()).sum();
        assert_eq!(rows, VALUES);
    });
    let bits = bytes.len() as f64 * 8. / VALUES as f64;
    print_row(
        column.name,
        &format!("file {encoding}"),
        (bits, bits),
        write_ns,
        read_ns,
        column.width + 8,
        clock,
    );
    Ok(())
}

fn print_row(
    column: &str,
    encoding: &str,
    (bits, packed): (f64, f64),
    encode: f64,
    decode: f64,
    width: usize,
    clock: Option<f64>,
) {
    let rate = width as f64 / decode;
    let cycles = clock.map_or_else(|| "?".into(), |clock| format!("{:.1}", clock * decode));
    println!(
        "{column:9} {encoding:13} {bits:10.2} {packed:9.2} {encode:10.2} {decode:10.2} {rate:7.2}   {cycles}"
    );
}
