//! Changes of the catalog, and deletions, as callers ask for them.

use std::sync::Arc;

use levada_model::{Path, PathPattern, StatusCode};
use parking_lot::MutexGuard;

use super::{Core, Store};
use crate::{
    Applied, Durable, NewSeries, SeriesChange, StorageError, TimeRange,
    catalog::{Catalog, check_database, check_new_series, database_for},
    tombstone::Tombstone,
    wal::{CatalogOp, SeriesDef, Wal},
};

impl Store {
    pub(crate) fn create_database(&self, path: &Path, ttl: Option<i64>) -> Result<Applied, StorageError> {
        let core = self.core.lock();
        self.writable(&core)?;
        check_database(&core.catalog, path)?;
        let op = CatalogOp::CreateDatabase { id: core.catalog.next_id(), path: path.clone(), ttl };
        self.apply_all(core, 1, vec![op])
    }

    pub(crate) fn delete_databases(&self, patterns: &[PathPattern]) -> Result<Applied, StorageError> {
        let core = self.core.lock();
        self.writable(&core)?;
        let path = |id| core.catalog.database(id).map(|database| database.path.clone());
        let ids = core.databases_of(patterns).into_iter();
        let ops: Vec<_> = ids.map(|id| CatalogOp::DeleteDatabase { id, path: path(id) }).collect();
        self.apply_all(core, ops.len(), ops)
    }

    pub(crate) fn set_ttl(&self, pattern: &PathPattern, ttl: Option<i64>) -> Result<Applied, StorageError> {
        let core = self.core.lock();
        self.writable(&core)?;
        let lives = core.catalog.lives();
        let op = match pattern.as_path().and_then(|path| core.catalog.database_at(&path)) {
            Some(database) => (ttl.is_some() || lives.is_set_for_database(&database.path))
                .then(|| CatalogOp::SetTtl { id: database.id, path: Some(database.path.clone()), ttl }),
            None => (ttl.is_some() || lives.is_set(pattern))
                .then(|| CatalogOp::SetPathTtl { pattern: pattern.clone(), ttl }),
        };
        let ops: Vec<_> = op.into_iter().collect();
        self.apply_all(core, ops.len(), ops)
    }

    pub(crate) fn create_series(&self, series: Vec<NewSeries>) -> Result<Applied, StorageError> {
        let mut core = self.core.lock();
        self.writable(&core)?;
        let count = series.len();
        let ops = plan_series(&core.catalog, series, core.seq + 1)?;
        core.boundary = core.seq;
        self.apply_all(core, count, ops)
    }

    pub(crate) fn alter_series(&self, path: &Path, change: SeriesChange) -> Result<Applied, StorageError> {
        let core = self.core.lock();
        self.writable(&core)?;
        let missing =
            || StorageError::refused(StatusCode::PATH_NOT_EXIST, format!("Path [{path}] does not exist"));
        let (device, name) = path.split_last().ok_or_else(missing)?;
        let known = core.catalog.device(&device).ok_or_else(missing)?;
        let mut def = known.series_or_alias(name).ok_or_else(missing)?.def();
        if let Some(alias) = change.alias {
            let other = alias.as_deref().and_then(|alias| known.series_or_alias(alias));
            if other.is_some_and(|other| other.measurement != def.measurement) {
                let message =
                    format!("Alias [{}] for Path [{path}] already exist", alias.unwrap_or_default());
                return Err(StorageError::refused(StatusCode::ALIAS_ALREADY_EXIST, message));
            }
            def.alias = alias;
        }
        def.tags = change.tags.unwrap_or(def.tags);
        def.attributes = change.attributes.unwrap_or(def.attributes);
        self.apply_all(core, 1, vec![CatalogOp::AlterSeries { device, series: def }])
    }

    pub(crate) fn delete_series(&self, patterns: &[PathPattern]) -> Result<Applied, StorageError> {
        for last in [false, false, true] {
            let seen = self.catalog_to_change()?;
            // Many series take long to find, and writers do not wait for that; unless the catalog changes all the time.
            let held = last.then(|| self.core.lock());
            let seen = held.as_ref().map_or(seen, |core| core.catalog.clone());
            let prepared = Deletion::prepare(&seen, patterns);
            let core = match held {
                Some(core) => core,
                None => self.core.lock(),
            };
            self.writable(&core)?;
            if !core.catalog.is_as(&seen) {
                continue;
            }
            let Some(Deletion { count, op, next, databases }) = prepared else {
                return Ok(Applied { count: 0, durable: Durable::already() });
            };
            let mut before = None;
            let applied = self.apply_all_with(core, count, vec![op], |core, op, seq| {
                core.freeze(|memtable| databases.contains(&memtable.place.database));
                before = Some(core.hide_series(op, seq, next.clone()));
                0
            });
            // A catalog of many series that is not shared takes long to let go of, and no lock is held here.
            drop((before, seen));
            return applied;
        }
        unreachable!("the last turn holds the lock, so that nothing changes")
    }

    pub(crate) fn delete(&self, patterns: &[PathPattern], range: TimeRange) -> Result<Applied, StorageError> {
        for last in [false, false, true] {
            let seen = self.catalog_to_change()?;
            let held = last.then(|| self.core.lock());
            let seen = held.as_ref().map_or(seen, |core| core.catalog.clone());
            let count = patterns
                .iter()
                .flat_map(|pattern| seen.find_series(pattern))
                .map(|found| found.measurements.len())
                .sum();
            let named = by_name(&seen, patterns);
            let core = match held {
                Some(core) => core,
                None => self.core.lock(),
            };
            self.writable(&core)?;
            // Series that came meanwhile are found by the patterns; by other names they are not.
            if !core.catalog.has_aliases_of(&seen) {
                continue;
            }
            if count == 0 || range.is_empty() {
                return Ok(Applied { count: 0, durable: Durable::already() });
            }
            return self.apply_all(core, count, vec![CatalogOp::Delete { patterns: named, range }]);
        }
        unreachable!("the last turn holds the lock, so that nothing changes")
    }

    /// The catalog as it is now, where it may be changed.
    fn catalog_to_change(&self) -> Result<Catalog, StorageError> {
        let core = self.core.lock();
        self.writable(&core)?;
        Ok(core.catalog.clone())
    }

    /// Logs changes, and makes them.
    fn apply_all(
        &self,
        core: MutexGuard<'_, Core>,
        count: usize,
        ops: Vec<CatalogOp>,
    ) -> Result<Applied, StorageError> {
        self.apply_all_with(core, count, ops, Core::execute)
    }

    /// Logs changes, and makes them as `execute` does, which gives the bytes of memory that were freed.
    fn apply_all_with(
        &self,
        mut core: MutexGuard<'_, Core>,
        count: usize,
        ops: Vec<CatalogOp>,
        mut execute: impl FnMut(&mut Core, CatalogOp, u64) -> usize,
    ) -> Result<Applied, StorageError> {
        let mut durable = Durable::already();
        let mut freed = 0;
        for op in ops {
            let seq = core.seq + 1;
            durable = self.log(&mut core, seq, |bytes| op.put(bytes));
            freed += execute(&mut core, op, seq);
        }
        self.bound(&mut core);
        let commit = self.wal.is_none() || core.commit_wanted;
        let flush = !core.frozen.is_empty();
        drop(core);
        if freed > 0 {
            self.admission.give(freed);
            self.admission.wake();
        }
        if self.wal.is_none() {
            self.commit_catalog()?;
        } else if commit || flush {
            self.wal.as_ref().into_iter().for_each(Wal::rotate);
            self.work.notify_all();
        }
        Ok(Applied { count, durable })
    }
}

/// A deletion of series, prepared without holding anybody up.
struct Deletion {
    /// Of series.
    count: usize,
    op: CatalogOp,
    /// The catalog without them.
    next: Catalog,
    /// The databases that they are of.
    databases: Vec<u32>,
}

impl Deletion {
    /// `None` where no series matches.
    fn prepare(catalog: &Catalog, patterns: &[PathPattern]) -> Option<Self> {
        let mut databases: Vec<u32> = patterns
            .iter()
            .flat_map(|pattern| catalog.find_series(pattern))
            .filter_map(|found| Some(catalog.device(&found.device)?.database))
            .collect();
        databases.sort_unstable();
        databases.dedup();
        let op = CatalogOp::DeleteSeries { patterns: by_name(catalog, patterns) };
        let mut next = catalog.clone();
        // When series go does not depend on the number of the write.
        let count = next.apply(&op, 0).count;
        (count > 0).then_some(Self { count, op, next, databases })
    }
}

/// Patterns, and the paths of the series that they match by an alias alone: rows know their series by its name.
fn by_name(catalog: &Catalog, patterns: &[PathPattern]) -> Vec<PathPattern> {
    let aliased = patterns.iter().flat_map(|pattern| catalog.find_aliased(pattern));
    let aliased: Vec<_> = aliased.map(|path| PathPattern::from(&path)).collect();
    patterns.iter().cloned().chain(aliased).collect()
}

/// The changes that make series: all, or the reason why one cannot be.
fn plan_series(catalog: &Catalog, series: Vec<NewSeries>, seq: u64) -> Result<Vec<CatalogOp>, StorageError> {
    // Each is checked against those before it, on a copy; which one alone does not need.
    let mut trial = if series.len() > 1 { Some(catalog.clone()) } else { None };
    let mut ops: Vec<CatalogOp> = Vec::new();
    for new in series {
        let known = trial.as_ref().unwrap_or(catalog);
        let mut made = Vec::new();
        if let Err(path) = database_for(known, &new.device)? {
            made.push(CatalogOp::CreateDatabase { id: known.next_id(), path, ttl: None });
        }
        check_new_series(known, &new)?;
        let NewSeries { device, measurement, schema, aligned, alias, tags, attributes, deadband } = new;
        let def = SeriesDef { measurement, schema, alias, tags, attributes, deadband };
        made.push(CatalogOp::CreateSeries { device: device.clone(), aligned, series: vec![def.clone()] });
        if let Some(trial) = &mut trial {
            made.iter().for_each(|op| drop(trial.apply(op, seq)));
        }
        match (ops.last_mut(), &made[..]) {
            (Some(CatalogOp::CreateSeries { device: last, series, .. }), [_]) if *last == device => {
                series.push(def)
            }
            _ => ops.append(&mut made),
        }
    }
    Ok(ops)
}

impl Core {
    pub(crate) fn databases_of(&self, patterns: &[PathPattern]) -> Vec<u32> {
        let matched = |path: &Path| patterns.iter().any(|pattern| pattern.matches(path));
        self.catalog
            .databases()
            .filter(|database| matched(&database.path))
            .map(|database| database.id)
            .collect()
    }

    /// Hides the rows of series that are deleted, and puts the catalog without them in place; gives the one before.
    fn hide_series(&mut self, op: CatalogOp, seq: u64, next: Catalog) -> Catalog {
        (self.seq, self.boundary) = (seq, seq);
        if let CatalogOp::DeleteSeries { patterns } = &op {
            let tombstone = Tombstone { seq, patterns: patterns.clone().into(), range: TimeRange::ALL };
            self.tombstones.push(tombstone);
            self.forgotten = seq;
            self.last.forget(patterns, TimeRange::ALL);
        }
        self.pending.push((seq, op));
        self.catalog.replace(next)
    }

    /// Makes a change that has its number, now or in recovery. Gives the bytes of memory that were freed.
    pub(crate) fn execute(&mut self, op: CatalogOp, seq: u64) -> usize {
        self.seq = seq;
        self.boundary = seq;
        let hidden = match &op {
            CatalogOp::DeleteSeries { patterns } => {
                // Rows of these series must not meet those of later series of the same names.
                let databases: Vec<u32> = patterns
                    .iter()
                    .flat_map(|pattern| self.catalog.find_series(pattern))
                    .filter_map(|found| Some(self.catalog.device(&found.device)?.database))
                    .collect();
                self.freeze(|memtable| databases.contains(&memtable.place.database));
                Some((patterns.clone(), TimeRange::ALL))
            }
            CatalogOp::Delete { patterns, range } => Some((patterns.clone(), *range)),
            _ => None,
        };
        if let Some((patterns, range)) = hidden {
            self.tombstones.push(Tombstone { seq, patterns: patterns.into(), range });
        }
        if op.takes_away() {
            self.forgotten = seq;
        }
        match &op {
            CatalogOp::DeleteSeries { patterns } => self.last.forget(patterns, TimeRange::ALL),
            CatalogOp::Delete { patterns, range } => self.last.forget(patterns, *range),
            CatalogOp::DeleteDatabase { .. } | CatalogOp::SetTtl { .. } | CatalogOp::SetPathTtl { .. } => {
                self.last.clear();
            }
            CatalogOp::CreateDatabase { .. }
            | CatalogOp::CreateSeries { .. }
            | CatalogOp::AlterSeries { .. } => {}
        }
        let removed = self.catalog.apply(&op, seq);
        self.pending.push((seq, op));
        removed.databases.into_iter().map(|id| self.drop_database(id)).sum()
    }

    /// Lets go of a database's rows.
    fn drop_database(&mut self, id: u32) -> usize {
        let gone: Vec<_> = self.active.extract_if(|place, _| place.database == id).collect();
        let freed: usize = gone.iter().map(|(_, memtable)| memtable.bytes()).sum();
        self.active_bytes = self.active_bytes.saturating_sub(freed);
        let files = Arc::make_mut(&mut self.files);
        for (_, files) in files.extract_if(.., |place, _| place.database == id) {
            self.dropped.extend(files);
        }
        self.commit_wanted = true;
        freed
    }
}
