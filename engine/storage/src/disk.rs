//! The file system as the store sees it: a trait, so that tests can make any call fail, cut the power, or fill the disk.
//!
//! Durability as on POSIX: a file's bytes are safe after [`WriteFile::sync`], its name after [`Disk::sync_dir`] of the
//! folder it was made in or renamed into.

mod system;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

pub use system::SystemDisk;

/// A file system. All methods may be called from several threads at once.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Makes a file, or empties the one that is there, for writing.
    ///
    /// # Errors
    /// As the operating system says; so in all methods.
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>>;

    /// As [`Disk::create`], for what nobody but the owner may read, where the file system can tell.
    ///
    /// # Errors
    /// See [`Disk::create`].
    fn create_private(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        self.create(path)
    }

    /// Opens a file to read.
    ///
    /// # Errors
    /// See [`Disk::create`].
    fn open(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>>;

    /// Gives a file another name, in place of what has that name.
    ///
    /// # Errors
    /// See [`Disk::create`].
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// See [`Disk::create`].
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// The files of a folder (not its folders), in no order; none where the folder does not exist.
    ///
    /// # Errors
    /// See [`Disk::create`].
    fn files(&self, dir: &Path) -> io::Result<Vec<PathBuf>>;

    /// The folders of a folder, in no order; none where the folder does not exist.
    ///
    /// # Errors
    /// See [`Disk::create`].
    fn folders(&self, dir: &Path) -> io::Result<Vec<PathBuf>>;

    /// Makes a folder and those above it, where they are missing.
    ///
    /// # Errors
    /// See [`Disk::create`].
    fn create_dir(&self, dir: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// See [`Disk::create`].
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Takes the lock that a file stands for, and writes into it who holds it.
    ///
    /// # Errors
    /// The file cannot be made or locked, for other reasons than that it is taken.
    fn lock(&self, path: &Path, holder: &str) -> io::Result<LockOutcome>;

    /// Takes the lock that a file stands for without writing anything, together with others who do the same. Where there is no
    /// file, nobody has the folder open to write, and there is nothing to lock.
    ///
    /// # Errors
    /// See [`Disk::lock`].
    fn lock_to_read(&self, path: &Path) -> io::Result<LockOutcome>;
}

/// A file being written, always at its end.
pub trait WriteFile: io::Write + fmt::Debug + Send {
    /// Makes all that was written durable.
    ///
    /// # Errors
    /// It may not be; what was written since the last success must be written again elsewhere.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts the file to a length; writing goes on there.
    ///
    /// # Errors
    /// As the operating system says.
    fn cut(&mut self, len: u64) -> io::Result<()>;
}

/// A file being read.
pub trait ReadFile: fmt::Debug + Send + Sync {
    /// Its length in bytes.
    ///
    /// # Errors
    /// As the operating system says.
    fn len(&self) -> io::Result<u64>;

    /// Whether it has no bytes.
    ///
    /// # Errors
    /// As the operating system says.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Reads at a place; may read less than asked for, and reads nothing only at the end.
    ///
    /// # Errors
    /// As the operating system says.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Fills `bytes` from a place.
    ///
    /// # Errors
    /// The file ends before, or the operating system rejects.
    fn read_exact_at(&self, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.read_at(bytes, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    bytes = &mut bytes[read..];
                    offset += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Whether a lock was had.
#[derive(Debug)]
pub enum LockOutcome {
    /// It is held until this is dropped.
    Held(Box<dyn Lock>),
    /// Another holds it: what that one wrote.
    Taken(String),
}

/// A lock, held until dropped.
pub trait Lock: fmt::Debug + Send + Sync {}

/// All bytes of a file.
pub(crate) fn read_whole(disk: &dyn Disk, path: &Path) -> io::Result<Vec<u8>> {
    let file = disk.open(path)?;
    let len = usize::try_from(file.len()?).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}
