//! A disk that rejects and waits as it is told.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use levada_engine::{Disk, LockOutcome, ReadFile, SystemDisk, WriteFile};
use parking_lot::{Condvar, Mutex};

#[derive(Debug, Default)]
struct Told {
    /// Files whose names begin so cannot be made.
    rejected: Option<&'static str>,
    /// Reads of the log wait.
    holds_reads: bool,
    /// So many of them do.
    held: usize,
}

/// A disk that rejects and waits as it is told. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct ToldDisk(Arc<(Mutex<Told>, Condvar)>);

/// Reads wait until this is dropped.
pub(crate) struct Held(ToldDisk);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.0.0.lock().holds_reads = false;
        self.0.0.1.notify_all();
    }
}

impl ToldDisk {
    /// From now on files whose names begin so cannot be made.
    pub(crate) fn reject(&self, names: Option<&'static str>) {
        self.0.0.lock().rejected = names;
    }

    /// From now on reads of the log wait.
    pub(crate) fn hold_reads(&self) -> Held {
        self.0.0.lock().holds_reads = true;
        Held(self.clone())
    }

    /// How many reads of the log wait.
    pub(crate) fn held(&self) -> usize {
        self.0.0.lock().held
    }

    fn room(&self, path: &Path) -> io::Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match self.0.0.lock().rejected {
            Some(rejected) if name.starts_with(rejected) => Err(io::ErrorKind::PermissionDenied.into()),
            _ => Ok(()),
        }
    }
}

#[derive(Debug)]
struct HeldFile(ToldDisk, Arc<dyn ReadFile>);

impl ReadFile for HeldFile {
    fn len(&self) -> io::Result<u64> {
        self.1.len()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let (told, changed) = &*self.0.0;
        let mut told = told.lock();
        told.held += 1;
        while told.holds_reads {
            changed.wait(&mut told);
        }
        told.held -= 1;
        drop(told);
        self.1.read_at(bytes, offset)
    }
}

impl Disk for ToldDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        self.room(path)?;
        SystemDisk.create(path)
    }

    fn create_private(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        self.room(path)?;
        SystemDisk.create_private(path)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>> {
        let file = SystemDisk.open(path)?;
        let is_log = path.extension().is_some_and(|extension| extension == "wal");
        Ok(if is_log { Arc::new(HeldFile(self.clone(), file)) } else { file })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        SystemDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        SystemDisk.remove(path)
    }

    fn files(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        SystemDisk.files(dir)
    }

    fn folders(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        SystemDisk.folders(dir)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        SystemDisk.create_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        SystemDisk.sync_dir(dir)
    }

    fn lock(&self, path: &Path, holder: &str) -> io::Result<LockOutcome> {
        SystemDisk.lock(path, holder)
    }

    fn lock_to_read(&self, path: &Path) -> io::Result<LockOutcome> {
        SystemDisk.lock_to_read(path)
    }
}
