//! The file being written. Everything here blocks, and is called from one thread at a time.

use std::{fmt, path::PathBuf, sync::Arc};

use levada_connector_api::{Batch, Encoder, EncoderFactory, Error, Rejection, Result};
use tokio::time::Instant;

use super::{
    disk::{Disk, DiskFile},
    names::Names,
    options::Rotation,
    recovery::{finish, recover},
};

/// Lines become files.
pub(super) struct Writer {
    disk: Arc<dyn Disk>,
    names: Names,
    /// The first line of a file is its header.
    has_header: bool,
    rotate: Option<Rotation>,
    lines: Box<dyn Encoder>,
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
    file: Box<dyn DiskFile>,
    path: PathBuf,
    number: u64,
    /// How much of it is on disk for certain: whole batches.
    bytes: u64,
    rows: u64,
    header: usize,
    since: Instant,
    /// Its name is on disk for certain.
    named: bool,
    /// There may be more than `bytes` in it.
    torn: bool,
}

impl Writer {
    pub(super) fn new(
        rotate: Option<Rotation>,
        encoder: &EncoderFactory,
        names: Names,
        disk: Arc<dyn Disk>,
    ) -> Self {
        Self {
            disk,
            names,
            has_header: encoder.has_header(),
            rotate,
            lines: encoder.make(),
            open: None,
            buffer: Vec::new(),
        }
    }

    /// Makes the folder and finishes what earlier processes left behind.
    pub(super) fn connect(&mut self) -> Result<()> {
        let folder = self.names.folder();
        self.disk
            .create_folder(folder)
            .map_err(|error| Error::io(format!("cannot make the folder {}", folder.display()), error))?;
        match self.open {
            // The same object connects again: the file is its own.
            Some(_) => Ok(()),
            None => recover(&*self.disk, &self.names, self.has_header),
        }
    }

    /// Puts a batch on disk, wholly in one file.
    /// The rows that cannot be written as lines are given back.
    pub(super) fn write(&mut self, batch: &Batch) -> Result<Vec<Rejection>> {
        self.lines.meet(batch);
        self.buffer.clear();
        let rejected = self.lines.put_rows(batch, &mut self.buffer);
        if self.buffer.is_empty() {
            return Ok(rejected);
        }
        let other_header = self.open.as_ref().is_some_and(|open| open.header != self.lines.header());
        if other_header || self.is_due() || self.is_full(self.buffer.len() as u64, batch.rows() as u64) {
            self.finish()?;
        }
        let open = match self.open.take() {
            Some(open) => open,
            None => self.create()?,
        };
        let open = self.open.insert(open);
        if !open.named {
            let folder = self.names.folder();
            let synced = self.disk.sync_folder(folder);
            synced
                .map_err(|error| Error::io(format!("cannot sync the folder {}", folder.display()), error))?;
            open.named = true;
        }
        if open.bytes == 0 {
            let mut header = Vec::new();
            self.lines.put_header(&mut header);
            self.buffer.splice(0..0, header);
        }
        open.append(&self.buffer, batch.rows() as u64)?;
        Ok(rejected)
    }

    /// Finishes the file if it is old enough.
    pub(super) fn tick(&mut self) -> Result<()> {
        if self.is_due() { self.finish() } else { Ok(()) }
    }

    /// Renames the file being written into place; removes it where it holds no row.
    pub(super) fn finish(&mut self) -> Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        open.repair()?;
        if open.rows == 0 {
            let remove = self.disk.remove(&open.path);
            remove.map_err(|error| Error::io(format!("cannot remove {}", open.path.display()), error))?;
        } else {
            finish(&*self.disk, &self.names, open.number)?;
        }
        self.open = None;
        Ok(())
    }

    fn is_due(&self) -> bool {
        let interval = self.rotate.and_then(|rotate| rotate.interval);
        match (&self.open, interval) {
            (Some(open), Some(interval)) => open.rows > 0 && open.since.elapsed() >= interval.0,
            _ => false,
        }
    }

    /// Whether so much more would be too much for the file.
    fn is_full(&self, bytes: u64, rows: u64) -> bool {
        let Some(open) = self.open.as_ref().filter(|open| open.rows > 0) else { return false };
        let Some(rotate) = self.rotate else { return false };
        rotate.bytes.is_some_and(|most| open.bytes + bytes > most.0)
            || rotate.rows.is_some_and(|most| open.rows + rows > most)
    }

    fn create(&self) -> Result<Open> {
        let folder = self.names.folder();
        let listed = self.disk.list(folder);
        let listed = listed.map_err(|error| Error::io(format!("cannot list {}", folder.display()), error))?;
        let first = u64::from(self.rotate.is_some());
        let number = self.names.found(&listed).last().map_or(first, |last| last.number + 1);
        let path = self.names.part(number);
        let file = self.disk.create(&path);
        let file = file.map_err(|error| Error::io(format!("cannot make {}", path.display()), error))?;
        Ok(Open {
            file,
            path,
            number,
            bytes: 0,
            rows: 0,
            header: self.lines.header(),
            since: Instant::now(),
            named: false,
            torn: false,
        })
    }
}

impl Open {
    /// Adds bytes, durably. Where that fails they are taken back, at once or before anything else is done with the file.
    fn append(&mut self, bytes: &[u8], rows: u64) -> Result<()> {
        self.repair()?;
        if self.rows == 0 {
            self.since = Instant::now();
        }
        self.torn = true;
        let written = self.file.append(bytes).and_then(|()| self.file.sync());
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
        if self.torn {
            let cut = self.file.truncate(self.bytes).and_then(|()| self.file.sync());
            cut.map_err(|error| Error::io(format!("cannot cut {}", self.path.display()), error))?;
            self.torn = false;
        }
        Ok(())
    }
}
