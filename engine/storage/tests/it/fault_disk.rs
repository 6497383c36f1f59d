//! A file system in memory that fails on demand, can be full, and forgets on a power cut what was not synced.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use levada_storage::{Disk, Lock, LockOutcome, ReadFile, WriteFile};
use parking_lot::{Mutex, MutexGuard};

use crate::random::Random;

#[derive(Clone, Debug, Default)]
struct Content {
    kind: Option<Kind>,
    bytes: Vec<u8>,
    synced: Vec<u8>,
    /// What a failed sync could not write. The system has forgotten that it should: no later sync makes it durable.
    dropped: Vec<Range<usize>>,
}

impl Content {
    /// How much of the bytes is as it was synced last.
    fn common(&self) -> usize {
        self.synced.iter().zip(&self.bytes).take_while(|(a, b)| a == b).count()
    }

    fn sync(&mut self) {
        self.synced.clone_from(&self.bytes);
        for range in &self.dropped {
            self.synced[range.clone()].fill(0);
        }
    }

    fn fail_to_sync(&mut self) {
        self.dropped.push(self.common()..self.bytes.len());
    }

    fn cut(&mut self, len: usize) {
        self.bytes.truncate(len);
        for range in &mut self.dropped {
            *range = range.start.min(len)..range.end.min(len);
        }
    }

    /// What is left of it after a power cut: what was synced, and of the rest as much as chance has it; or only its length.
    fn forget(&mut self, random: &mut Random) {
        let mut bytes = self.synced.clone();
        if let Some(more) = self.bytes.strip_prefix(&*self.synced) {
            let kept = random.below(more.len() as u64 + 1) as usize;
            bytes.extend_from_slice(&more[..kept]);
            if random.one_in(2) {
                // Sectors were written, or not; the length was.
                bytes.truncate(bytes.len().next_multiple_of(512).saturating_sub(512).max(self.synced.len()));
                bytes.resize(self.bytes.len(), 0);
            }
            for range in &self.dropped {
                let end = range.end.min(bytes.len());
                bytes[range.start.min(end)..end].fill(0);
            }
        }
        *self = Self { synced: bytes.clone(), bytes, dropped: Vec::new(), ..*self };
    }
}

type Node = Arc<Mutex<Content>>;

/// A change of names that no sync of its folder has made durable.
#[derive(Clone, Debug)]
enum Change {
    Name(PathBuf, Node),
    Unname(PathBuf),
    /// Within one folder, and so at once.
    Rename(PathBuf, PathBuf, Node),
    Folder(PathBuf),
}

impl Change {
    fn folder(&self) -> Option<&Path> {
        match self {
            Self::Name(path, _) | Self::Unname(path) | Self::Rename(path, ..) | Self::Folder(path) => {
                path.parent()
            }
        }
    }

    fn apply(self, names: &mut BTreeMap<PathBuf, Node>, folders: &mut BTreeSet<PathBuf>) {
        match self {
            Self::Name(path, node) => drop(names.insert(path, node)),
            Self::Unname(path) => drop(names.remove(&path)),
            Self::Rename(from, to, node) => {
                names.remove(&from);
                names.insert(to, node);
            }
            Self::Folder(path) => drop(folders.insert(path)),
        }
    }
}

/// Which calls fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    #[default]
    None,
    /// This one, counted from now, and all after it.
    From(u64),
    /// That which is the so manieth of its kind.
    OnceOf(Call, Kind, u64),
    /// That one and all after it, of whatever kind.
    FromOf(Call, Kind, u64),
    /// All of a kind.
    All(Call, Kind),
}

/// What is asked of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Call {
    Create,
    Open,
    Rename,
    Remove,
    List,
    MakeFolder,
    SyncFolder,
    Lock,
    Write,
    Sync,
    Cut,
    Length,
    Read,
}

/// Of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Log,
    Manifest,
    NewManifest,
    File,
    NewFile,
    Sums,
    Folder,
    LockFile,
}

impl Kind {
    fn of(path: &Path) -> Self {
        let manifest = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("manifest-"));
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("wal") => Self::Log,
            Some("tmp") if manifest => Self::NewManifest,
            Some("tmp") => Self::NewFile,
            Some("tsfile") => Self::File,
            Some("sums") => Self::Sums,
            _ if manifest => Self::Manifest,
            _ if path.ends_with("lock") => Self::LockFile,
            _ => Self::Folder,
        }
    }
}

/// While what was done, what was asked of which file.
pub(crate) type Hit = (&'static str, Call, Kind);

#[derive(Clone, Debug, Default)]
struct State {
    /// As a running system sees it.
    names: BTreeMap<PathBuf, Node>,
    folders: BTreeSet<PathBuf>,
    /// As it would be after a power cut, but for changes.
    durable: BTreeMap<PathBuf, Node>,
    durable_folders: BTreeSet<PathBuf>,
    changes: Vec<Change>,
    locked: BTreeSet<PathBuf>,
    calls: u64,
    calls_of: BTreeMap<(Call, Kind), u64>,
    fault: Fault,
    phase: &'static str,
    hits: BTreeSet<Hit>,
    counts: BTreeMap<(Call, Kind), u64>,
    /// Bytes all files may have together.
    room: Option<usize>,
    short_reads: bool,
    /// How long a sync takes.
    sync_time: Duration,
    cut: bool,
    held: bool,
}

/// A file system in memory. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultDisk(Arc<Mutex<State>>);

impl FaultDisk {
    /// Makes calls fail; counting begins anew.
    pub(crate) fn set_fault(&self, fault: Fault) {
        let mut state = self.0.lock();
        (state.calls, state.fault) = (0, fault);
        state.calls_of.clear();
        state.hits.clear();
    }

    /// The calls that failed since [`FaultDisk::set_fault`].
    pub(crate) fn hits(&self) -> BTreeSet<Hit> {
        self.0.lock().hits.clone()
    }

    /// What is done from now on, for [`FaultDisk::hits`].
    pub(crate) fn phase(&self, phase: &'static str) {
        self.0.lock().phase = phase;
    }

    /// All that was asked.
    pub(crate) fn calls(&self) -> Vec<(Call, Kind)> {
        self.0.lock().counts.keys().copied().collect()
    }

    /// How often something was asked.
    pub(crate) fn count(&self, call: Call, kind: Kind) -> u64 {
        self.0.lock().counts.get(&(call, kind)).copied().unwrap_or(0)
    }

    /// Another disk that holds the same.
    pub(crate) fn fork(&self) -> Self {
        let mut state = self.0.lock().clone();
        let mut forked: BTreeMap<*const Mutex<Content>, Node> = BTreeMap::new();
        let mut fork = |node: &mut Node| {
            let copy = || Arc::new(Mutex::new(node.lock().clone()));
            *node = Arc::clone(forked.entry(Arc::as_ptr(node)).or_insert_with(copy));
        };
        state.names.values_mut().chain(state.durable.values_mut()).for_each(&mut fork);
        for change in &mut state.changes {
            if let Change::Name(_, node) | Change::Rename(_, _, node) = change {
                fork(node);
            }
        }
        Self(Arc::new(Mutex::new(state)))
    }

    pub(crate) fn set_room(&self, room: Option<usize>) {
        self.0.lock().room = room;
    }

    pub(crate) fn set_short_reads(&self) {
        self.0.lock().short_reads = true;
    }

    pub(crate) fn set_sync_time(&self, time: Duration) {
        self.0.lock().sync_time = time;
    }

    /// Bytes of all files.
    pub(crate) fn used(&self) -> usize {
        self.0.lock().names.values().map(|node| node.lock().bytes.len()).sum()
    }

    /// Lets all calls fail until [`FaultDisk::restart`]: the system is going down.
    pub(crate) fn power_off(&self) {
        self.0.lock().cut = true;
    }

    /// The process is gone, the system goes on: calls succeed again, and nothing is forgotten.
    pub(crate) fn resume(&self) {
        let mut state = self.0.lock();
        state.cut = false;
        state.locked.clear();
    }

    /// What is there after a power cut: synced bytes under durable names and, of what was not synced, as much as chance has
    /// it: of the changes of names none, those up to some moment, or any.
    pub(crate) fn restart(&self, random: &mut Random) {
        let mut state = self.0.lock();
        state.cut = false;
        state.locked.clear();
        let changes = std::mem::take(&mut state.changes);
        let (mode, upto) = (random.below(3), random.below(changes.len() as u64 + 1));
        let (mut names, mut folders) = (state.durable.clone(), state.durable_folders.clone());
        for (at, change) in (0..).zip(changes) {
            let kept = match mode {
                0 => false,
                1 => at < upto,
                _ => random.one_in(2),
            };
            if kept {
                change.apply(&mut names, &mut folders);
            }
        }
        let whole =
            |path: &Path| path.ancestors().skip(1).all(|dir| dir == Path::new("/") || folders.contains(dir));
        names.retain(|path, _| whole(path));
        folders = folders.iter().filter(|path| whole(path)).cloned().collect();
        names.values().for_each(|node| node.lock().forget(random));
        state.names.clone_from(&names);
        state.folders.clone_from(&folders);
        (state.durable, state.durable_folders) = (names, folders);
    }

    /// Flips a bit of a file.
    pub(crate) fn flip(&self, path: &Path, bit: usize) {
        self.alter(path, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
    }

    /// Changes the bytes of a file, as if they had always been so.
    pub(crate) fn alter(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let node = Arc::clone(&self.0.lock().names[path]);
        let mut content = node.lock();
        change(&mut content.bytes);
        content.synced = content.bytes.clone();
    }

    pub(crate) fn paths(&self, extension: &str) -> Vec<(PathBuf, usize)> {
        let state = self.0.lock();
        let fits = |path: &&PathBuf| path.extension().is_some_and(|found| found == extension);
        state
            .names
            .keys()
            .filter(fits)
            .map(|path| (path.clone(), state.names[path].lock().bytes.len()))
            .collect()
    }

    /// As long as what this gives is held, files of data cannot be made.
    pub(crate) fn hold(&self) -> Hold {
        self.0.lock().held = true;
        Hold(self.clone())
    }

    pub(crate) fn manifest(&self) -> Vec<(PathBuf, usize)> {
        let state = self.0.lock();
        let named = |path: &&PathBuf| path.to_string_lossy().contains("manifest-");
        state
            .names
            .keys()
            .filter(named)
            .map(|path| (path.clone(), state.names[path].lock().bytes.len()))
            .collect()
    }

    fn call(&self, call: Call, kind: Kind) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.0.lock();
        if state.cut {
            return Err(io::Error::other("the power is off"));
        }
        state.calls += 1;
        *state.counts.entry((call, kind)).or_default() += 1;
        let of_kind = state.calls_of.entry((call, kind)).or_default();
        *of_kind += 1;
        let of_kind = *of_kind;
        let fails = match state.fault {
            Fault::None => false,
            Fault::From(at) => state.calls >= at,
            Fault::OnceOf(failing, of, at) => (failing, of, at) == (call, kind, of_kind),
            Fault::FromOf(failing, of, at) => {
                !state.hits.is_empty() || (failing, of, at) == (call, kind, of_kind)
            }
            Fault::All(failing, of) => (failing, of) == (call, kind),
        };
        if fails {
            let phase = state.phase;
            state.hits.insert((phase, call, kind));
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
        self.0.0.lock().held = false;
    }
}

#[derive(Debug)]
struct Open {
    disk: FaultDisk,
    node: Node,
}

impl Open {
    fn call(&self, call: Call) -> io::Result<MutexGuard<'_, State>> {
        let kind = self.node.lock().kind.unwrap_or(Kind::Folder);
        self.disk.call(call, kind)
    }
}

#[derive(Debug)]
struct Held(FaultDisk, PathBuf);

impl Lock for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.0.lock().locked.remove(&self.1);
    }
}

impl Disk for FaultDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        while path.extension().is_some_and(|extension| extension == "tmp") && self.0.lock().held {
            std::thread::sleep(Duration::from_millis(1));
        }
        let kind = Kind::of(path);
        let mut state = self.call(Call::Create, kind)?;
        // A name that was there keeps its file, emptied.
        if let Some(node) = state.names.get(path).cloned() {
            node.lock().cut(0);
            return Ok(Box::new(Open { disk: self.clone(), node }));
        }
        let node = Arc::new(Mutex::new(Content { kind: Some(kind), ..Content::default() }));
        state.names.insert(path.to_owned(), Arc::clone(&node));
        state.changes.push(Change::Name(path.to_owned(), Arc::clone(&node)));
        Ok(Box::new(Open { disk: self.clone(), node }))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>> {
        let kind = Kind::of(path);
        let node = self.call(Call::Open, kind)?.names.get(path).cloned().ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(Open { disk: self.clone(), node }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.call(Call::Rename, Kind::of(from))?;
        let node = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), Arc::clone(&node));
        node.lock().kind = Some(Kind::of(to));
        let (from, to) = (from.to_owned(), to.to_owned());
        if from.parent() == to.parent() {
            state.changes.push(Change::Rename(from, to, node));
        } else {
            state.changes.extend([Change::Name(to, node), Change::Unname(from)]);
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.call(Call::Remove, Kind::of(path))?;
        state.names.remove(path).ok_or(io::ErrorKind::NotFound)?;
        state.changes.push(Change::Unname(path.to_owned()));
        Ok(())
    }

    fn files(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let state = self.call(Call::List, Kind::Folder)?;
        Ok(state.names.keys().filter(|path| path.parent() == Some(dir)).cloned().collect())
    }

    fn folders(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let state = self.call(Call::List, Kind::Folder)?;
        Ok(state.folders.iter().filter(|path| path.parent() == Some(dir)).cloned().collect())
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.call(Call::MakeFolder, Kind::Folder)?;
        for dir in dir.ancestors().collect::<Vec<_>>().into_iter().rev().skip(1) {
            if state.folders.insert(dir.to_owned()) {
                state.changes.push(Change::Folder(dir.to_owned()));
            }
        }
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.call(Call::SyncFolder, Kind::Folder)?;
        let State { changes, durable, durable_folders, .. } = &mut *state;
        for change in changes.extract_if(.., |change| change.folder() == Some(dir)) {
            change.apply(durable, durable_folders);
        }
        Ok(())
    }

    fn lock(&self, path: &Path, _holder: &str) -> io::Result<LockOutcome> {
        if !self.call(Call::Lock, Kind::LockFile)?.locked.insert(path.to_owned()) {
            return Ok(LockOutcome::Taken("another".to_owned()));
        }
        Ok(LockOutcome::Held(Box::new(Held(self.clone(), path.to_owned()))))
    }

    fn lock_to_read(&self, path: &Path) -> io::Result<LockOutcome> {
        self.lock(path, "")
    }
}

impl Write for Open {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = match self.call(Call::Write) {
            Ok(state) => state.room,
            Err(error) => {
                // Some of it may be there all the same.
                self.node.lock().bytes.extend_from_slice(&bytes[..bytes.len() / 3]);
                return Err(error);
            }
        };
        let mut taken = bytes.len();
        if let Some(room) = room {
            taken = taken.min(room.saturating_sub(self.disk.used()));
            if taken == 0 && !bytes.is_empty() {
                return Err(io::ErrorKind::StorageFull.into());
            }
        }
        self.node.lock().bytes.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl WriteFile for Open {
    fn sync(&mut self) -> io::Result<()> {
        let outcome = self.call(Call::Sync).map(|state| state.sync_time);
        let outcome = outcome.map(std::thread::sleep);
        match &outcome {
            Ok(()) => self.node.lock().sync(),
            Err(_) => self.node.lock().fail_to_sync(),
        }
        outcome
    }

    fn cut(&mut self, len: u64) -> io::Result<()> {
        drop(self.call(Call::Cut)?);
        self.node.lock().cut(len as usize);
        Ok(())
    }
}

impl ReadFile for Open {
    fn len(&self) -> io::Result<u64> {
        drop(self.call(Call::Length)?);
        Ok(self.node.lock().bytes.len() as u64)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let short = self.call(Call::Read)?.short_reads;
        let content = self.node.lock();
        let rest = content.bytes.get(offset as usize..).unwrap_or_default();
        let mut read = rest.len().min(bytes.len());
        if short && read > 1 {
            read = read / 2 + 1;
        }
        bytes[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }
}
