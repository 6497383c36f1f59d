//! What is wrong with a data folder, and what can be done about it.
//!
//! ```text
//!   manifest ── records, each with its checksum ──► catalog, positions, deletions, names of files
//!   wal/*    ── records, each with its checksum
//!   data/*   ── checksums of 4 KiB, then head, foot, index, bloom filter, every chunk and page decoded, statistics compared
//! ```
//! What a crash may leave is a note; what was stored and cannot be had any more is an error.

mod copies;
mod file;
mod give_up;
mod holed;
mod repair;
mod unsummed;

use std::{collections::HashSet, path::PathBuf, sync::Arc};

pub use repair::repair;

use crate::{
    Finding, StorageError, StorageOptions,
    folder::{holds_data, lock_to_read, take_lock, tells_all, unknown},
    manifest::{Loaded, Manifest, generations},
    sealed::{DataFolder, SUMS, SealedFile},
    wal::replay,
};

/// Reads all of a data folder that nobody has open, and says what is wrong where: manifest, log, sealed files. Changes
/// nothing. Of `options`, the folder, the disk and the clock are looked at.
///
/// # Errors
/// The folder is in use, or cannot be read at all.
pub fn check(options: &StorageOptions) -> Result<Vec<Finding>, StorageError> {
    let _lock = match take_lock(options) {
        // Looking into it needs no more than reading.
        Err(error) if error.is_of_writing() => lock_to_read(options)?,
        locked => locked?,
    };
    let (_, loaded) = Manifest::salvage(&options.disk, &options.dir, options.partition_width)?;
    let mut findings = of_manifest(options, &loaded)?;
    let logs = options.dir.join("wal");
    // Where the manifest is damaged, it does not say from where on the log counts.
    let floor = (loaded.damage.is_empty() && !loaded.absent).then_some(loaded.floor);
    let mut replayed = replay(&options.disk, &logs, floor, |_, _| Ok(()))?;
    if let Some(floor) = floor {
        replayed.miss(&logs, loaded.log, floor);
    }
    findings.extend(replayed.findings);
    let data = options.dir.join("data");
    let folder = Arc::new(DataFolder::new(data.clone(), Arc::clone(&options.disk)));
    let mut known = HashSet::new();
    for file in files(&loaded, &folder) {
        known.extend([file.path.clone(), file.path.with_extension(SUMS)]);
        findings.extend(file::inspect(&file, &options.disk).0);
    }
    let unnamed = unknown(&options.disk, &data, &known)?;
    let told = unnamed.is_empty() || tells_all(&folder, &options.dir.join("wal"), &loaded)?;
    findings.extend(unnamed.into_iter().map(|path| leftover(path, told)));
    Ok(findings)
}

fn of_manifest(options: &StorageOptions, loaded: &Loaded) -> Result<Vec<Finding>, StorageError> {
    let mut findings = loaded.damage.clone();
    findings.extend(torn(loaded));
    if loaded.absent && holds_data(&options.disk, &options.dir)? {
        findings.push(
            Finding::error(&options.dir, "there is no manifest, although the folder holds data")
                .means("the folder does not open")
                .repaired_by("a manifest is made of what files and log tell"),
        );
    }
    let found = generations(&*options.disk, &options.dir)?;
    let newest = found.last().map(|(_, path)| path.clone());
    let files = options.disk.files(&options.dir);
    let files = files.map_err(StorageError::io("cannot list", &options.dir))?;
    let is_manifest =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("manifest-"));
    findings.extend(files.into_iter().filter(|path| is_manifest(path) && newest.as_ref() != Some(path)).map(
        |path| {
            Finding::note(path, "a manifest that does not count: an older one, or one that was not finished")
                .means("nothing is lost: the newest one counts")
                .repaired_by("nothing: it goes when the next one is written")
        },
    ));
    Ok(findings)
}

/// The manifest's last record, where a crash cut it off.
fn torn(loaded: &Loaded) -> Option<Finding> {
    let (path, offset) = loaded.torn.as_ref()?;
    let finding = Finding::note(path, "the last record is torn, as a crash leaves it").at(*offset);
    Some(
        finding
            .means("nothing is lost: what the record would have said was not acted upon yet, and the log still has it")
            .repaired_by("a new manifest is written without it; opening the folder cuts it, too"),
    )
}

/// A file that the manifest does not name, which tells all or does not.
fn leftover(path: PathBuf, told: bool) -> Finding {
    let unfinished = path.extension().is_some_and(|extension| extension == "tmp");
    if !told && !unfinished {
        return Finding::error(path, "no manifest names the file, and what it holds may be nowhere else")
            .means("the manifest has lost its last records")
            .repaired_by(
                "it is taken back where it is whole and nothing has taken its place, or moved into `lost`",
            );
    }
    let what = if unfinished {
        "a file that a flush or compaction had not finished when a crash came"
    } else {
        "no manifest names the file: a crash came between its last byte and the record that names it, or before it was removed"
    };
    Finding::note(path, what)
        .means("nothing is lost: what it holds is in the log, or in the files it was made of or into")
        .repaired_by("it is moved into `lost`; otherwise it goes when the folder is opened")
}

/// The files that a manifest names.
fn files<'a>(loaded: &'a Loaded, folder: &'a Arc<DataFolder>) -> impl Iterator<Item = SealedFile> + 'a {
    loaded.files.values().map(move |meta| SealedFile::new(*meta, folder))
}
