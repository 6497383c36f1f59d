//! Carrying a compaction out.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Weak, atomic::Ordering},
    time::{Duration, Instant},
};

use levada_model::PathPattern;
use levada_tsfile::DeviceId;

use super::plan::{Job, Policy, plan};
use crate::{
    Direction, StorageError, TimeRange,
    catalog::Device,
    memtable::Place,
    read::{Block, Merge, Snapshot, Wanted, concat},
    sealed::{FileMeta, FileWriter, MetaCache, SealedFile},
    store::{Change, Core, Store},
};

/// How often the background looks for work by itself: rows expire as time goes by.
const IDLE: Duration = Duration::from_secs(30);

/// A chunk takes about so many bytes of memory while it is made.
const CHUNK_BYTES: usize = 16 << 20;

impl Store {
    /// The compaction thread's work, until the store is closed.
    pub(crate) fn run_compactions(self: Arc<Self>) {
        loop {
            {
                let mut core = self.core.lock();
                while !core.closed && self.next_job(&core, None, false).is_none() {
                    self.work.wait_for(&mut core, IDLE);
                }
                if core.closed {
                    return;
                }
            }
            if let Err(error) = self.compact_next(None, false)
                && !matches!(error, StorageError::Closed)
            {
                tracing::error!(%error, "a compaction failed; it will be tried again");
                let mut core = self.core.lock();
                if !core.closed {
                    self.work.wait_for(&mut core, IDLE);
                }
            }
        }
    }

    /// Compacts until nothing is left to do.
    pub(crate) fn compact(&self, patterns: &[PathPattern]) -> Result<(), StorageError> {
        let databases = (!patterns.is_empty()).then(|| self.core.lock().databases_of(patterns));
        while self.compact_next(databases.as_deref(), true)? {}
        Ok(())
    }

    fn next_job(&self, core: &Core, databases: Option<&[u32]>, eager: bool) -> Option<(Place, Job)> {
        let now = self.options.clock.now();
        core.files
            .iter()
            .filter(|(place, _)| databases.is_none_or(|databases| databases.contains(&place.database)))
            .find_map(|(place, files)| {
                let ttl = core.catalog.longest_ttl(place.database);
                let policy = Policy {
                    tombstones: &core.tombstones,
                    bound: ttl.map_or(i64::MIN, |ttl| now.saturating_sub(ttl)),
                    budget: self.options.compaction_bytes,
                    eager,
                };
                Some((*place, plan(files, &policy)?))
            })
    }

    /// Does the next job; says whether there was one.
    fn compact_next(&self, databases: Option<&[u32]>, eager: bool) -> Result<bool, StorageError> {
        // Two jobs must not share files.
        let _one_at_a_time = self.compacting.lock();
        let (place, job, snapshot, id) = {
            let mut core = self.core.lock();
            if core.closed {
                return Err(StorageError::Closed);
            }
            let Some((place, job)) = self.next_job(&core, databases, eager) else { return Ok(false) };
            let id = core.next_file;
            core.next_file += 1;
            let files = match &job {
                Job::Drop(_) => Vec::new(),
                Job::Merge(files) => files.clone(),
            };
            let snapshot = Snapshot {
                catalog: core.catalog.clone(),
                memtables: Vec::new(),
                files: Arc::new(BTreeMap::from([(place, files)])),
                tombstones: core.tombstones.clone(),
                seq: core.seq,
                now: self.options.clock.now(),
                partition_width: self.options.partition_width,
                // What is read once must not push out what queries need.
                metas: Arc::new(MetaCache::new(1 << 20)),
                core: Weak::new(),
            };
            (place, job, snapshot, id)
        };
        let change = match job {
            Job::Drop(removed) => Change { removed, ..Change::default() },
            Job::Merge(removed) => {
                let level = removed.iter().map(|file| file.meta.level).max().unwrap_or(0).saturating_add(1);
                let meta = FileMeta {
                    id,
                    place,
                    sequence: true,
                    // All deletions so far are in it.
                    seq: snapshot.seq,
                    range: TimeRange::ALL,
                    bytes: 0,
                    points: 0,
                    level,
                };
                let rate = self.options.compaction_rate.filter(|_| !eager);
                let pace = Pace { store: self, start: Instant::now(), rate };
                let file = self.merge(&snapshot, &removed, meta, &pace)?;
                Change { added: file.into_iter().map(Arc::new).collect(), removed, flushed: None }
            }
        };
        self.commit(change)?;
        self.counters.compactions.fetch_add(1, Ordering::Relaxed);
        Ok(true)
    }

    /// Writes the rows of some files into one.
    fn merge(
        &self,
        snapshot: &Snapshot,
        files: &[Arc<SealedFile>],
        meta: FileMeta,
        pace: &Pace<'_>,
    ) -> Result<Option<SealedFile>, StorageError> {
        let mut devices: BTreeSet<DeviceId> = BTreeSet::new();
        for file in files {
            devices.extend(file.reader()?.devices().map_err(|error| file.error(error))?);
        }
        let Some(database) = snapshot.catalog.database(meta.place.database) else { return Ok(None) };
        let mut writer = FileWriter::create(&self.folder, meta, database.path.clone())?;
        for id in devices {
            pace.keep(&writer)?;
            let Some(device) = id.to_path().ok().and_then(|path| snapshot.catalog.device(&path)) else {
                continue;
            };
            // A device of the name may be in another database by now.
            if device.database == meta.place.database {
                merge_device(snapshot, device, &mut writer, pace)?;
            }
        }
        writer.finish()
    }
}

/// How fast a compaction may write.
struct Pace<'a> {
    store: &'a Store,
    start: Instant,
    rate: Option<u64>,
}

impl Pace<'_> {
    /// Waits until as much may have been written as was.
    fn keep(&self, writer: &FileWriter) -> Result<(), StorageError> {
        let due =
            self.rate.map(|rate| Duration::from_secs_f64(writer.position() as f64 / rate.max(1) as f64));
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

fn merge_device(
    snapshot: &Snapshot,
    device: &Device,
    writer: &mut FileWriter,
    pace: &Pace<'_>,
) -> Result<(), StorageError> {
    let range = snapshot.live(device, TimeRange::ALL);
    let wanted: Vec<Wanted> = device.series.iter().map(Wanted::of).collect();
    writer.device(&device.path)?;
    if device.aligned {
        let series: Vec<_> = wanted
            .iter()
            .enumerate()
            .map(|(place, wanted)| (place, &*wanted.measurement, wanted.schema))
            .collect();
        return stream(snapshot, device, &wanted, range, |rows| {
            writer.aligned(rows, &series)?;
            pace.keep(writer)
        });
    }
    for one in wanted.chunks(1) {
        let (name, schema) = (&*one[0].measurement, one[0].schema);
        stream(snapshot, device, one, range, |rows| {
            writer.plain(rows, (0, name, schema))?;
            pace.keep(writer)
        })?;
    }
    Ok(())
}

/// Hands the rows of some series to `write`, a chunk at a time.
fn stream(
    snapshot: &Snapshot,
    device: &Device,
    wanted: &[Wanted],
    range: TimeRange,
    mut write: impl FnMut(&Block) -> Result<(), StorageError>,
) -> Result<(), StorageError> {
    let types: Vec<_> = wanted.iter().map(|wanted| wanted.schema.data_type).collect();
    let inputs = snapshot.inputs(device, wanted, range)?;
    let mut merge = Merge::new(inputs, Direction::Ascending, types.clone());
    let (mut blocks, mut bytes) = (Vec::new(), 0);
    while let Some(block) = merge.next()? {
        bytes += block.bytes();
        blocks.push(block);
        if bytes >= CHUNK_BYTES
            && let Some(rows) = concat(std::mem::take(&mut blocks), &types)
        {
            write(&rows)?;
            bytes = 0;
        }
    }
    match concat(blocks, &types) {
        Some(rows) => write(&rows),
        None => Ok(()),
    }
}
