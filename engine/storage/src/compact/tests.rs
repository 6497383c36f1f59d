//! What is planned for files of which only the manifest's word is known.

use std::sync::Arc;

use levada_model::Path;

use super::{
    plan::{Job, plan},
    policy::{Merging, Policy, bytes},
};
use crate::{
    SystemDisk, TimeRange,
    place::Place,
    sealed::{DataFolder, FileMeta, SealedFile},
    tombstone::Tombstones,
};

struct Files {
    folder: Arc<DataFolder>,
    all: Vec<Arc<SealedFile>>,
    next: u64,
}

impl Files {
    fn new() -> Self {
        let folder = DataFolder::new("/nowhere".into(), Arc::new(SystemDisk));
        Self { folder: Arc::new(folder), all: Vec::new(), next: 1 }
    }

    /// Adds a file with a value for each byte.
    fn add(&mut self, sequence: bool, start: i64, end: i64, bytes: u64) {
        let meta = FileMeta {
            id: self.next,
            place: Place { database: 0, partition: 0 },
            sequence,
            seq: self.next,
            first: self.next,
            last: self.next,
            range: TimeRange { start, end },
            bytes,
            points: bytes,
            level: 0,
        };
        self.next += 1;
        self.all.push(Arc::new(SealedFile::new(meta, &self.folder)));
    }

    fn plan(&self, eager: bool, budget: u64, size: u64) -> Option<Merging> {
        let policy = Policy {
            tombstones: &Tombstones::default(),
            lives: &Arc::default(),
            database: &Path::parse("root.a").expect("legal"),
            now: 0,
            bound: i64::MIN,
            budget,
            size,
            eager,
            flushing: u64::MAX,
        };
        match plan(&self.all, &policy)? {
            Job::Merge(merging) => Some(merging),
            Job::Drop(_) => panic!("nothing has expired"),
        }
    }

    /// Does as the manifest would, with one file for what comes out; gives the bytes of the sequence files that went in.
    fn carry_out(&mut self, merging: &Merging) -> u64 {
        let gone: Vec<u64> = merging.files().map(|file| file.meta.id).collect();
        self.all.retain(|file| !gone.contains(&file.meta.id));
        let kept = merging.late.iter().filter(|file| file.meta.range.end > merging.end);
        self.all.extend(kept.map(|file| Arc::new(file.from(merging.end + 1))));
        let start = merging.files().map(|file| file.meta.range.start).min().expect("there are files");
        let ends = merging.files().map(|file| match file.meta.sequence {
            true => file.meta.range.end,
            false => file.meta.range.end.min(merging.end),
        });
        let end = ends.max().expect("there are files");
        let input = bytes(&merging.sequence);
        let late = if merging.to_sequence { 1 } else { bytes(&merging.late) };
        self.add(merging.to_sequence, start, end, input + late);
        input
    }

    fn late(&self) -> usize {
        self.all.iter().filter(|file| !file.meta.sequence).count()
    }
}

#[test]
fn a_late_file_over_all_is_merged_in_by_steps_within_the_budget() {
    let mut files = Files::new();
    for at in 0..30 {
        files.add(true, at * 100, at * 100 + 99, 1000);
    }
    files.add(false, 50, 2950, 600);
    let (mut steps, mut written) = (0, 0);
    while files.late() > 0 {
        let merging = files.plan(true, 3500, 1000).expect("there is a late file");
        assert!(merging.to_sequence);
        let input = files.carry_out(&merging);
        assert!(input <= 3500, "{input} bytes in one step");
        written += input;
        steps += 1;
        assert!(steps < 20, "it does not end");
    }
    assert!(steps >= 9, "{steps} steps");
    assert!(written <= 31_000, "{written} bytes for 30,000");
}

#[test]
fn late_rows_without_neighbours_are_bounded_too() {
    let mut files = Files::new();
    files.add(false, 0, 999_999, 10_000);
    let mut steps = 0;
    while files.late() > 0 {
        let merging = files.plan(true, 1000, 1000).expect("there is a late file");
        files.carry_out(&merging);
        steps += 1;
        assert!(steps < 30, "it does not end");
    }
    assert!(steps >= 9, "{steps} steps");
}

#[test]
fn few_late_rows_wait_for_others_and_are_put_together_meanwhile() {
    let mut files = Files::new();
    files.add(true, 0, 999, 100_000);
    for at in 0..3 {
        files.add(false, at, at + 10, 1000);
    }
    assert!(files.plan(false, 1 << 20, 1 << 20).is_none(), "three are not worth it");
    files.add(false, 3, 900, 1000);
    let merging = files.plan(false, 1 << 20, 1 << 20).expect("four are");
    assert!(!merging.to_sequence && merging.sequence.is_empty() && merging.late.len() == 4);
    files.carry_out(&merging);
    for _ in 0..3 {
        files.add(false, 3, 900, 3500);
    }
    let merging = files.plan(false, 1 << 20, 1 << 20).expect("they are an eighth");
    assert!(merging.to_sequence && merging.sequence.len() == 1 && merging.late.len() == 4);
}

#[test]
fn the_number_of_files_grows_with_the_bytes_and_what_is_written_with_a_logarithm() {
    let mut files = Files::new();
    let (mut flushed, mut written) = (0, 0);
    for at in 0..2000 {
        files.add(true, at * 100, at * 100 + 99, 1000);
        flushed += 1000;
        while let Some(merging) = files.plan(false, 1 << 20, 64_000) {
            written += files.carry_out(&merging);
        }
    }
    assert!(files.all.len() <= 3 * 2000 / 64 + 12, "{} files", files.all.len());
    assert!(written <= 6 * flushed, "{written} bytes for {flushed}");
}
