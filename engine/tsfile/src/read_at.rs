//! Where a reader's bytes come from.

use std::{fs::File, io, sync::Arc};

use bytes::Bytes;

/// Bytes that several threads can read at once, at any offset.
pub trait ReadAt: Send + Sync {
    /// Fills a buffer with the bytes from an offset on.
    ///
    /// # Errors
    /// The bytes cannot be read; [`io::ErrorKind::UnexpectedEof`] if there are too few.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()>;

    /// How many bytes there are.
    ///
    /// # Errors
    /// The operating system does not tell.
    fn len(&self) -> io::Result<u64>;

    /// Whether there are none.
    ///
    /// # Errors
    /// As [`ReadAt::len`].
    fn is_empty(&self) -> io::Result<bool> {
        self.len().map(|len| len == 0)
    }

    /// The bytes from an offset on. The caller has checked that there are enough.
    ///
    /// # Errors
    /// As [`ReadAt::read_at`].
    fn read_bytes(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        let mut bytes = vec![0; len];
        self.read_at(offset, &mut bytes)?;
        Ok(bytes.into())
    }
}

impl ReadAt for File {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, buf, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.metadata().map(|metadata| metadata.len())
    }
}

impl ReadAt for Bytes {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        buf.copy_from_slice(within(self, offset, buf.len())?);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(Self::len(self) as u64)
    }

    fn read_bytes(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        Ok(self.slice_ref(within(self, offset, len)?))
    }
}

impl ReadAt for Vec<u8> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        buf.copy_from_slice(within(self, offset, buf.len())?);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(Self::len(self) as u64)
    }
}

impl<T: ReadAt + ?Sized> ReadAt for &T {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        (**self).read_at(offset, buf)
    }

    fn len(&self) -> io::Result<u64> {
        (**self).len()
    }

    fn read_bytes(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        (**self).read_bytes(offset, len)
    }
}

impl<T: ReadAt + ?Sized> ReadAt for Arc<T> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        (**self).read_at(offset, buf)
    }

    fn len(&self) -> io::Result<u64> {
        (**self).len()
    }

    fn read_bytes(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        (**self).read_bytes(offset, len)
    }
}

fn within(bytes: &[u8], offset: u64, len: usize) -> io::Result<&[u8]> {
    let range = usize::try_from(offset).ok().and_then(|start| Some(start..start.checked_add(len)?));
    range.and_then(|range| bytes.get(range)).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}
