//! A sealed file whose checksums are lost.

use std::{io, sync::Arc};

use levada_tsfile::ReadAt;

use crate::disk::ReadFile;

/// A file whose checksums are lost. What it holds is judged by its own statistics.
#[derive(Debug)]
pub(super) struct Unsummed {
    pub(super) file: Arc<dyn ReadFile>,
}

impl ReadAt for Unsummed {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buf, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
}
