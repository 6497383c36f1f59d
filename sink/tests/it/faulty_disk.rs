//! A real disk that fails and stalls when it is told to.

use std::{io, path::Path, sync::Arc};

use levada_sink::file::{Disk, DiskFile, SystemDisk};
use parking_lot::{Condvar, Mutex};

/// Clones share their trouble.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultyDisk {
    trouble: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Debug, Default)]
struct State {
    stalls: bool,
    full: bool,
    /// How many calls that change something may still succeed.
    calls_left: Option<u64>,
    /// Whether only one call fails, and those after it succeed again.
    once: bool,
    calls: u64,
}

#[derive(Debug)]
struct FaultyFile {
    file: Box<dyn DiskFile>,
    disk: FaultyDisk,
}

impl FaultyDisk {
    pub(crate) fn stall(&self) {
        self.change(|state| state.stalls = true);
    }

    pub(crate) fn fill(&self) {
        self.change(|state| state.full = true);
    }

    /// The call after so many more fails, and with it all after it until the disk is healed, unless it is but this `once`.
    pub(crate) fn fail_at(&self, calls: u64, once: bool) {
        self.change(|state| (state.calls_left, state.once) = (Some(calls), once));
    }

    pub(crate) fn heal(&self) {
        self.change(|state| *state = State { calls: state.calls, ..State::default() });
    }

    /// How many calls that change something there were.
    pub(crate) fn calls(&self) -> u64 {
        self.trouble.0.lock().calls
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.trouble.0.lock());
        self.trouble.1.notify_all();
    }

    fn pass(&self) -> io::Result<()> {
        let (state, changed) = &*self.trouble;
        let mut state = state.lock();
        changed.wait_while(&mut state, |state| state.stalls);
        state.calls += 1;
        match &mut state.calls_left {
            Some(0) => {
                if state.once {
                    state.calls_left = None;
                }
                return Err(io::Error::new(io::ErrorKind::StorageFull, "injected"));
            }
            Some(left) => *left -= 1,
            None => {}
        }
        if state.full { Err(io::Error::new(io::ErrorKind::StorageFull, "injected")) } else { Ok(()) }
    }
}

impl Disk for FaultyDisk {
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.pass()?;
        SystemDisk.create_folder(folder)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        SystemDisk.list(folder)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.pass()?;
        Ok(Box::new(FaultyFile { file: SystemDisk.create(path)?, disk: self.clone() }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.pass()?;
        Ok(Box::new(FaultyFile { file: SystemDisk.open(path)?, disk: self.clone() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.pass()?;
        SystemDisk.rename(from, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.pass()?;
        SystemDisk.sync_folder(folder)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.pass()?;
        SystemDisk.remove(path)
    }
}

impl DiskFile for FaultyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.disk.pass().inspect_err(|_| {
            // A full disk takes what fits.
            let _ignored = self.file.append(&bytes[..bytes.len() / 2]);
        })?;
        self.file.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.pass()?;
        self.file.sync()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.disk.pass()?;
        self.file.truncate(length)
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.file.read_at(offset, bytes)
    }

    fn scan(&mut self, piece: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        self.file.scan(piece)
    }
}
