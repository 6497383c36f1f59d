//! A file system in memory that fails on demand, can be full, and forgets on a power cut what was not synced.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use levada_storage::{Disk, Lock, LockOutcome, ReadFile, WriteFile};

use crate::random::Random;

#[derive(Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    synced: Vec<u8>,
}

type Node = Arc<Mutex<Content>>;

/// Which calls fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    #[default]
    None,
    /// This one, counted from now.
    Once(u64),
    /// This one and all after it.
    From(u64),
}

#[derive(Debug, Default)]
struct State {
    /// As a running system sees it.
    names: BTreeMap<PathBuf, Node>,
    /// As it would be after a power cut.
    durable: BTreeMap<PathBuf, Node>,
    folders: BTreeSet<PathBuf>,
    locked: BTreeSet<PathBuf>,
    calls: u64,
    fault: Fault,
    hit: bool,
    /// Bytes all files may have together.
    room: Option<usize>,
    short_reads: bool,
    cut: bool,
    held: bool,
}

/// A file system in memory. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultDisk(Arc<Mutex<State>>);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FaultDisk {
    /// Makes calls fail; counting begins anew.
    pub(crate) fn set_fault(&self, fault: Fault) {
        let mut state = locked(&self.0);
        (state.calls, state.fault, state.hit) = (0, fault, false);
    }

    /// Whether a call failed since [`FaultDisk::set_fault`].
    pub(crate) fn was_hit(&self) -> bool {
        locked(&self.0).hit
    }

    pub(crate) fn set_room(&self, room: Option<usize>) {
        locked(&self.0).room = room;
    }

    pub(crate) fn set_short_reads(&self) {
        locked(&self.0).short_reads = true;
    }

    /// Bytes of all files.
    pub(crate) fn used(&self) -> usize {
        locked(&self.0).names.values().map(|node| locked(node).bytes.len()).sum()
    }

    /// Lets all calls fail until [`FaultDisk::restart`]: the system is going down.
    pub(crate) fn power_off(&self) {
        locked(&self.0).cut = true;
    }

    /// What is there after a power cut: synced bytes under durable names and, of each file, as much of the rest as chance
    /// has it.
    pub(crate) fn restart(&self, random: &mut Random) {
        let mut state = locked(&self.0);
        state.names = state.durable.clone();
        state.cut = false;
        state.locked.clear();
        for node in state.names.values() {
            let mut content = locked(node);
            let mut bytes = content.synced.clone();
            if let Some(more) = content.bytes.strip_prefix(&*content.synced) {
                let kept = random.below(more.len() as u64 + 1) as usize;
                bytes.extend_from_slice(&more[..kept]);
            }
            content.synced.clone_from(&bytes);
            content.bytes = bytes;
        }
        state.durable = state.names.clone();
    }

    /// Flips a bit of a file.
    pub(crate) fn flip(&self, path: &Path, bit: usize) {
        self.alter(path, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
    }

    /// Changes the bytes of a file, as if they had always been so.
    pub(crate) fn alter(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let node = Arc::clone(&locked(&self.0).names[path]);
        let mut content = locked(&node);
        change(&mut content.bytes);
        content.synced = content.bytes.clone();
    }

    pub(crate) fn paths(&self, extension: &str) -> Vec<(PathBuf, usize)> {
        let state = locked(&self.0);
        let fits = |path: &&PathBuf| path.extension().is_some_and(|found| found == extension);
        state
            .names
            .keys()
            .filter(fits)
            .map(|path| (path.clone(), locked(&state.names[path]).bytes.len()))
            .collect()
    }

    /// As long as what this gives is held, files of data cannot be made.
    pub(crate) fn hold(&self) -> Hold {
        locked(&self.0).held = true;
        Hold(self.clone())
    }

    pub(crate) fn manifest(&self) -> Vec<(PathBuf, usize)> {
        let state = locked(&self.0);
        let named = |path: &&PathBuf| path.to_string_lossy().contains("manifest-");
        state
            .names
            .keys()
            .filter(named)
            .map(|path| (path.clone(), locked(&state.names[path]).bytes.len()))
            .collect()
    }

    fn call(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = locked(&self.0);
        if state.cut {
            return Err(io::Error::other("the power is off"));
        }
        state.calls += 1;
        let fails = match state.fault {
            Fault::None => false,
            Fault::Once(at) => state.calls == at,
            Fault::From(at) => state.calls >= at,
        };
        if fails {
            state.hit = true;
            return Err(io::Error::other("injected"));
        }
        Ok(state)
    }
}

/// See [`FaultDisk::hold`].
#[derive(Debug)]
pub(crate) struct Hold(FaultDisk);

impl Drop for Hold {
    fn drop(&mut self) {
        locked(&self.0.0).held = false;
    }
}

#[derive(Debug)]
struct Open {
    disk: FaultDisk,
    node: Node,
}

#[derive(Debug)]
struct Held(FaultDisk, PathBuf);

impl Lock for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        locked(&self.0.0).locked.remove(&self.1);
    }
}

impl Disk for FaultDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        while path.extension().is_some_and(|extension| extension == "tmp") && locked(&self.0).held {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let mut state = self.call()?;
        let node = Node::default();
        state.names.insert(path.to_owned(), Arc::clone(&node));
        Ok(Box::new(Open { disk: self.clone(), node }))
    }

    fn append(&self, path: &Path, len: u64) -> io::Result<Box<dyn WriteFile>> {
        let node = self.call()?.names.get(path).cloned().ok_or(io::ErrorKind::NotFound)?;
        locked(&node).bytes.truncate(len as usize);
        Ok(Box::new(Open { disk: self.clone(), node }))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>> {
        let node = self.call()?.names.get(path).cloned().ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(Open { disk: self.clone(), node }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.call()?;
        let node = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), node);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.call()?;
        state.names.remove(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(())
    }

    fn files(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(self.call()?.names.keys().filter(|path| path.parent() == Some(dir)).cloned().collect())
    }

    fn folders(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(self.call()?.folders.iter().filter(|path| path.parent() == Some(dir)).cloned().collect())
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.call()?;
        state.folders.extend(dir.ancestors().map(Path::to_owned));
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.call()?;
        let within = |path: &Path| path.parent() == Some(dir);
        state.durable.retain(|path, _| !within(path));
        let named: Vec<_> = state
            .names
            .iter()
            .filter(|(path, _)| within(path))
            .map(|(path, node)| (path.clone(), Arc::clone(node)))
            .collect();
        state.durable.extend(named);
        Ok(())
    }

    fn lock(&self, path: &Path, _holder: &str) -> io::Result<LockOutcome> {
        if !self.call()?.locked.insert(path.to_owned()) {
            return Ok(LockOutcome::Taken("another".to_owned()));
        }
        Ok(LockOutcome::Held(Box::new(Held(self.clone(), path.to_owned()))))
    }
}

impl Write for Open {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.disk.call()?.room;
        let mut taken = bytes.len();
        if let Some(room) = room {
            taken = taken.min(room.saturating_sub(self.disk.used()));
            if taken == 0 && !bytes.is_empty() {
                return Err(io::ErrorKind::StorageFull.into());
            }
        }
        locked(&self.node).bytes.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl WriteFile for Open {
    fn sync(&mut self) -> io::Result<()> {
        drop(self.disk.call()?);
        let mut content = locked(&self.node);
        content.synced = content.bytes.clone();
        Ok(())
    }

    fn cut(&mut self, len: u64) -> io::Result<()> {
        drop(self.disk.call()?);
        locked(&self.node).bytes.truncate(len as usize);
        Ok(())
    }
}

impl ReadFile for Open {
    fn len(&self) -> io::Result<u64> {
        drop(self.disk.call()?);
        Ok(locked(&self.node).bytes.len() as u64)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let short = self.disk.call()?.short_reads;
        let content = locked(&self.node);
        let rest = content.bytes.get(offset as usize..).unwrap_or_default();
        let mut read = rest.len().min(bytes.len());
        if short && read > 1 {
            read = read / 2 + 1;
        }
        bytes[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }
}
