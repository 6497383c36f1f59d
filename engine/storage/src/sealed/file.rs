//! A sealed file as the store holds it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use levada_tsfile::{DeviceId, DeviceMeta, TsFileError, TsFileReader};
use parking_lot::Mutex;

use super::{
    bytes::{FileBytes, SUMS},
    ends::{Ends, number},
    folder::{DataFolder, Slot},
    meta::FileMeta,
};
use crate::{StorageError, TimeRange, catalog::Lives, place::Place, tombstone::Tombstone};

/// How long a file that could not be read is left alone: the system may have had a bad moment.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// How long one is that is damaged.
const DAMAGED: Duration = Duration::from_secs(3600);

/// The live files by place. Whoever reads them holds a version of its own, and none that is held changes.
pub(crate) type Files = BTreeMap<Place, Vec<Arc<SealedFile>>>;

/// A sealed file. It is opened when it is first read, and removed when it was made obsolete and nobody holds it any more.
#[derive(Debug)]
pub(crate) struct SealedFile {
    pub(crate) meta: FileMeta,
    pub(crate) path: PathBuf,
    body: Arc<Body>,
}

/// What a file shares with those that hold less of it.
#[derive(Debug)]
struct Body {
    path: PathBuf,
    folder: Arc<DataFolder>,
    slot: Arc<Slot>,
    obsolete: AtomicBool,
    /// Whether it is read from front to back.
    ahead: bool,
    /// It could not be read, which was told; until then it is left alone.
    unreadable: Mutex<Option<Instant>>,
    verdicts: Mutex<HashMap<u64, Verdict>>,
    /// Of deletions up to this number it is known what they mean for it, where they may mean anything.
    judged: AtomicU64,
    outlived: Mutex<Option<Outlived>>,
}

/// How much of a file has lived, beside what all of its database has.
#[derive(Clone, Debug)]
pub(crate) struct Outlived {
    /// By these lives of rows.
    pub(crate) lives: Arc<Lives>,
    /// Values that are not seen any more, about.
    pub(crate) values: u64,
    /// Since when there are any.
    pub(crate) since: i64,
    /// From then on more may have lived.
    pub(crate) again: i64,
}

/// What is known of a deletion and a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verdict {
    /// Values of the file that the deletion hides, about; none where it is 0.
    pub(crate) hidden: u64,
    /// When that was found out.
    pub(crate) since: i64,
}

impl SealedFile {
    pub(crate) fn new(meta: FileMeta, folder: &Arc<DataFolder>) -> Self {
        Self::with(meta, folder, false)
    }

    fn with(meta: FileMeta, folder: &Arc<DataFolder>, ahead: bool) -> Self {
        let path = folder.file(meta.place, meta.id);
        let body = Body {
            path: path.clone(),
            folder: Arc::clone(folder),
            slot: Arc::default(),
            obsolete: AtomicBool::new(false),
            ahead,
            unreadable: Mutex::default(),
            verdicts: Mutex::default(),
            judged: AtomicU64::new(0),
            outlived: Mutex::default(),
        };
        Self { meta, path, body: Arc::new(body) }
    }

    /// The same file, opened anew for reading it once from front to back. Whoever has it must hold this one, too.
    pub(crate) fn reading_ahead(&self) -> Self {
        Self::with(self.meta, &self.body.folder, true)
    }

    /// The same file, of which only rows from a time on count.
    pub(crate) fn from(&self, start: i64) -> Self {
        let FileMeta { range, points, bytes, .. } = self.meta;
        let width = |range: TimeRange| i128::from(range.end) - i128::from(range.start) + 1;
        let rest = TimeRange { start, end: range.end };
        // How much is left is not known, but it is a share of this kind.
        let share = |all: u64| (i128::from(all) * width(rest) / width(range).max(1)).max(1) as u64;
        let meta = FileMeta { range: rest, points: share(points), bytes: share(bytes), ..self.meta };
        Self { meta, path: self.path.clone(), body: Arc::clone(&self.body) }
    }

    /// Whether a deletion hides values of it, as far as is known.
    pub(crate) fn needs(&self, tombstone: &Tombstone) -> bool {
        self.may_need(tombstone) && self.verdict(tombstone.seq).is_none_or(|verdict| verdict.hidden > 0)
    }

    /// Whether a deletion may hide values of it, by what the manifest says.
    pub(crate) fn may_need(&self, tombstone: &Tombstone) -> bool {
        self.meta.seq < tombstone.seq && tombstone.range.overlaps(self.meta.range)
    }

    /// What is known of a deletion and this file.
    pub(crate) fn verdict(&self, seq: u64) -> Option<Verdict> {
        self.body.verdicts.lock().get(&seq).copied()
    }

    /// Notes what deletions mean for this file; what was known of others is forgotten where they are not among `live`.
    pub(crate) fn judge(&self, found: impl IntoIterator<Item = (u64, Verdict)>, live: &HashSet<u64>) {
        let mut verdicts = self.body.verdicts.lock();
        verdicts.retain(|seq, _| live.contains(seq));
        verdicts.extend(found);
    }

    /// Whether it is known what deletions up to a number mean for it.
    pub(crate) fn is_judged(&self, seq: u64) -> bool {
        self.body.judged.load(Ordering::Relaxed) >= seq
    }

    /// Notes that this is known.
    pub(crate) fn judged_up_to(&self, seq: u64) {
        self.body.judged.fetch_max(seq, Ordering::Relaxed);
    }

    /// How much of it has lived, by lives that still count; `None` where that is not known.
    pub(crate) fn outlived(&self, lives: &Arc<Lives>) -> Option<Outlived> {
        self.body.outlived.lock().clone().filter(|known| Arc::ptr_eq(&known.lives, lives))
    }

    /// Notes how much of it has lived.
    pub(crate) fn note_outlived(&self, outlived: Outlived) {
        *self.body.outlived.lock() = Some(outlived);
    }

    /// Its reader.
    pub(crate) fn reader(&self) -> Result<Arc<TsFileReader<FileBytes>>, StorageError> {
        let reader = {
            let mut slot = self.body.slot.lock();
            if let Some(reader) = &*slot {
                return Ok(Arc::clone(reader));
            }
            let bytes = FileBytes::open(&*self.body.folder.disk, &self.path);
            let mut bytes = bytes.map_err(StorageError::io("cannot open", &self.path))?;
            if self.body.ahead {
                bytes = bytes.reading_ahead();
            }
            let reader = TsFileReader::open(bytes).map_err(|error| self.explain(error, None))?;
            Arc::clone(slot.insert(Arc::new(reader)))
        };
        if !self.body.ahead {
            self.body.folder.opened(&self.body.slot);
        }
        Ok(reader)
    }

    /// An error of the format as one that names this file.
    pub(crate) fn error(&self, error: TsFileError) -> StorageError {
        let damage = self.body.slot.lock().as_ref().and_then(|reader| reader.inner().damage());
        self.explain(error, damage)
    }

    fn explain(&self, error: TsFileError, damage: Option<u64>) -> StorageError {
        let path = self.path.clone();
        match error {
            TsFileError::Io { source, offset, .. } if source.kind() == std::io::ErrorKind::InvalidData => {
                let offset = damage.unwrap_or(offset);
                StorageError::Damaged { path, offset, reason: source.to_string() }
            }
            TsFileError::Io { what, source, .. } => StorageError::Io { what, path, source },
            TsFileError::Damaged { offset, reason } => StorageError::Damaged { path, offset, reason },
            other => StorageError::Damaged { path, offset: 0, reason: other.to_string() },
        }
    }

    /// The manifest has it no more: it is removed when the last that holds it lets go.
    pub(crate) fn retire(&self) {
        self.body.obsolete.store(true, Ordering::Release);
        self.body.folder.forget_ends(self.meta.id);
    }

    /// The manifest has it, or may have it: it stays. Until then a file that was just written goes when nobody holds it.
    pub(crate) fn adopt(&self) {
        self.body.obsolete.store(false, Ordering::Release);
    }

    /// It could not be read: flushes and compactions leave it alone for a while, or until somebody wishes that it is tried
    /// again.
    pub(crate) fn note_unreadable(&self, error: &StorageError) {
        let pause = if matches!(error, StorageError::Damaged { .. }) { DAMAGED } else { RETRY_AFTER };
        let before = self.body.unreadable.lock().replace(Instant::now() + pause);
        if before.is_none() {
            tracing::error!(path = %self.path.display(), %error, "a file cannot be read, and is left alone");
        }
    }

    pub(crate) fn is_unreadable(&self) -> bool {
        self.body.unreadable.lock().is_some_and(|until| Instant::now() < until)
    }

    /// It may be tried again.
    pub(crate) fn forget_unreadable(&self) {
        self.body.unreadable.lock().take();
    }

    /// The last time of a device in it. Where many devices will be asked for, all are looked up at once.
    pub(crate) fn end_of(&self, device: &DeviceId, many: bool) -> Result<Option<i64>, StorageError> {
        let known = self.body.folder.ends(self.meta.id);
        if let Some(ends) = known {
            return Ok(ends.of(device));
        }
        if !many {
            let meta = self.reader()?.device(device).map_err(|error| self.error(error))?;
            return Ok(meta.and_then(|meta| last_time(&meta)));
        }
        let ends = Arc::new(self.ends()?);
        self.body.folder.note_ends(self.meta.id, Arc::clone(&ends));
        Ok(ends.of(device))
    }

    /// Reads the last time of each device from the index.
    fn ends(&self) -> Result<Ends, StorageError> {
        let file = self.reading_ahead();
        let reader = file.reader()?;
        let mut found = Vec::new();
        let all = reader
            .for_each_device(|meta| found.extend(last_time(&meta).map(|end| (number(&meta.device), end))));
        all.map_err(|error| file.error(error))?;
        Ok(Ends::new(found))
    }
}

fn last_time(meta: &DeviceMeta) -> Option<i64> {
    meta.series.iter().map(|series| series.statistics.end()).max()
}

impl Drop for Body {
    fn drop(&mut self) {
        if !self.obsolete.load(Ordering::Acquire) {
            return;
        }
        for path in [self.path.clone(), self.path.with_extension(SUMS)] {
            // What is left behind is removed when the store is opened the next time.
            if let Err(error) = self.folder.disk.remove(&path) {
                tracing::warn!(path = %path.display(), %error, "cannot remove a file that is not needed any more");
            }
        }
    }
}
