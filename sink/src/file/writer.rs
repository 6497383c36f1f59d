//! The files of one path, one after another. Everything here blocks, and is called from one thread at a time.

use std::{fmt, io, path::PathBuf, sync::Arc};

use levada_connector_api::{Batch, Encoder, EncoderFactory, Error, Rejection, Result};
use tokio::time::Instant;

use super::{
    disk::{Disk, DiskFile},
    names::Names,
    options::Rotation,
    recovery::{Content, Journal, finish, publish, recover},
};

/// What the writers of one sink have in common.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) rotate: Option<Rotation>,
    pub(super) encoder: EncoderFactory,
    pub(super) content: Content,
}

/// Rows become files.
pub(super) struct Writer {
    plan: Plan,
    names: Names,
    rows: Box<dyn Encoder>,
    open: Option<Open>,
    buffer: Vec<u8>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("names", &self.names).field("open", &self.open).finish_non_exhaustive()
    }
}

/// A file being written.
#[derive(Debug)]
struct Open {
    /// `None` while it is laid aside.
    file: Option<Box<dyn DiskFile>>,
    path: PathBuf,
    number: u64,
    /// How much of it is on disk for certain: whole batches.
    bytes: u64,
    rows: u64,
    header: usize,
    since: Instant,
    /// When the last rows came.
    last: Instant,
    /// Its name is on disk for certain.
    named: bool,
    /// There may be more than `bytes` in it.
    torn: bool,
    /// Of a journal: the file is made of it.
    made: bool,
}

/// How far the file being written was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    number: u64,
    bytes: u64,
    rows: u64,
}

impl Writer {
    pub(super) fn new(plan: Plan, names: Names) -> Self {
        let rows = plan.encoder.make();
        Self { plan, names, rows, open: None, buffer: Vec::new() }
    }

    /// Makes the folder and finishes what earlier processes left behind.
    pub(super) fn connect(&mut self) -> Result<()> {
        self.make_folder()?;
        match self.open {
            // The same object connects again: the file is its own.
            Some(_) => Ok(()),
            None => recover(&*self.plan.disk, &self.names, self.plan.content),
        }
    }

    fn make_folder(&self) -> Result<()> {
        let folder = self.names.folder();
        let made = self.plan.disk.create_folder(folder);
        made.map_err(|error| Error::io(format!("cannot make the folder {}", folder.display()), error))
    }

    /// Puts a batch on disk, wholly in one file. The rows that cannot be written are given back.
    pub(super) fn write(&mut self, batch: &Batch) -> Result<Vec<Rejection>> {
        self.rows.meet(batch)?;
        self.buffer.clear();
        let rejected = self.rows.put_rows(batch, &mut self.buffer);
        if self.buffer.is_empty() {
            return Ok(rejected);
        }
        let other_header = self.open.as_ref().is_some_and(|open| open.header != self.rows.header());
        let is_made = self.open.as_ref().is_some_and(|open| open.made);
        let is_full = self.is_full(self.buffer.len() as u64, batch.rows() as u64);
        if other_header || is_made || self.is_due() || is_full {
            self.finish()?;
        }
        self.take_up()?;
        let open = match self.open.take() {
            Some(open) => open,
            None => self.create()?,
        };
        let open = self.open.insert(open);
        if !open.named {
            let folder = self.names.folder();
            let synced = self.plan.disk.sync_folder(folder);
            synced
                .map_err(|error| Error::io(format!("cannot sync the folder {}", folder.display()), error))?;
            open.named = true;
        }
        if open.bytes == 0 {
            let mut header = Vec::new();
            self.rows.put_header(&mut header);
            self.buffer.splice(0..0, header);
        }
        open.append(&self.buffer, batch.rows() as u64)?;
        Ok(rejected)
    }

    /// How far the file being written is; `None` where there is none.
    pub(super) fn mark(&self) -> Option<Mark> {
        self.open.as_ref().map(|open| Mark { number: open.number, bytes: open.bytes, rows: open.rows })
    }

    /// Takes back what was written to the file since, before anything else is done with it.
    pub(super) fn go_back(&mut self, mark: Option<Mark>) {
        let Some(open) = &mut self.open else { return };
        // A file that was begun since is empty again.
        let mark = mark.filter(|mark| mark.number == open.number);
        let (bytes, rows) = mark.map_or((0, 0), |mark| (mark.bytes, mark.rows));
        open.torn |= bytes < open.bytes;
        (open.bytes, open.rows) = (bytes, rows);
    }

    /// Closes the file being written, which is opened again when rows come for it. One that is not in order stays open.
    pub(super) fn lay_aside(&mut self) {
        if let Some(open) = &mut self.open
            && open.named
            && !open.torn
        {
            open.file = None;
        }
    }

    /// Opens the file that was laid aside. One that is gone was finished by another process.
    fn take_up(&mut self) -> Result<()> {
        let Some(open) = self.open.as_mut().filter(|open| open.file.is_none()) else { return Ok(()) };
        match self.plan.disk.open(&open.path) {
            Ok(file) => {
                open.torn |= file.length().map_or(true, |length| length != open.bytes);
                open.file = Some(file);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.open = None;
                Ok(())
            }
            Err(error) => Err(Error::io(format!("cannot open {}", open.path.display()), error)),
        }
    }

    /// Finishes the file if it is old enough.
    pub(super) fn tick(&mut self) -> Result<()> {
        if self.is_due() { self.finish() } else { Ok(()) }
    }

    /// Gives the file being written its name; removes it where it holds no row.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.take_up()?;
        let Some(open) = &mut self.open else { return Ok(()) };
        let disk = &*self.plan.disk;
        if !open.made {
            open.repair()?;
        }
        match (self.plan.content, &mut open.file) {
            _ if open.rows == 0 => {
                let remove = disk.remove(&open.path);
                remove.map_err(|error| Error::io(format!("cannot remove {}", open.path.display()), error))?;
            }
            (Content::Journal(format), Some(file)) => {
                let mut journal = Journal { format, bytes: open.bytes, made: open.made };
                let published = publish(disk, &self.names, open.number, &mut **file, &mut journal);
                open.made = journal.made;
                published?;
            }
            _ => finish(disk, &self.names, open.number)?,
        }
        self.open = None;
        Ok(())
    }

    fn is_due(&self) -> bool {
        let (Some(open), Some(rotate)) = (self.open.as_ref().filter(|open| open.rows > 0), self.plan.rotate)
        else {
            return false;
        };
        rotate.interval.is_some_and(|interval| open.since.elapsed() >= interval.0)
            || rotate.idle.is_some_and(|idle| open.last.elapsed() >= idle.0)
    }

    /// Whether so much more would be too much for the file.
    fn is_full(&self, bytes: u64, rows: u64) -> bool {
        let Some(open) = self.open.as_ref().filter(|open| open.rows > 0) else { return false };
        let Some(rotate) = self.plan.rotate else { return false };
        rotate.bytes.is_some_and(|most| open.bytes + bytes > most.0)
            || rotate.rows.is_some_and(|most| open.rows + rows > most)
    }

    fn create(&self) -> Result<Open> {
        self.make_folder()?;
        let (disk, folder) = (&self.plan.disk, self.names.folder());
        let listed = disk.list(folder);
        let listed = listed.map_err(|error| Error::io(format!("cannot list {}", folder.display()), error))?;
        let first = u64::from(self.plan.rotate.is_some());
        let number = self.names.found(&listed).last().map_or(first, |last| last.number + 1);
        let path = self.names.part(number);
        let file = disk.create(&path);
        let file = file.map_err(|error| Error::io(format!("cannot make {}", path.display()), error))?;
        Ok(Open {
            file: Some(file),
            path,
            number,
            bytes: 0,
            rows: 0,
            header: self.rows.header(),
            since: Instant::now(),
            last: Instant::now(),
            named: false,
            torn: false,
            made: false,
        })
    }
}

impl Open {
    /// Adds bytes, durably. Where that fails they are taken back, at once or before anything else is done with the file.
    fn append(&mut self, bytes: &[u8], rows: u64) -> Result<()> {
        self.repair()?;
        self.last = Instant::now();
        if self.rows == 0 {
            self.since = self.last;
        }
        let Some(file) = &mut self.file else {
            return Err(Error::bug("a file that is laid aside is written to"));
        };
        self.torn = true;
        let written = file.append(bytes).and_then(|()| file.sync());
        match written {
            Ok(()) => {
                self.torn = false;
                self.bytes += bytes.len() as u64;
                self.rows += rows;
                Ok(())
            }
            Err(error) => {
                let error = Error::io(format!("cannot write to {}", self.path.display()), error);
                match self.repair() {
                    Ok(()) => Err(error),
                    Err(after) => Err(error.with("and then", after)),
                }
            }
        }
    }

    fn repair(&mut self) -> Result<()> {
        if let Some(file) = self.file.as_mut().filter(|_| self.torn) {
            let cut = file.truncate(self.bytes).and_then(|()| file.sync());
            cut.map_err(|error| Error::io(format!("cannot cut {}", self.path.display()), error))?;
            self.torn = false;
        }
        Ok(())
    }
}
