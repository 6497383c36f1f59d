//! What compaction promises: reads stay cheap, writes stay bounded, and what is deleted frees its space.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use levada_model::{DataType, Value};
use levada_storage::{Stats, Storage, StorageOptions, SyncMode, TimeRange, check};
use levada_tsfile::{DeviceId, TsFileReader};

use crate::{
    fault_disk::FaultDisk,
    random::Random,
    rows::{TestClock, options, path, pattern, put, read, series, tablet, write},
};

fn small(dir: &Path) -> StorageOptions {
    StorageOptions {
        sync: SyncMode::Interval(Duration::from_millis(100)),
        partition_width: 1 << 40,
        file_bytes: 64 << 10,
        compaction_bytes: 256 << 10,
        compaction_rate: None,
        compaction: true,
        memtable_bytes: 1 << 20,
        ..options(dir)
    }
}

/// Waits until the background has nothing to do, and gives what is then.
fn settled(storage: &Storage) -> Stats {
    let (start, mut since, mut seen) = (Instant::now(), Instant::now(), storage.stats());
    while since.elapsed() < Duration::from_millis(60) {
        std::thread::sleep(Duration::from_millis(2));
        let now = storage.stats();
        if now.compacting
            || (now.compactions, now.deletions, now.files) != (seen.compactions, seen.deletions, seen.files)
        {
            (seen, since) = (now, Instant::now());
        }
        assert!(start.elapsed() < Duration::from_secs(60), "compaction does not end: {now:?}");
    }
    storage.stats()
}

/// Waits until the files of a folder take less than so many bytes and no deletion is open; gives how many they take.
fn shrunk_below(bytes: u64, storage: &Storage, dir: &Path) -> u64 {
    let start = Instant::now();
    while disk_bytes(dir) >= bytes || storage.stats().deletions > 0 {
        assert!(start.elapsed() < Duration::from_secs(60), "{} bytes are left", disk_bytes(dir));
        std::thread::sleep(Duration::from_millis(2));
    }
    settled(storage);
    disk_bytes(dir)
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut ahead = vec![dir.join("data")];
    while let Some(dir) = ahead.pop() {
        for entry in std::fs::read_dir(dir).expect("a folder") {
            let entry = entry.expect("listed").path();
            if entry.is_dir() {
                ahead.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "tsfile") {
                found.push(entry);
            }
        }
    }
    found
}

fn disk_bytes(dir: &Path) -> u64 {
    files(dir).iter().map(|file| std::fs::metadata(file).map_or(0, |metadata| metadata.len())).sum()
}

/// The files that have a series, and its chunks in all of them.
fn touched(dir: &Path, device: &str, measurement: &str) -> (usize, usize) {
    let id = DeviceId::from(&path(device));
    let chunks: Vec<usize> = files(dir)
        .iter()
        .filter_map(|file| {
            let reader = TsFileReader::open(std::fs::File::open(file).expect("opens")).expect("a TsFile");
            reader.series(&id, measurement).expect("read").map(|series| series.chunks.len())
        })
        .collect();
    (chunks.len(), chunks.iter().sum())
}

#[test]
fn a_long_stream_with_late_rows_is_read_from_few_chunks_and_written_few_times() {
    let mut random =
        Random::seeded("a_long_stream_with_late_rows_is_read_from_few_chunks_and_written_few_times");
    let dir = tempfile::tempdir().expect("a folder");
    let storage = Storage::open(small(dir.path())).expect("opens");
    let mut all: BTreeMap<i64, f64> = BTreeMap::new();
    let (mut now, mut flushes) = (0_i64, 0);
    for round in 0..300 {
        // A tenth of the rows comes late: most of them a little, some very much.
        let mut times: Vec<i64> = Vec::new();
        for _ in 0..1000 {
            now += 10;
            let late = match random.below(40) {
                0..3 => random.between(1, 200_000),
                3 => random.between(1, now.max(2)),
                _ => 0,
            };
            times.push(now - late);
        }
        let values: Vec<f64> = times.iter().map(|_| random.below(10_000) as f64 / 100.0).collect();
        all.extend(times.iter().copied().zip(values.iter().copied()));
        put(&storage, "root.a.d", &times, &values);
        put(&storage, "root.a.e", &times, &values);
        if round % 2 == 1 {
            storage.flush(&[]).expect("flushes");
            flushes += 1;
            if round % 30 == 29 {
                settled(&storage);
            }
        }
    }
    let stats = settled(&storage);
    let (in_files, chunks) = touched(dir.path(), "root.a.d", "s");
    let amplification = (stats.flushed_bytes + stats.compacted_bytes) as f64 / stats.flushed_bytes as f64;
    println!(
        "{flushes} flushes, {stats:?}; a series is in {chunks} chunks of {in_files} files; {amplification:.1} times"
    );
    // Whole files, and a handful that are still growing.
    let large = stats.file_bytes.div_ceil(64 << 10) as usize;
    assert!(stats.files <= 3 * large + 12, "{} files for {} bytes", stats.files, stats.file_bytes);
    assert!(in_files <= 3 * large + 12);
    assert!(chunks <= 6 * large + 24, "{chunks} chunks");
    assert!(amplification < 12.0, "everything is written {amplification} times");
    let rows: Vec<(i64, f64)> = all.iter().map(|(time, value)| (*time, *value)).collect();
    assert_eq!(series(&*storage.view(), "root.a.d", "s"), rows);
    storage.compact(&[]).expect("compacts");
    assert_eq!(series(&*storage.view(), "root.a.d", "s"), rows);
    let largest =
        files(dir.path()).iter().map(|file| std::fs::metadata(file).map_or(0, |found| found.len())).max();
    assert!(largest < Some(200 << 10), "a file of {largest:?} bytes");
    storage.close().expect("closes");
    drop(storage);
    assert_eq!(check(&small(dir.path())).expect("checked"), []);
}

/// A store that is compacted in steps of a few KiB holds at every moment what was put into it.
#[test]
fn small_steps_and_small_files_lose_nothing() {
    for aligned in [false, true] {
        let mut random = Random::seeded("small_steps_and_small_files_lose_nothing");
        let disk = FaultDisk::default();
        let open = || StorageOptions {
            disk: Arc::new(disk.clone()),
            compaction: false,
            file_bytes: 6 << 10,
            compaction_bytes: 10 << 10,
            ..small("/data".as_ref())
        };
        let mut storage = Storage::open(open()).expect("opens");
        let mut all: BTreeMap<i64, [Option<f64>; 2]> = BTreeMap::new();
        let names = [("a", DataType::Double), ("b", DataType::Double)];
        for step in 0..40 {
            // Long runs that are copied, and short ones that are not; now and then over all that there is.
            let (from, every) = match random.below(4) {
                0 => (random.between(0, 20_000), random.between(1, 40)),
                1 => (random.between(0, 5_000), 1),
                _ => (step * 400, 1),
            };
            let count = *random.pick(&[3, 200, 1500, 2500]);
            let times: Vec<i64> = (0..count).map(|row| from + row * every).collect();
            let mut column = || -> Vec<Option<f64>> {
                let nulls = random.one_in(3);
                let values = times
                    .iter()
                    .map(|_| (!nulls || random.one_in(2)).then(|| random.below(5000) as f64 / 10.0));
                values.collect()
            };
            let (a, b) = (column(), column());
            for (row, time) in times.iter().enumerate() {
                let known = all.entry(*time).or_default();
                *known = [a[row].or(known[0]), b[row].or(known[1])];
            }
            storage
                .insert(write(vec![tablet("root.a.d", aligned, &times, &[("a", &a), ("b", &b)])]))
                .expect("taken");
            if random.one_in(2) {
                storage.flush(&[]).expect("flushes");
            }
            if random.one_in(5) {
                let start = random.between(0, 20_000);
                let range = TimeRange { start, end: start + random.between(0, 3_000) };
                let gone = random.below(2) as usize;
                storage.delete(&[pattern(&format!("root.a.d.{}", names[gone].0))], range).expect("deleted");
                all.range_mut(range.start..=range.end).for_each(|(_, values)| values[gone] = None);
            }
            if random.one_in(8) {
                storage.compact(&[]).expect("compacts");
            }
            if random.one_in(10) {
                storage.close().expect("closes");
                drop(storage);
                storage = Storage::open(open()).expect("opens");
            }
            if step % 4 < 3 {
                continue;
            }
            let expected: BTreeMap<i64, Vec<Option<Value>>> = all
                .iter()
                .filter(|(_, values)| values.iter().any(Option::is_some))
                .map(|(time, values)| (*time, values.iter().map(|value| value.map(Value::Double)).collect()))
                .collect();
            let found = read(&*storage.view(), "root.a.d", &names, TimeRange::ALL);
            assert!(found == expected, "step {step}, aligned: {aligned}");
        }
        storage.flush(&[]).expect("flushes");
        storage.compact(&[]).expect("compacts");
        storage.flush(&[]).expect("nothing to flush");
        settled(&storage);
        assert_eq!(storage.stats().deletions, 0);
    }
}

#[test]
fn a_deleted_series_frees_its_space_without_being_asked() {
    let dir = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(TestClock::default());
    let options =
        StorageOptions { clock: Arc::clone(&clock) as _, memtable_bytes: 8 << 20, ..small(dir.path()) };
    let storage = Storage::open(options).expect("opens");
    let mut random = Random(7);
    let times: Vec<i64> = (0..4000).collect();
    let mut noise =
        || -> Vec<Option<f64>> { times.iter().map(|_| Some(f64::from_bits(random.next() >> 2))).collect() };
    for device in 0..10 {
        let (a, b) = (noise(), noise());
        storage
            .insert(write(vec![tablet(&format!("root.a.d{device}"), false, &times, &[("a", &a), ("b", &b)])]))
            .expect("taken");
    }
    storage.flush(&[]).expect("flushes");
    let full = {
        settled(&storage);
        disk_bytes(dir.path())
    };
    // Half of it: at once.
    storage.delete_series(&[pattern("root.a.*.b")]).expect("deleted");
    storage.flush(&[]).expect("nothing to flush");
    let half = shrunk_below(full * 6 / 10, &storage, dir.path());
    // A twentieth: once it has waited for others.
    storage.delete(&[pattern("root.a.d3.a")], TimeRange { start: 0, end: 1999 }).expect("deleted");
    storage.flush(&[]).expect("nothing to flush");
    settled(&storage);
    assert_eq!((disk_bytes(dir.path()), storage.stats().deletions), (half, 1));
    clock.0.fetch_add(3_600_000, Ordering::Relaxed);
    storage.flush(&[]).expect("nothing to flush");
    shrunk_below(half, &storage, dir.path());
    assert_eq!(series(&*storage.view(), "root.a.d3", "a").len(), 2000);
}

#[test]
fn a_deleted_database_and_expired_files_free_their_space_without_being_asked() {
    let dir = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(TestClock::default());
    let options =
        StorageOptions { clock: Arc::clone(&clock) as _, partition_width: 1000, ..small(dir.path()) };
    let storage = Storage::open(options).expect("opens");
    for database in ["root.a", "root.b"] {
        storage.create_database(&path(database), Some(10_000)).expect("made");
        for part in 0..10 {
            let times: Vec<i64> = (part * 1000..part * 1000 + 1000).collect();
            put(&storage, &format!("{database}.d"), &times, &vec![part as f64; 1000]);
        }
    }
    storage.flush(&[]).expect("flushes");
    let full = {
        settled(&storage);
        disk_bytes(dir.path())
    };
    storage.delete_databases(&[pattern("root.b")]).expect("deleted");
    storage.flush(&[]).expect("nothing to flush");
    let half = shrunk_below(full * 6 / 10, &storage, dir.path());
    clock.0.store(15_000, Ordering::Relaxed);
    storage.flush(&[]).expect("nothing to flush");
    shrunk_below(half * 6 / 10, &storage, dir.path());
    assert_eq!(series(&*storage.view(), "root.a.d", "s").len(), 5000);
}

#[test]
fn deletions_do_not_gather() {
    let mut random = Random::seeded("deletions_do_not_gather");
    let dir = tempfile::tempdir().expect("a folder");
    let storage = Storage::open(small(dir.path())).expect("opens");
    // This one is never deleted from, but matched by a pattern that is.
    put(&storage, "root.b.d", &[1], &[1.0]);
    let mut most = 0;
    for round in 0..150_i64 {
        for device in 0..3 {
            let times: Vec<i64> = (round * 200..round * 200 + 200).collect();
            let values: Vec<f64> = times.iter().map(|_| random.below(1000) as f64).collect();
            put(&storage, &format!("root.a.d{device}"), &times, &values);
        }
        let start = random.between(0, round * 200);
        let range = TimeRange { start, end: start + random.between(0, 300) };
        let device = random.below(3);
        storage.delete(&[pattern(&format!("root.a.d{device}.s"))], range).expect("deleted");
        storage
            .delete(&[pattern("root.*.nothing.*"), pattern("root.a.d0.*")], TimeRange { start: -5, end: -1 })
            .expect("deleted");
        storage.flush(&[]).expect("flushes");
        most = most.max(settled_if(&storage, round % 10 == 9));
    }
    settled(&storage);
    println!("{most} deletions at most");
    assert!(most < 60, "{most} deletions are kept");
    storage.compact(&[]).expect("compacts");
    settled(&storage);
    assert_eq!(storage.stats().deletions, 0);
    assert_eq!(series(&*storage.view(), "root.b.d", "s"), [(1, 1.0)]);
}

fn settled_if(storage: &Storage, wait: bool) -> usize {
    if wait { settled(storage).deletions } else { 0 }
}

/// Chunks that nothing concerns come out as they went in, side by side.
#[test]
fn whole_chunks_are_copied() {
    let dir = tempfile::tempdir().expect("a folder");
    let storage = Storage::open(StorageOptions { compaction: false, ..small(dir.path()) }).expect("opens");
    let mut expected = Vec::new();
    for part in 0..5_i64 {
        let times: Vec<i64> = (part * 3000..part * 3000 + 2000).collect();
        let values: Vec<f64> = times.iter().map(|time| (*time % 100) as f64 / 4.0).collect();
        put(&storage, "root.a.d", &times, &values);
        expected.extend(times.into_iter().zip(values));
        storage.flush(&[]).expect("flushes");
    }
    assert_eq!(touched(dir.path(), "root.a.d", "s"), (5, 5));
    storage.compact(&[]).expect("compacts");
    assert_eq!(touched(dir.path(), "root.a.d", "s"), (1, 1));
    let file = files(dir.path()).pop().expect("one is left");
    let reader = TsFileReader::open(std::fs::File::open(file).expect("opens")).expect("a TsFile");
    let meta = reader.series(&DeviceId::from(&path("root.a.d")), "s").expect("read").expect("is there");
    let chunk = reader.read_chunk(&meta.chunks[0]).expect("read");
    let pages: Vec<u64> =
        chunk.pages().iter().filter_map(|page| page.statistics().map(|found| found.count())).collect();
    assert_eq!(pages, [2000; 5], "pages are copied as they are");
    assert_eq!(series(&*storage.view(), "root.a.d", "s"), expected);
}

#[test]
fn files_that_overlap_beyond_the_budget_are_not_rewritten_for_slivers() {
    let disk = FaultDisk::default();
    let storage = Storage::open(StorageOptions {
        partition_width: 1_000_000_000,
        compaction_bytes: 40_000,
        file_bytes: 1 << 20,
        disk: Arc::new(disk),
        ..options("/data".as_ref())
    })
    .expect("opens");
    let mut random = Random(3);
    let mut put_noise = |device: usize, times: Vec<i64>| {
        let values: Vec<f64> = times.iter().map(|_| f64::from_bits(random.next() >> 2)).collect();
        put(&storage, &format!("root.a.d{device}"), &times, &values);
    };
    // Devices that are flushed one by one: their files share all times, and are larger together than the budget.
    for device in 0..8 {
        put_noise(device, (0..1000).map(|time| time * 10_000).collect());
        storage.flush(&[]).expect("flushes");
    }
    for late in 0..4 {
        (0..8).for_each(|device| put_noise(device, (0..200).map(|time| time * 50_000 + late).collect()));
        storage.flush(&[]).expect("flushes");
    }
    let before = storage.stats();
    let rows = series(&*storage.view(), "root.a.d0", "s");
    storage.compact(&[]).expect("compacts");
    let after = storage.stats();
    assert!(after.compacted_bytes < 20 * before.file_bytes, "{after:?}");
    assert_eq!(series(&*storage.view(), "root.a.d0", "s"), rows);
}

#[test]
fn an_expired_value_does_not_give_way_to_the_one_that_it_overwrote() {
    let clock = Arc::new(TestClock::default());
    let options = StorageOptions {
        disk: Arc::new(FaultDisk::default()),
        clock: Arc::clone(&clock) as _,
        ..options("/data".as_ref())
    };
    let storage = Storage::open(options).expect("opens");
    put(&storage, "root.a.d", &[10, 90], &[1.0, 9.0]);
    storage.flush(&[]).expect("flushes");
    put(&storage, "root.a.d", &[10], &[2.0]);
    storage.flush(&[]).expect("flushes");
    storage.set_ttl(&pattern("root.a"), Some(50)).expect("set");
    clock.0.store(100, Ordering::Relaxed);
    storage.compact(&[]).expect("compacts");
    storage.set_ttl(&pattern("root.a"), None).expect("unset");
    let rows = series(&*storage.view(), "root.a.d", "s");
    assert!(!rows.contains(&(10, 1.0)), "{rows:?}");
}

/// Rows of three devices of one database in one file, and a life for some of them that has ended.
fn outlived(dir: &Path, lives: &[(&str, i64)]) -> (Storage, Arc<TestClock>) {
    let clock = Arc::new(TestClock::default());
    let storage = Storage::open(StorageOptions {
        clock: Arc::<TestClock>::clone(&clock),
        partition_width: 1 << 40,
        ..options(dir)
    })
    .expect("opens");
    let times: Vec<i64> = (0..1000).collect();
    let values: Vec<f64> = times.iter().map(|time| *time as f64).collect();
    for device in ["root.a.d1", "root.a.x.d2", "root.a.d3"] {
        put(&storage, device, &times, &values);
    }
    storage.flush(&[]).expect("flushes");
    for (pattern, ttl) in lives {
        storage.set_ttl(&self::pattern(pattern), Some(*ttl)).expect("set");
    }
    clock.0.store(1500, Ordering::Relaxed);
    (storage, clock)
}

#[test]
fn rows_that_the_life_of_their_path_ended_give_their_space_back() {
    // Of one device, of those below a path, and of a part of its rows.
    for (lives, left) in [
        (&[("root.a.d1", 100)][..], 2000),
        (&[("root.a.x.**", 200)], 2000),
        (&[("root.a.d1", 1000)], 2500),
        (&[("root.a.d1", 100), ("root.a.x.**", 1000)], 1500),
        (&[("root.a", 1 << 40), ("root.a.d1", 100)], 2000),
    ] {
        let dir = tempfile::tempdir().expect("a folder");
        let (storage, _) = outlived(dir.path(), lives);
        let before = disk_bytes(dir.path());
        storage.compact(&[]).expect("compacts");
        let stats = storage.stats();
        assert_eq!(stats.file_points, left, "{lives:?}");
        assert!(disk_bytes(dir.path()) < before, "{lives:?}");
        assert_eq!(series(&*storage.view(), "root.a.d3", "s").len(), 1000);
        // It is done once.
        storage.compact(&[]).expect("compacts");
        assert_eq!(storage.stats().compactions, stats.compactions, "{lives:?}");
    }
}

#[test]
fn lives_that_have_not_ended_rewrite_nothing() {
    for lives in [&[("root.a.d1", 2000)][..], &[("root.a.other", 1)], &[]] {
        let dir = tempfile::tempdir().expect("a folder");
        let (storage, _) = outlived(dir.path(), lives);
        storage.compact(&[]).expect("compacts");
        assert_eq!((storage.stats().compactions, storage.stats().file_points), (0, 3000), "{lives:?}");
    }
}
