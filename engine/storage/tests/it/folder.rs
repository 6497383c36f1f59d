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

/// A folder that version 2 of the format left: `tests/data/version-2`.
pub(crate) fn of_version_2() -> tempfile::TempDir {
    fn copy(from: &std::path::Path, to: &std::path::Path) {
        std::fs::create_dir_all(to).expect("made");
        for entry in std::fs::read_dir(from).expect("listed") {
            let entry = entry.expect("listed");
            let to = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy(&entry.path(), &to);
            } else {
                std::fs::copy(entry.path(), to).expect("copied");
            }
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    copy(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/version-2")), folder.path());
    folder
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

#[test]
fn a_damaged_block_costs_the_pages_in_it_and_not_their_chunks() {
    let on = |disk: &FaultDisk| StorageOptions { partition_width: 1 << 40, ..on(disk) };
    let disk = FaultDisk::default();
    let storage = Storage::open(on(&disk)).expect("opens");
    let mut random = Random(7);
    // Noise of many pages: a plain device, and an aligned one of two columns.
    let mut last = 0;
    let mut next = |random: &mut Random| {
        last += 1 + random.below(1 << 12) as i64;
        last
    };
    let times: Vec<i64> = (0..60_000).map(|_| next(&mut random)).collect();
    let values: Vec<f64> = times.iter().map(|_| f64::from_bits(random.next() >> 2)).collect();
    put(&storage, "root.a.d", &times, &values);
    let some: Vec<Option<f64>> = values.iter().copied().map(Some).collect();
    let aligned = tablet("root.a.e", true, &times, &[("s", &some), ("t", &some)]);
    storage.insert(write(vec![aligned])).expect("taken").durable.wait().expect("durable");
    storage.flush(&[]).expect("flushes");
    storage.close().expect("closes");
    let columns = [("root.a.d", "s"), ("root.a.e", "s"), ("root.a.e", "t")];
    let whole: Vec<_> = times.iter().copied().zip(values.iter().copied()).collect();
    let (path, len) = disk.paths("tsfile").pop().expect("a file");
    let mut in_part = 0;
    for place in (1..24).step_by(3) {
        let disk = disk.fork();
        disk.resume();
        disk.flip(&path, len / 24 * place * 8);
        let findings = check(&on(&disk)).expect("checked");
        assert!(findings.iter().any(|finding| finding.bytes == Some(4096)), "{place}: {findings:?}");
        repair(&on(&disk)).expect("repaired");
        assert_eq!(check(&on(&disk)).expect("checked"), [], "{place}");
        let storage = Storage::open(on(&disk)).expect("opens");
        let kept: Vec<_> =
            columns.iter().map(|(device, name)| series(&*storage.view(), device, name)).collect();
        assert!(
            kept.iter()
                .flatten()
                .all(|row| whole.binary_search_by_key(&row.0, |row| row.0).is_ok_and(|at| whole[at] == *row))
        );
        let lost: Vec<usize> = kept.iter().map(|rows| times.len() - rows.len()).collect();
        let told: u64 = findings
            .iter()
            .filter(|finding| finding.series.is_some())
            .map(|finding| finding.means.split(' ').next().expect("a count").parse::<u64>().expect("a count"))
            .sum();
        assert_eq!(told, lost.iter().sum::<usize>() as u64, "{place}: {findings:?}");
        // A block of noise holds about 500 values, and lies in two pages at most.
        in_part += usize::from(lost.iter().any(|lost| (1..times.len() / 4).contains(lost)));
        assert!(lost.iter().filter(|lost| **lost > times.len() / 4).count() == 0, "{place}: {lost:?}");
    }
    assert!(in_part > 5, "{in_part} flips cost pages");
}
