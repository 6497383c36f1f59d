//! The folder of sealed files, and how many of them are open.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
};

use levada_tsfile::TsFileReader;
use parking_lot::Mutex;

use super::bytes::FileBytes;
use crate::{disk::Disk, memtable::Place};

/// So many files are kept open at most: systems often allow a process 1,024.
const OPEN: usize = 400;

/// A file's reader, while it is open.
pub(super) type Slot = Mutex<Option<Arc<TsFileReader<FileBytes>>>>;

/// Where sealed files are.
#[derive(Debug)]
pub(crate) struct DataFolder {
    pub(crate) dir: PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
    /// Those that are open, the one opened first in front.
    open: Mutex<VecDeque<Weak<Slot>>>,
}

impl DataFolder {
    pub(crate) fn new(dir: PathBuf, disk: Arc<dyn Disk>) -> Self {
        Self { dir, disk, open: Mutex::default() }
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

    /// The folders above a file, from its own up to this one.
    pub(super) fn folders_of<'a>(&'a self, file: &'a Path) -> impl Iterator<Item = &'a Path> {
        file.ancestors().skip(1).take_while(|dir| dir.starts_with(&self.dir))
    }
}
