//! Changes of the catalog, and deletions, as callers ask for them.

use std::sync::Arc;

use levada_model::{Compressor, Encoding, Path, PathPattern, SeriesSchema, StatusCode};
use parking_lot::MutexGuard;

use super::{Core, Store};
use crate::{
    Applied, DeviceSeries, Durable, NewSeries, SeriesChange, StorageError, TimeRange,
    catalog::{
        Catalog, Deleted, Matching, Removed, check_database, check_new_series, check_stored, database_for,
    },
    catalog_op::{CatalogOp, SeriesDef},
    memtable::Memtable,
    tombstone::Tombstone,
    wal::Wal,
};

/// A deletion looks so often at what changed meanwhile, at most, before it takes the lock …
const MAX_LOOKS: usize = 4;
/// … or until so few devices did.
const FEW_DEVICES: usize = 64;

impl Store {
    pub(crate) fn create_database(
        &self,
        path: &Path,
        ttl: Option<i64>,
        partition: Option<i64>,
    ) -> Result<Applied, StorageError> {
        let core = self.core.lock();
        self.writable(&core)?;
        check_database(&core.catalog, path)?;
        let op = CatalogOp::CreateDatabase { id: core.catalog.next_id(), path: path.clone(), ttl, partition };
        self.apply_all(core, 1, vec![op])
    }

    pub(crate) fn delete_databases(
        &self,
        patterns: &[PathPattern],
        owner: Option<Arc<str>>,
    ) -> Result<Applied, StorageError> {
        let core = self.core.lock();
        self.writable(&core)?;
        let path = |id| core.catalog.database(id).map(|database| database.path.clone());
        let ids = core.databases_of(patterns).into_iter();
        let ops: Vec<_> =
            ids.map(|id| CatalogOp::DeleteDatabase { id, path: path(id), owner: owner.clone() }).collect();
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

    pub(crate) fn alter_series(
        &self,
        path: &Path,
        change: SeriesChange,
        owner: Option<Arc<str>>,
    ) -> Result<Applied, StorageError> {
        let core = self.core.lock();
        self.writable(&core)?;
        let missing =
            || StorageError::rejected(StatusCode::PATH_NOT_EXIST, format!("Path [{path}] does not exist"));
        let (device, name) = path.split_last().ok_or_else(missing)?;
        let known = core.catalog.device(&device).ok_or_else(missing)?;
        if let Some(template) = &known.template {
            let set = core.catalog.templates().above(&device).map_or(&device, |(set, _)| set);
            let message = format!(
                "Cannot alter template timeseries [{path}] since device template [{template}] already set on path [{set}]."
            );
            return Err(StorageError::rejected(StatusCode::TEMPLATE_INCOMPATIBLE, message));
        }
        let mut def = known.series_or_alias(name).ok_or_else(missing)?.def();
        if let Some(alias) = change.alias {
            let other = alias.as_deref().and_then(|alias| known.series_or_alias(alias));
            if other.is_some_and(|other| other.measurement != def.measurement) {
                let message =
                    format!("Alias [{}] for Path [{path}] already exist", alias.unwrap_or_default());
                return Err(StorageError::rejected(StatusCode::ALIAS_ALREADY_EXIST, message));
            }
            def.alias = alias;
        }
        def.tags = change.tags.unwrap_or(def.tags);
        def.attributes = change.attributes.unwrap_or(def.attributes);
        self.apply_all(core, 1, vec![CatalogOp::AlterSeries { device, series: def, owner }])
    }

    pub(crate) fn delete_series(
        &self,
        patterns: &[PathPattern],
        owner: Option<Arc<str>>,
    ) -> Result<Applied, StorageError> {
        // What a template gave goes by deactivating it alone.
        self.delete_exactly(owner, |catalog| Ok(catalog.without_templates(patterns)))
    }

    /// Takes away what devices have of a template, or of any, and their rows.
    pub(crate) fn deactivate(
        &self,
        template: Option<&str>,
        patterns: &[PathPattern],
        owner: Option<Arc<str>>,
    ) -> Result<Applied, StorageError> {
        self.delete_exactly(owner, |catalog| catalog.of_templates(template, patterns))
    }

    /// Changes templates, or which devices have their series, as `plan` says.
    pub(crate) fn change_templates(
        &self,
        plan: impl FnOnce(&Catalog) -> Result<CatalogOp, StorageError>,
    ) -> Result<Applied, StorageError> {
        let mut core = self.core.lock();
        self.writable(&core)?;
        let op = plan(&core.catalog)?;
        core.boundary = core.seq;
        self.apply_all(core, 1, vec![op])
    }

    /// Changes how new rows of series are stored: of all of them, or of none where it does not fit one. Those that are not there are left
    /// out, and those that have it from a template.
    pub(crate) fn alter_stored(
        &self,
        series: &[DeviceSeries],
        encoding: Option<Encoding>,
        compressor: Option<Compressor>,
        owner: Option<Arc<str>>,
    ) -> Result<Applied, StorageError> {
        let core = self.core.lock();
        self.writable(&core)?;
        let (mut ops, mut count) = (Vec::new(), 0);
        for DeviceSeries { device, series } in series {
            let Some(known) = core.catalog.device(device).filter(|known| known.template.is_none()) else {
                continue;
            };
            let mut measurements = Vec::new();
            for series in series.iter().filter_map(|(name, _)| known.series(name)) {
                let before = series.schema;
                let after = SeriesSchema {
                    encoding: encoding.unwrap_or(before.encoding),
                    compressor: compressor.unwrap_or(before.compressor),
                    ..before
                };
                check_stored(after)?;
                count += 1;
                measurements.extend((after != before).then(|| Arc::clone(&series.measurement)));
            }
            if !measurements.is_empty() {
                let (device, owner) = (device.clone(), owner.clone());
                ops.push(CatalogOp::AlterStored { device, measurements, encoding, compressor, owner });
            }
        }
        self.apply_all(core, count, ops)
    }

    /// Changes logical views as `plan` says: all changes that it gives, or none where it fails.
    pub(crate) fn change_views(
        &self,
        plan: impl FnOnce(&Catalog) -> Result<Vec<CatalogOp>, StorageError>,
    ) -> Result<Applied, StorageError> {
        let core = self.core.lock();
        self.writable(&core)?;
        let ops = plan(&core.catalog)?;
        self.apply_all(core, ops.len(), ops)
    }

    /// Deletes the series that patterns match, which `plan` makes of where templates are set.
    fn delete_exactly(
        &self,
        owner: Option<Arc<str>>,
        plan: impl Fn(&Catalog) -> Result<Vec<PathPattern>, StorageError>,
    ) -> Result<Applied, StorageError> {
        let (core, found) = loop {
            let catalog = self.core.lock().catalog.clone();
            let (core, found) = self.find(&plan(&catalog)?, Deleted::Series)?;
            // Templates are seldom set: the plan is nearly always that of the catalog that is changed now.
            if core.catalog.templates().are_set_as(catalog.templates()) {
                break (core, found);
            }
        };
        let op = CatalogOp::DeleteSeries { patterns: found.by_name(), owner };
        let mut before = None;
        let ops = if found.count() > 0 { vec![op] } else { Vec::new() };
        let applied = self.apply_all_with(core, found.count(), ops, |core, op, seq| {
            before = Some(core.hide_series(op, seq, &found));
            Freed::default()
        });
        // A catalog of many series that is not shared takes long to let go of, and no lock is held here.
        drop((before, found));
        applied
    }

    pub(crate) fn delete(
        &self,
        patterns: &[PathPattern],
        range: TimeRange,
        owner: Option<Arc<str>>,
    ) -> Result<Applied, StorageError> {
        let (core, found) = self.find(patterns, Deleted::Rows)?;
        let count = if range.is_empty() { 0 } else { found.count() };
        let op = CatalogOp::Delete { patterns: found.by_name(), range, owner };
        self.apply_all(core, count, if count > 0 { vec![op] } else { Vec::new() })
    }

    /// The series that patterns match, in the catalog as it stands under the lock that comes with them. Many take long to find,
    /// and writers do not wait for that: what is done under the lock is to look at what changed since the last look.
    fn find(
        &self,
        patterns: &[PathPattern],
        deleted: Deleted,
    ) -> Result<(MutexGuard<'_, Core>, Matching), StorageError> {
        let now = || {
            let core = self.core.lock();
            self.writable(&core)?;
            Ok((core.catalog.clone(), core))
        };
        let mut found = Matching::find(now().map(|(catalog, _)| catalog)?, patterns, deleted);
        for _ in 0..MAX_LOOKS {
            let (catalog, _) = now()?;
            if found.catch_up(catalog) < FEW_DEVICES {
                break;
            }
        }
        let (catalog, core) = now()?;
        found.catch_up(catalog);
        Ok((core, found))
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

    /// Logs changes, and makes them as `execute` does, which gives what is to be let go of.
    fn apply_all_with(
        &self,
        mut core: MutexGuard<'_, Core>,
        count: usize,
        ops: Vec<CatalogOp>,
        mut execute: impl FnMut(&mut Core, CatalogOp, u64) -> Freed,
    ) -> Result<Applied, StorageError> {
        let mut durable = Durable::already();
        let mut freed = Vec::with_capacity(ops.len());
        for op in ops {
            let seq = core.seq + 1;
            durable = self.log(&mut core, seq, |bytes| op.put(bytes));
            freed.push(execute(&mut core, op, seq));
        }
        self.bound(&mut core);
        let commit = self.wal.is_none() || core.commit_wanted;
        let flush = !core.frozen.is_empty();
        drop(core);
        let bytes: usize = freed.iter().map(Freed::bytes).sum();
        drop(freed);
        if bytes > 0 {
            self.admission.give(bytes);
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

/// What is let go of without the store's lock, as that may take long.
#[derive(Debug, Default)]
pub(crate) struct Freed {
    memtables: Vec<Arc<Memtable>>,
    _removed: Removed,
}

impl Freed {
    /// Bytes of rows.
    fn bytes(&self) -> usize {
        self.memtables.iter().map(|memtable| memtable.bytes()).sum()
    }
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
            made.push(CatalogOp::CreateDatabase { id: known.next_id(), path, ttl: None, partition: None });
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

    /// Hides the rows of series that are deleted, and takes these out of the catalog; gives the one before.
    fn hide_series(&mut self, op: CatalogOp, seq: u64, found: &Matching) -> Catalog {
        (self.seq, self.boundary) = (seq, seq);
        // Rows of these series must not meet those of later series of the same names.
        let databases = found.databases();
        self.freeze(|memtable| databases.contains(&memtable.place.database));
        if let CatalogOp::DeleteSeries { patterns, .. } = &op {
            self.forgotten = seq;
            self.hide(seq, patterns, TimeRange::ALL);
        }
        self.pending.push((seq, op));
        self.catalog.replace(found.next())
    }

    /// Hides the rows that series have before a write.
    fn hide(&mut self, seq: u64, patterns: &[PathPattern], range: TimeRange) {
        self.tombstones.push(Tombstone { seq, patterns: patterns.into(), range });
        self.last.forget(seq, patterns, range);
    }

    /// Makes a change that has its number, now or in recovery. Gives what is to be let go of.
    pub(crate) fn execute(&mut self, op: CatalogOp, seq: u64) -> Freed {
        (self.seq, self.boundary) = (seq, seq);
        if op.takes_away() {
            self.forgotten = seq;
        }
        match &op {
            CatalogOp::DeleteSeries { patterns, .. } => {
                let found = Matching::find(self.catalog.clone(), patterns, Deleted::Series);
                self.hide_series(op, seq, &found);
                return Freed::default();
            }
            CatalogOp::Delete { patterns, range, .. } => self.hide(seq, patterns, *range),
            CatalogOp::DeleteDatabase { .. } | CatalogOp::SetTtl { .. } | CatalogOp::SetPathTtl { .. } => {
                self.last.clear(seq);
            }
            CatalogOp::CreateDatabase { .. }
            | CatalogOp::CreateSeries { .. }
            | CatalogOp::Activate { .. }
            | CatalogOp::PutTemplate { .. }
            | CatalogOp::DropTemplate { .. }
            | CatalogOp::SetTemplate { .. }
            | CatalogOp::UnsetTemplate { .. }
            | CatalogOp::AlterSeries { .. }
            | CatalogOp::AlterStored { .. }
            | CatalogOp::PutView(_)
            | CatalogOp::DropView { .. } => {}
        }
        let removed = self.catalog.apply(&op, seq);
        self.pending.push((seq, op));
        let memtables = removed.database.map_or_else(Vec::new, |id| self.drop_database(id));
        Freed { memtables, _removed: removed }
    }

    /// Lets go of a database's rows.
    fn drop_database(&mut self, id: u32) -> Vec<Arc<Memtable>> {
        let gone = self.active.extract_if(|place, _| place.database == id);
        let gone: Vec<_> = gone.map(|(_, memtable)| memtable).collect();
        let freed: usize = gone.iter().map(|memtable| memtable.bytes()).sum();
        self.active_bytes = self.active_bytes.saturating_sub(freed);
        let files = Arc::make_mut(&mut self.files);
        for (_, files) in files.extract_if(.., |place, _| place.database == id) {
            self.dropped.extend(files);
        }
        self.commit_wanted = true;
        gone
    }
}
