//! Taking rows.

use std::{
    ops::Range,
    sync::{Arc, atomic::Ordering},
};

use levada_model::{Column, Path, SeriesSchema, Tablet, Write, WriteReport};
use parking_lot::MutexGuard;

use super::{Core, Store};
use crate::{
    Durable, Inserted, StorageError,
    catalog::{Device, Series, database_for},
    catalog_op::{CatalogOp, SeriesDef},
    memtable::{Grown, Memtable, Stamp},
    place::Place,
    wal::{InsertRecord, Wal},
    write::{How, Incoming, LARGEST_WRITE, Prepared, Target, prepare, routed, with_known_types},
};

/// So many changes of the catalog wait for a commit at most, about.
const PENDING: usize = 1 << 16;

/// So many bytes may wait to be written to the log.
const BACKLOG: usize = 64 << 20;

/// What whoever writes asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct By {
    /// The databases and series are made that are missing.
    pub(crate) makes: bool,
    /// Who waits may be left to write the log.
    pub(crate) may_commit: bool,
}

impl By {
    /// Those who ask for nothing.
    pub(crate) const ANYBODY: Self = Self { makes: true, may_commit: false };
}

impl Store {
    /// Whether there is room for a write, or no use in waiting for it.
    pub(crate) fn has_room(&self) -> bool {
        self.admission.has_room() && self.wal.as_ref().is_none_or(|wal| wal.backlog() < BACKLOG)
            || self.core.lock().no_use_in_waiting()
    }

    /// A write in which values as they were written are of the types of their series, where these exist and hold them: that is
    /// done before a write has its turn, since others wait meanwhile. What is left is done then.
    pub(crate) fn with_known_types(&self, write: Write) -> Write {
        if !write.tablets.iter().any(|tablet| tablet.columns().iter().any(Column::is_written)) {
            return write;
        }
        let devices: Vec<Option<Arc<Device>>> = {
            let core = self.core.lock();
            write.tablets.iter().map(|tablet| core.catalog.device(tablet.device()).cloned()).collect()
        };
        let tablets = write.tablets.into_iter().zip(devices).map(|(tablet, device)| match device {
            Some(device) => with_known_types(tablet, &device),
            None => tablet,
        });
        Write { tablets: tablets.collect(), ..write }
    }

    /// Stores rows; the caller has its turn.
    pub(crate) fn insert(
        &self,
        mut core: MutexGuard<'_, Core>,
        write: Write,
        by: By,
    ) -> Result<Inserted, StorageError> {
        let takes = self.writable(&core).and_then(|()| core.flush_failure(&self.admission));
        if !self.admission.has_room() {
            self.work.notify_all();
        }
        if let Err(error) = takes {
            if let Some(owner) = &write.owner {
                core.positions.rejected(owner, &write.positions);
            }
            return Err(error);
        }
        let Write { tablets, coerce, declares, owner, positions } = write;
        let how = How { coerce, makes: by.makes, declares, now: self.options.clock.now() };
        let mut room = LARGEST_WRITE;
        let mut report = WriteReport::default();
        let first = core.seq + 1;
        let mut accepted = Vec::with_capacity(tablets.len());
        let mut targets = Vec::with_capacity(tablets.len());
        for (index, tablet) in tablets.into_iter().enumerate() {
            for (tablet, names) in routed(&core.catalog, index, tablet, &mut report) {
                let before = report.rejected.len();
                let prepared = prepare(&core.catalog, index, tablet, &how, &mut room, &mut report);
                names.restore(&mut report, before);
                let Some(Prepared { tablet, ops, target }) = prepared else { continue };
                let seq = first + accepted.len() as u64;
                ops.into_iter().for_each(|op| core.change(op, seq));
                let target = target.or_else(|| core.target(&tablet, |_, _| true));
                targets.push(Some(target.expect("what the tablet lacked was just made")));
                accepted.push(tablet);
            }
        }
        let positions = match &owner {
            // What was rejected is nowhere yet: whoever gave it gives the positions again when it is safe elsewhere.
            Some(owner) if !report.rejected.is_empty() => {
                core.positions.rejected(owner, &positions);
                Vec::new()
            }
            Some(owner) if !positions.is_empty() => core.positions.complete(owner, positions),
            _ => Vec::new(),
        };
        if accepted.is_empty() && positions.is_empty() {
            return Ok(Inserted { report, durable: Durable::already() });
        }
        let record = InsertRecord { owner, positions, tablets: accepted };
        core.seq = record.last_seq(first);
        let seq = core.seq;
        let durable = self.log_by(&mut core, seq, by.may_commit, |bytes| record.put(bytes));
        let points: usize = record.tablets.iter().map(Tablet::points).sum();
        self.counters.points.fetch_add(points as u64, Ordering::Relaxed);
        core.tally.add(first, seq, points);
        let bytes = core.store(record, &targets, first, self.options.partition_width, |_| true);
        self.admission.take(bytes);
        if core.active_bytes > (self.options.memtable_bytes / 3).min(LARGEST_WRITE) {
            self.freeze_all(&mut core);
        }
        self.bound(&mut core);
        Ok(Inserted { report, durable })
    }

    /// Appends a record to the log, if there is one.
    pub(crate) fn log(&self, core: &mut Core, seq: u64, put: impl FnOnce(&mut Vec<u8>)) -> Durable {
        self.log_by(core, seq, false, put)
    }

    /// [`Store::log`] for somebody who may be left to write the log.
    fn log_by(&self, core: &mut Core, seq: u64, may_commit: bool, put: impl FnOnce(&mut Vec<u8>)) -> Durable {
        let Some(wal) = &self.wal else { return Durable::already() };
        wal.append(seq, may_commit, |bytes| {
            let before = bytes.len();
            put(bytes);
            core.logged += (bytes.len() - before) as u64;
        })
    }

    /// Has a commit made where the log, or what it changed in the catalog, has grown large: not all of it brings a flush.
    pub(super) fn bound(&self, core: &mut Core) {
        if core.logged > self.options.wal_bytes / 2 {
            core.commit_wanted = true;
            self.freeze_all(core);
        } else if core.pending.len() > PENDING {
            core.commit_wanted = true;
            self.work.notify_all();
        }
    }

    fn freeze_all(&self, core: &mut Core) {
        core.freeze(|_| true);
        core.logged = 0;
        self.wal.as_ref().into_iter().for_each(Wal::rotate);
        self.work.notify_all();
    }
}

impl InsertRecord {
    /// The number of the last of its writes, where `first` is that of the first: each tablet has its own.
    pub(crate) fn last_seq(&self, first: u64) -> u64 {
        first + (self.tablets.len() as u64).saturating_sub(1)
    }

    /// The number of the first of its writes, where `last` is that of the last.
    pub(crate) fn first_seq(&self, last: u64) -> u64 {
        last - (self.tablets.len() as u64).saturating_sub(1)
    }
}

impl Core {
    /// Where the columns of a tablet go that `fits` says so of; `None` where there is no such device.
    pub(crate) fn target(&self, tablet: &Tablet, fits: impl Fn(&Column, &Series) -> bool) -> Option<Target> {
        Some(Target::of(self.catalog.device(tablet.device())?, tablet, fits))
    }

    /// Changes the catalog for a write, and remembers that for the next commit.
    pub(crate) fn change(&mut self, op: CatalogOp, seq: u64) {
        self.catalog.apply(&op, seq);
        self.pending.push((seq, op));
    }

    /// Puts a record's rows into memtables, each tablet's where its target says, and its positions where they belong; `wanted`
    /// says for which places. Gives the bytes they take.
    pub(crate) fn store(
        &mut self,
        record: InsertRecord,
        targets: &[Option<Target>],
        first: u64,
        width: i64,
        wanted: impl Fn(Place) -> bool,
    ) -> usize {
        let last = record.last_seq(first);
        let mut bytes = 0;
        for ((seq, tablet), target) in (first..).zip(&record.tablets).zip(targets) {
            let Some(target) = target else { continue };
            let columns = target.columns(tablet);
            if columns.is_empty() {
                continue;
            }
            let device = &target.device;
            let stamp = Stamp { seq, boundary: self.boundary, reached: last };
            let times = tablet.times().values();
            let mut all = Grown::NOTHING;
            for (partition, rows) in partitions(times, width) {
                let place = Place { database: device.database, partition };
                if !wanted(place) {
                    continue;
                }
                let memtable = self.memtable(place, first);
                let whole = rows.len() == times.len();
                let grown = if whole {
                    memtable.append(&device.path, stamp, times, &columns)
                } else {
                    append_part(&memtable, &device.path, stamp, times, rows, &columns)
                };
                bytes += grown.bytes;
                let sorted = grown.sorted && whole;
                all = Grown { sorted, max_time: all.max_time.max(grown.max_time), ..all };
            }
            self.last.raise(&device.path, seq, times, &columns, all);
        }
        self.active_bytes += bytes;
        if let Some(owner) = record.owner.filter(|_| !record.positions.is_empty()) {
            self.positions.push(last, owner, record.positions);
        }
        bytes
    }

    fn memtable(&mut self, place: Place, seq: u64) -> Arc<Memtable> {
        Arc::clone(self.active.entry(place).or_insert_with(|| Arc::new(Memtable::new(place, seq))))
    }
}

fn append_part(
    memtable: &Memtable,
    device: &Path,
    stamp: Stamp,
    times: &[i64],
    rows: Range<usize>,
    columns: &[Incoming<'_>],
) -> Grown {
    let parts: Vec<_> = columns.iter().map(|column| column.values.slice(rows.start, rows.len())).collect();
    let columns: Vec<_> =
        columns.iter().zip(&parts).map(|(column, values)| Incoming { values, ..*column }).collect();
    memtable.append(device, stamp, &times[rows], &columns)
}

/// Runs of rows of one time partition each.
fn partitions(times: &[i64], width: i64) -> Vec<(i64, Range<usize>)> {
    let Some(&first) = times.first() else { return Vec::new() };
    let partition = first.div_euclid(width);
    // Nearly always all rows are of one.
    if let Some(start) = partition.checked_mul(width)
        && times.iter().all(|&time| time >= start && (time.wrapping_sub(start) as u64) < width as u64)
    {
        return vec![(partition, 0..times.len())];
    }
    let mut at = 0;
    times
        .chunk_by(|a, b| a.div_euclid(width) == b.div_euclid(width))
        .map(|run| {
            let rows = at..at + run.len();
            at = rows.end;
            (run[0].div_euclid(width), rows)
        })
        .collect()
}

impl Core {
    /// Stores a record that was read from the log, as far as its rows still have somewhere to go.
    pub(super) fn store_again(
        &mut self,
        record: InsertRecord,
        first: u64,
        width: i64,
        wanted: impl Fn(Place) -> bool,
    ) {
        let target = |(seq, tablet): (u64, &Tablet)| {
            // The catalog may be ahead of the rows.
            self.target(tablet, |column, series| {
                series.since <= seq && series.schema.data_type.arrow() == *column.values.data_type()
            })
        };
        let targets: Vec<_> = (first..).zip(&record.tablets).map(target).collect();
        self.store(record, &targets, first, width, wanted);
    }

    /// Makes again what a tablet in the log made when it was taken.
    pub(super) fn make_for(&mut self, tablet: &Tablet, seq: u64) {
        let path = tablet.device();
        let mut known = self.catalog.device(path).cloned();
        if known.is_none()
            && let Some((_, template)) = self.catalog.templates().above(path)
        {
            self.change(template.activation(path), seq);
            known = self.catalog.device(path).cloned();
        }
        if known.is_none()
            && let Ok(Err(database)) = database_for(&self.catalog, path)
        {
            let id = self.catalog.next_id();
            self.change(CatalogOp::CreateDatabase { id, path: database, ttl: None, partition: None }, seq);
        }
        let missing: Vec<SeriesDef> = tablet
            .columns()
            .iter()
            .filter(|column| known.as_ref().is_none_or(|device| device.series(&column.name).is_none()))
            .map(|column| {
                SeriesDef::plain(Arc::clone(&column.name), SeriesSchema::default_for(column.data_type))
            })
            .collect();
        if missing.is_empty() {
            return;
        }
        let template =
            known.as_ref().and_then(|device| self.catalog.templates().get(device.template.as_ref()?));
        let op = match template {
            Some(template) => template.with(missing),
            None => {
                CatalogOp::CreateSeries { device: path.clone(), aligned: tablet.aligned(), series: missing }
            }
        };
        self.change(op, seq);
    }
}
