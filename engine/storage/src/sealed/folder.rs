//! The folder of sealed files, and how many of them are open.

use std::{
    collections::{HashSet, VecDeque},
    path::{Path, PathBuf},
    sync::{Arc, Weak},
};

use levada_tsfile::TsFileReader;
use parking_lot::Mutex;

use super::{
    bytes::FileBytes,
    ends::{Ends, KnownEnds},
};
use crate::{disk::Disk, place::Place};

/// So many files are kept open at most: systems often allow a process 1,024.
const OPEN: usize = 400;

/// Of so many folders it is remembered that their names are durable.
const NAMED: usize = 4096;

/// A file's reader, while it is open.
pub(super) type Slot = Mutex<Option<Arc<TsFileReader<FileBytes>>>>;

/// Where sealed files are.
#[derive(Debug)]
pub(crate) struct DataFolder {
    pub(crate) dir: PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
    /// Those that are open, the one opened first in front.
    open: Mutex<VecDeque<Weak<Slot>>>,
    ends: Mutex<KnownEnds>,
    /// Folders whose own names are durable.
    named: Mutex<HashSet<PathBuf>>,
}

impl DataFolder {
    pub(crate) fn new(dir: PathBuf, disk: Arc<dyn Disk>) -> Self {
        Self { dir, disk, open: Mutex::default(), ends: Mutex::default(), named: Mutex::default() }
    }

    /// The folder of a place's files.
    pub(crate) fn of(&self, place: Place) -> PathBuf {
        self.dir.join(place.database.to_string()).join(place.partition.to_string())
    }

    /// The path of a file.
    pub(super) fn file(&self, place: Place, id: u64) -> PathBuf {
        self.of(place).join(format!("{id:010}.tsfile"))
    }

    /// Notes that a file was opened; where there are too many, closes the one that was opened first. Whoever reads it goes on
    /// doing so.
    pub(super) fn opened(&self, slot: &Arc<Slot>) {
        let closed: Vec<_> = {
            let mut open = self.open.lock();
            open.push_back(Arc::downgrade(slot));
            let many = open.len().saturating_sub(OPEN);
            open.drain(..many).filter_map(|slot| slot.upgrade()).collect()
        };
        closed.iter().for_each(|slot| drop(slot.lock().take()));
    }

    /// What is known of a file: up to which time it holds rows of each device.
    pub(super) fn ends(&self, file: u64) -> Option<Arc<Ends>> {
        self.ends.lock().get(file)
    }

    pub(super) fn note_ends(&self, file: u64, ends: Arc<Ends>) {
        self.ends.lock().put(file, ends);
    }

    pub(super) fn forget_ends(&self, file: u64) {
        self.ends.lock().forget(file);
    }

    /// The folders to be synced so that the names of files last: their own, and those above that were made for them, perhaps.
    pub(super) fn to_sync<'a>(&self, files: impl Iterator<Item = &'a Path>) -> Vec<PathBuf> {
        let named = self.named.lock();
        let mut found = HashSet::new();
        for file in files {
            for dir in file.ancestors().skip(1).take_while(|dir| dir.starts_with(&self.dir)) {
                if !found.contains(dir) {
                    found.insert(dir.to_owned());
                }
                if named.contains(dir) {
                    break;
                }
            }
        }
        // In the order of names: what fails, fails at the same place each time.
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort_unstable();
        found
    }

    /// These folders, and all above them, have durable names.
    pub(super) fn note_named(&self, folders: impl Iterator<Item = PathBuf>) {
        let mut named = self.named.lock();
        for folder in folders {
            if named.len() >= NAMED {
                named.clear();
            }
            named.insert(folder);
        }
    }
}
