//! Sealed files take their places again where the manifest is lost.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use levada_model::{DataType, PathPattern};
use levada_storage::{Disk as _, Storage, StorageError, StorageOptions, TimeRange, check, repair};

use crate::{
    fault_disk::FaultDisk,
    rows::{options, path, pattern, put, read, series, tablet, write},
};

fn on(disk: &FaultDisk) -> StorageOptions {
    StorageOptions { disk: Arc::new(disk.clone()), ..options("/data".as_ref()) }
}

/// All rows of a folder, opened anew.
fn rows(disk: &FaultDisk) -> Result<Vec<Vec<(i64, f64)>>, StorageError> {
    let storage = Storage::open(on(disk))?;
    let view = storage.view();
    let known = |device: &str| !view.series(&pattern(&format!("{device}.s"))).is_empty();
    let devices = ["root.a.d", "root.b.c.e", "root.b.c.late"];
    Ok(devices.iter().filter(|device| known(device)).map(|device| series(&*view, device, "s")).collect())
}

/// Two databases, sequence and unsequence files of several commits, a compacted file, overwritten rows, and rows in the log only.
fn filled() -> FaultDisk {
    let disk = FaultDisk::default();
    let storage = Storage::open(on(&disk)).expect("opens");
    storage.create_database(&path("root.b.c"), None).expect("made");
    for part in 0..3_i64 {
        let times: Vec<i64> = (part * 100..part * 100 + 90).collect();
        let values: Vec<f64> = times.iter().map(|time| *time as f64).collect();
        put(&storage, "root.a.d", &times, &values);
        let values: Vec<Option<f64>> = values.into_iter().map(Some).collect();
        let aligned = tablet("root.b.c.e", true, &times, &[("s", &values), ("t", &values)]);
        storage.insert(write(vec![aligned])).expect("taken").durable.wait().expect("durable");
        storage.flush(&[]).expect("flushes");
    }
    storage.compact(&[PathPattern::parse("root.b.**").expect("a pattern")]).expect("compacts");
    put(&storage, "root.a.d", &[10, 20], &[-10.0, -20.0]);
    storage.flush(&[]).expect("flushes");
    put(&storage, "root.a.d", &[10], &[-11.0]);
    put(&storage, "root.b.c.late", &[1], &[1.0]);
    disk
}

#[test]
fn a_folder_without_its_manifest_is_rejected_and_a_repair_brings_all_rows_back() {
    let whole = rows(&filled()).expect("opens");
    let remove = |disk: &FaultDisk, path: &Path| disk.remove(path).expect("removed");
    let empty = |disk: &FaultDisk, path: &Path| disk.alter(path, Vec::clear);
    for lose in [remove as fn(&FaultDisk, &Path), empty] {
        let disk = filled();
        let files = disk.paths("tsfile");
        lose(&disk, &manifest(&disk).0);
        let rejected = Storage::open(on(&disk)).expect_err("not opened");
        assert!(rejected.to_string().contains("manifest"), "{rejected}");
        assert!(!check(&on(&disk)).expect("checked").is_empty());
        assert_eq!(disk.paths("tsfile"), files, "what is rejected is left alone");

        repair(&on(&disk)).expect("repaired");
        assert_eq!(rows(&disk).expect("opens"), whole);
        assert_eq!(check(&on(&disk)).expect("checked"), []);
        let storage = Storage::open(on(&disk)).expect("opens");
        let databases = storage.view().databases(&pattern("root.**"));
        let databases: Vec<_> = databases.iter().map(|database| database.path.to_string()).collect();
        assert_eq!(databases, ["root.a", "root.b.c"]);
        let names = [("s", DataType::Double), ("t", DataType::Double)];
        assert_eq!(read(&*storage.view(), "root.b.c.e", &names, TimeRange::ALL).len(), 270);

        // A new database does not come to lie in the folder of an old one.
        put(&storage, "root.z.d", &[1], &[1.0]);
        storage.flush(&[]).expect("flushes");
        storage.compact(&[]).expect("compacts");
        drop(storage);
        assert_eq!(rows(&disk).expect("opens"), whole);
    }
}

/// The one manifest's path and length.
fn manifest(disk: &FaultDisk) -> (PathBuf, usize) {
    disk.manifest().pop().expect("a manifest")
}

#[test]
fn a_manifest_cut_anywhere_loses_no_row() {
    let whole = rows(&filled()).expect("opens");
    let (path, len) = manifest(&filled());
    for len in (0..len).step_by(7) {
        let cut = || {
            let disk = filled();
            disk.alter(&path, |bytes| bytes.truncate(len));
            disk
        };
        // Where a file is missing that it names, reading fails until it is repaired.
        let disk = cut();
        let missing =
            |storage: &Storage| storage.recovery().iter().any(|finding| finding.what.contains("is missing"));
        if Storage::open(on(&disk)).is_ok_and(|storage| !missing(&storage)) {
            assert_eq!(rows(&disk).expect("opens"), whole, "cut at {len}");
        }
        let disk = cut();
        repair(&on(&disk)).expect("repaired");
        assert_eq!(rows(&disk).expect("opens"), whole, "cut at {len}, repaired");
    }
}

#[test]
fn a_flipped_bit_anywhere_in_the_manifest_loses_no_row() {
    let whole = rows(&filled()).expect("opens");
    let (path, len) = manifest(&filled());
    for byte in (0..len).step_by(11) {
        let disk = filled();
        // How often it is noted that a file of the log was begun or ended is a matter of threads.
        let byte = byte.min(manifest(&disk).1 - 1);
        disk.flip(&path, byte * 8 + byte % 8);
        repair(&on(&disk)).expect("repaired");
        assert_eq!(rows(&disk).expect("opens"), whole, "byte {byte}");
    }
}
