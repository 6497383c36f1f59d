//! TsFiles from elsewhere, as tablets that any session can store.
//!
//! ```text
//!   find ─► files in the order they were written ─► read ─► deletions of `.mods` and `.mods2` ─► tablets, a few at a time
//!                                                     └ one thread of the runtime, at most two parcels ahead
//! ```
//!
//! Of a plain device every page makes a tablet of one column, of an aligned device every page makes one of all columns: a
//! reader holds one chunk (of an aligned device: one chunk group) and the parcels that nobody took yet.

mod find;
mod mods;
mod read;
mod series;

use std::{fs::File, io::Read, path::PathBuf};

use bytes::Bytes;
use levada_model::{Series, Tablet};
use levada_tsfile::{Flaw, Part, TsFileError, TsFileReader};
use tokio::{sync::mpsc, task::spawn_blocking};

pub use find::find;

pub(crate) use series::{create_missing, create_series, find_devices, find_series, find_views};

use mods::Deletions;

/// Bytes of tablets that are handed over at once, about.
const PARCEL_BYTES: usize = 2 << 20;
/// Parcels that are read ahead.
const PARCELS_AHEAD: usize = 2;

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The operating system rejected.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        #[source]
        source: std::io::Error,
    },
    /// It is damaged, or not a TsFile.
    #[error("{path}: {source}")]
    TsFile {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        #[source]
        source: TsFileError,
    },
    /// Values in it are damaged: it is not read at all, unless what is sound of it was asked for.
    #[error(
        "{path}, byte {offset}{series}: {what}{others}; nothing of the file is stored: `levada fsck` lists all that is \
         wrong, and what is sound is stored where that is asked for ({how})",
        path = path.display(),
        series = series.as_ref().map(|series| format!(", {series}")).unwrap_or_default(),
        others = match others {
            0 => String::new(),
            others => format!(" (and {others} more)"),
        },
        how = "`levada import --keep-sound`, `load … with ('on-damage'='skip')`"
    )]
    Unsound {
        /// The file.
        path: PathBuf,
        /// Where the first damage is.
        offset: u64,
        /// Of which series, where that is known.
        series: Option<String>,
        /// What is wrong: which page of the chunk, and in what.
        what: String,
        /// How many more there are.
        others: usize,
    },
    /// Names in it are no paths of the tree: all other devices of the file have been read.
    #[error(
        "{path}: `{name}` is no path of a device: {reason}{others}; the other devices of the file are read",
        path = path.display(),
        others = match others {
            0 => String::new(),
            others => format!(" (and {others} more)"),
        },
    )]
    Name {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
        /// Why not.
        reason: String,
        /// How many more there are.
        others: usize,
    },
}

/// What is handed over at once.
#[derive(Debug, Default)]
pub struct Parcel {
    /// Series that the file has not had before: where the store does not have them, they are made before the rows come, by
    /// [`EmbeddedSession::create_missing`](crate::EmbeddedSession::create_missing).
    pub series: Vec<Series>,
    /// Rows, in the order in which they must be stored.
    pub tablets: Vec<Tablet>,
}

/// What becomes of a file in which values are damaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Damaged {
    /// Nothing of it is read: [`ReadError::Unsound`].
    #[default]
    Reject,
    /// What is sound of it is read, and the rest told in the log: chunks that cannot be decoded, and those whose values
    /// contradict their own statistics, are left out.
    Skip,
}

/// The tablets of one file, in the order in which they must be stored.
#[derive(Debug)]
pub struct Tablets {
    parcels: mpsc::Receiver<Result<Parcel, ReadError>>,
}

impl Tablets {
    /// Begins to read a file, on a blocking thread of the runtime this is called in. All of it is checked before, as `levada fsck`
    /// does: every page is decoded and compared with its statistics. A file that is not finished is read up to its last whole
    /// chunk group. The files `<name>.mods` and `<name>.mods2` beside it, which servers keep deletions in, are
    /// obeyed. The thread ends when this is dropped.
    pub fn read(path: impl Into<PathBuf>, damaged: Damaged) -> Self {
        let path = path.into();
        let (sender, parcels) = mpsc::channel(PARCELS_AHEAD);
        // The receiver tells of its end: the handle is not needed.
        drop(spawn_blocking(move || {
            let mut packer = Packer { parcel: Parcel::default(), bytes: 0, sender: &sender };
            let outcome = read_all(path, damaged, &mut |item| packer.add(item));
            // What was read before an error is right. Nobody may be there to hear it: so be it.
            let rest = (!packer.parcel.tablets.is_empty()).then_some(Ok(packer.parcel));
            for last in rest.into_iter().chain(outcome.err().map(Err)) {
                drop(sender.blocking_send(last));
            }
        }));
        Self { parcels }
    }

    /// Begins to read a file in memory that was written in this process, as [`Tablets::read`] does one on a disk.
    pub fn of_bytes(file: Bytes) -> Self {
        let (sender, parcels) = mpsc::channel(PARCELS_AHEAD);
        // As above.
        drop(spawn_blocking(move || {
            let mut packer = Packer { parcel: Parcel::default(), bytes: 0, sender: &sender };
            let path = PathBuf::from("a file in memory");
            let read = TsFileReader::open(file)
                .map_err(|source| ReadError::TsFile { path: path.clone(), source })
                .and_then(|reader| {
                    let source = read::Source { path, reader, deletions: Deletions::default() };
                    source.read(&mut |item| packer.add(item))
                });
            drop(sender.blocking_send(read.map(|()| packer.parcel)));
        }));
        Self { parcels }
    }

    /// The next tablets, about 2 MiB of them; `None` at the end.
    ///
    /// # Errors
    /// The file cannot be read, or is damaged; what came before is right.
    pub async fn next(&mut self) -> Option<Result<Parcel, ReadError>> {
        self.parcels.recv().await
    }
}

/// What is read of a file.
enum Item {
    Series(Series),
    Rows(Tablet),
}

/// Puts together what goes to whoever takes it.
struct Packer<'a> {
    parcel: Parcel,
    bytes: usize,
    sender: &'a mpsc::Sender<Result<Parcel, ReadError>>,
}

impl Packer<'_> {
    /// Whether more is wanted.
    fn add(&mut self, item: Item) -> bool {
        match item {
            Item::Series(series) => self.parcel.series.push(series),
            Item::Rows(tablet) => {
                self.bytes += tablet.bytes();
                self.parcel.tablets.push(tablet);
            }
        }
        if self.bytes < PARCEL_BYTES {
            return true;
        }
        self.bytes = 0;
        self.sender.blocking_send(Ok(std::mem::take(&mut self.parcel))).is_ok()
    }
}

fn read_all(path: PathBuf, damaged: Damaged, emit: &mut dyn FnMut(Item) -> bool) -> Result<(), ReadError> {
    let deletions = Deletions::beside(&path)?;
    let file = File::open(&path).map_err(|source| ReadError::Io { path: path.clone(), source })?;
    if is_empty(&file).map_err(|source| ReadError::Io { path: path.clone(), source })? {
        tracing::warn!(path = %path.display(), "the file is empty: a server has begun it and not flushed anything to it");
        return Ok(());
    }
    let unreadable = |source| ReadError::TsFile { path: path.clone(), source };
    let (reader, flaws) = TsFileReader::inspect(file).map_err(unreadable)?;
    let is_finished = reader.ends_as_finished().map_err(unreadable)?;
    if !is_finished && flaws.iter().any(|flaw| flaw.part == Part::Foot) {
        tracing::warn!(path = %path.display(), until = reader.data_end(), "the file is not finished: what is whole in it is read");
    }
    let loses = |flaw: &&Flaw| loses(flaw, is_finished);
    match (unsound(&path, flaws.iter().filter(loses)), damaged) {
        (Some(error), Damaged::Reject) => return Err(error),
        (Some(_), Damaged::Skip) => {
            for flaw in flaws.iter().filter(loses) {
                tracing::warn!(path = %path.display(), offset = flaw.offset, series = flaw.series(), what = flaw.what, means = flaw.meaning(), "damage in a file: it is left out");
            }
        }
        (None, _) => {}
    }
    read::Source { path, reader, deletions }.read(emit)
}

/// Whether values are lost by a flaw, or may be others than were written: where a file is finished and its foot cannot be read, nothing
/// tells what its values have to be.
fn loses(flaw: &Flaw, is_finished: bool) -> bool {
    flaw.lost.is_some() || flaw.part == Part::Gap || is_finished && flaw.part == Part::Foot
}

/// The error of the first of some flaws.
fn unsound<'f>(path: &std::path::Path, mut lost: impl Iterator<Item = &'f Flaw>) -> Option<ReadError> {
    let first = lost.next()?;
    Some(ReadError::Unsound {
        path: path.to_owned(),
        offset: first.offset,
        series: first.series(),
        what: format!("{}: {}", first.part.name(), first.what),
        others: lost.count(),
    })
}

/// Whether nothing is in a file yet but the beginning of its head.
fn is_empty(mut file: &File) -> std::io::Result<bool> {
    const HEAD: &[u8; 6] = b"TsFile";
    let length = file.metadata()?.len();
    if length > HEAD.len() as u64 {
        return Ok(false);
    }
    let mut bytes = Vec::with_capacity(HEAD.len());
    file.read_to_end(&mut bytes)?;
    Ok(HEAD.starts_with(&bytes))
}
