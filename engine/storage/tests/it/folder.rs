//! Checking and repairing folders.

use std::sync::Arc;

use levada_storage::{Storage, StorageOptions, check, repair};

use crate::{
    fault_disk::FaultDisk,
    random::Random,
    rows::{options, put, series, tablet, write},
};

fn on(disk: &FaultDisk) -> StorageOptions {
    StorageOptions { disk: Arc::new(disk.clone()), ..options("/data".as_ref()) }
}

/// A folder with a manifest, two files of a plain device, one of an aligned one, and a log.
fn filled() -> FaultDisk {
    let disk = FaultDisk::default();
    let storage = Storage::open(on(&disk)).expect("opens");
    // Noise, so that a file has several blocks.
    let mut random = Random(3);
    for part in 0..2 {
        let times: Vec<i64> = (part * 1000..part * 1000 + 900).collect();
        let values: Vec<f64> = times.iter().map(|_| f64::from_bits(random.next() >> 2)).collect();
        put(&storage, "root.a.d", &times, &values);
        let values: Vec<Option<f64>> = values.into_iter().map(Some).collect();
        let aligned = tablet("root.a.e", true, &times, &[("s", &values)]);
        storage.insert(write(vec![aligned])).expect("taken").durable.wait().expect("durable");
    }
    storage.flush(&[]).expect("flushes");
    put(&storage, "root.a.d", &[5000], &[1.0]);
    disk
}

#[test]
fn a_sound_folder_has_no_findings() {
    let disk = filled();
    assert_eq!(check(&on(&disk)).expect("checked"), []);
    assert_eq!(repair(&on(&disk)).expect("nothing to do"), []);
    let storage = Storage::open(on(&disk)).expect("opens");
    assert!(check(&on(&disk)).is_err(), "a folder in use is not checked");
    drop(storage);
}

#[test]
fn any_flipped_bit_is_found_and_a_repair_leaves_a_folder_that_opens() {
    let mut random = Random::seeded("any_flipped_bit_is_found_and_a_repair_leaves_a_folder_that_opens");
    for _ in 0..150 {
        let disk = filled();
        let whole = {
            let storage = Storage::open(on(&disk)).expect("opens");
            series(&*storage.view(), "root.a.d", "s")
        };
        let mut paths = disk.paths("tsfile");
        paths.extend(disk.paths("sums"));
        paths.extend(disk.paths("wal"));
        paths.extend(disk.manifest());
        let (path, len) = random.pick(&paths).clone();
        let bit = random.below(len as u64 * 8) as usize;
        disk.flip(&path, bit);
        let findings = check(&on(&disk)).expect("checked");
        assert!(!findings.is_empty(), "bit {bit} of {path:?}");
        repair(&on(&disk)).expect("repaired");
        let storage =
            Storage::open(on(&disk)).unwrap_or_else(|error| panic!("bit {bit} of {path:?}: {error}"));
        let view = storage.view();
        if view.series(&crate::rows::pattern("root.a.d.s")).is_empty() {
            continue;
        }
        let kept = series(&*view, "root.a.d", "s");
        assert!(kept.iter().all(|row| whole.contains(row)), "bit {bit} of {path:?}");
    }
}
