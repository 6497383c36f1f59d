//! Reading files, one after another, into batches.
//!
//! What is wrong with one file holds up no other: a fault that will not heal gives the file up, one that may is tried again
//! a few times, after all others. A file that turns out to be another than the one that was planned for (it was rotated or
//! cut meanwhile) has the files looked at anew.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use levada_connector_api::{
    BatchBuilder, Decoder, DecoderFactory, Domain, Error, ErrorKind, Repeats, Result, Retry,
    model::{Checkpoint, SplitName, SplitRange},
};
use parking_lot::Mutex;

use super::{
    LastLine, glob,
    known::{Known, Planned},
    lines::{Line, Lines, MAX_LINE_BYTES},
    look::id_of,
    split,
};
use crate::feed::Outlet;

/// When a batch is handed on.
const BATCH_ROWS: usize = 10_000;
const BATCH_BYTES: usize = 4 << 20;
/// Attempts at a file whose fault may heal.
const ATTEMPTS: u32 = 8;
/// How often the files are looked at anew because they change while they are read.
const LOOKS: u32 = 100;

/// What reading needs.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) node: String,
    pub(super) state_dir: PathBuf,
    pub(super) patterns: Vec<String>,
    pub(super) last_line: LastLine,
    pub(super) decoder: DecoderFactory,
    /// Where to begin, for files that were read in part.
    pub(super) from: Checkpoint,
    /// What is not read any more.
    pub(super) given_up: BTreeSet<SplitName>,
    /// Attempts that failed since something was read of a split.
    pub(super) troubles: Arc<Mutex<BTreeMap<SplitName, u32>>>,
    /// Counts records.
    pub(super) read: Arc<AtomicU64>,
    /// Last lines that wait.
    pub(super) waiting: Repeats,
}

/// How reading a file ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// At its end.
    AtEnd,
    /// It is not the file any more that it was taken for.
    Changed,
    /// Nobody listens any more.
    Closed,
}

/// Why a file cannot be read on.
enum Fault {
    /// Reading it failed.
    Read(io::Error),
    /// Its head does not say how to read it.
    Head(String),
    /// Nobody listens any more.
    Closed,
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

impl Reader {
    /// Reads all files to their ends.
    ///
    /// # Errors
    /// There are no files at all, or a fault that may heal: called again, it goes on where it was.
    pub(super) fn run(mut self, outlet: &Outlet) -> Result<()> {
        let mut known = Known::load(&self.node, &self.state_dir);
        let done = self.read_all(&mut known, outlet);
        known.save();
        if let Some(files) = self.waiting.unsaid() {
            tracing::warn!(files, "in more files the last line has no line break yet");
        }
        done.map(drop)
    }

    fn read_all(&mut self, known: &mut Known, outlet: &Outlet) -> Result<ControlFlow<()>> {
        // Files that were there to be read, and then were not.
        let mut vanished: BTreeMap<SplitName, PathBuf> = BTreeMap::new();
        for look in 1..=LOOKS {
            let listed = match glob::list(&self.patterns) {
                Err(_) if !vanished.is_empty() => glob::Listed::default(),
                listed => listed?,
            };
            let mut plan = known.plan(&listed.files, &self.from);
            // Before any position is handed out, it is known for certain whose it is.
            known.save();
            let there: HashSet<&SplitName> = plan.files.iter().map(|file| &file.split).collect();
            vanished.retain(|split, _| !there.contains(split));
            let gone = std::mem::take(&mut vanished).into_iter().map(|(split, path)| (split, gone(&path)));
            let unlisted =
                listed.faults.into_iter().map(|(path, error)| (split::plain(&self.node, &path), error));
            let faults: Vec<_> = plan.faults.drain(..).chain(gone).chain(unlisted).collect();
            // What gave trouble before comes last, so that it holds up nothing.
            let troubles = self.troubles.lock().clone();
            plan.files.sort_by_key(|file| troubles.contains_key(&file.split));
            let mut changed = false;
            for file in
                plan.files.into_iter().filter(|file| !self.given_up.contains(&file.split)).collect::<Vec<_>>()
            {
                match self.file(&file, known, outlet)? {
                    Ended::AtEnd => {}
                    Ended::Closed => return Ok(ControlFlow::Break(())),
                    Ended::Changed if look == LOOKS => {
                        let error = Error::new(
                            ErrorKind::Io,
                            Domain::External,
                            Retry::Never,
                            format!("cannot read {}: it is replaced again and again", file.path.display()),
                        );
                        if self.trouble(&file.split, error, outlet)?.is_break() {
                            return Ok(ControlFlow::Break(()));
                        }
                    }
                    Ended::Changed => {
                        changed = true;
                        let unread = file.size > self.from.get(&file.split).copied().unwrap_or(0);
                        if unread {
                            vanished.insert(file.split, file.path);
                        }
                    }
                }
            }
            for (split, error) in faults {
                if !self.given_up.contains(&split) && self.trouble(&split, error, outlet)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            if !changed {
                break;
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Gives a split up whose fault will not heal, or has not after several attempts.
    ///
    /// # Errors
    /// The fault may heal.
    fn trouble(&mut self, split: &SplitName, error: Error, outlet: &Outlet) -> Result<ControlFlow<()>> {
        let error = if error.is_transient() {
            let mut troubles = self.troubles.lock();
            let attempts = troubles.entry(split.clone()).or_default();
            *attempts += 1;
            if *attempts < ATTEMPTS {
                return Err(error);
            }
            error.with("attempts", *attempts)
        } else {
            error
        };
        self.given_up.insert(split.clone());
        match outlet.fail(error.giving_up(split.clone())) {
            Ok(()) => Ok(ControlFlow::Continue(())),
            Err(_) => Ok(ControlFlow::Break(())),
        }
    }

    /// Reads a file to its end.
    ///
    /// # Errors
    /// A fault that may heal.
    fn file(&mut self, file: &Planned, known: &mut Known, outlet: &Outlet) -> Result<Ended> {
        let failed = |error| Error::io(format!("cannot read {}", file.path.display()), error);
        let opened = Lines::open(&file.path, self.decoder.make().separator())
            .and_then(|lines| Ok((lines.metadata()?, lines)));
        let error = match opened {
            Ok((found, _)) if id_of(&found) != file.id => return Ok(Ended::Changed),
            // What was empty had no print, without which no position is handed out.
            Ok((found, _)) if file.size == 0 && found.len() > 0 => return Ok(Ended::Changed),
            Ok((_, lines)) => match self.lines(file, lines, known, outlet) {
                Ok(ended) => return Ok(ended),
                Err(Fault::Closed) => return Ok(Ended::Closed),
                Err(Fault::Head(message)) => Error::data(format!("{}: {message}", file.path.display())),
                Err(Fault::Read(error)) => failed(error),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ended::Changed),
            Err(error) => failed(error),
        };
        Ok(match self.trouble(&file.split, error, outlet)? {
            ControlFlow::Continue(()) => Ended::AtEnd,
            ControlFlow::Break(()) => Ended::Closed,
        })
    }

    /// Reads lines to the end; before it fails it hands on what was read.
    fn lines(
        &mut self,
        file: &Planned,
        mut lines: Lines,
        known: &mut Known,
        outlet: &Outlet,
    ) -> Result<Ended, Fault> {
        let mut pending = Pending::new(self, &file.split);
        let mut decoder = self.decoder.make();
        if !self.head(file, &mut lines, &mut *decoder, &mut pending.rows)? {
            return Ok(Ended::AtEnd);
        }
        if pending.start > lines.position {
            lines.seek(pending.start)?;
        }
        let done = loop {
            let line = match lines.next() {
                Ok(Some(line)) => line,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            };
            if !line.ended && !self.takes(&line, &mut *decoder) {
                let Line { bytes, position, .. } = line;
                self.tell_of_rest(&file.path, bytes);
                lines.position = position;
                break Ok(());
            }
            pending.line(&line, &mut *decoder);
            if pending.is_full() {
                pending.hand_on(self, &lines, known, outlet)?;
            }
        };
        if lines.position > pending.start {
            pending.hand_on(self, &lines, known, outlet)?;
        }
        done?;
        if lines.has_trailing() {
            tracing::warn!(
                file = %file.path.display(),
                "bytes behind the packed file's end are nothing that is packed, and are ignored"
            );
        }
        Ok(if lines.is_cut()? { Ended::Changed } else { Ended::AtEnd })
    }

    /// Reads the lines that say how to read the others; false where they are not there yet.
    fn head(
        &mut self,
        file: &Planned,
        lines: &mut Lines,
        decoder: &mut dyn Decoder,
        rows: &mut BatchBuilder,
    ) -> Result<bool, Fault> {
        for _ in 0..decoder.header_lines() {
            let Some(line) = lines.next()? else { return Ok(false) };
            if !line.ended && self.last_line != LastLine::Read {
                self.tell_of_rest(&file.path, line.bytes);
                return Ok(false);
            }
            decoder.decode(line.bytes, rows).map_err(|error| Fault::Head(error.message))?;
        }
        Ok(true)
    }

    /// Says that the end of a file waits; where many do, in one line for all.
    fn tell_of_rest(&mut self, path: &Path, rest: &[u8]) {
        if rest.trim_ascii().is_empty() {
            return;
        }
        if let Some(files) = self.waiting.note(1, Instant::now()) {
            tracing::warn!(
                file = %path.display(), bytes = rest.len(), files,
                "the last line has no line break yet: it waits for the next run (`last_line: read` takes it as it is)"
            );
        }
    }

    /// Whether a last line without a line break is read as it is.
    fn takes(&self, line: &Line<'_>, decoder: &mut dyn Decoder) -> bool {
        match self.last_line {
            LastLine::Read => true,
            LastLine::Wait => false,
            LastLine::Auto => decoder.is_whole(line.bytes),
        }
    }
}

/// A batch in the making.
struct Pending {
    split: SplitName,
    /// Where it begins.
    start: u64,
    rows: BatchBuilder,
    records: u64,
}

impl Pending {
    fn new(reader: &Reader, split: &SplitName) -> Self {
        let start = reader.from.get(split).copied().unwrap_or(0);
        let mut rows = BatchBuilder::new();
        rows.split(split);
        Self { split: split.clone(), start, rows, records: 0 }
    }

    fn line(&mut self, line: &Line<'_>, decoder: &mut dyn Decoder) {
        if line.bytes.trim_ascii().is_empty() {
            return;
        }
        self.rows.record(line.bytes, line.position);
        let decoded = if line.cut {
            Err(format!("the line is longer than {MAX_LINE_BYTES} bytes; this is its beginning"))
        } else {
            decoder.decode(line.bytes, &mut self.rows).map_err(|error| error.message)
        };
        if let Err(message) = decoded {
            self.rows.reject(message);
        }
        self.records += 1;
    }

    fn is_full(&self) -> bool {
        self.rows.rows() >= BATCH_ROWS || self.rows.bytes() >= BATCH_BYTES
    }

    /// Hands on all up to where the lines stand.
    fn hand_on(
        &mut self,
        reader: &mut Reader,
        lines: &Lines,
        known: &mut Known,
        outlet: &Outlet,
    ) -> Result<(), Fault> {
        let range = self.start..lines.position;
        self.start = range.end;
        reader.read.fetch_add(std::mem::take(&mut self.records), Ordering::Relaxed);
        reader.from.insert(self.split.clone(), range.end);
        reader.troubles.lock().remove(&self.split);
        let batch = self.rows.finish(vec![SplitRange { split: self.split.clone(), range }]);
        outlet.send(batch).map_err(|_| Fault::Closed)?;
        if let Some(mark) = lines.mark() {
            known.mark(&self.split, mark);
        }
        Ok(())
    }
}

fn gone(path: &Path) -> Error {
    let message = format!("{} is gone, and was not read to its end", path.display());
    Error::new(ErrorKind::NotFound, Domain::External, Retry::Never, message)
}
