//! A reader of changes.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use levada_model::{PathPattern, StatusCode};
use parking_lot::MutexGuard;

use super::{
    Change, ChangeKind, ChangesFrom,
    arrived::Arrived,
    history::{HeldHistory, History, HistoryOf},
    log::{LogReader, Record},
};
use crate::{
    NewSeries, SeriesChange, StorageError,
    catalog_op::{CatalogOp, SeriesDef},
    holds::HoldId,
    read::Snapshot,
    store::{Core, Store},
    wait::block_on,
    wal::{InsertRecord, Op, Synced, Wal},
};

/// Changes of a store, in order: see [`crate::Storage::changes`].
#[derive(Debug)]
pub struct Changes {
    store: Arc<Store>,
    hold: HoldId,
    named: bool,
    /// It may be begun again: what is kept for it still is when it is dropped.
    begun: bool,
    log: LogReader,
    history: Option<Arc<HeldHistory>>,
    /// Rows of a record that is read, which are in files.
    arrived: Option<Arrived>,
    /// See [`Change::position`].
    position: u64,
    /// All up to this write was read of the log; 0 while what is stored is read.
    read: Arc<AtomicU64>,
}

/// Says what was delivered of a reader's changes, also while the reader is busy, and never waits for it. Clones are of the same reader.
#[derive(Clone, Debug)]
pub struct Settler {
    store: Arc<Store>,
    hold: HoldId,
    read: Arc<AtomicU64>,
}

impl Settler {
    /// See [`Changes::settle`].
    pub fn settle(&self, position: u64) {
        let read = self.read.load(Ordering::Acquire);
        if read > 0 {
            self.store.holds.settle(&self.hold, position.min(read));
        }
    }
}

/// Resolves when there is more to be read, as far as is known, or when there will be none any more: reading then says why. Needs
/// no executor of its own; may be dropped at any time.
#[derive(Debug)]
pub struct More(Option<Synced>);

impl Future for More {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().map_or(Poll::Ready(()), |synced| Pin::new(synced).poll(context))
    }
}

impl More {
    /// Blocks the thread until it resolves.
    pub fn wait(self) {
        block_on(self);
    }
}

fn rejected(message: impl Into<String>) -> StorageError {
    StorageError::rejected(StatusCode::ILLEGAL_PARAMETER, message)
}

impl Changes {
    /// Begins to read; with a name, what is behind the reader is kept until it comes again.
    pub(crate) fn begin(
        store: &Arc<Store>,
        name: Option<&str>,
        from: ChangesFrom,
        of: HistoryOf,
    ) -> Result<Self, StorageError> {
        Self::begin_with(store, name, (from, of), |_| {})
    }

    /// See [`Changes::begin`]; `at` is done at the moment behind which the reader is.
    fn begin_with(
        store: &Arc<Store>,
        name: Option<&str>,
        (from, of): (ChangesFrom, HistoryOf),
        at: impl FnOnce(&mut Core),
    ) -> Result<Self, StorageError> {
        if store.core.lock().closed {
            return Err(store.closed());
        }
        let Some(wal) = &store.wal else {
            return Err(rejected("changes are read from the log, and this store keeps none"));
        };
        let stored_first = matches!(from, ChangesFrom::History { .. } | ChangesFrom::Since(_));
        if stored_first && let Err(error) = store.flush(&[]) {
            tracing::warn!(%error, "what is in memory cannot be flushed before it is read");
        }
        let mut core = store.core.lock();
        // What has its number and is not to be seen yet would be missed.
        while core.arriving.is_some() {
            store.done.wait(&mut core);
        }
        at(&mut core);
        let (last, forgotten, untold) = (core.seq, core.forgotten, core.untold);
        let after = match from {
            ChangesFrom::After(after) | ChangesFrom::Since(after) => after,
            ChangesFrom::History { .. } | ChangesFrom::Now => last,
        };
        // From here on what is behind it is kept.
        let hold = store.holds.begin(name.map(Arc::from), after);
        let being_read = || StorageError::BeingRead { name: name.unwrap_or_default().to_owned() };
        let hold = hold.ok_or_else(being_read)?;
        let snapshot = stored_first.then(|| store.snapshot_of(&mut core));
        let log = LogReader::new(Arc::clone(&store.options.disk), wal, after);
        let (store, named) = (Arc::clone(store), name.is_some());
        let read = Arc::new(AtomicU64::new(after));
        let (history, arrived) = (None, None);
        let mut changes =
            Self { store, hold, named, begun: false, log, history, arrived, position: after, read };
        match (snapshot, from) {
            (Some(snapshot), ChangesFrom::History { after }) => {
                changes.history_of(snapshot, (after, last), of, core);
            }
            (Some(mut snapshot), _) => {
                snapshot.keep_up_to(after);
                changes.history_of(snapshot, (0, after), of, core);
            }
            (None, _) => drop(core),
        }
        if after > last {
            let message = format!("changes behind write {after} are asked for, and the last write is {last}");
            return Err(rejected(message));
        }
        let kept = wal.after().max(untold);
        let lacks = changes.history.is_some() && (1..forgotten).contains(&changes.position);
        if after < kept || lacks {
            return Err(StorageError::Behind { after: changes.position, kept });
        }
        // What was kept by the name still is while what is stored is read: who begins anew may want the changes instead.
        if changes.history.is_none() || !changes.hold.kept_before() {
            changes.store.holds.settle(&changes.hold, after);
        }
        if named {
            changes.store.commit_catalog()?;
        }
        changes.begun = true;
        Ok(changes)
    }

    /// See [`crate::Storage::keep_changes`].
    pub(crate) fn keep(store: &Arc<Store>, name: &str) -> Result<u64, StorageError> {
        // What comes from here on is in files of its own.
        let changes =
            Self::begin_with(store, Some(name), (ChangesFrom::Now, HistoryOf::default()), |core| {
                core.freeze(|_| true);
            })?;
        let last = changes.position;
        if let Some(wal) = &store.wal {
            // A power cut must not take back the write that is named. Where the log cannot be written now, nobody knows when it can be: that
            // is not waited for.
            wal.synced(last).wait()?;
        }
        Ok(last)
    }

    /// What is stored comes first. The store is locked until it is known which files that keeps.
    fn history_of(
        &mut self,
        snapshot: Snapshot,
        (after, until): (u64, u64),
        of: HistoryOf,
        core: MutexGuard<'_, Core>,
    ) {
        let held = HeldHistory::new();
        let files = snapshot.files.values().flatten().filter(|file| file.meta.last > after);
        self.store.holds.keep_files(&self.hold, files, Arc::<HeldHistory>::clone(&held) as _);
        drop(core);
        held.begin(History::new(snapshot, (after, until), of));
        (self.history, self.position) = (Some(held), after);
        self.read.store(0, Ordering::Release);
    }

    /// All changes up to this write were read; see [`Change::position`].
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The changes that come next and are durable, of about so many bytes together, but one at least where there is one. Blocks for
    /// reads of files, and for nothing else.
    ///
    /// A reader without a name needs nothing any more of what it was given. One that has a name says so: see
    /// [`Changes::settle`].
    ///
    /// # Errors
    /// [`StorageError::Behind`] where what comes next is not kept any more; what is there is damaged or cannot be read; the store is
    /// closed, and all was read. Nothing is skipped: whoever asks again gets the same, or the change that failed.
    pub fn read(&mut self, bytes: usize) -> Result<Vec<Change>, StorageError> {
        let mut found = Vec::new();
        let mut left = bytes.max(1);
        loop {
            match self.next() {
                Ok(Some((change, bytes))) => {
                    self.position = change.position;
                    found.push(change);
                    left = left.saturating_sub(bytes);
                    if left == 0 {
                        break;
                    }
                }
                Ok(None) if found.is_empty() && self.is_over() => return Err(self.store.closed()),
                Ok(None) => break,
                Err(error) if found.is_empty() => return Err(error),
                // It is met again by whoever asks for more.
                Err(_) => break,
            }
        }
        if self.history.is_some() {
            return Ok(found);
        }
        if found.is_empty() {
            // Records of positions alone are no changes.
            self.position = self.log.seq();
        }
        self.read.store(self.log.seq(), Ordering::Release);
        if !self.named {
            self.store.holds.settle(&self.hold, self.log.seq());
        }
        Ok(found)
    }

    fn is_over(&self) -> bool {
        self.store.wal.as_ref().is_none_or(Wal::is_ended) || self.store.core.lock().closed
    }

    /// Resolves when [`Changes::read`] has something to give.
    pub fn more(&self) -> More {
        let synced = self.store.wal.as_ref().map(|wal| {
            // A history may have what is not synced yet.
            let next = if self.history.is_some() { self.log.seq() } else { self.log.seq() + 1 };
            wal.when_synced(next)
        });
        More(synced)
    }

    /// Says that the reader, which has a name, needs nothing up to a [`Change::position`]: the log may go up to there. This becomes durable with
    /// the store's next commit; after a crash before that more is kept than is needed.
    pub fn settle(&self, position: u64) {
        self.settler().settle(position);
    }

    /// Says what was delivered, apart from the reader.
    pub fn settler(&self) -> Settler {
        Settler { store: Arc::clone(&self.store), hold: self.hold.clone(), read: Arc::clone(&self.read) }
    }

    fn next(&mut self) -> Result<Option<(Change, usize)>, StorageError> {
        let store = Arc::clone(&self.store);
        let wal = store.wal.as_ref().ok_or(StorageError::Closed)?;
        if let Some(history) = &self.history {
            let end = self.log.seq();
            if wal.synced_seq() < end {
                return Ok(None);
            }
            let behind = || StorageError::Behind { after: self.position, kept: wal.after() };
            let next = history.next()?.ok_or_else(behind)?;
            let first = self.position + 1;
            if let Some((kind, bytes)) = next {
                return Ok(Some((Change { first, position: self.position, kind }, bytes)));
            }
            store.holds.kept_files_go(&self.hold);
            self.history = None;
            return Ok(Some((Change { first, position: end, kind: ChangeKind::HistoryEnd }, 0)));
        }
        if self.hold.is_lost() {
            return Err(StorageError::Behind { after: self.log.seq(), kept: wal.after() });
        }
        loop {
            if let Some(next) = self.next_arrived()? {
                return Ok(Some(next));
            }
            // What is kept may have gone while it was looked for.
            let behind = StorageError::Behind { after: self.log.seq(), kept: wal.after() };
            let read = self.log.next(wal);
            let read = read.map_err(|error| if self.hold.is_lost() { behind } else { error })?;
            let Some(Record { first, seq, op, bytes }) = read else { return Ok(None) };
            if let Op::Chunks(record) = op {
                let Some(arrived) = Arrived::new(&store, record, seq) else {
                    self.hold.lose();
                    return Err(StorageError::Behind { after: seq - 1, kept: seq });
                };
                self.arrived = Some(arrived);
                continue;
            }
            if let Some(kind) = kind_of(&store, op, seq).inspect_err(|_| self.hold.lose())? {
                return Ok(Some((Change { first, position: seq, kind }, bytes)));
            }
        }
    }

    /// What is left of rows that came as chunks. The write is read with the last of them: broken off before, all of it comes again.
    fn next_arrived(&mut self) -> Result<Option<(Change, usize)>, StorageError> {
        let Some(arrived) = &mut self.arrived else { return Ok(None) };
        let seq = arrived.seq;
        let next = arrived.next()?;
        if next.as_ref().is_none_or(|(.., is_last)| *is_last) {
            self.arrived = None;
        }
        Ok(next.map(|(kind, bytes, is_last)| {
            let position = if is_last { seq } else { seq - 1 };
            (Change { first: seq, position, kind }, bytes)
        }))
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        self.store.holds.end(&self.hold, self.begun);
    }
}

/// What a record says to readers; `None` where it only says how far a source was read.
fn kind_of(store: &Store, op: Op, seq: u64) -> Result<Option<ChangeKind>, StorageError> {
    let op = match op {
        // The log does not have what came so, nor says where it is.
        Op::Insert(record) if record.is_of_untold_chunks() => {
            return Err(StorageError::Behind { after: seq - 1, kept: seq });
        }
        // They are read where they are.
        Op::Chunks(_) => return Ok(None),
        Op::Insert(InsertRecord { owner, tablets, .. }) => {
            return Ok((!tablets.is_empty()).then_some(ChangeKind::Rows { owner, tablets }));
        }
        Op::Catalog(op) => op,
    };
    // Records of older versions do not name the database.
    let path_of = |id, path: Option<_>| {
        let known = || store.core.lock().catalog.database(id).map(|database| database.path.clone());
        path.or_else(known).ok_or(StorageError::Behind { after: seq - 1, kept: seq })
    };
    Ok(Some(match op {
        CatalogOp::CreateDatabase { path, ttl, .. } => ChangeKind::CreateDatabase { path, ttl },
        CatalogOp::DeleteDatabase { id, path, owner } => {
            ChangeKind::DeleteDatabase { path: path_of(id, path)?, owner }
        }
        CatalogOp::SetTtl { id, path, ttl } => {
            ChangeKind::SetTtl { pattern: PathPattern::from(&path_of(id, path)?), ttl }
        }
        CatalogOp::SetPathTtl { pattern, ttl } => ChangeKind::SetTtl { pattern, ttl },
        // Those who follow get series and rows: which of them are alike is the store's own affair.
        CatalogOp::PutTemplate { name, .. } => {
            let catalog = store.core.lock().catalog.clone();
            let made = catalog.made_of_template(&name, seq);
            if made.is_empty() {
                return Ok(None);
            }
            ChangeKind::CreateSeries(made)
        }
        // What is seen by another name as well is sent once, by its own.
        CatalogOp::DropTemplate { .. }
        | CatalogOp::SetTemplate { .. }
        | CatalogOp::UnsetTemplate { .. }
        | CatalogOp::PutView(_)
        | CatalogOp::DropView { .. } => {
            return Ok(None);
        }
        CatalogOp::CreateSeries { device, aligned, series }
        | CatalogOp::Activate { device, aligned, series, .. } => {
            ChangeKind::CreateSeries(series.into_iter().map(|def| def.into_new(&device, aligned)).collect())
        }
        CatalogOp::AlterSeries { device, series, owner } => {
            let SeriesDef { measurement, alias, tags, attributes, .. } = series;
            let change = SeriesChange { alias: Some(alias), tags: Some(tags), attributes: Some(attributes) };
            ChangeKind::AlterSeries { path: device.child(&measurement), change, owner }
        }
        CatalogOp::AlterStored { device, measurements, encoding, compressor, owner } => {
            ChangeKind::AlterStored { device, measurements, encoding, compressor, owner }
        }
        CatalogOp::DeleteSeries { patterns, owner } => ChangeKind::DeleteSeries { patterns, owner },
        CatalogOp::Delete { patterns, range, owner } => ChangeKind::Delete { patterns, range, owner },
    }))
}

impl SeriesDef {
    /// The series as it would be made.
    pub(crate) fn into_new(self, device: &levada_model::Path, aligned: bool) -> NewSeries {
        let SeriesDef { measurement, schema, alias, tags, attributes, deadband } = self;
        NewSeries { device: device.clone(), measurement, schema, aligned, alias, tags, attributes, deadband }
    }
}
