//! The threads that flush.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use levada_model::PathPattern;

use super::{Admission, Core, Store, commit::Change};
use crate::{
    StorageError,
    memtable::Memtable,
    sealed::{FlushInput, flush},
    wal::Wal,
};

/// How long a flush that failed waits before it is tried again by itself.
const RETRY: Duration = Duration::from_secs(1);

impl Core {
    /// The first frozen memtable that may be flushed: of one place only the oldest.
    pub(super) fn next_to_flush(&mut self) -> Option<Arc<Memtable>> {
        let at = (0..self.frozen.len()).find(|&at| {
            let place = self.frozen[at].memtable.place;
            !self.frozen[at].running && self.frozen[..at].iter().all(|before| before.memtable.place != place)
        })?;
        self.frozen[at].running = true;
        Some(Arc::clone(&self.frozen[at].memtable))
    }

    /// Whether waiting for room is of no use, since flushing fails.
    pub(crate) fn no_use_in_waiting(&self) -> bool {
        self.closed || self.frozen.iter().any(|frozen| frozen.failures > 0)
    }

    /// That flushing does not fail, or that there is room all the same.
    pub(super) fn flush_failure(&self, admission: &Admission) -> Result<(), StorageError> {
        if self.closed {
            return Err(StorageError::Closed);
        }
        if admission.has_room() || self.frozen.iter().all(|frozen| frozen.failures == 0) {
            return Ok(());
        }
        Err(StorageError::refused(
            levada_model::StatusCode::WRITE_PROCESS_REJECT,
            "memory is full and cannot be flushed to files; the log of the store says why",
        ))
    }
}

impl Store {
    /// A flush thread's work, until the store is closed.
    pub(crate) fn run_flushes(self: Arc<Self>) {
        loop {
            let mut core = self.core.lock();
            if core.closed {
                return;
            }
            if let Some(memtable) = core.next_to_flush() {
                drop(core);
                self.flush_one(&memtable);
            } else if core.commit_wanted {
                drop(core);
                if let Err(error) = self.commit_catalog() {
                    tracing::error!(%error, "the manifest cannot be written");
                    self.work.wait_for(&mut self.core.lock(), RETRY);
                }
            } else {
                self.work.wait(&mut core);
            }
        }
    }

    fn flush_one(&self, memtable: &Arc<Memtable>) {
        let result = self.flush_memtable(memtable);
        let mut core = self.core.lock();
        match result {
            Ok(()) => {
                self.counters.flushes.fetch_add(1, Ordering::Relaxed);
                core.frozen.iter_mut().for_each(|frozen| frozen.failures = 0);
            }
            Err(error) => {
                tracing::error!(%error, "a flush failed; it will be tried again");
                let found = core.frozen.iter_mut().find(|frozen| Arc::ptr_eq(&frozen.memtable, memtable));
                if let Some(frozen) = found {
                    frozen.failures += 1;
                }
                self.done.notify_all();
                drop(core);
                self.admission.wake();
                core = self.core.lock();
                if !core.closed {
                    self.work.wait_for(&mut core, RETRY);
                }
                let found = core.frozen.iter_mut().find(|frozen| Arc::ptr_eq(&frozen.memtable, memtable));
                if let Some(frozen) = found {
                    frozen.running = false;
                }
            }
        }
        drop(core);
        self.done.notify_all();
        self.work.notify_all();
    }

    pub(super) fn flush_memtable(&self, memtable: &Arc<Memtable>) -> Result<(), StorageError> {
        let (catalog, tombstones, files, ids, seq) = {
            let mut core = self.core.lock();
            let ids = [core.next_file, core.next_file + 1];
            core.next_file += 2;
            let files = core.files.get(&memtable.place).cloned().unwrap_or_default();
            (core.catalog.clone(), core.tombstones.clone(), files, ids, core.seq)
        };
        let input = FlushInput {
            folder: &self.folder,
            catalog: &catalog,
            tombstones: &tombstones,
            files: &files,
            ids,
            seq,
        };
        let added = flush(memtable, &input)?.into_iter().map(Arc::new).collect();
        self.commit(Change { added, flushed: Some(Arc::clone(memtable)), ..Change::default() })
    }

    /// Flushes the databases that match, all where there is no pattern, and waits for it.
    pub(crate) fn flush(&self, patterns: &[PathPattern]) -> Result<(), StorageError> {
        let mut core = self.core.lock();
        if core.closed {
            return Err(StorageError::Closed);
        }
        let databases = (!patterns.is_empty()).then(|| core.databases_of(patterns));
        let wanted = |memtable: &Memtable| {
            databases.as_ref().is_none_or(|databases| databases.contains(&memtable.place.database))
        };
        core.freeze(wanted);
        self.wal.as_ref().into_iter().for_each(Wal::rotate);
        for frozen in &mut core.frozen {
            frozen.failures = 0;
        }
        let waiting: Vec<Arc<Memtable>> = core
            .frozen
            .iter()
            .map(|frozen| &frozen.memtable)
            .filter(|memtable| wanted(memtable))
            .cloned()
            .collect();
        self.work.notify_all();
        loop {
            let mut left = core
                .frozen
                .iter()
                .filter(|frozen| waiting.iter().any(|memtable| Arc::ptr_eq(memtable, &frozen.memtable)))
                .peekable();
            if left.peek().is_none() {
                return Ok(());
            }
            if left.any(|frozen| frozen.failures > 0) {
                return Err(StorageError::refused(
                    levada_model::StatusCode::STORAGE_ENGINE_ERROR,
                    "a file cannot be written; nothing is lost, and it will be tried again",
                ));
            }
            if core.closed {
                return Err(StorageError::Closed);
            }
            self.done.wait(&mut core);
        }
    }
}
