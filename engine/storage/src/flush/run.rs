//! The threads that flush, and what becomes of what they cannot.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use levada_model::{PathPattern, StatusCode};

use super::write::{FlushInput, flush};
use crate::{
    StorageError,
    memtable::Memtable,
    place::Place,
    sealed::{SealedFile, Unsealed, seal_all},
    store::{Admission, Change, Core, FlushFailure, Store, caught},
    wal::Wal,
};

/// How long a flush that failed waits before it is tried again by itself.
const RETRY: Duration = Duration::from_secs(1);

/// So many memtables share a commit: their files are open at the same time.
const MEMTABLES_PER_COMMIT: usize = 128;

/// Memtables of so many bytes share a commit: what is flushed first waits for it.
const BYTES_PER_COMMIT: usize = 8 << 20;

/// A memtable that was not flushed.
#[derive(Debug)]
pub(crate) struct Failed {
    memtable: Arc<Memtable>,
    reason: Arc<StorageError>,
    /// Its files, where only the commit failed.
    sealed: Option<Vec<Arc<SealedFile>>>,
}

impl Failed {
    pub(crate) fn reason(&self) -> StorageError {
        StorageError::rejected(self.reason.code(), self.reason.to_string())
    }
}

impl Core {
    /// The first frozen memtables that may be flushed: of one place only the oldest, and so many as go well together.
    pub(crate) fn next_to_flush(&mut self) -> Vec<Arc<Memtable>> {
        let now = Instant::now();
        let arriving = self.arriving.iter().flat_map(|arriving| arriving.places.iter().copied());
        let (mut places, mut batch, mut bytes) = (arriving.collect::<HashSet<_>>(), Vec::new(), 0);
        for frozen in &mut self.frozen {
            let rests = frozen.failure.as_ref().is_some_and(|failure| failure.again > now);
            if !places.insert(frozen.memtable.place) || frozen.running || rests {
                continue;
            }
            bytes += frozen.memtable.bytes();
            if !batch.is_empty() && bytes > BYTES_PER_COMMIT {
                break;
            }
            frozen.running = true;
            batch.push(Arc::clone(&frozen.memtable));
            if batch.len() == MEMTABLES_PER_COMMIT {
                break;
            }
        }
        batch
    }

    /// When a flush that failed is tried again.
    fn next_retry(&self) -> Option<Instant> {
        let resting = self.frozen.iter().filter(|frozen| !frozen.running);
        resting.filter_map(|frozen| Some(frozen.failure.as_ref()?.again)).min()
    }

    /// Why no flush will free memory before long; `None` where one may.
    fn stuck(&self) -> Option<&FlushFailure> {
        let first = self.frozen.iter().find_map(|frozen| frozen.failure.as_ref())?;
        let mut failing = HashSet::new();
        for frozen in &self.frozen {
            if frozen.failure.is_some() {
                failing.insert(frozen.memtable.place);
            } else if !failing.contains(&frozen.memtable.place) {
                return None;
            }
        }
        Some(first)
    }

    /// Whether waiting for room is of no use, since flushing fails.
    pub(crate) fn no_use_in_waiting(&self) -> bool {
        self.closed || self.stuck().is_some()
    }

    /// That flushing does not fail, or that there is room all the same.
    pub(crate) fn flush_failure(&mut self, admission: &Admission) -> Result<(), StorageError> {
        if self.closed {
            return Err(StorageError::Closed);
        }
        if admission.has_room() {
            return Ok(());
        }
        if self.stuck().is_some() {
            // What is not frozen yet may be flushed with more luck.
            self.freeze(|_| true);
        }
        match self.stuck() {
            None => Ok(()),
            Some(failure) => Err(StorageError::rejected(
                StatusCode::WRITE_PROCESS_REJECT,
                format!("memory is full and cannot be flushed to files: {}", failure.reason),
            )),
        }
    }

    /// Ends a flush: what was flushed is gone from here already.
    fn end_flush(&mut self, failed: Vec<Failed>) {
        let again = Instant::now() + RETRY;
        let mut failed: HashMap<_, _> =
            failed.into_iter().map(|failed| (Arc::as_ptr(&failed.memtable), failed)).collect();
        for frozen in &mut self.frozen {
            let Some(failed) = failed.remove(&Arc::as_ptr(&frozen.memtable)) else { continue };
            frozen.running = false;
            frozen.failure = Some(FlushFailure { reason: failed.reason, again });
            if failed.sealed.is_some() {
                frozen.sealed = failed.sealed;
            }
        }
    }
}

impl Store {
    /// A flush thread's work, until the store is closed.
    pub(crate) fn run_flushes(self: Arc<Self>) {
        let mut no_commit_before = Instant::now();
        loop {
            let mut core = self.core.lock();
            if core.closed {
                return;
            }
            let batch = core.next_to_flush();
            if !batch.is_empty() {
                drop(core);
                self.flush_batch(&batch);
            } else if (core.commit_wanted || core.note_wanted) && no_commit_before <= Instant::now() {
                let commit = core.commit_wanted;
                drop(core);
                let work = || if commit { self.commit_catalog() } else { self.note_log() };
                if let Err(error) = caught("a commit", work) {
                    if let Some(attempts) = self.failures.commits.lock().note(1, Instant::now()) {
                        tracing::error!(%error, attempts, "the manifest cannot be written; trying again");
                    }
                    no_commit_before = Instant::now() + RETRY;
                }
            } else {
                let commit = (core.commit_wanted || core.note_wanted).then_some(no_commit_before);
                match core.next_retry().into_iter().chain(commit).min() {
                    Some(until) => drop(self.work.wait_until(&mut core, until)),
                    None => self.work.wait(&mut core),
                }
            }
        }
    }

    fn flush_batch(&self, batch: &[Arc<Memtable>]) {
        let failed = self.flush_together(batch);
        let flushed = (batch.len() - failed.len()) as u64;
        self.counters.flushes.fetch_add(flushed, Ordering::Relaxed);
        if let Some(first) = failed.first()
            && let Some(attempts) = self.failures.flushes.lock().note(1, Instant::now())
        {
            let (error, memtables) = (&first.reason, failed.len());
            tracing::error!(%error, memtables, attempts, "a flush failed; it will be tried again");
        }
        let woken = !failed.is_empty();
        self.core.lock().end_flush(failed);
        if woken {
            self.admission.wake();
        }
        self.done.notify_all();
        self.work.notify_all();
    }

    /// Flushes memtables of different places, with one commit; gives those that failed.
    pub(crate) fn flush_together(&self, batch: &[Arc<Memtable>]) -> Vec<Failed> {
        let mut failed = Vec::new();
        let mut fail = |memtable: &Arc<Memtable>, error: StorageError| {
            failed.push(Failed { memtable: Arc::clone(memtable), reason: Arc::new(error), sealed: None });
        };
        let mut done: HashMap<Place, Vec<Arc<SealedFile>>> = HashMap::new();
        let mut unsealed = Vec::new();
        for memtable in batch {
            match caught("a flush", || self.write(memtable)) {
                Ok(Written::Before(files)) => drop(done.insert(memtable.place, files)),
                Ok(Written::Now(files)) => {
                    done.insert(memtable.place, Vec::new());
                    unsealed.extend(files);
                }
                Err(error) => fail(memtable, error),
            }
        }
        let places: Vec<Place> = unsealed.iter().map(Unsealed::place).collect();
        let mut bytes = 0;
        match caught("a flush", || Ok(seal_all(unsealed))) {
            Ok(sealed) => {
                for (place, file) in places.into_iter().zip(sealed) {
                    match (file, done.get_mut(&place)) {
                        (Ok(file), Some(files)) => {
                            bytes += file.meta.bytes;
                            files.push(Arc::new(file));
                        }
                        (Ok(_), None) => {}
                        (Err(error), files) => {
                            if files.is_some()
                                && let Some(memtable) = batch.iter().find(|memtable| memtable.place == place)
                            {
                                fail(memtable, error);
                            }
                            done.remove(&place);
                        }
                    }
                }
            }
            Err(error) => {
                for memtable in batch.iter().filter(|memtable| places.contains(&memtable.place)) {
                    fail(memtable, StorageError::rejected(error.code(), error.to_string()));
                    done.remove(&memtable.place);
                }
            }
        }
        self.counters.flushed_bytes.fetch_add(bytes, Ordering::Relaxed);
        failed.extend(self.commit_flushed(batch, done));
        failed
    }

    /// Commits what was flushed of a batch; gives all of it where that fails.
    fn commit_flushed(
        &self,
        batch: &[Arc<Memtable>],
        mut done: HashMap<Place, Vec<Arc<SealedFile>>>,
    ) -> Vec<Failed> {
        if done.is_empty() {
            return Vec::new();
        }
        let flushed: Vec<_> =
            batch.iter().filter(|memtable| done.contains_key(&memtable.place)).map(Arc::clone).collect();
        let added = flushed.iter().flat_map(|memtable| &done[&memtable.place]).map(Arc::clone).collect();
        let change = Change { added, flushed: flushed.clone(), ..Change::default() };
        let Err(error) = caught("a commit", || self.commit(change)) else { return Vec::new() };
        let reason = Arc::new(error);
        let failed = flushed.into_iter().map(|memtable| {
            let sealed = done.remove(&memtable.place);
            Failed { memtable, reason: Arc::clone(&reason), sealed }
        });
        failed.collect()
    }

    /// Writes a memtable's files, but for sealing them.
    fn write(&self, memtable: &Arc<Memtable>) -> Result<Written, StorageError> {
        let (catalog, tombstones, files, ids, seq) = {
            let mut core = self.core.lock();
            let seq = core.seq;
            let ids = [core.next_file, core.next_file + 1];
            let frozen = core.frozen.iter_mut().find(|frozen| Arc::ptr_eq(&frozen.memtable, memtable));
            if let Some(frozen) = frozen {
                if let Some(files) = &frozen.sealed {
                    return Ok(Written::Before(files.clone()));
                }
                frozen.begun = seq;
            }
            core.next_file += 2;
            let files = core.files.get(&memtable.place).cloned().unwrap_or_default();
            (core.catalog.clone(), core.tombstones.clone(), files, ids, seq)
        };
        let input = FlushInput {
            folder: &self.folder,
            catalog: &catalog,
            tombstones: &tombstones,
            files: &files,
            ids,
            seq,
        };
        flush(memtable, &input).map(Written::Now)
    }

    /// Flushes the databases that match, all where there is no pattern, and waits for it.
    pub(crate) fn flush(&self, patterns: &[PathPattern]) -> Result<(), StorageError> {
        let mut core = self.core.lock();
        if core.closed {
            return Err(self.closed());
        }
        let databases: Option<HashSet<u32>> =
            (!patterns.is_empty()).then(|| core.databases_of(patterns).into_iter().collect());
        let wanted = |memtable: &Memtable| {
            databases.as_ref().is_none_or(|databases| databases.contains(&memtable.place.database))
        };
        core.freeze(wanted);
        self.wal.as_ref().into_iter().for_each(Wal::rotate);
        let mut waiting = HashSet::new();
        // Held, so that no other memtable takes the place of one of them in memory.
        let mut held = Vec::new();
        for frozen in core.frozen.iter_mut().filter(|frozen| wanted(&frozen.memtable)) {
            frozen.failure = None;
            waiting.insert(Arc::as_ptr(&frozen.memtable));
            held.push(Arc::clone(&frozen.memtable));
        }
        self.work.notify_all();
        loop {
            let left = core.frozen.iter().filter(|frozen| waiting.contains(&Arc::as_ptr(&frozen.memtable)));
            let (mut any, mut failure) = (false, None);
            for frozen in left {
                any = true;
                failure = failure.or(frozen.failure.as_ref());
            }
            if !any {
                return Ok(());
            }
            if let Some(FlushFailure { reason, .. }) = failure {
                return Err(StorageError::rejected(
                    reason.code(),
                    format!(
                        "a file cannot be written; nothing is lost, and it will be tried again: {reason}"
                    ),
                ));
            }
            if core.closed {
                return Err(StorageError::Closed);
            }
            self.done.wait(&mut core);
        }
    }
}

/// What was written of a memtable.
enum Written {
    /// Its files are sealed already.
    Before(Vec<Arc<SealedFile>>),
    Now(Vec<Unsealed>),
}
