//! Bringing the manifest up to what is so.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use super::{Core, Store};
use crate::{
    ReaderInfo, StorageError,
    manifest::{Commit, State},
    memtable::Memtable,
    place::Place,
    sealed::{FileMeta, Files, SealedFile},
    tombstone::Tombstone,
    wal::{LogEnd, Wal},
};

/// What a commit is about.
#[derive(Debug, Default)]
pub(crate) struct Change {
    pub(crate) added: Vec<Arc<SealedFile>>,
    pub(crate) removed: Vec<Arc<SealedFile>>,
    /// Files of which less counts than before: each takes the place of the one of its number.
    pub(crate) cut: Vec<Arc<SealedFile>>,
    /// The memtables whose rows the added files hold.
    pub(crate) flushed: Vec<Arc<Memtable>>,
    /// The write whose chunks the added files hold.
    pub(crate) arrived: Option<u64>,
}

impl Change {
    /// The files that count from then on.
    fn added(&self) -> impl Iterator<Item = &Arc<SealedFile>> {
        self.added.iter().chain(&self.cut)
    }
}

impl Store {
    /// See [`crate::Storage::sync`].
    pub(crate) fn sync(&self) -> Result<(), StorageError> {
        let Some(wal) = &self.wal else { return Ok(()) };
        let acknowledged = wal.acked_seq();
        if wal.synced_seq() >= acknowledged { Ok(()) } else { wal.synced(acknowledged).wait() }
    }

    /// Commits changes of the catalog.
    pub(crate) fn commit_catalog(&self) -> Result<(), StorageError> {
        self.commit(Change::default())
    }

    /// Makes a change durable, and then makes it.
    ///
    /// # Errors
    /// It may or may not have become durable, and is not made: its files must stay until a commit succeeds. So do those of
    /// memtables, which the caller gives to the next commit; others go by themselves then.
    pub(crate) fn commit(&self, change: Change) -> Result<(), StorageError> {
        let mut manifest = self.manifest.lock();
        let readers = self.holds.named();
        let (commit, state, dropped, kept) = {
            let mut core = self.core.lock();
            let synced = self.wal.as_ref().map_or(0, Wal::synced_seq);
            let (commit, kept) = core.prepare_commit(&change, synced, readers);
            let state = manifest.is_outgrown().then(|| core.state(&commit));
            (core.commit_wanted, core.note_wanted) = (false, false);
            (commit, state, std::mem::take(&mut core.dropped), kept)
        };
        // The manifest must not be ahead of the log: else a crash could keep a later write and lose an earlier one. Where the
        // log cannot be written, files are all the more needed.
        if let Some(wal) = &self.wal
            && let Err(error) = wal.synced(commit.seq).wait()
        {
            tracing::warn!(%error, "files are committed ahead of the log");
        }
        change.added.iter().for_each(|file| file.adopt());
        // Without a log none of its files has to be there.
        let log = self.wal.as_ref().map_or(LogEnd::default(), Wal::end);
        let committed =
            manifest.commit(&commit, Some(log), || state.expect("made where a generation is due"));
        if let Err(error) = committed {
            let mut core = self.core.lock();
            core.dropped.extend(dropped);
            if change.flushed.is_empty() {
                // The next commit that succeeds says that they are gone.
                core.dropped.extend(change.added);
            }
            core.commit_wanted = true;
            return Err(error);
        }
        let freed = self.core.lock().finish_commit(&change, &commit, &kept);
        drop(manifest);
        self.holds.removed(dropped.iter().chain(&change.removed));
        dropped.iter().chain(&change.removed).for_each(|file| file.retire());
        if let Some(wal) = &self.wal {
            wal.noted(log);
            self.free_log(commit.floor);
        }
        if freed > 0 {
            self.admission.give(freed);
        }
        self.admission.wake();
        Ok(())
    }
}

impl Store {
    /// Says in the manifest what must be there of the log from now on, and lets go of what need not be.
    pub(crate) fn note_log(&self) -> Result<(), StorageError> {
        let Some(wal) = &self.wal else { return Ok(()) };
        let mut manifest = self.manifest.lock();
        self.core.lock().note_wanted = false;
        let log = wal.end();
        match manifest.note_log(log) {
            Ok(true) => {}
            Ok(false) => {
                self.core.lock().commit_wanted = true;
                return Ok(());
            }
            Err(error) => {
                self.core.lock().commit_wanted = true;
                return Err(error);
            }
        }
        wal.noted(log);
        drop(manifest);
        let floor = self.core.lock().floor;
        self.free_log(floor);
        Ok(())
    }

    /// Lets go of the log up to a write, but for what readers of changes still need, within their bound.
    pub(crate) fn free_log(&self, floor: u64) {
        let Some(wal) = &self.wal else { return };
        let freed = self.holds.free(floor, |after| wal.bytes_between(after, floor), |seq| wal.detach(seq));
        wal.remove(freed);
    }
}

impl Store {
    /// The readers of changes.
    pub(crate) fn readers(&self) -> Vec<ReaderInfo> {
        // The lock of the readers is taken last.
        let core = self.core.lock();
        let (seq, floor) = (core.seq, core.floor);
        let bytes = |after| self.wal.as_ref().map_or(0, |wal| wal.bytes_between(after, floor));
        self.holds.infos(seq, |after| core.tally.behind(after), bytes)
    }

    /// Forgets a reader of changes by its name.
    pub(crate) fn forget_reader(&self, name: &str) -> Result<bool, StorageError> {
        let found = self.holds.forget(name);
        if found {
            self.commit_catalog()?;
        }
        Ok(found)
    }
}

impl Core {
    /// What the manifest must say for a change, and the numbers of the deletions that stay.
    fn prepare_commit(
        &mut self,
        change: &Change,
        synced: u64,
        readers: Vec<(Arc<str>, u64)>,
    ) -> (Commit, HashSet<u64>) {
        let oldest = self.oldest_in_memory(change);
        let floor = oldest.map_or(self.seq, |oldest| oldest.saturating_sub(1)).max(self.floor);
        // What is in files is safe, whatever became of the log.
        self.positions.settle(floor.max(synced));
        let mut removed: HashSet<u64> = change.removed.iter().map(|file| file.meta.id).collect();
        removed.extend(self.dropped.iter().chain(&change.cut).map(|file| file.meta.id));
        let added: Vec<FileMeta> = change.added().map(|file| file.meta).collect();
        let mut tombstones = self.tombstones.clone();
        tombstones.retain(|tombstone| {
            oldest.is_some_and(|oldest| oldest < tombstone.seq)
                || change.added().any(|file| file.needs(tombstone))
                || self.is_needed(tombstone, &removed)
        });
        let kept: HashSet<u64> = tombstones.iter().map(|tombstone| tombstone.seq).collect();
        let gone = self.tombstones.iter().map(|tombstone| tombstone.seq).filter(|seq| !kept.contains(seq));
        let forgotten = gone.fold(self.forgotten, u64::max);
        let flushed = change.flushed.iter().map(|memtable| (memtable.place, memtable.last_seq()));
        let mut positions = Vec::new();
        self.positions.put(&mut positions);
        let commit = Commit {
            ops: std::mem::take(&mut self.pending),
            seq: self.seq,
            floor,
            added,
            removed: removed.into_iter().collect(),
            flushed: flushed.filter(|(_, seq)| *seq > floor).collect(),
            next_file: self.next_file,
            positions,
            tombstones,
            readers,
            forgotten,
        };
        (commit, kept)
    }

    /// Whether a deletion may hide values in files, but for those that are removed.
    pub(crate) fn is_needed(&self, tombstone: &Tombstone, removed: &HashSet<u64>) -> bool {
        self.files.iter().any(|(place, files)| {
            files.iter().any(|file| file.needs(tombstone) && !removed.contains(&file.meta.id))
                && self
                    .catalog
                    .database(place.database)
                    .is_some_and(|database| tombstone.may_concern(&database.path))
        })
    }

    fn metas(&self) -> impl Iterator<Item = &FileMeta> {
        self.files.values().flatten().map(|file| &file.meta)
    }

    /// The whole state with a commit.
    fn state(&self, commit: &Commit) -> State {
        let files = self.metas().filter(|meta| !commit.removed.contains(&meta.id));
        let rest = Commit {
            ops: Vec::new(),
            seq: commit.seq,
            floor: commit.floor,
            added: files.chain(&commit.added).copied().collect(),
            removed: Vec::new(),
            flushed: self.flushed_with(commit).into_iter().collect(),
            next_file: commit.next_file,
            positions: commit.positions.clone(),
            tombstones: commit.tombstones.clone(),
            readers: commit.readers.clone(),
            forgotten: commit.forgotten,
        };
        State { catalog: self.catalog.clone(), rest }
    }

    /// Makes the change that was committed; gives the bytes of memory that were freed.
    fn finish_commit(&mut self, change: &Change, commit: &Commit, kept: &HashSet<u64>) -> usize {
        self.floor = commit.floor;
        self.forgotten = self.forgotten.max(commit.forgotten);
        self.flushed = self.flushed_with(commit);
        let seq = commit.seq;
        self.tombstones.retain(|tombstone| tombstone.seq > seq || kept.contains(&tombstone.seq));
        let files: &mut Files = Arc::make_mut(&mut self.files);
        for file in change.removed.iter().chain(&change.cut) {
            if let Some(files) = files.get_mut(&file.meta.place) {
                files.retain(|other| other.meta.id != file.meta.id);
            }
        }
        for file in change.added() {
            // A database may have been deleted meanwhile.
            if self.catalog.database(file.meta.place.database).is_some() {
                files.entry(file.meta.place).or_default().push(Arc::clone(file));
            } else {
                self.dropped.push(Arc::clone(file));
                self.commit_wanted = true;
            }
        }
        files.retain(|_, files| !files.is_empty());
        let flushed: HashSet<_> = change.flushed.iter().map(Arc::as_ptr).collect();
        self.frozen.retain(|frozen| !flushed.contains(&Arc::as_ptr(&frozen.memtable)));
        change.flushed.iter().map(|memtable| memtable.bytes()).sum()
    }

    /// All places whose rows up to a write are in files, where that is beyond the floor, with a commit.
    fn flushed_with(&self, commit: &Commit) -> BTreeMap<Place, u64> {
        let known = self.flushed.iter().map(|(place, seq)| (*place, *seq));
        known.chain(commit.flushed.iter().copied()).filter(|(_, seq)| *seq > commit.floor).collect()
    }
}
