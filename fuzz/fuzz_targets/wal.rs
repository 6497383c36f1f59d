//! The log's reader: a store opens with these bytes as its log, is read, takes a write and opens again.
//!
//! The first byte chooses: the bytes as a segment just as they are, or behind a good head as records whose checksums fit, cut
//! where two bytes say so. The latter gets past the checksums to what is behind them.
#![no_main]

use std::sync::Arc;

use arrow_array::{Float64Array, Int64Array};
use levada_fuzz::memory_disk::MemoryDisk;
use levada_model::{Column, DataType, Path, PathPattern, Tablet, Write};
use levada_storage::{Direction, Storage, StorageOptions, SyncMode, TimeRange, check};
use libfuzzer_sys::fuzz_target;

/// A segment's head, as `engine/storage/src/wal/segment.rs` draws it.
fn head() -> Vec<u8> {
    let mut head = b"LVDWAL\0\x01".to_vec();
    head.extend_from_slice(&1u64.to_le_bytes());
    head.extend_from_slice(&[0; 16]);
    let check = crc32fast::hash(&head);
    head.extend_from_slice(&check.to_le_bytes());
    head
}

/// A record of a number, as `engine/storage/src/frame.rs` draws it.
fn record(number: u64, body: &[u8], segment: &mut Vec<u8>) {
    let payload = [&number.to_le_bytes(), body].concat();
    let length = u32::try_from(payload.len()).expect("small").to_le_bytes();
    let check = crc32fast::hash(&[&length, &payload[..]].concat());
    segment.extend_from_slice(&[0x9E, 0xC1, 0x4C, 0xD7]);
    segment.extend_from_slice(&length);
    segment.extend_from_slice(&check.to_le_bytes());
    segment.extend_from_slice(&payload);
}

fn segment(bytes: &[u8]) -> Vec<u8> {
    let Some((choice, mut rest)) = bytes.split_first() else { return Vec::new() };
    if choice % 4 == 0 {
        return rest.to_vec();
    }
    let mut segment = head();
    let mut number = 0;
    while let [low, high, more @ ..] = rest {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(more.len());
        number += 1;
        record(number, &more[..length], &mut segment);
        rest = &more[length..];
    }
    segment
}

fn pattern(text: &str) -> PathPattern {
    PathPattern::parse(text).expect("legal")
}

fn read_all(storage: &Storage) {
    let view = storage.view();
    for series in view.series(&pattern("root.**")) {
        let rows = view.scan(&series.device, &[series.measurement], TimeRange::ALL, Direction::Ascending);
        for batch in rows.expect("it is there") {
            batch.expect("rows of the log are in memory");
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let disk = MemoryDisk::default();
    disk.put("/data/wal/0000000001.wal", segment(bytes));
    let options = StorageOptions {
        sync: SyncMode::Interval(std::time::Duration::from_secs(1)),
        compaction: false,
        disk: Arc::new(disk),
        ..StorageOptions::new("/data")
    };
    check(&options).expect("checked");
    let storage = Storage::open(options.clone()).expect("opens");
    read_all(&storage);
    let columns = vec![Column {
        name: "fuzzed".into(),
        data_type: DataType::Double,
        values: Arc::new(Float64Array::from(vec![1.0])),
    }];
    let device = Path::parse("root.fuzz.d").expect("legal");
    let tablet = Tablet::try_new(device, false, Int64Array::from(vec![1]), columns).expect("fits");
    // It may be rejected, as the log may say that the path is something else.
    let taken = storage.insert(Write { tablets: vec![tablet], ..Write::default() });
    let taken = taken.expect("the disk is well").report.rejected.is_empty();
    drop(storage);
    let storage = Storage::open(options).expect("opens again");
    read_all(&storage);
    if taken {
        assert!(!storage.catalog().series(&pattern("root.fuzz.d.fuzzed")).is_empty());
    }
});
