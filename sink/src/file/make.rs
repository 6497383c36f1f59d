//! From a journal to the file of columns that it stands for.

#[cfg(feature = "object-store")]
mod memory;
#[cfg(feature = "parquet")]
mod parquet;
mod tsfile;

use std::io::{self, BufWriter, Write};

use levada_connector_api::{Error, Result};

use super::{disk::DiskFile, options::FileFormat};
use crate::table::TableError;

const BUFFER: usize = 256 << 10;

/// What writers write into. Its errors are the disk's.
#[derive(Debug)]
struct Out(Box<dyn DiskFile>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.append(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Makes the file of all whole frames of a journal, durably.
///
/// # Errors
/// The disk fails, which may pass; the journal is damaged.
pub(super) fn make(format: FileFormat, journal: &mut dyn DiskFile, out: Box<dyn DiskFile>) -> Result<()> {
    let out = BufWriter::with_capacity(BUFFER, Out(out));
    let mut out = match format {
        #[cfg(feature = "parquet")]
        FileFormat::Parquet => parquet::make(journal, out)?,
        FileFormat::Tsfile => tsfile::make(journal, out)?,
        _ => return Err(Error::bug(format!("{format:?} is not made of a journal"))),
    };
    out.flush().map_err(cannot_write)?;
    let mut out = out.into_inner().map_err(|error| cannot_write(error.into_error()))?;
    out.0.sync().map_err(cannot_write)
}

/// Makes the bytes of a file of frames that are in memory.
///
/// # Errors
/// The frames are damaged.
#[cfg(feature = "object-store")]
pub(crate) fn in_memory(format: FileFormat, frames: &[u8]) -> Result<Vec<u8>> {
    let mut journal = memory::Frames::new(frames);
    match format {
        #[cfg(feature = "parquet")]
        FileFormat::Parquet => parquet::make(&mut journal, Vec::new()),
        FileFormat::Tsfile => tsfile::make(&mut journal, Vec::new()),
        _ => Err(Error::bug(format!("{format:?} is not made of a journal"))),
    }
}

fn cannot_write(error: io::Error) -> Error {
    Error::io("cannot write a file of columns", error)
}

fn cannot_read(error: io::Error) -> Error {
    Error::io("cannot read a journal", error)
}

impl From<TableError> for Error {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Io(error) => cannot_write(error),
            TableError::Data(reason) => {
                Self::bug(format!("rows that were taken do not fit the file: {reason}"))
            }
        }
    }
}
