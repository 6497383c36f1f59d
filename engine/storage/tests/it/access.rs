//! Who may open what, and what for.

use std::{io::Write as _, sync::Arc};

use levada_model::StatusCode;
use levada_storage::{Access, Disk as _, Severity, Storage, StorageError, StorageOptions, check};

use crate::{
    fault_disk::FaultDisk,
    rows::{options, pattern, put, series, tablet, write},
};

fn on(disk: &FaultDisk, access: Access) -> StorageOptions {
    StorageOptions { disk: Arc::new(disk.clone()), access, ..options("/data".as_ref()) }
}

/// A folder with a sealed file and a log.
fn filled() -> FaultDisk {
    let disk = FaultDisk::default();
    let storage = Storage::open(on(&disk, Access::Write)).expect("opens");
    put(&storage, "root.a.d", &[1, 2], &[1.0, 2.0]);
    storage.flush(&[]).expect("flushes");
    put(&storage, "root.a.d", &[2, 3], &[2.5, 3.5]);
    storage.close().expect("closes");
    disk
}

const ROWS: [(i64, f64); 3] = [(1, 1.0), (2, 2.5), (3, 3.5)];

/// All that is on a disk.
fn all(disk: &FaultDisk) -> Vec<(std::path::PathBuf, usize)> {
    let mut all: Vec<_> =
        ["tsfile", "sums", "wal", "tmp"].into_iter().flat_map(|kind| disk.paths(kind)).collect();
    all.extend(disk.manifest());
    all
}

#[test]
fn a_full_disk_stops_writes_and_not_reads() {
    let disk = filled();
    disk.set_room(Some(disk.used()));
    assert!(Storage::open(on(&disk, Access::Write)).is_err(), "nothing can be written");
    for access in [Access::WriteOrRead, Access::Existing] {
        let storage = Storage::open(on(&disk, access)).expect("opens");
        assert_eq!(series(&*storage.view(), "root.a.d", "s"), ROWS);
        let one = || write(vec![tablet("root.a.d", false, &[9], &[("s", &[Some(9.0)])])]);
        let rejections = [
            storage.insert(one()).map(drop),
            storage.create_database(&crate::rows::path("root.b"), None).map(drop),
            storage.delete_series(&[pattern("root.a.d.s")]).map(drop),
            storage.delete(&[pattern("root.a.d.s")], levada_storage::TimeRange::ALL).map(drop),
            storage.set_ttl(&pattern("root.a"), Some(5)).map(drop),
            storage.flush(&[]),
            storage.compact(&[]),
        ];
        for (at, rejected) in rejections.into_iter().enumerate() {
            let error = rejected.expect_err("it is open to read only");
            assert_eq!(error.code(), StatusCode::SYSTEM_READ_ONLY, "{at}: {error}");
            assert!(error.to_string().contains("/data is open to read only: "), "{at}: {error}");
        }
        storage.close().expect("closes");
    }
    let findings = check(&on(&disk, Access::Write)).expect("checked");
    assert!(findings.iter().all(|finding| finding.severity == Severity::Note), "{findings:?}");
    disk.set_room(None);
    let storage = Storage::open(on(&disk, Access::WriteOrRead)).expect("opens");
    put(&storage, "root.a.d", &[4], &[4.5]);
    assert_eq!(series(&*storage.view(), "root.a.d", "s").len(), 4, "there is room again");
}

#[test]
fn who_only_reads_writes_nothing() {
    let disk = filled();
    let before = all(&disk);
    let storage = Storage::open(on(&disk, Access::Read)).expect("opens");
    assert_eq!(series(&*storage.view(), "root.a.d", "s"), ROWS);
    let error = storage.read_only().expect("it is");
    assert_eq!(error.to_string(), "the data folder /data is open to read only");
    storage.close().expect("closes");
    assert_eq!(all(&disk), before);
}

#[test]
fn several_read_a_folder_at_once_and_nobody_writes_meanwhile() {
    let dir = tempfile::tempdir().expect("a folder");
    let open = |access| Storage::open(StorageOptions { access, ..options(dir.path()) });
    let storage = open(Access::Write).expect("opens");
    put(&storage, "root.a.d", &[1], &[1.0]);
    assert!(matches!(open(Access::Read), Err(StorageError::Locked { .. })), "it is being written");
    storage.close().expect("closes");
    let readers = [open(Access::Read).expect("opens"), open(Access::Read).expect("opens, too")];
    for reader in &readers {
        assert_eq!(series(&*reader.view(), "root.a.d", "s"), [(1, 1.0)]);
    }
    assert!(matches!(open(Access::Write), Err(StorageError::Locked { .. })));
    readers.iter().for_each(|reader| reader.close().expect("closes"));
    put(&open(Access::Write).expect("opens"), "root.a.d", &[2], &[2.0]);
}

#[test]
fn a_folder_of_other_things_is_no_store_and_does_not_become_one() {
    for other in ["/data/notes.txt", "/data/readings.csv", "/data/.hidden"] {
        let disk = FaultDisk::default();
        disk.create_dir("/data".as_ref()).expect("made");
        disk.create(other.as_ref()).and_then(|mut file| file.write_all(b"mine")).expect("written");
        for access in [Access::Write, Access::WriteOrRead, Access::Existing, Access::Read] {
            let error = Storage::open(on(&disk, access)).expect_err("it holds other things").to_string();
            assert!(error.starts_with("/data is no data folder: it holds "), "{error}");
        }
        assert_eq!(disk.folders("/data".as_ref()).expect("listed"), Vec::<std::path::PathBuf>::new());
    }
}

#[test]
fn who_does_not_write_makes_no_folder() {
    for access in [Access::Existing, Access::Read] {
        let disk = FaultDisk::default();
        let error = Storage::open(on(&disk, access)).expect_err("there is none").to_string();
        assert_eq!(error, "there is no data folder /data: it is made by what writes to it");
        assert_eq!(disk.folders("/".as_ref()).expect("listed"), Vec::<std::path::PathBuf>::new());
    }
}
