//! Many threads at once on one store, which is closed or loses its power under them: rows that were taken are seen, rows
//! that were acknowledged stay, a view never changes, and nobody hangs.
//!
//! ```text
//!   writers ── rows 0, 1, 2, … of a device of their own and of one they share ──►┐
//!   deleter ── writes and deletes in a device of its own, which it knows by heart ──►├─ store ◄── close, power cut
//!   catalog ── makes, changes and deletes series of a database of its own ──►│
//!   keeper ─── flushes and compacts ──►┘
//!   viewers ── look, twice at the same ───►
//! ```
//! A seed repeats what each thread does, but not how they meet.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
        mpsc,
    },
    time::Duration,
};

use levada_model::{DataType, SeriesSchema, Write};
use levada_storage::{
    Applied, Durable, NewSeries, SeriesChange, Storage, StorageError, StorageOptions, SyncMode, TimeRange,
    View,
};

use crate::{
    fault_disk::FaultDisk,
    random::Random,
    rows::{options, path, pattern, series, tablet, write},
};

const WRITERS: usize = 3;
const SHARED: &str = "root.s.d";

fn own(writer: usize) -> String {
    format!("root.w{writer}.d")
}

/// What the writers did: rows before these are taken, or acknowledged.
#[derive(Debug, Default)]
struct Progress {
    taken: [AtomicI64; WRITERS],
    acknowledged: [AtomicI64; WRITERS],
    /// The power is off, or the folder another's, and errors are right.
    off: AtomicBool,
}

impl Progress {
    /// Whether an error is as it should be; ends the thread's part.
    fn expects(&self, error: &StorageError) {
        let right = matches!(error, StorageError::Closed) || self.off.load(Ordering::SeqCst);
        assert!(right, "{error}");
    }
}

/// A writer's rows of some times: whoever sees one of them in a view sees all before it.
fn rows(writer: usize, from: i64, to: i64) -> Write {
    let times: Vec<i64> = (from..to).collect();
    let values: Vec<Option<f64>> = times.iter().map(|time| Some(*time as f64)).collect();
    let name = format!("s{writer}");
    write(vec![
        tablet(SHARED, true, &times, &[(name.as_str(), &values)]),
        tablet(&own(writer), false, &times, &[("s", &values)]),
    ])
}

fn run_writer(storage: &Storage, writer: usize, mut random: Random, progress: &Progress) {
    let mut next = progress.taken[writer].load(Ordering::SeqCst);
    let mut under_way: Vec<(i64, Durable)> = Vec::new();
    loop {
        let most = if random.one_in(10) { 2000 } else { 30 };
        let to = next + 1 + random.below(most) as i64;
        match storage.insert(rows(writer, next, to)) {
            Ok(inserted) => under_way.push((to, inserted.durable)),
            Err(error) => return progress.expects(&error),
        }
        next = to;
        progress.taken[writer].store(next, Ordering::SeqCst);
        // Two wait for each write, one for the last but some.
        while under_way.len() > [0, 0, 5][writer % 3] {
            let (to, durable) = under_way.remove(0);
            match durable.wait() {
                Ok(()) => drop(progress.acknowledged[writer].fetch_max(to, Ordering::SeqCst)),
                Err(error) => return progress.expects(&error),
            }
        }
    }
}

/// Rows 0 to some time, none missing; gives how many.
fn count(view: &dyn View, device: &str, name: &str) -> i64 {
    if view.series(&pattern(&format!("{device}.{name}"))).is_empty() {
        return 0;
    }
    let rows = series(view, device, name);
    for (at, (time, value)) in (0..).zip(&rows) {
        assert!(*time == at && *value == at as f64, "{device}.{name}: {value} at {time}, but {at} is next");
    }
    rows.len() as i64
}

fn run_viewer(storage: &Storage, mut random: Random, progress: &Progress, stop: &AtomicBool) {
    let mut seen = [0; WRITERS];
    while !stop.load(Ordering::SeqCst) && !progress.off.load(Ordering::SeqCst) {
        let writer = random.below(WRITERS as u64) as usize;
        let taken = progress.taken[writer].load(Ordering::SeqCst);
        let view = storage.view();
        let look = || {
            let name = format!("s{writer}");
            (count(&*view, SHARED, &name), count(&*view, &own(writer), "s"))
        };
        // A disk without power cannot be read.
        let Some((shared, alone)) = unless_off(progress, look) else { return };
        assert_eq!(shared, alone, "a write is seen whole");
        assert!(alone >= taken && alone >= seen[writer], "{alone} rows, but there were {taken} and {seen:?}");
        seen[writer] = alone;
        if let Ok(Some((last, _))) = view.last(&path(&own(writer)), &"s".into()) {
            assert_eq!(last, alone - 1);
        }
        std::thread::sleep(Duration::from_micros(random.below(2000)));
        let Some(again) = unless_off(progress, look) else { return };
        assert_eq!(again, (shared, alone), "a view does not change");
    }
}

/// What `look` gives; nothing where it fails because the power went.
fn unless_off<T>(progress: &Progress, look: impl Fn() -> T) -> Option<T> {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(&look)) {
        Ok(seen) => Some(seen),
        Err(_) if progress.off.load(Ordering::SeqCst) => None,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn run_keeper(storage: &Storage, mut random: Random, progress: &Progress) {
    loop {
        std::thread::sleep(Duration::from_micros(random.below(3000)));
        let done = if random.one_in(2) { storage.compact(&[]) } else { storage.flush(&[]) };
        if let Err(error) = done {
            return progress.expects(&error);
        }
    }
}

/// Writes and deletes in a device that nobody else touches.
fn run_deleter(storage: &Storage, mut random: Random, progress: &Progress) {
    let device = "root.x.d";
    let clear = |storage: &Storage| storage.delete_databases(&[pattern("root.x")]).map(drop);
    if let Err(error) = clear(storage) {
        return progress.expects(&error);
    }
    let mut model: BTreeMap<i64, f64> = BTreeMap::new();
    for number in 0.. {
        let start = random.below(500) as i64;
        let range = TimeRange { start, end: start + random.below(60) as i64 };
        let done = if random.one_in(3) {
            storage
                .delete(&[pattern("root.x.**")], range)
                .map(|_| model.retain(|time, _| !range.contains(*time)))
        } else {
            let times: Vec<i64> = (range.start..=range.end).collect();
            let value = f64::from(number);
            let rows = write(vec![tablet(device, false, &times, &[("s", &vec![Some(value); times.len()])])]);
            storage.insert(rows).map(|_| model.extend(times.iter().map(|time| (*time, value))))
        };
        if let Err(error) = done {
            return progress.expects(&error);
        }
        let view = storage.view();
        let look = || match view.series(&pattern("root.x.d.s")).is_empty() {
            true => Vec::new(),
            false => series(&*view, device, "s"),
        };
        let Some(found) = unless_off(progress, look) else { return };
        assert_eq!(
            found,
            model.iter().map(|(time, value)| (*time, *value)).collect::<Vec<_>>(),
            "step {number}"
        );
    }
}

fn run_catalog(storage: &Storage, mut random: Random, progress: &Progress) {
    loop {
        let name = format!("s{}", random.below(20));
        let at = format!("root.c.d.{name}");
        let new = NewSeries {
            device: path("root.c.d"),
            measurement: name.as_str().into(),
            schema: SeriesSchema::default_for(DataType::Double),
            aligned: false,
            alias: None,
            tags: BTreeMap::new(),
            attributes: BTreeMap::new(),
            deadband: None,
        };
        let tags = Some(BTreeMap::from([("by".to_owned(), name.clone())]));
        let change = SeriesChange { tags, ..SeriesChange::default() };
        let done: Result<Applied, StorageError> = match random.below(20) {
            0..10 => storage.create_series(vec![new]),
            10..14 => storage.alter_series(&path(&at), change),
            14..18 => storage.delete_series(&[pattern(&at)]),
            18 => storage.set_ttl(&pattern("root.c"), Some(1 << 40)),
            _ => storage.delete_databases(&[pattern("root.c")]),
        };
        match done {
            Ok(_) | Err(StorageError::Rejected { .. }) => {}
            Err(error) => return progress.expects(&error),
        }
        std::thread::sleep(Duration::from_micros(random.below(500)));
    }
}

/// What one thread does until the store ends.
type Part = Box<dyn FnOnce(&Storage, Random, &Progress, &AtomicBool) + Send>;

/// How a round ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Closed,
    Cut,
}

fn round(disk: &FaultDisk, progress: &Arc<Progress>, random: &mut Random) {
    let sync = match random.below(3) {
        0 => SyncMode::Always,
        1 => SyncMode::default(),
        _ => SyncMode::Group { max_delay: Duration::from_micros(300), max_bytes: 2000 },
    };
    disk.set_sync_time(Duration::from_micros(*random.pick(&[0, 50, 500])));
    let options = StorageOptions {
        disk: Arc::new(disk.clone()),
        sync,
        wal_segment_bytes: 1 << (12 + random.below(6)),
        memtable_bytes: 1 << (15 + random.below(4)),
        flush_threads: 1 + random.below(3) as usize,
        compaction: random.one_in(2),
        compaction_rate: None,
        partition_width: 5000,
        ..options("/data".as_ref())
    };
    let storage = Storage::open(options).expect("opens");
    for writer in 0..WRITERS {
        let found = count(&*storage.view(), &own(writer), "s");
        let acknowledged = progress.acknowledged[writer].load(Ordering::SeqCst);
        assert!(found >= acknowledged, "{found} rows, but {acknowledged} were acknowledged");
        assert_eq!(found, count(&*storage.view(), SHARED, &format!("s{writer}")), "a write is there whole");
        progress.taken[writer].store(found, Ordering::SeqCst);
        progress.acknowledged[writer].store(found, Ordering::SeqCst);
    }
    let end = *random.pick(&[End::Closed, End::Cut]);
    let stop = Arc::new(AtomicBool::new(false));
    let mut threads = Vec::new();
    let mut start = |work: Part| {
        // Each holds the store as long as it works on it.
        let (storage, progress, stop) = (storage.clone(), Arc::clone(progress), Arc::clone(&stop));
        let random = Random(random.next());
        threads.push(std::thread::spawn(move || work(&storage, random, &progress, &stop)));
    };
    for writer in 0..WRITERS {
        start(Box::new(move |storage, random, progress, _| run_writer(storage, writer, random, progress)));
    }
    for _ in 0..2 {
        start(Box::new(run_viewer));
        start(Box::new(|storage, random, progress, _| run_keeper(storage, random, progress)));
    }
    start(Box::new(|storage, random, progress, _| run_deleter(storage, random, progress)));
    start(Box::new(|storage, random, progress, _| run_catalog(storage, random, progress)));
    std::thread::sleep(Duration::from_millis(20 + random.below(150)));
    match end {
        End::Closed => storage.close().expect("closes"),
        End::Cut => {
            progress.off.store(true, Ordering::SeqCst);
            disk.power_off();
        }
    }
    // Views of a store that was closed are of use until another opens the folder.
    progress.off.store(true, Ordering::SeqCst);
    if !matches!(end, End::Cut) {
        // What was closed is let go of, and may be opened while those who were told still go home.
        let reopened =
            Storage::open(StorageOptions { disk: Arc::new(disk.clone()), ..reading() }).expect("is free");
        for writer in 0..WRITERS {
            let acknowledged = progress.acknowledged[writer].load(Ordering::SeqCst);
            let found = count(&*reopened.view(), &own(writer), "s");
            assert!(found >= acknowledged, "{found} rows, but {acknowledged} were acknowledged");
        }
        reopened.close().expect("closes");
    }
    stop.store(true, Ordering::SeqCst);
    drop(storage);
    for thread in threads {
        thread.join().expect("no thread saw what must not be");
    }
    if matches!(end, End::Cut) {
        disk.restart(random);
    }
    progress.off.store(false, Ordering::SeqCst);
}

fn reading() -> StorageOptions {
    StorageOptions { partition_width: 5000, ..options("/data".as_ref()) }
}

#[test]
fn many_threads_and_an_end_at_any_moment_lose_nothing_and_hang_nowhere() {
    let mut random = Random::seeded("many_threads_and_an_end_at_any_moment_lose_nothing_and_hang_nowhere");
    let rounds = std::env::var("LEVADA_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(24);
    let (told, over) = mpsc::channel();
    let work = std::thread::spawn(move || {
        let (mut disk, mut progress) = (FaultDisk::default(), Arc::<Progress>::default());
        for number in 0..rounds {
            // What is looked at grows; a new folder now and then keeps it small.
            if number % 8 == 7 {
                (disk, progress) = Default::default();
            }
            round(&disk, &progress, &mut random);
            let rows: i64 = progress.taken.iter().map(|taken| taken.load(Ordering::SeqCst)).sum();
            println!("round {number}: {rows} rows");
            told.send(()).expect("somebody waits");
        }
    });
    for _ in 0..rounds {
        match over.recv_timeout(Duration::from_secs(120)) {
            Ok(()) => {}
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("a thread hangs"),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    work.join().expect("no thread saw what must not be");
}
