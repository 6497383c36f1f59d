//! Files of the catalog, as the changes that they stand for.

use std::path::PathBuf;

use bytes::Bytes;
use levada_model::{SessionError, StatusCode};
use levada_rpc::piped::{self, Change, Seal, Sealed, SeriesTree};
use tokio::task::spawn_blocking;

use super::{FilesError, Outcome};
use crate::status::malformed;

/// About so many bytes of series are read and made at once.
const AT_ONCE: usize = 256 << 10;
/// Files of databases, and of how long rows live, may have so many bytes together.
const MOST_OF_DATABASES: u64 = 16 << 20;

/// What files of the catalog stand for.
#[derive(Debug)]
pub(crate) enum Catalog {
    /// Changes, all at once.
    Changes(Vec<Change>),
    /// The series of a database, some at a time.
    Series(SeriesTree),
}

impl Catalog {
    /// How many bytes the files of a seal have, which are read into memory. `most` bounds those of series.
    ///
    /// # Errors
    /// They have too many.
    pub(crate) fn bytes_of(seal: &Seal, most: usize) -> Result<usize, FilesError> {
        let most = if seal.of == Sealed::Series { most as u64 } else { MOST_OF_DATABASES.min(most as u64) };
        let bytes = seal.files.iter().try_fold(0_u64, |all, (_, bytes)| all.checked_add(*bytes));
        let fits = bytes.filter(|bytes| *bytes <= most).and_then(|bytes| usize::try_from(bytes).ok());
        fits.ok_or_else(|| {
            FilesError::Wrong(format!(
                "files of the catalog have more than the {most} bytes that they may have together (dn_thrift_max_frame_size)"
            ))
        })
    }

    /// Reads the files of a seal; those that this does not know are told of.
    ///
    /// # Errors
    /// A file cannot be read, or is none.
    pub(crate) async fn read(
        seal: Seal,
        paths: Vec<PathBuf>,
        outcome: &mut Outcome,
    ) -> Result<Self, SessionError> {
        let read = spawn_blocking(move || read(&seal, &paths)).await.map_err(broken)?;
        let (catalog, unknown) = read?;
        for name in unknown {
            outcome.pass_over(format!("{name} is not understood here, and passed over"));
        }
        Ok(catalog)
    }

    /// The changes that come next, and what is behind them; none at the end.
    ///
    /// # Errors
    /// The file is none.
    pub(crate) async fn next(self) -> Result<(Vec<Change>, Self), SessionError> {
        match self {
            Self::Changes(changes) => Ok((changes, Self::Changes(Vec::new()))),
            Self::Series(mut tree) => {
                let next = move || tree.next(AT_ONCE).map(|series| (series, tree));
                let (series, tree) = spawn_blocking(next).await.map_err(broken)?.map_err(malformed)?;
                let changes = if series.is_empty() { Vec::new() } else { vec![Change::Series(series)] };
                Ok((changes, Self::Series(tree)))
            }
        }
    }
}

/// The catalog, and the names of files that are not known.
fn read(seal: &Seal, paths: &[PathBuf]) -> Result<(Catalog, Vec<String>), SessionError> {
    let mut files: Vec<(&str, Bytes)> = Vec::new();
    for ((name, _), path) in seal.files.iter().zip(paths) {
        let bytes = std::fs::read(path).map_err(|error| {
            SessionError::new(
                StatusCode::STORAGE_ENGINE_ERROR,
                format!("cannot read what a pipe sent: {error}"),
            )
        })?;
        files.push((name, bytes.into()));
    }
    let (mut changes, mut unknown) = (Vec::new(), Vec::new());
    if seal.of == Sealed::Series {
        let named = |name: &str| files.iter().find(|(each, _)| *each == name).map(|(_, bytes)| bytes.clone());
        let database = seal.parameters.iter().find(|(key, _)| key == "Database");
        let database = database.and_then(|(_, value)| value.clone());
        let (Some(tree), Some(database)) = (named("mtree.snapshot"), database) else {
            return Ok((Catalog::Changes(changes), unknown));
        };
        let tree = SeriesTree::new(tree, named("tlog.txt.snapshot"), database).map_err(malformed)?;
        return Ok((Catalog::Series(tree), unknown));
    }
    for (name, bytes) in files {
        match name {
            "cluster_schema.bin" => {
                let databases = piped::databases(bytes).map_err(malformed)?;
                changes.extend(databases.into_iter().map(Change::CreateDatabase));
            }
            "ttl_info.bin" => {
                let lives = piped::ttls(bytes).map_err(malformed)?;
                let set = lives.into_iter().filter(|(_, life)| life.is_some());
                changes.extend(set.map(|(pattern, life)| Change::Ttl(pattern, life)));
            }
            // Templates: 8 bytes, where there are none.
            "template_info.bin" if bytes.len() <= 8 => {}
            name => unknown.push(name.to_owned()),
        }
    }
    Ok((Catalog::Changes(changes), unknown))
}

fn broken(error: tokio::task::JoinError) -> SessionError {
    SessionError::new(StatusCode::INTERNAL_SERVER_ERROR, format!("reading was broken off: {error}"))
}
