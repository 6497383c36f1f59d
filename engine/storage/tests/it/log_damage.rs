//! Mangled logs: opening never panics, nothing shows that was never written, what is lost is named, and what is gone is missed until
//! it was given up.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use levada_model::{SplitRange, Write};
use levada_storage::{
    Access, Disk as _, Finding, Storage, StorageError, StorageOptions, TimeRange, check, repair,
};

use crate::{
    fault_disk::FaultDisk,
    random::Random,
    rows::{options, pattern, put, series, tablet, write},
};

/// What lengths and counts could be misread as.
const WORST: [u8; 6] = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff];
/// How a record begins.
const MARK: [u8; 4] = [0x9E, 0xC1, 0x4C, 0xD7];
const TIMES: i64 = 24;

fn on(disk: &FaultDisk, segment: u64) -> StorageOptions {
    StorageOptions { disk: Arc::new(disk.clone()), wal_segment_bytes: segment, ..options("/data".as_ref()) }
}

/// Opens a folder that may have lost files of its log: where it did, that is an error that names what was found, the folder
/// can be read, and it opens where the loss is accepted.
fn opened(disk: &FaultDisk, segment: u64, found: &[Finding]) -> Storage {
    let Some(gone) = found.iter().find(|finding| finding.blocks) else {
        return Storage::open(on(disk, segment)).expect("opens");
    };
    for access in [Access::Write, Access::Existing, Access::WriteOrRead] {
        let error = Storage::open(StorageOptions { access, ..on(disk, segment) }).expect_err("it is missed");
        let StorageError::LogGone { path, what, .. } = &error else { panic!("{error}") };
        assert_eq!((path, what), (&gone.path, &gone.what));
        assert!(error.to_string().contains("levada fsck --repair /data"), "{error}");
    }
    let reader =
        Storage::open(StorageOptions { access: Access::Read, ..on(disk, segment) }).expect("opens to read");
    assert_eq!(reader.recovery(), found);
    reader.close().expect("closes");
    Storage::open(StorageOptions { accept_log_loss: true, ..on(disk, segment) }).expect("opens")
}

/// A folder whose rows are all in the log: every time was written once, even ones twice, and some were deleted.
fn filled(segment: u64) -> (FaultDisk, BTreeMap<i64, f64>) {
    let disk = FaultDisk::default();
    let storage = Storage::open(on(&disk, segment)).expect("opens");
    let mut rows = BTreeMap::new();
    for time in 0..TIMES {
        let tablets = vec![tablet("root.a.d", false, &[time], &[("s", &[Some(time as f64)])])];
        let positions = vec![SplitRange { split: "p".into(), range: time as u64..time as u64 + 1 }];
        let rows_of = Write { owner: Some("owner".into()), positions, ..write(tablets) };
        storage.insert(rows_of).expect("taken").durable.wait().expect("durable");
        rows.insert(time, time as f64);
    }
    for time in (0..TIMES).step_by(2) {
        put(&storage, "root.a.d", &[time], &[time as f64 + 0.5]);
        rows.insert(time, time as f64 + 0.5);
    }
    storage.set_ttl(&pattern("root.a"), Some(1 << 40)).expect("set");
    let range = TimeRange { start: 5, end: 7 };
    storage.delete(&[pattern("root.a.d.s")], range).expect("deleted").durable.wait().expect("durable");
    rows.retain(|time, _| !range.contains(*time));
    (disk, rows)
}

/// The records of a segment, each as it stands there.
fn records(bytes: &[u8]) -> Vec<Vec<u8>> {
    let starts = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(&MARK));
    let length = |at: usize| u32::from_le_bytes(bytes[at + 4..at + 8].try_into().expect("four")) as usize;
    starts.map(|at| bytes[at..at + 12 + length(at)].to_vec()).collect()
}

/// Changes some bytes; says whether the end was cut off, since nothing tells what stood behind the last record.
fn mangle(bytes: &mut Vec<u8>, random: &mut Random) -> bool {
    let (known, mut cut) = (records(bytes), false);
    for _ in 0..=random.below(3) {
        if bytes.is_empty() {
            break;
        }
        let at = random.below(bytes.len() as u64) as usize;
        let end = bytes.len().min(at + 1 + random.below(40) as usize);
        match random.below(8) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next() as u8,
            2 => bytes[at..end].fill(*random.pick(&WORST)),
            3 => bytes[at..end].iter_mut().for_each(|byte| *byte = random.next() as u8),
            4 => {
                let from = random.below((bytes.len() - (end - at)) as u64 + 1) as usize;
                bytes.copy_within(from..from + end - at, at);
            }
            5 => drop(bytes.splice(at..at, (at..end).map(|_| random.next() as u8))),
            6 => {
                bytes.truncate(at);
                cut = true;
            }
            _ if !known.is_empty() => {
                // A record that was there before comes again, where a record ends.
                let starts: Vec<usize> =
                    (at..bytes.len()).filter(|at| bytes[*at..].starts_with(&MARK)).take(1).collect();
                let at = starts.first().copied().unwrap_or(bytes.len());
                drop(bytes.splice(at..at, random.pick(&known).clone()));
            }
            _ => {}
        }
    }
    cut
}

#[test]
fn a_mangled_log_opens_and_what_it_lost_is_named() {
    let mut random = Random::seeded("a_mangled_log_opens_and_what_it_lost_is_named");
    let (mut lost, mut whole) = (0, 0);
    for round in 0..600 {
        let segment = if random.one_in(2) { 600 } else { 1 << 20 };
        let (disk, rows) = filled(segment);
        let logs: Vec<(PathBuf, usize)> = disk.paths("wal");
        let (file, _) = random.pick(&logs).clone();
        let last = logs.iter().map(|(path, _)| path).max() == Some(&file);
        let mut may_miss = false;
        disk.alter(&file, |bytes| may_miss = mangle(bytes, &mut random) && last);
        let checked = check(&on(&disk, segment)).expect("checked");
        let storage = opened(&disk, segment, &checked);
        let findings = storage.recovery();
        assert!(
            findings.iter().all(|finding| finding.path.starts_with("/data/wal")),
            "round {round}: {findings:?}"
        );
        assert_eq!(checked, findings, "round {round}: who only looks sees the same");
        let view = storage.view();
        let known = !view.series(&pattern("root.a.d.s")).is_empty();
        let found: BTreeMap<i64, f64> =
            if known { series(&*view, "root.a.d", "s").into_iter().collect() } else { BTreeMap::new() };
        for (time, value) in &found {
            let written = (0..TIMES).contains(time)
                && (*value == *time as f64 || time % 2 == 0 && *value == *time as f64 + 0.5);
            assert!(written, "round {round}: {value} at {time}, which nobody wrote");
        }
        if findings.is_empty() && !may_miss {
            assert_eq!(found, rows, "round {round}: something is amiss that was not named");
            whole += 1;
        } else {
            lost += usize::from(found != rows);
        }
        // The folder goes on, and keeps what it has.
        put(&storage, "root.b.d", &[1], &[2.0]);
        storage.close().expect("closes");
        let storage = Storage::open(on(&disk, segment)).expect("opens again");
        assert_eq!(series(&*storage.view(), "root.b.d", "s"), [(1, 2.0)], "round {round}");
        if known {
            let again: BTreeMap<i64, f64> = series(&*storage.view(), "root.a.d", "s").into_iter().collect();
            assert_eq!(again, found, "round {round}: opened twice");
        }
    }
    println!("{lost} logs lost rows, {whole} are whole");
    assert!(lost > 100, "only {lost} logs lost rows");
}

#[test]
fn a_file_of_the_log_that_is_gone_is_missed() {
    let (disk, _) = filled(200);
    let segments = disk.paths("wal").len();
    assert!(segments > 4);
    assert_eq!(check(&on(&disk, 200)).expect("checked"), []);
    for gone in 0..segments - 1 {
        let (disk, _) = filled(200);
        let (path, _) = disk.paths("wal").swap_remove(gone);
        disk.remove(&path).expect("removed");
        let findings = check(&on(&disk, 200)).expect("checked");
        assert!(findings.iter().any(|finding| finding.what.contains("gone")), "{path:?}: {findings:?}");
        let storage = opened(&disk, 200, &findings);
        assert!(storage.recovery().iter().any(|finding| finding.what.contains("gone")));
        storage.flush(&[]).expect("flushes");
        storage.close().expect("closes");
        assert_eq!(check(&on(&disk, 200)).expect("checked"), [], "what was given up is not missed");
        Storage::open(on(&disk, 200)).expect("opens").close().expect("closes");
    }
}

/// A folder with rows in the newest file of its log, after a close or as kill -9 leaves it, and that file.
fn with_newest(closed: bool) -> (FaultDisk, PathBuf) {
    let disk = FaultDisk::default();
    let storage = Storage::open(on(&disk, 1 << 20)).expect("opens");
    put(&storage, "root.a.d", &[1], &[1.0]);
    storage.flush(&[]).expect("flushes");
    storage.close().expect("closes");
    // What is begun when a folder is opened, the manifest names before anything is written to it.
    let storage = Storage::open(on(&disk, 1 << 20)).expect("opens again");
    put(&storage, "root.a.d", &[2], &[2.0]);
    let left = if closed {
        storage.close().expect("closes");
        disk
    } else {
        let left = disk.fork();
        left.resume();
        left
    };
    let newest = left.paths("wal").into_iter().map(|(path, _)| path).max().expect("a log");
    (left, newest)
}

type Loss = fn(&FaultDisk, &std::path::Path);

#[test]
fn the_newest_file_of_the_log_is_missed_where_it_is_gone_or_emptied() {
    let losses: [(&str, Loss); 4] = [
        ("removed", |disk, path| disk.remove(path).expect("removed")),
        ("emptied", |disk, path| disk.alter(path, Vec::clear)),
        ("cut in its head", |disk, path| disk.alter(path, |bytes| bytes.truncate(20))),
        ("zeroed", |disk, path| disk.alter(path, |bytes| bytes.fill(0))),
    ];
    for closed in [true, false] {
        for (how, lose) in losses {
            let (disk, newest) = with_newest(closed);
            assert_eq!(check(&on(&disk, 1 << 20)).expect("checked"), [], "{how}");
            lose(&disk, &newest);
            let findings = check(&on(&disk, 1 << 20)).expect("checked");
            let told = findings.iter().any(|finding| {
                finding.severity == levada_storage::Severity::Error && finding.what.contains("newest file")
            });
            assert!(told, "{how}, closed {closed}: {findings:?}");
            let mended = disk.fork();
            mended.resume();
            let done = repair(&on(&mended, 1 << 20)).expect("repaired");
            assert!(done.iter().any(|done| done.what.starts_with("given up: ")), "{how}: {done:?}");
            assert_eq!(check(&on(&mended, 1 << 20)).expect("checked"), [], "{how}: it is given up");
            let storage = Storage::open(on(&mended, 1 << 20)).expect("opens");
            assert_eq!(series(&*storage.view(), "root.a.d", "s"), [(1, 1.0)]);
            storage.close().expect("closes");
            let storage = opened(&disk, 1 << 20, &findings);
            assert_eq!(storage.recovery(), findings, "{how}");
            assert_eq!(series(&*storage.view(), "root.a.d", "s"), [(1, 1.0)]);
            storage.close().expect("closes");
            assert_eq!(check(&on(&disk, 1 << 20)).expect("checked"), [], "{how}: it is told once");
        }
    }
}

#[test]
fn a_log_that_was_cut_between_records_is_missed_after_a_close() {
    let disk = FaultDisk::default();
    let storage = Storage::open(on(&disk, 1 << 20)).expect("opens");
    for time in 0..5 {
        put(&storage, "root.a.d", &[time], &[1.0]);
    }
    storage.close().expect("closes");
    let (path, len) = disk.paths("wal").pop().expect("a log");
    let mut starts = Vec::new();
    disk.alter(&path, |bytes| {
        starts.extend((0..bytes.len()).filter(|at| bytes[*at..].starts_with(&MARK)));
    });
    assert!(starts.len() >= 5 && starts.iter().all(|start| *start < len));
    for start in starts {
        let cut = disk.fork();
        cut.alter(&path, |bytes| bytes.truncate(start));
        let findings = check(&on(&cut, 1 << 20)).expect("checked");
        assert!(findings.iter().any(|finding| finding.what.contains("newest file")), "{start}: {findings:?}");
    }
}

#[test]
fn a_log_that_rotates_and_is_freed_raises_no_alarm() {
    let disk = FaultDisk::default();
    let storage = Storage::open(on(&disk, 400)).expect("opens");
    for time in 0..60 {
        put(&storage, "root.a.d", &[time], &[1.0]);
        if time % 7 == 0 {
            storage.flush(&[]).expect("flushes");
        }
        // As kill -9 leaves it, whatever the threads were at.
        let left = disk.fork();
        left.resume();
        assert_eq!(check(&on(&left, 400)).expect("checked"), [], "after {time}");
        let storage = Storage::open(on(&left, 400)).expect("opens");
        assert_eq!(storage.recovery(), [], "after {time}");
        assert_eq!(series(&*storage.view(), "root.a.d", "s").len() as i64, time + 1);
    }
}

/// What a log holds whose files `change` renamed or copied: every row but those of `gone`. It is told, and told until what
/// was read is in sealed files.
fn misnamed(change: impl Fn(&FaultDisk, &[PathBuf]), named: &[usize], gone: impl Fn(usize) -> bool) {
    let (disk, _) = filled(200);
    let paths: Vec<PathBuf> = disk.paths("wal").into_iter().map(|(path, _)| path).collect();
    change(&disk, &paths);
    let findings = check(&on(&disk, 200)).expect("checked");
    let told: Vec<&PathBuf> = findings
        .iter()
        .filter(|finding| finding.what.contains("under another's name"))
        .map(|finding| &finding.path)
        .collect();
    assert_eq!(told, named.iter().map(|at| &paths[*at]).collect::<Vec<_>>(), "{findings:?}");
    assert_eq!(findings.iter().any(|finding| finding.blocks), (0..paths.len()).any(&gone), "{findings:?}");
    // Each file of the log holds what it held, whatever it is called.
    let (whole, _) = filled(200);
    let lost: Vec<PathBuf> = (0..paths.len()).filter(|at| gone(*at)).map(|at| paths[at].clone()).collect();
    lost.iter().for_each(|path| whole.remove(path).expect("removed"));
    let expected = opened(&whole, 200, &check(&on(&whole, 200)).expect("checked"));
    let expected = series(&*expected.view(), "root.a.d", "s");
    // Opened again and again, with more written in between, as kill -9 leaves it each time.
    let storage = opened(&disk, 200, &findings);
    assert_eq!(series(&*storage.view(), "root.a.d", "s"), expected);
    put(&storage, "root.b.d", &[1], &[1.0]);
    let mut left = disk.fork();
    for time in 2..5 {
        left.resume();
        let findings = check(&on(&left, 200)).expect("checked");
        let storage = opened(&left, 200, &findings);
        assert_eq!(series(&*storage.view(), "root.a.d", "s"), expected, "opened {time} times");
        assert_eq!(series(&*storage.view(), "root.b.d", "s").len(), time - 1);
        put(&storage, "root.b.d", &[time as i64], &[1.0]);
        left = left.fork();
    }
    storage.flush(&[]).expect("flushes");
    storage.close().expect("closes");
    assert_eq!(check(&on(&disk, 200)).expect("checked"), [], "it is told once");
    let storage = Storage::open(on(&disk, 200)).expect("opens");
    assert_eq!(series(&*storage.view(), "root.a.d", "s"), expected);
}

fn copy(disk: &FaultDisk, from: &std::path::Path, to: &std::path::Path) {
    let mut bytes = Vec::new();
    disk.alter(from, |content| bytes.clone_from(content));
    drop(disk.create(to).expect("created"));
    disk.alter(to, |content| *content = bytes);
}

#[test]
fn a_file_of_the_log_under_another_name_hides_no_row() {
    let (disk, _) = filled(200);
    let last = disk.paths("wal").len() - 1;
    assert!(last > 4);
    // Copied over another: what that held is gone, and missed.
    for over in [last - 2, last] {
        misnamed(|disk, paths| copy(disk, &paths[1], &paths[over]), &[over], |at| at == over);
    }
    let swap = |disk: &FaultDisk, one: &std::path::Path, other: &std::path::Path| {
        let aside = one.with_extension("aside");
        disk.rename(one, &aside).expect("renamed");
        disk.rename(other, one).expect("renamed");
        disk.rename(&aside, other).expect("renamed");
    };
    misnamed(|disk, paths| swap(disk, &paths[1], &paths[2]), &[2, 1], |_| false);
    misnamed(|disk, paths| swap(disk, &paths[1], &paths[last]), &[last, 1], |_| false);
}

#[test]
fn a_file_of_the_log_with_a_new_name_is_read_where_it_belongs() {
    for (at, name) in [(2, "0000000999.wal"), (2, "3.wal"), (2, "0000000000.wal"), (5, "0000000000.wal")] {
        let (disk, rows) = filled(200);
        let (path, _) = disk.paths("wal").swap_remove(at);
        let to = path.with_file_name(name);
        for copied in [false, true] {
            let disk = disk.fork();
            disk.resume();
            if copied {
                copy(&disk, &path, &to);
            } else {
                disk.rename(&path, &to).expect("renamed");
            }
            let findings = check(&on(&disk, 200)).expect("checked");
            assert!(matches!(&findings[..], [told] if told.path == to && !told.blocks), "{findings:?}");
            for opened in 0..3 {
                let storage = Storage::open(on(&disk, 200)).expect("opens");
                let found: BTreeMap<_, _> = series(&*storage.view(), "root.a.d", "s").into_iter().collect();
                assert_eq!(found, rows, "{name}, copied {copied}, opened {opened}");
                put(&storage, "root.b.d", &[opened], &[1.0]);
                assert_eq!(series(&*storage.view(), "root.b.d", "s").len() as i64, opened + 1);
                storage.close().expect("closes");
            }
        }
    }
}
