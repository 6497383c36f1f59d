//! Rows that came into files without having been in the log, told in the place of their record there.
//!
//! The record names the files that have them and nothing else. Rows that went since do not come: what took them away is told later.

use std::sync::Arc;

use levada_model::{Path, Tablet};

use super::{ChangeKind, rows::DeviceRows};
use crate::{StorageError, TimeRange, read::Snapshot, sealed::Files, store::Store, wal::ChunksRecord};

/// Rows of a write of chunks, on their way to a reader.
pub(super) struct Arrived {
    /// The number of the record.
    pub(super) seq: u64,
    owner: Option<Arc<str>>,
    snapshot: Snapshot,
    devices: std::vec::IntoIter<(Path, TimeRange)>,
    reading: Option<DeviceRows>,
    /// What was read and not given yet: so it is known which rows are the last.
    ahead: Option<(Tablet, usize)>,
}

impl std::fmt::Debug for Arrived {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arrived").field("seq", &self.seq).finish_non_exhaustive()
    }
}

impl Arrived {
    /// Rows of a record; `None` where its files are not there any more, as they are one with others.
    pub(super) fn new(store: &Store, record: ChunksRecord, seq: u64) -> Option<Self> {
        let mut snapshot = store.snapshot();
        snapshot.memtables.clear();
        let ChunksRecord { owner, files: named, devices, .. } = record;
        let mut files = Files::new();
        for (place, id) in named {
            if snapshot.catalog.database(place.database).is_none() {
                // It went with all in it, which is told later.
                continue;
            }
            let of_place = snapshot.files.get(&place)?;
            let file = of_place.iter().find(|file| file.meta.id == id)?;
            files.entry(place).or_default().push(Arc::clone(file));
        }
        snapshot.files = Arc::new(files);
        Some(Self { seq, owner, snapshot, devices: devices.into_iter(), reading: None, ahead: None })
    }

    /// The next rows, how many bytes they take, about, and whether they are the last; `None` where there are none any more. Nothing is skipped after
    /// an error.
    pub(super) fn next(&mut self) -> Result<Option<(ChangeKind, usize, bool)>, StorageError> {
        if self.ahead.is_none() {
            self.ahead = self.read()?;
        }
        if self.ahead.is_none() {
            return Ok(None);
        }
        let behind = self.read()?;
        let (owner, is_last) = (self.owner.clone(), behind.is_none());
        let given = std::mem::replace(&mut self.ahead, behind);
        Ok(given.map(|(tablet, bytes)| (ChangeKind::Rows { owner, tablets: vec![tablet] }, bytes, is_last)))
    }

    fn read(&mut self) -> Result<Option<(Tablet, usize)>, StorageError> {
        loop {
            if let Some(reading) = &mut self.reading {
                if let Some(rows) = reading.next(&self.snapshot)? {
                    return Ok(Some(rows));
                }
                self.reading = None;
            }
            let Some((path, times)) = self.devices.next() else { return Ok(None) };
            let seq = self.seq;
            // A series that was made since is another one.
            let device = self.snapshot.catalog.device(&path).map(Arc::clone);
            self.reading = device.map(|device| DeviceRows::new(device, times, |series| series.since <= seq));
        }
    }
}
