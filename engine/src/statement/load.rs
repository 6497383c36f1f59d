//! `load '<file or folder>'`: TsFiles from elsewhere.

use std::{path::Path, path::PathBuf};

use levada_model::{SessionError, StatusCode, Write, WriteReport};
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
        let mut tablets = Tablets::read(&file, damaged);
        while let Some(parcel) = tablets.next().await {
            let Parcel { series, tablets } = parcel.map_err(failed)?;
            let creation = shared.gate.admit_tablets(caller, &tablets)?;
            create_missing(shared, caller, series).await?;
            let write = Write { tablets, ..Write::default() };
            check(insert_write(shared, write, &creation).await?, &file)?;
        }
        if on_success == OnSuccess::Delete {
            remove(&file).map_err(|source| failed(ReadError::Io { path: file, source }))?;
        }
    }
    Ok(String::new())
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

/// Fails where rows were refused.
fn check(report: WriteReport, file: &Path) -> Result<(), SessionError> {
    let Some(first) = report.rejected.into_iter().next() else { return Ok(()) };
    let series = first.measurement.map(|name| format!(" (measurement {name})")).unwrap_or_default();
    let message =
        format!("the rest of {} is stored, some rows{series} are not: {}", file.display(), first.message);
    Err(SessionError::new(StatusCode::LOAD_FILE_ERROR, message))
}

fn failed(error: ReadError) -> SessionError {
    SessionError::new(StatusCode::LOAD_FILE_ERROR, error.to_string()).caused_by(error)
}
