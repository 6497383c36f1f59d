//! Small files that are remembered from one run to the next.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

/// Replaces a file as a whole, and makes its folder if missing. When it returns the new content is durable; a crash at any
/// moment leaves the old or the new, never a part. Blocks.
///
/// # Errors
/// As the system says; the old content is still there.
pub fn replace_state(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut beside = OsString::from(path);
    beside.push(".new");
    let mut file = File::create(&beside)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    // The name itself must survive a power cut, too. Elsewhere a folder cannot be opened as a file, nor need it be.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
