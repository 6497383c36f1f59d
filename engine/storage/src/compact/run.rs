//! Carrying compactions out.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use levada_model::PathPattern;
use levada_tsfile::DeviceId;

use super::{
    device::{DeviceMerge, Source},
    plan::{Job, plan},
    policy::{Merging, Policy},
    slices::slices,
};
use crate::{
    StorageError, TimeRange,
    last::LastCache,
    place::Place,
    read::Snapshot,
    sealed::{ChunkSink as _, FileMeta, FileWriter, MetaCache, SealedFile},
    store::{Change, Core, Store, caught},
};

/// How often the background looks for work by itself: rows expire as time goes by.
const IDLE: Duration = Duration::from_secs(30);

/// What a job needs to know, frozen when it begins.
struct Begun {
    place: Place,
    snapshot: Snapshot,
    /// What each file that comes out may hold.
    slices: Vec<TimeRange>,
    /// The number of the first of them; the others follow.
    first_id: u64,
}

/// What became of the next job.
enum Next {
    Done,
    /// There is none.
    Nothing,
    /// A file it needs cannot be read.
    Unreadable(StorageError),
}

impl Store {
    /// The compaction thread's work, until the store is closed.
    pub(crate) fn run_compactions(self: Arc<Self>) {
        loop {
            {
                let mut core = self.core.lock();
                while !core.closed
                    && !Self::has_open_verdicts(&core)
                    && !self.has_open_lives(&core)
                    && self.next_job(&mut core, None, false).is_none()
                {
                    self.work.wait_for(&mut core, IDLE);
                }
                if core.closed {
                    return;
                }
            }
            if let Err(error) = caught("a compaction", || self.compact_next(None, false))
                && !matches!(error, StorageError::Closed)
            {
                if let Some(attempts) = self.failures.compactions.lock().note(1, Instant::now()) {
                    tracing::error!(%error, attempts, "a compaction failed; it will be tried again");
                }
                let again = Instant::now() + IDLE;
                let mut core = self.core.lock();
                while !core.closed && !self.work.wait_until(&mut core, again).timed_out() {}
            }
        }
    }

    /// Compacts until nothing is left to do, or until `goes_on` says no before a job.
    pub(crate) fn compact(
        &self,
        patterns: &[PathPattern],
        goes_on: impl Fn() -> bool,
    ) -> Result<(), StorageError> {
        let databases = (!patterns.is_empty()).then(|| self.core.lock().databases_of(patterns));
        let concerned =
            |place: &Place| databases.as_ref().is_none_or(|databases| databases.contains(&place.database));
        let files = Arc::clone(&self.core.lock().files);
        let files = files.iter().filter(|(place, _)| concerned(place)).flat_map(|(_, files)| files);
        files.for_each(|file| file.forget_unreadable());
        let mut unreadable = None;
        while goes_on() {
            match caught("a compaction", || self.compact_next(databases.as_deref(), true))? {
                Next::Done => {}
                Next::Unreadable(error) => unreadable = unreadable.or(Some(error)),
                Next::Nothing => break,
            }
        }
        unreadable.map_or(Ok(()), Err)
    }

    /// The places whose files are to stay as they are: the log names some to a reader that is not behind that record yet.
    fn awaited(&self, core: &mut Core) -> HashSet<Place> {
        let mut bytes: HashMap<Place, u64> = HashMap::new();
        if !core.arrived.is_empty() {
            let slowest = self.holds.slowest().unwrap_or(u64::MAX);
            core.arrived.retain(|_, record| *record > slowest);
            let named = core.files.values().flatten().filter(|file| core.arrived.contains_key(&file.meta.id));
            for file in named {
                *bytes.entry(file.meta.place).or_default() += file.meta.bytes;
            }
        }
        let most = self.holds.bound();
        bytes.into_iter().filter(|(_, bytes)| *bytes <= most).map(|(place, _)| place).collect()
    }

    fn next_job(&self, core: &mut Core, databases: Option<&[u32]>, eager: bool) -> Option<(Place, Job)> {
        let awaited = self.awaited(core);
        let now = self.options.clock.now();
        core.files
            .iter()
            .filter(|(place, _)| databases.is_none_or(|databases| databases.contains(&place.database)))
            .filter(|(place, _)| !awaited.contains(place))
            .find_map(|(place, files)| {
                let ttl = core.catalog.longest_ttl(place.database);
                let flushes = core.frozen.iter().filter(|frozen| frozen.memtable.place == *place);
                let policy = Policy {
                    tombstones: &core.tombstones,
                    lives: core.catalog.lives(),
                    database: &core.catalog.database(place.database)?.path,
                    now,
                    bound: ttl.map_or(i64::MIN, |ttl| now.saturating_sub(ttl)),
                    budget: self.options.compaction_bytes,
                    size: self.options.file_bytes.max(1),
                    eager,
                    flushing: flushes.map(|frozen| frozen.begun).min().unwrap_or(u64::MAX),
                };
                Some((*place, plan(files, &policy)?))
            })
    }

    /// Does the next job. A file that cannot be read is left alone from then on, so that other jobs are not held up.
    fn compact_next(&self, databases: Option<&[u32]>, eager: bool) -> Result<Next, StorageError> {
        // Two jobs must not share files.
        let _one_at_a_time = self.compacting.lock();
        while self.judge_next()? || self.judge_lives()? {}
        let (job, begun) = {
            let mut core = self.core.lock();
            if core.closed {
                return Err(self.closed());
            }
            let Some((place, job)) = self.next_job(&mut core, databases, eager) else {
                return Ok(Next::Nothing);
            };
            let begun = self.begin(&mut core, place, &job);
            (job, begun)
        };
        let change = match job {
            Job::Drop(removed) => Change { removed, ..Change::default() },
            Job::Merge(merging) => {
                let rate = self.options.compaction_rate.filter(|_| !eager);
                let pace = Pace { store: self, start: Instant::now(), rate };
                let added = match self.merge(&begun, &merging, &pace) {
                    Ok(added) => added,
                    Err(error) if merging.leave_alone(&error) => return Ok(Next::Unreadable(error)),
                    Err(error) => return Err(error),
                };
                let (removed, cut): (Vec<_>, Vec<_>) =
                    merging.late.into_iter().partition(|file| file.meta.range.end <= merging.end);
                let cut = cut.iter().map(|file| Arc::new(file.from(merging.end + 1))).collect();
                let removed = removed.into_iter().chain(merging.sequence).collect();
                Change { added, removed, cut, ..Change::default() }
            }
        };
        self.commit(change)?;
        self.counters.compactions.fetch_add(1, Ordering::Relaxed);
        Ok(Next::Done)
    }

    fn begin(&self, core: &mut Core, place: Place, job: &Job) -> Begun {
        let slices = match job {
            Job::Merge(merging) if merging.to_sequence => {
                let files: Vec<_> = merging
                    .files()
                    .map(|file| {
                        let FileMeta { range, bytes, .. } = file.meta;
                        (range, bytes)
                    })
                    .collect();
                let total: u64 = files.iter().map(|(_, bytes)| bytes).sum();
                slices(&files, total.div_ceil(self.options.file_bytes.max(1)).max(1))
            }
            _ => vec![TimeRange::ALL],
        };
        let first_id = core.next_file;
        core.next_file += slices.len() as u64;
        let snapshot = Snapshot {
            catalog: core.catalog.clone(),
            memtables: Vec::new(),
            files: Arc::new(BTreeMap::new()),
            tombstones: core.tombstones.clone(),
            seq: core.seq,
            now: self.options.clock.now(),
            partition_width: self.options.partition_width,
            metas: Arc::new(MetaCache::new(0)),
            last: Arc::new(LastCache::new(0)),
        };
        Begun { place, snapshot, slices, first_id }
    }

    /// Writes what counts of some files into others.
    fn merge(
        &self,
        begun: &Begun,
        merging: &Merging,
        pace: &Pace<'_>,
    ) -> Result<Vec<Arc<SealedFile>>, StorageError> {
        let sources: Vec<Source> = merging
            .files()
            .map(|file| {
                let range = file.meta.range;
                let end = if file.meta.sequence { range.end } else { range.end.min(merging.end) };
                let window = TimeRange { start: range.start, end };
                Source { file: Arc::new(file.reading_ahead()), window }
            })
            .collect();
        let catalog = &begun.snapshot.catalog;
        let Some(database) = catalog.database(begun.place.database) else { return Ok(Vec::new()) };
        let mut devices: BTreeSet<DeviceId> = BTreeSet::new();
        for Source { file, .. } in &sources {
            devices.extend(file.reader()?.devices().map_err(|error| file.error(error))?);
        }
        let levels = merging.files().map(|file| file.meta.level);
        let first = merging.files().map(|file| file.meta.first).min().unwrap_or(0);
        let last = merging.files().map(|file| file.meta.last).max().unwrap_or(0);
        let newest = merging.files().map(|file| file.meta.seq).max().unwrap_or(0);
        let level = levels.max().unwrap_or(0).saturating_add(1);
        let mut written = 0;
        let mut added = Vec::new();
        for (id, slice) in (begun.first_id..).zip(&begun.slices) {
            let meta = FileMeta {
                id,
                place: begun.place,
                sequence: merging.to_sequence,
                // All deletions so far are in it; but an unsequence file must stay older than those that came since.
                seq: if merging.to_sequence { begun.snapshot.seq } else { newest },
                first,
                last,
                range: TimeRange::ALL,
                bytes: 0,
                points: 0,
                level,
            };
            let mut writer = FileWriter::create(&self.folder, meta, database.path.clone())?;
            let keep_pace = |position: u64| pace.keep(written + position);
            for id in &devices {
                keep_pace(writer.position())?;
                write_device(begun, &sources, id, *slice, &mut writer, &keep_pace)?;
            }
            let file = writer.finish()?;
            written += file.as_ref().map_or(0, |file| file.meta.bytes);
            added.extend(file.map(Arc::new));
        }
        self.counters.compacted_bytes.fetch_add(written, Ordering::Relaxed);
        Ok(added)
    }
}

fn write_device(
    begun: &Begun,
    sources: &[Source],
    id: &DeviceId,
    slice: TimeRange,
    writer: &mut FileWriter,
    keep_pace: &dyn Fn(u64) -> Result<(), StorageError>,
) -> Result<(), StorageError> {
    let Some(device) = id.to_path().ok().and_then(|path| begun.snapshot.catalog.device(&path)) else {
        return Ok(());
    };
    // A device of the name may be in another database by now.
    if device.database != begun.place.database {
        return Ok(());
    }
    match DeviceMerge::new(&begun.snapshot, sources, (id, device), slice, |_| true)? {
        Some(merge) => merge.write(writer, keep_pace),
        None => Ok(()),
    }
}

/// How fast a compaction may write.
struct Pace<'a> {
    store: &'a Store,
    start: Instant,
    rate: Option<u64>,
}

impl Pace<'_> {
    /// Waits until so many bytes may have been written.
    fn keep(&self, written: u64) -> Result<(), StorageError> {
        let due = self.rate.map(|rate| Duration::from_secs_f64(written as f64 / rate.max(1) as f64));
        let mut core = self.store.core.lock();
        loop {
            if core.closed {
                return Err(StorageError::Closed);
            }
            let early =
                due.and_then(|due| due.checked_sub(self.start.elapsed())).filter(|early| !early.is_zero());
            let Some(early) = early else { return Ok(()) };
            self.store.work.wait_for(&mut core, early);
        }
    }
}
