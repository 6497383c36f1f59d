//! The file system as this sink needs it, so that tests can make it fail.

use std::{
    fmt,
    fs::{self, OpenOptions, TryLockError},
    io::{self, BufReader, Read, Write},
    path::Path,
};

/// A file system. Calls block.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Makes a folder and those above it.
    ///
    /// # Errors
    /// As the system says.
    fn create_folder(&self, folder: &Path) -> io::Result<()>;

    /// The names in a folder.
    ///
    /// # Errors
    /// As the system says.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;

    /// Makes a file that must not exist yet, and locks it.
    ///
    /// # Errors
    /// As the system says.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file to be cut and read, and locks it.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] where another process has locked it; otherwise as the system says.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Gives a file another name in the same folder.
    ///
    /// # Errors
    /// As the system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// As the system says.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// As the system says.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// An open file.
pub trait DiskFile: fmt::Debug + Send {
    /// Adds bytes at the end.
    ///
    /// # Errors
    /// As the system says; any number of the bytes may have been added.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes all that was added durable.
    ///
    /// # Errors
    /// As the system says; what was added since the last time may be lost.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts it to a length.
    ///
    /// # Errors
    /// As the system says.
    fn truncate(&mut self, length: u64) -> io::Result<()>;

    /// How many bytes it has.
    ///
    /// # Errors
    /// As the system says.
    fn length(&self) -> io::Result<u64>;

    /// Reads bytes from an offset on, as many as there is room for.
    ///
    /// # Errors
    /// As the system says; there are fewer bytes.
    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;

    /// Reads all from the beginning, piece by piece.
    ///
    /// # Errors
    /// As the system says.
    fn scan(&mut self, piece: &mut dyn FnMut(&[u8])) -> io::Result<()>;
}

/// The operating system's.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDisk;

#[derive(Debug)]
struct SystemFile(fs::File);

fn locked(file: fs::File, path: &Path) -> io::Result<Box<dyn DiskFile>> {
    match file.try_lock() {
        Ok(()) => Ok(Box::new(SystemFile(file))),
        Err(TryLockError::WouldBlock) => {
            let message = format!("{} is being written by another process", path.display());
            Err(io::Error::new(io::ErrorKind::WouldBlock, message))
        }
        // File systems without locks are used all the same.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
            Ok(Box::new(SystemFile(file)))
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}

impl Disk for SystemDisk {
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        // A name that is no text is none that this sink gave.
        fs::read_dir(folder)?
            .filter_map(|entry| entry.map(|entry| entry.file_name().into_string().ok()).transpose())
            .collect()
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        locked(OpenOptions::new().read(true).append(true).create_new(true).open(path)?, path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        locked(OpenOptions::new().read(true).append(true).open(path)?, path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        // Elsewhere a folder cannot be opened as a file, nor need it be.
        if cfg!(unix) { fs::File::open(folder)?.sync_all() } else { Ok(()) }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}

impl DiskFile for SystemFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        use std::io::{Seek, SeekFrom};
        // What is appended goes to the end all the same.
        self.0.seek(SeekFrom::Start(offset))?;
        self.0.read_exact(bytes)
    }

    fn scan(&mut self, piece: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        use std::io::{BufRead, Seek, SeekFrom};
        self.0.seek(SeekFrom::Start(0))?;
        let mut reader = BufReader::with_capacity(1 << 16, Read::by_ref(&mut self.0));
        loop {
            let bytes = reader.fill_buf()?;
            if bytes.is_empty() {
                return Ok(());
            }
            piece(bytes);
            let read = bytes.len();
            reader.consume(read);
        }
    }
}
