//! The manifest's file.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Commit, State,
    snapshot::{COMMIT, DATABASE, DEVICES, HEAD, LOG, OLD_COMMIT, OLDEST, VERSION, record, take_devices},
};
use crate::{
    Finding, StorageError,
    catalog::Catalog,
    catalog_op::CatalogOp,
    codec::{Malformed, Take},
    disk::{Disk, WriteFile, read_whole},
    frame::{self, Frame, Frames},
    place::Place,
    positions::Positions,
    sealed::FileMeta,
    tombstone::Tombstones,
    wal::LogEnd,
};

/// Commits may take so many bytes before a new generation is considered.
const COMMITS: u64 = 4 << 20;

const NAME: &str = "manifest-";

/// The manifest, open for writing.
#[derive(Debug)]
pub(crate) struct Manifest {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    partition_width: i64,
    generation: u64,
    /// `None` where the next commit must begin a new generation.
    file: Option<Box<dyn WriteFile>>,
    len: u64,
    snapshot_len: u64,
    /// What it says of the log.
    log: LogEnd,
    closed: bool,
}

/// What the manifest said when it was opened.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) catalog: Catalog,
    pub(crate) seq: u64,
    pub(crate) floor: u64,
    pub(crate) files: BTreeMap<u64, FileMeta>,
    /// Files that were taken back since the snapshot: what is there of them may go.
    pub(crate) removed: BTreeSet<u64>,
    pub(crate) flushed: BTreeMap<Place, u64>,
    pub(crate) next_file: u64,
    pub(crate) positions: Positions,
    pub(crate) tombstones: Tombstones,
    /// See [`Commit::readers`].
    pub(crate) readers: Vec<(Arc<str>, u64)>,
    /// See [`Commit::forgotten`].
    pub(crate) forgotten: u64,
    /// What must be there of the log; nothing is known of that in folders of older versions.
    pub(crate) log: LogEnd,
    pub(crate) partition_width: Option<i64>,
    /// Bytes at the end that were no record, and where they began.
    pub(crate) torn: Option<(PathBuf, u64)>,
    /// There is no manifest at all.
    pub(crate) absent: bool,
    /// What was left out, where damage was to be got over.
    pub(crate) damage: Vec<Finding>,
}

fn generation(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_prefix(NAME)?.parse().ok()
}

fn path_of(dir: &Path, generation: u64) -> PathBuf {
    dir.join(format!("{NAME}{generation:010}"))
}

impl Manifest {
    /// Reads the newest generation of a folder; there is none in a new one. The first commit begins a new one.
    ///
    /// # Errors
    /// It cannot be read; it is damaged elsewhere than at its end; its partition width is another.
    pub(crate) fn open(
        disk: &Arc<dyn Disk>,
        dir: &Path,
        partition_width: i64,
    ) -> Result<(Self, Loaded), StorageError> {
        let found = generations(&**disk, dir)?;
        let mut manifest = Self {
            disk: Arc::clone(disk),
            dir: dir.to_owned(),
            partition_width,
            generation: 0,
            file: None,
            len: 0,
            snapshot_len: 0,
            log: LogEnd::default(),
            closed: false,
        };
        let Some((generation, path)) = found.into_iter().next_back() else {
            return Ok((manifest, Loaded { absent: true, ..Loaded::default() }));
        };
        let bytes = read_whole(&**disk, &path).map_err(StorageError::io("cannot read", &path))?;
        let loaded = load(&path, &bytes, Some(partition_width), false)?;
        // What can be read need not be on the disk: the system may have failed to write it, and have told that whoever wrote
        // it. So nothing is added to it.
        manifest.generation = generation;
        manifest.log = loaded.log;
        Ok((manifest, loaded))
    }

    /// Whether there was none.
    pub(crate) fn is_fresh(&self) -> bool {
        self.generation == 0
    }

    /// Reads the newest generation of a folder, getting over damage; `partition_width` counts where the file does not tell.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn salvage(
        disk: &Arc<dyn Disk>,
        dir: &Path,
        partition_width: i64,
    ) -> Result<(Self, Loaded), StorageError> {
        let (generation, path) = generations(&**disk, dir)?.into_iter().next_back().unzip();
        let mut manifest = Self {
            disk: Arc::clone(disk),
            dir: dir.to_owned(),
            partition_width,
            generation: generation.unwrap_or(0),
            file: None,
            len: 0,
            snapshot_len: 0,
            log: LogEnd::default(),
            closed: false,
        };
        let Some(path) = path else {
            return Ok((manifest, Loaded { absent: true, ..Loaded::default() }));
        };
        let bytes = read_whole(&**disk, &path).map_err(StorageError::io("cannot read", &path))?;
        let loaded = load(&path, &bytes, None, true)?;
        manifest.partition_width = loaded.partition_width.unwrap_or(manifest.partition_width);
        // Where a record is lost it is not known up to where files hold what the log did.
        if loaded.damage.is_empty() {
            manifest.log = loaded.log;
        }
        Ok((manifest, loaded))
    }

    /// Whether the next commit begins a new generation.
    pub(crate) fn is_outgrown(&self) -> bool {
        self.file.is_none() || self.len - self.snapshot_len > COMMITS.max(self.snapshot_len * 2)
    }

    /// Makes durable what must be there of the log from now on; says whether it is, and not that the next commit must say it,
    /// as that begins a new generation.
    ///
    /// # Errors
    /// It may or may not have become durable; not where the manifest was closed.
    pub(crate) fn note_log(&mut self, log: LogEnd) -> Result<bool, StorageError> {
        if self.closed {
            return Err(StorageError::Closed);
        }
        let Some(file) = self.file.take() else { return Ok(false) };
        if std::mem::replace(&mut self.log, log) == log {
            self.file = Some(file);
            return Ok(true);
        }
        let mut bytes = Vec::new();
        record(&mut bytes, LOG, |bytes| log.put(bytes));
        self.append(file, &bytes).map(|()| true)
    }

    fn append(&mut self, mut file: Box<dyn WriteFile>, bytes: &[u8]) -> Result<(), StorageError> {
        let path = path_of(&self.dir, self.generation);
        let append = file.write_all(bytes).and_then(|()| file.sync());
        append.map_err(StorageError::io("cannot write to", path))?;
        self.len += bytes.len() as u64;
        self.file = Some(file);
        Ok(())
    }

    /// Rejects all commits from now on.
    pub(crate) fn close(&mut self) {
        self.closed = true;
    }

    /// Makes a commit durable, and with it what must be there of the log; `state` gives the whole state with it, where a new
    /// generation is due.
    ///
    /// # Errors
    /// It may or may not have become durable; not where the manifest was closed.
    pub(crate) fn commit(
        &mut self,
        commit: &Commit,
        log: Option<LogEnd>,
        state: impl FnOnce() -> State,
    ) -> Result<(), StorageError> {
        if self.closed {
            return Err(StorageError::Closed);
        }
        let outgrown = self.is_outgrown();
        let known = log.map(|log| std::mem::replace(&mut self.log, log));
        let Some(file) = self.file.take().filter(|_| !outgrown) else {
            return self.begin(&state());
        };
        let mut bytes = Vec::new();
        if known.is_some_and(|known| known != self.log) {
            record(&mut bytes, LOG, |bytes| self.log.put(bytes));
        }
        record(&mut bytes, COMMIT, |bytes| commit.put(bytes));
        self.append(file, &bytes)
    }

    /// Writes a new generation.
    fn begin(&mut self, state: &State) -> Result<(), StorageError> {
        let mut bytes = Vec::new();
        state.put(&mut bytes, self.partition_width, self.log);
        self.generation += 1;
        let path = path_of(&self.dir, self.generation);
        let passing = path.with_extension("tmp");
        let write = || {
            let mut file = self.disk.create(&passing)?;
            file.write_all(&bytes)?;
            file.sync()?;
            self.disk.rename(&passing, &path)?;
            self.disk.sync_dir(&self.dir)?;
            Ok(file)
        };
        let file = write().map_err(|error| {
            // The next one is written under another name.
            if let Err(error) = self.disk.remove(&passing)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(path = %passing.display(), %error, "cannot remove a manifest that failed");
            }
            StorageError::io("cannot write", &path)(error)
        })?;
        self.file = Some(file);
        self.len = bytes.len() as u64;
        self.snapshot_len = self.len;
        for (generation, old) in generations(&*self.disk, &self.dir)? {
            if generation < self.generation
                && let Err(error) = self.disk.remove(&old)
            {
                tracing::warn!(path = %old.display(), %error, "cannot remove an old manifest");
            }
        }
        Ok(())
    }
}

/// The generations in a folder, the newest last.
pub(crate) fn generations(disk: &dyn Disk, dir: &Path) -> Result<Vec<(u64, PathBuf)>, StorageError> {
    let files = disk.files(dir).map_err(StorageError::io("cannot list", dir))?;
    let mut found: Vec<_> = files.into_iter().filter_map(|path| Some((generation(&path)?, path))).collect();
    found.sort();
    Ok(found)
}

/// Reads a manifest's bytes. With `lenient`, what is damaged is left out.
fn load(path: &Path, bytes: &[u8], width: Option<i64>, lenient: bool) -> Result<Loaded, StorageError> {
    let (mut loaded, mut whole) = (Loaded::default(), false);
    let damaged = |loaded: &mut Loaded, at: usize, reason: &str| {
        let (path, offset) = (path.to_owned(), at as u64);
        if lenient {
            let finding = Finding::error(path, reason).at(offset);
            loaded.damage.push(
                finding
                    .means("series and files that only this record names are not known any more")
                    .repaired_by("a new manifest is written from all other records; files that it does not name are moved into `lost`"),
            );
            return Ok(());
        }
        Err(StorageError::Damaged { path, offset, reason: reason.to_owned() })
    };
    for frame in Frames::new(bytes, 0) {
        match frame {
            Frame::Record { at, payload } => match apply(&mut loaded, payload, width) {
                Err(Malformed) => damaged(&mut loaded, at, "a record cannot be understood")?,
                Ok(Err(message)) => {
                    let code = levada_model::StatusCode::ILLEGAL_PARAMETER;
                    return Err(StorageError::rejected(code, message));
                }
                // The snapshot's last record is a commit.
                Ok(Ok(kind)) => whole |= kind == COMMIT || kind == OLD_COMMIT,
            },
            Frame::Torn { at } if whole && frame::is_torn(&bytes[at..], at as u64) => {
                tracing::warn!(path = %path.display(), at, "cut the torn end of the manifest");
                loaded.torn = Some((path.to_owned(), at as u64));
            }
            Frame::Damage { at, .. } | Frame::Torn { at } => {
                damaged(&mut loaded, at, "a record's checksum does not fit")?;
            }
        }
    }
    if !whole {
        damaged(&mut loaded, bytes.len(), "the manifest ends early")?;
    }
    Ok(loaded)
}

/// Applies a record; the inner error is one for the user.
fn apply(loaded: &mut Loaded, payload: &[u8], width: Option<i64>) -> Result<Result<u8, String>, Malformed> {
    let mut from = Take(payload);
    let kind = from.u8()?;
    match kind {
        HEAD => {
            let (version, written, next_id) = (from.u32()?, from.i64()?, from.u32()?);
            loaded.catalog.reserve_ids(next_id);
            loaded.partition_width = Some(written);
            if !(OLDEST..=VERSION).contains(&version) {
                return Ok(Err(format!(
                    "the data folder is of version {version}, this is for versions {OLDEST} to {VERSION}"
                )));
            }
            if let Some(width) = width.filter(|width| *width != written) {
                return Ok(Err(format!(
                    "the data folder was made with time partitions of {written} ms, not of {width} ms; this cannot be changed"
                )));
            }
        }
        DATABASE => {
            loaded.catalog.apply(&CatalogOp::parse(&mut from)?, 0);
        }
        DEVICES => take_devices(&mut from, &mut loaded.catalog)?,
        LOG => loaded.log = LogEnd::take(&mut from)?,
        COMMIT | OLD_COMMIT => {
            let (commit, positions) = Commit::take(&mut from, kind == OLD_COMMIT)?;
            for (seq, op) in &commit.ops {
                loaded.catalog.apply(op, *seq);
            }
            (loaded.seq, loaded.floor, loaded.next_file) = (commit.seq, commit.floor, commit.next_file);
            for id in &commit.removed {
                loaded.files.remove(id);
                loaded.removed.insert(*id);
            }
            loaded.files.extend(commit.added.iter().map(|meta| (meta.id, *meta)));
            loaded.flushed.extend(commit.flushed);
            loaded.flushed.retain(|_, seq| *seq > commit.floor);
            loaded.positions = positions;
            loaded.tombstones = commit.tombstones;
            (loaded.readers, loaded.forgotten) = (commit.readers, commit.forgotten);
        }
        _ => return Err(Malformed),
    }
    Ok(Ok(kind))
}
