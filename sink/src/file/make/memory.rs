//! A journal in memory, for who writes no files.

use std::io;

use crate::file::disk::DiskFile;

/// Frames that are read and not added to.
#[derive(Debug)]
pub(super) struct Frames<'a>(&'a [u8]);

impl<'a> Frames<'a> {
    pub(super) fn new(frames: &'a [u8]) -> Self {
        Self(frames)
    }
}

fn only_read() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "these frames are only read")
}

impl DiskFile for Frames<'_> {
    fn append(&mut self, _: &[u8]) -> io::Result<()> {
        Err(only_read())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&mut self, _: u64) -> io::Result<()> {
        Err(only_read())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(offset).ok();
        let found = from.and_then(|from| self.0.get(from..from.checked_add(bytes.len())?));
        bytes.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn scan(&mut self, piece: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        piece(self.0);
        Ok(())
    }
}
