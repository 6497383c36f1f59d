//! What an earlier process left behind.

use levada_connector_api::{Domain, Error, ErrorKind, Result, Retry};

use super::{
    disk::{Disk, DiskFile},
    names::{Found, Names},
};

/// Finishes every file that was being written when an earlier process ended: cut after its last whole line and renamed
/// into place, or removed where it holds no row.
///
/// # Errors
/// Another process is writing one; the disk fails.
pub(super) fn recover(disk: &dyn Disk, names: &Names, csv: bool) -> Result<()> {
    let listed = disk
        .list(names.folder())
        .map_err(|error| Error::io(format!("cannot list {}", names.folder().display()), error))?;
    let found = names.found(&listed);
    for part in found.iter().filter(|found| found.part) {
        let path = names.part(part.number);
        let fails = |what: &str| format!("cannot {what} {}", path.display());
        let mut file = disk.open(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::WouldBlock => {
                Error::new(ErrorKind::Exhausted, Domain::User, Retry::Later, error.to_string())
            }
            _ => Error::io(fails("open"), error),
        })?;
        let whole = whole_lines(&mut *file, csv).map_err(|error| Error::io(fails("read"), error))?;
        if whole.lines <= u64::from(csv) {
            disk.remove(&path).map_err(|error| Error::io(fails("remove"), error))?;
            continue;
        }
        file.truncate(whole.bytes).map_err(|error| Error::io(fails("cut"), error))?;
        file.sync().map_err(|error| Error::io(fails("sync"), error))?;
        finish(disk, names, part.number)?;
        tracing::info!(file = %path.display(), lines = whole.lines, "finished what an earlier run left behind");
    }
    Ok(())
}

/// Renames a file into place, durably: under its own number, or the next that is free. One that is not there any more was
/// renamed by an attempt that failed later.
pub(super) fn finish(disk: &dyn Disk, names: &Names, number: u64) -> Result<()> {
    let part = names.part(number);
    let listed = disk.list(names.folder());
    let listed =
        listed.map_err(|error| Error::io(format!("cannot list {}", names.folder().display()), error))?;
    let found = names.found(&listed);
    if found.contains(&Found { number, part: true }) {
        let taken = found.contains(&Found { number, part: false });
        let free = if taken { found.last().map_or(number, |last| last.number) + 1 } else { number };
        let target = names.finished(free);
        disk.rename(&part, &target).map_err(|error| {
            Error::io(format!("cannot rename {} to {}", part.display(), target.display()), error)
        })?;
    }
    disk.sync_folder(names.folder())
        .map_err(|error| Error::io(format!("cannot sync the folder {}", names.folder().display()), error))
}

/// The whole lines at the beginning of a file.
#[derive(Debug, Default, PartialEq, Eq)]
struct WholeLines {
    bytes: u64,
    lines: u64,
}

/// A line end between the quotes of a CSV field ends no line.
fn whole_lines(file: &mut dyn DiskFile, csv: bool) -> std::io::Result<WholeLines> {
    let mut whole = WholeLines::default();
    let (mut at, mut quoted) = (0u64, false);
    file.scan(&mut |piece| {
        for &byte in piece {
            at += 1;
            match byte {
                b'"' if csv => quoted = !quoted,
                b'\n' if !quoted => whole = WholeLines { bytes: at, lines: whole.lines + 1 },
                _ => {}
            }
        }
    })?;
    Ok(whole)
}
