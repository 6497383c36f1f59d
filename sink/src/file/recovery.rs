//! What an earlier process left behind.

use levada_connector_api::{Domain, Error, ErrorKind, Result, Retry};

use super::{
    disk::{Disk, DiskFile},
    journal::{self, Whole},
    make::make,
    names::{Found, Names},
    options::FileFormat,
};

/// What files hold while they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Lines, of CSV or not.
    Lines { csv: bool },
    /// A journal, of which a file of the format is made.
    Journal(FileFormat),
}

/// Finishes every file that was being written when an earlier process ended: cut after its last whole line or frame and given
/// its name, or removed where it holds no row.
///
/// # Errors
/// Another process is writing one; the disk fails.
pub(super) fn recover(disk: &dyn Disk, names: &Names, content: Content) -> Result<()> {
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
        let (whole, rows, made) = match content {
            Content::Lines { csv } => {
                let whole = whole_lines(&mut *file, csv).map_err(|error| Error::io(fails("read"), error))?;
                (whole.bytes, whole.lines.saturating_sub(u64::from(csv)), false)
            }
            Content::Journal(_) => {
                let whole = journal::visit(&mut *file, |_, _| Ok(()));
                let Whole { bytes, frames, made } = whole.map_err(|error| Error::io(fails("read"), error))?;
                (bytes, frames, made)
            }
        };
        if rows == 0 {
            disk.remove(&path).map_err(|error| Error::io(fails("remove"), error))?;
            continue;
        }
        file.truncate(whole).map_err(|error| Error::io(fails("cut"), error))?;
        file.sync().map_err(|error| Error::io(fails("sync"), error))?;
        match content {
            Content::Lines { .. } => finish(disk, names, part.number)?,
            Content::Journal(format) => {
                publish(disk, names, part.number, &mut *file, &mut Journal { format, bytes: whole, made })?;
            }
        }
        tracing::info!(file = %path.display(), "finished what an earlier run left behind");
    }
    Ok(())
}

/// A journal that is to be finished.
#[derive(Clone, Copy, Debug)]
pub(super) struct Journal {
    /// What is made of it.
    pub(super) format: FileFormat,
    /// The bytes of its whole frames.
    pub(super) bytes: u64,
    /// Whether the file is made, be it under its name already or not.
    pub(super) made: bool,
}

/// Makes the file of a journal and gives it its name; then the journal goes. Called again after a failure anywhere, also by
/// another process, it goes on: the file comes into being once.
///
/// # Errors
/// The disk fails.
pub(super) fn publish(
    disk: &dyn Disk,
    names: &Names,
    number: u64,
    file: &mut dyn DiskFile,
    journal: &mut Journal,
) -> Result<()> {
    let folder = names.folder();
    let list = || {
        let listed = disk.list(folder);
        listed.map_err(|error| Error::io(format!("cannot list {}", folder.display()), error))
    };
    let (part, whole) = (names.part(number), names.whole(number));
    let is_there = |listed: &[String]| {
        let name = whole.file_name().and_then(|name| name.to_str());
        listed.iter().any(|each| Some(each.as_str()) == name)
    };
    let fails = |what: &str, path: &std::path::Path| format!("cannot {what} {}", path.display());
    if !journal.made {
        if is_there(&list()?) {
            disk.remove(&whole).map_err(|error| Error::io(fails("remove", &whole), error))?;
        }
        let out = disk.create(&whole).map_err(|error| Error::io(fails("make", &whole), error))?;
        make(journal.format, file, out)?;
        // The folder is synced so that the file is there for certain when the journal says so.
        let said = disk
            .sync_folder(folder)
            .and_then(|()| file.truncate(journal.bytes))
            .and_then(|()| file.append(&journal::made()))
            .and_then(|()| file.sync());
        said.map_err(|error| Error::io(fails("write to", &part), error))?;
        journal.made = true;
    }
    let listed = list()?;
    let found = names.found(&listed);
    if is_there(&listed) {
        let taken = found.contains(&Found { number, part: false });
        let free = if taken { found.last().map_or(number, |last| last.number) + 1 } else { number };
        let target = names.finished(free);
        disk.rename(&whole, &target).map_err(|error| {
            Error::io(format!("cannot rename {} to {}", whole.display(), target.display()), error)
        })?;
    }
    let sync = || {
        let synced = disk.sync_folder(folder);
        synced.map_err(|error| Error::io(format!("cannot sync the folder {}", folder.display()), error))
    };
    sync()?;
    if found.contains(&Found { number, part: true }) {
        disk.remove(&part).map_err(|error| Error::io(fails("remove", &part), error))?;
    }
    sync()
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
