//! Chunks that a pipe of another engine sends.

use std::path::{Path, PathBuf};

use levada_model::SessionError;
use levada_storage::{ChunkFile, Taken};
use tokio::task::spawn_blocking;

use super::load::{Loaded, databases_of, load_file};
use crate::{engine::Shared, error::panicked, gate::Caller, tsfiles::Damaged};

/// A larger file is read bit by bit, and its rows are inserted.
const LARGEST: u64 = 64 << 20;

/// Stores a file's chunks as they are, or where that cannot be, its rows.
///
/// # Errors
/// As [`load_file`].
pub(crate) async fn take_chunks(
    shared: &Shared,
    caller: &Caller,
    file: &Path,
) -> Result<Loaded, SessionError> {
    let path = file.to_owned();
    if let Some(chunks) = spawn_blocking(move || read(path)).await.map_err(panicked)? {
        shared.gate.admit_series(caller, chunks.series())?;
        let devices: Vec<_> = chunks.series().map(|(device, _)| device.clone()).collect();
        if let Some(owner) = caller.pipe.as_deref()
            && let Some(new) = shared.pipes.unknown_origins(owner, devices.iter())
        {
            shared.pipes.note_origins(new).await?;
        }
        let (storage, owner) = (shared.storage.clone(), caller.pipe.clone());
        match spawn_blocking(move || storage.take_chunks_of(owner.as_deref(), &chunks))
            .await
            .map_err(panicked)??
        {
            Taken::Stored { .. } => {
                let mut loaded = Loaded::default();
                databases_of(shared, &devices, &mut loaded.databases);
                return Ok(loaded);
            }
            Taken::AsRows(why) => tracing::debug!(why, "chunks that a pipe sent are stored as rows"),
        }
    }
    // It says what is damaged, or rejected, and stores the rest.
    load_file(shared, caller, file, Damaged::Reject, true).await
}

/// Reads and checks a file; `None` where it cannot be taken as it is.
fn read(path: PathBuf) -> Option<ChunkFile> {
    if std::fs::metadata(&path).ok()?.len() > LARGEST {
        return None;
    }
    ChunkFile::read(std::fs::read(&path).ok()?.into())
}
