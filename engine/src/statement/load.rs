//! `load '<file or folder>'`: TsFiles from elsewhere.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use levada_model::{Path as SeriesPath, RejectedRows, SessionError, StatusCode, Write};
use levada_sql::ast::Load;
use tokio::task::spawn_blocking;

use super::insert_write;
use crate::{
    engine::Shared,
    error::panicked,
    gate::Caller,
    tsfiles::{Damaged, Parcel, ReadError, Tablets, create_missing, find},
};

/// What becomes of files that were loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnSuccess {
    Keep,
    Delete,
}

/// Stores all rows of the files. A file in which values are damaged is rejected whole; with `'on-damage'='skip'` what is sound of it
/// is stored. `verify` and `sglevel` are accepted: types are always checked, and a database that is
/// missing is always made as writes make it. Series that are missing get the encoding and compression that the file has.
/// Whether its user may write the series shows as they are read: what came before the first that may not be is stored.
pub(super) async fn run(shared: &Shared, caller: &Caller, load: Load) -> Result<String, SessionError> {
    let (on_success, damaged) = options(&load.options)?;
    let path = PathBuf::from(load.path);
    let files = spawn_blocking(move || find(&path)).await.map_err(panicked)?.map_err(failed)?;
    for file in files {
        let loaded = load_file(shared, caller, &file, damaged, false).await?;
        check(loaded, &file)?;
        if on_success == OnSuccess::Delete {
            remove(&file).map_err(|source| failed(ReadError::Io { path: file, source }))?;
        }
    }
    Ok(String::new())
}

/// What became of the rows of a file.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The databases that they lie in.
    pub databases: BTreeSet<SeriesPath>,
    /// How many times rows, or values of them, were rejected.
    pub rejections: usize,
    /// The one to tell of: see [`WriteReport::to_tell`](levada_model::WriteReport::to_tell).
    pub first: Option<RejectedRows>,
}

/// Stores all rows of a file, for whoever calls; converts values to the types of series that are there, where that is asked for.
///
/// # Errors
/// The file cannot be read, values in it are damaged, or the caller may not write some of its series: what came before is
/// stored.
pub(crate) async fn load_file(
    shared: &Shared,
    caller: &Caller,
    file: &Path,
    damaged: Damaged,
    coerce: bool,
) -> Result<Loaded, SessionError> {
    let mut loaded = Loaded::default();
    let mut tablets = Tablets::read(file, damaged);
    while let Some(parcel) = tablets.next().await {
        let Parcel { series, tablets } = parcel.map_err(failed)?;
        let creation = shared.gate.admit_tablets(caller, &tablets)?;
        create_missing(shared, caller, series).await?;
        let devices: Vec<_> = tablets.iter().map(|tablet| tablet.device().clone()).collect();
        let write = Write { tablets, coerce, owner: caller.pipe.clone(), ..Write::default() };
        let report = insert_write(shared, write, &creation).await?;
        databases_of(shared, &devices, &mut loaded.databases);
        loaded.rejections += report.rejected.len();
        if !loaded.first.as_ref().is_some_and(RejectedRows::is_loss) {
            loaded.first = report.to_tell().cloned().or(loaded.first);
        }
    }
    Ok(loaded)
}

/// Adds the databases that devices lie in.
pub(crate) fn databases_of(shared: &Shared, devices: &[SeriesPath], known: &mut BTreeSet<SeriesPath>) {
    let catalog = shared.storage.catalog();
    for device in devices {
        let mut above = std::iter::successors(device.parent(), SeriesPath::parent);
        if !known.contains(device) && !above.any(|path| known.contains(&path)) {
            known.extend(catalog.device(device).map(|device| device.database));
        }
    }
}

fn options(options: &[(String, String)]) -> Result<(OnSuccess, Damaged), SessionError> {
    let (mut on_success, mut damaged) = (OnSuccess::Keep, Damaged::Reject);
    for (key, value) in options {
        let wrong = || {
            let message = format!("`{value}` is no value for the option `{key}` of load");
            SessionError::new(StatusCode::SEMANTIC_ERROR, message)
        };
        match (key.as_str(), value.to_ascii_lowercase().as_str()) {
            ("sglevel" | "database-level", value) => drop(value.parse::<u32>().map_err(|_| wrong())?),
            ("verify" | "autoregister", "true" | "false") => {}
            ("onsuccess" | "on-success", "none") => on_success = OnSuccess::Keep,
            ("onsuccess" | "on-success", "delete") => on_success = OnSuccess::Delete,
            ("ondamage" | "on-damage", "reject") => damaged = Damaged::Reject,
            ("ondamage" | "on-damage", "skip") => damaged = Damaged::Skip,
            ("model", "tree") => {}
            _ => return Err(wrong()),
        }
    }
    Ok((on_success, damaged))
}

/// The file, and what servers keep beside it.
fn remove(file: &Path) -> std::io::Result<()> {
    for suffix in [".resource", ".mods", ".mods2"] {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    std::fs::remove_file(file)
}

/// Fails where rows were rejected.
fn check(loaded: Loaded, file: &Path) -> Result<(), SessionError> {
    let Some(first) = loaded.first else { return Ok(()) };
    let series = first.measurement.map(|name| format!(" (measurement {name})")).unwrap_or_default();
    let message =
        format!("the rest of {} is stored, some rows{series} are not: {}", file.display(), first.message);
    Err(SessionError::new(StatusCode::LOAD_FILE_ERROR, message))
}

fn failed(error: ReadError) -> SessionError {
    SessionError::new(StatusCode::LOAD_FILE_ERROR, error.to_string()).caused_by(error)
}
