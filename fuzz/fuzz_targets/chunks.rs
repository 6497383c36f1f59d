//! Chunks and their pages: plain ones, and time and value chunks of an aligned device, with all types, encodings and compressors.
//!
//! A file is put together around what the input says: how chunks are made, how long their pages say they are before compression,
//! and the bytes of the pages. There is an index, so that pages are read with statistics, and it is read without, too.
#![no_main]

use bytes::Bytes;
use levada_fuzz::wire::{Input, put_foot, put_text, put_uvar};
use levada_model::{Compressor, DataType, Encoding};
use levada_tsfile::{ReadLimits, TsFileReader};
use libfuzzer_sys::fuzz_target;

const VECTOR: u8 = 6;

/// A chunk of one page; says what data type it has.
fn put_chunk(kind: u8, name: &str, data_type: u8, input: &mut Input<'_>, out: &mut Vec<u8>) {
    let encoding = if kind == 0x80 {
        input.choose(&[Encoding::Ts2Diff, Encoding::Plain])
    } else {
        input.choose(&Encoding::ALL)
    };
    let compressor = input.choose(&Compressor::ALL);
    let length = match input.byte() {
        // A page that is not compressed is as long as it says.
        0..128 => None,
        // Sizes up to that of any page, so that few bytes pretend to be many.
        power => Some((input.short() as u32) << (power % 16)),
    };
    let size = input.short();
    let body = input.take(size);
    let mut page = Vec::new();
    put_uvar(&mut page, length.unwrap_or(body.len() as u32));
    put_uvar(&mut page, body.len() as u32);
    page.extend_from_slice(body);
    out.push(kind | 0x05);
    put_text(out, name);
    put_uvar(out, page.len() as u32);
    out.extend_from_slice(&[data_type, compressor.code(), encoding.code()]);
    out.extend_from_slice(&page);
}

/// Metadata of a series of one chunk; its statistics are the input's.
fn put_series(name: &str, data_type: u8, offset: usize, statistics: &[u8], out: &mut Vec<u8>) {
    out.push(0);
    put_text(out, name);
    out.push(data_type);
    put_uvar(out, 8);
    out.extend_from_slice(statistics);
    out.extend_from_slice(&(offset as u64).to_be_bytes());
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let version: u8 = input.choose(&[3, 4]);
    let aligned = input.byte() % 2 == 1;
    let data_type = input.choose(&DataType::ALL).code();
    // Count, times, and what the type has: enough of any for a parser to find something in.
    let mut statistics = vec![input.byte() % 128];
    statistics.extend_from_slice(input.take(16));
    statistics.resize(17, 0);
    let time_statistics = statistics.clone();
    let more = usize::from(input.byte() % 64);
    statistics.extend_from_slice(input.take(more));

    let device = |out: &mut Vec<u8>| {
        if version == 4 {
            out.push(2);
            put_text(out, "root.a");
            put_text(out, "d");
        } else {
            put_text(out, "root.a.d");
        }
    };
    let mut file = b"TsFile".to_vec();
    file.extend_from_slice(&[version, 0]);
    device(&mut file);
    let mut offsets = Vec::new();
    if aligned {
        offsets.push(file.len());
        put_chunk(0x80, "", VECTOR, &mut input, &mut file);
    }
    offsets.push(file.len());
    put_chunk(if aligned { 0x40 } else { 0 }, "s", data_type, &mut input, &mut file);
    let data_end = file.len();
    file.push(2);
    let series_at = file.len();
    if aligned {
        put_series("", VECTOR, offsets[0], &time_statistics, &mut file);
    }
    put_series("s", data_type, offsets[offsets.len() - 1], &statistics, &mut file);
    let node_at = file.len();
    file.push(1);
    put_text(&mut file, if aligned { "" } else { "s" });
    file.extend_from_slice(&(series_at as u64).to_be_bytes());
    file.extend_from_slice(&(node_at as u64).to_be_bytes());
    file.push(3);
    let tail_at = file.len();
    if version == 4 {
        file.push(1);
        put_text(&mut file, "root.a");
    }
    file.push(1);
    device(&mut file);
    file.extend_from_slice(&(node_at as u64).to_be_bytes());
    file.extend_from_slice(&(tail_at as u64).to_be_bytes());
    file.push(1);
    if version == 4 {
        file.push(0);
    }
    file.extend_from_slice(&(data_end as u64).to_be_bytes());
    let tail = file.len() - tail_at;
    put_foot(&mut file, tail);

    let limits = ReadLimits::default().page_bytes(16 << 20).page_points(1 << 20);
    let reader = TsFileReader::open_with(Bytes::from(file.clone()), limits).expect("it is put together well");
    let [device] = &reader.devices().expect("there is one")[..] else { panic!("there is one") };
    if let Ok(pages) = reader.scan(device, "s") {
        for page in pages.flatten() {
            assert_eq!(page.times.len(), page.values.len());
        }
    }
    file.pop();
    let salvaged = TsFileReader::salvage_with(Bytes::from(file), limits).expect("its head is well");
    for device in salvaged.devices().expect("known") {
        let Ok(pages) = salvaged.scan(&device, "s") else { panic!("what was salvaged can be looked up") };
        for page in pages {
            page.expect("what was salvaged can be read");
        }
    }
});
