//! The operating system's files.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Disk, Lock, LockOutcome, ReadFile, WriteFile};

/// The operating system's file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDisk;

#[derive(Debug)]
struct Written(File);

#[derive(Debug)]
struct Readable(File);

#[derive(Debug)]
struct HeldLock {
    // The lock goes with the handle; without a file there is nothing to lock.
    _file: Option<File>,
}

impl Lock for HeldLock {}

impl Disk for SystemDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        Ok(Box::new(Written(File::create(path)?)))
    }

    fn create_private(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        Ok(Box::new(Written(options.open(path)?)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>> {
        Ok(Arc::new(Readable(File::open(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn files(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        entries(dir, false)
    }

    fn folders(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        entries(dir, true)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn lock(&self, path: &Path, holder: &str) -> io::Result<LockOutcome> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {
                // Who holds it is told to others where there is room to say so.
                match file.set_len(0).and_then(|()| file.write_all(holder.as_bytes())) {
                    Err(error) if error.kind() != io::ErrorKind::StorageFull => Err(error),
                    _ => Ok(LockOutcome::Held(Box::new(HeldLock { _file: Some(file) }))),
                }
            }
            Err(error) => taken(file, error),
        }
    }

    fn lock_to_read(&self, path: &Path) -> io::Result<LockOutcome> {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(LockOutcome::Held(Box::new(HeldLock { _file: None })));
            }
            opened => opened?,
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(LockOutcome::Held(Box::new(HeldLock { _file: Some(file) }))),
            Err(error) => taken(file, error),
        }
    }
}

/// What a lock is that was not had.
fn taken(mut file: File, error: TryLockError) -> io::Result<LockOutcome> {
    match error {
        TryLockError::WouldBlock => {
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            let holder = text.trim();
            let holder = if holder.is_empty() { "another process" } else { holder };
            Ok(LockOutcome::Taken(holder.to_owned()))
        }
        TryLockError::Error(error) => Err(error),
    }
}

fn entries(dir: &Path, folders: bool) -> io::Result<Vec<PathBuf>> {
    let listed = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut found = Vec::new();
    for entry in listed {
        let entry = entry?;
        if entry.file_type()?.is_dir() == folders {
            found.push(entry.path());
        }
    }
    Ok(found)
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl WriteFile for Written {
    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn cut(&mut self, len: u64) -> io::Result<()> {
        self.0.set_len(len)?;
        self.0.seek(io::SeekFrom::Start(len))?;
        Ok(())
    }
}

impl ReadFile for Readable {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(bytes, offset)
    }
}
