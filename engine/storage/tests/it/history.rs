//! A history that is broken off goes on where it was.

use std::sync::Arc;

use levada_model::PathPattern;
use levada_storage::{Change, ChangeKind, ChangesFrom, HistoryMark, NewSeries, Storage, StorageOptions};

use crate::{
    chunks::{everything, take},
    fault_disk::FaultDisk,
    rows::{options, pattern, put, series, write},
};

/// Each in a database of its own, so that it is in a piece of its own.
const DEVICES: i64 = 6;

fn device(number: i64) -> String {
    format!("root.g{number}.d")
}

fn open(disk: &FaultDisk) -> Storage {
    let options = StorageOptions { partition_width: 1 << 30, ..options("/data".as_ref()) };
    Storage::open(StorageOptions { disk: Arc::new(disk.clone()), ..options }).expect("opens")
}

fn fill(source: &Storage, times: std::ops::Range<i64>, shift: f64) {
    for number in 0..DEVICES {
        let times: Vec<i64> = times.clone().collect();
        let values: Vec<f64> = times.iter().map(|time| (time * 10 + number) as f64 + shift).collect();
        put(source, &device(number), &times, &values);
    }
}

/// A receiver that takes what comes.
struct Receiver {
    target: Storage,
    began: u64,
    /// Whether what is stored comes as chunks.
    chunks: bool,
    mark: Option<HistoryMark>,
}

impl Receiver {
    fn new(began: u64, chunks: bool) -> Self {
        Self { target: open(&FaultDisk::default()), began, chunks, mark: None }
    }

    /// Reads what is left, or until it was told so often how far it has come; how many devices have come meanwhile.
    fn follow(&mut self, source: &Storage, marks: Option<i64>) -> i64 {
        let since = self.mark.as_ref().map_or(self.began, |mark| mark.until);
        let of = (self.chunks.then(everything), self.mark.clone());
        let mut changes = source.history(Some("pipe"), ChangesFrom::Since(since), of).expect("begins");
        let last = source.changes(None, ChangesFrom::Now).expect("begins").position();
        let (mut told, mut ended) = (0, false);
        loop {
            for Change { kind, position, .. } in changes.read(1).expect("read") {
                match kind {
                    ChangeKind::HistoryMark(mark) => {
                        assert!(!ended);
                        told += 1;
                        self.mark = Some(mark);
                    }
                    ChangeKind::HistoryEnd => ended = true,
                    kind => self.apply(kind),
                }
                if Some(told) == marks || ended && position >= last {
                    return told;
                }
            }
        }
    }

    fn apply(&self, kind: ChangeKind) {
        match kind {
            ChangeKind::CreateDatabase { path, ttl } => drop(self.target.create_database(&path, ttl)),
            ChangeKind::CreateSeries(made) => self.make(made),
            ChangeKind::SetTtl { .. } => {}
            ChangeKind::Rows { tablets, .. } => drop(self.target.insert(write(tablets)).expect("taken")),
            ChangeKind::Chunks { file, points, .. } => take(&self.target, file, points),
            ChangeKind::Delete { patterns, range, .. } => {
                drop(self.target.delete(&patterns, range).expect("deleted"));
            }
            other => panic!("{other:?}"),
        }
    }

    fn make(&self, made: Vec<NewSeries>) {
        let is_new = |new: &NewSeries| {
            let path = new.device.child(&new.measurement);
            self.target.view().series(&PathPattern::from(&path)).is_empty()
        };
        let made: Vec<_> = made.into_iter().filter(is_new).collect();
        if !made.is_empty() {
            self.target.create_series(made).expect("made");
        }
    }
}

#[test]
fn what_has_come_does_not_come_again_and_nothing_is_missing() {
    for chunks in [true, false] {
        for broken_off in 1..DEVICES {
            let disk = FaultDisk::default();
            let mut source = open(&disk);
            fill(&source, 0..200, 0.0);
            let began = source.keep_changes("pipe").expect("kept");
            // Rows, of which some are newer values, that come from the log.
            fill(&source, 190..210, 0.5);
            let mut receiver = Receiver::new(began, chunks);
            assert_eq!(receiver.follow(&source, Some(broken_off)), broken_off);
            // Files of both are one meanwhile, and rows go that have come, and that have not.
            fill(&source, 5..6, 0.25);
            source.flush(&[]).expect("flushed");
            source.compact(&[]).expect("compacted");
            let range = levada_storage::TimeRange { start: 20, end: 30 };
            source.delete(&[pattern("root.**.s")], range).expect("deleted");
            put(&source, "root.a.new", &[1], &[1.0]);
            if broken_off % 2 == 0 {
                drop(source);
                source = open(&disk);
            }
            let rest = receiver.follow(&source, None);
            assert_eq!(rest, DEVICES - broken_off, "chunks: {chunks}, broken off after {broken_off}");
            let devices = (0..DEVICES).map(device).chain(["root.a.new".to_owned()]);
            for device in devices {
                let found = series(&*receiver.target.view(), &device, "s");
                assert_eq!(found, series(&*source.view(), &device, "s"), "{device}, chunks: {chunks}");
            }
        }
    }
}

#[test]
fn a_mark_of_rows_says_nothing_of_chunks() {
    let source = open(&FaultDisk::default());
    fill(&source, 0..10, 0.0);
    let began = source.keep_changes("pipe").expect("kept");
    for chunks in [true, false] {
        let mut receiver = Receiver::new(began, chunks);
        receiver.follow(&source, Some(3));
        receiver.chunks = !chunks;
        assert_eq!(receiver.follow(&source, None), DEVICES, "from chunks: {chunks}");
    }
}
