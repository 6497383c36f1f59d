//! What can go wrong in storage.

use std::{io, path::PathBuf};

use levada_model::{IoFault, SessionError, StatusCode};

/// Why the store did not do as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The operating system rejected.
    #[error("{what} {path}: {source}", path = path.display())]
    Io {
        /// What was being done: `cannot open`, `cannot write to`.
        what: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// A file does not hold what was written to it.
    #[error("{path} is damaged at byte {offset}: {reason}", path = path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// What a reader of changes asks for is not kept any more.
    #[error(
        "the changes behind write {after} are not all there any more: the log has those behind write {kept}; \
             read what is stored anew, and go on from there"
    )]
    Behind {
        /// The reader has all up to this write.
        after: u64,
        /// The log has all behind this one; 0 where that is not known.
        kept: u64,
    },
    /// A reader of changes comes by a name by which another reads now.
    #[error("another reads changes by the name {name} now")]
    BeingRead {
        /// The name.
        name: String,
    },
    /// Files of the log are gone, or their ends are, and with them what was stored. The folder opens to read, and to write when
    /// that was given up: see [`StorageOptions::accept_log_loss`](crate::StorageOptions::accept_log_loss).
    #[error(
        "{path}: {what}; {means}: put it back, or give it up with `levada fsck --repair {dir}`, which keeps all else; what is \
         there can be read with `--read-only`",
        path = path.display(),
        dir = dir.display()
    )]
    LogGone {
        /// The data folder.
        dir: PathBuf,
        /// The file, or the folder of the log where it is not known which.
        path: PathBuf,
        /// What is missing.
        what: String,
        /// What that means for the data.
        means: String,
    },
    /// Another process owns the data folder.
    #[error("the data folder {path} is in use by {owner}", path = path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
        /// The process, as its lock file says.
        owner: String,
    },
    /// The request cannot be carried out as it is; the code says of which kind the reason is.
    #[error("{message}")]
    Rejected {
        /// As clients know it.
        code: StatusCode,
        /// What, why, and what to do.
        message: String,
    },
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
    /// The store was opened to read alone.
    #[error("the data folder {path} is open to read only{why}", path = path.display())]
    ReadOnly {
        /// The folder.
        path: PathBuf,
        /// `: ` and why it is; empty where that was asked for.
        why: String,
    },
}

impl StorageError {
    /// A rejection.
    pub fn rejected(code: StatusCode, message: impl Into<String>) -> Self {
        Self::Rejected { code, message: message.into() }
    }

    /// Names what was being done to which file, for `map_err`.
    pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }

    /// Whether it says that a disk cannot be written to, though it may be read.
    pub(crate) fn is_of_writing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if IoFault::of(source).is_of_writing())
    }

    /// Whether the same may work later, as far as this tells; where it does not, the code does.
    fn may_heal(&self) -> bool {
        match self {
            Self::Io { source, .. } => IoFault::of(source).heals(),
            Self::Damaged { .. } | Self::LogGone { .. } => false,
            _ => true,
        }
    }

    /// The code clients know it by.
    pub fn code(&self) -> StatusCode {
        match self {
            Self::Io { source, .. } if IoFault::of(source) == IoFault::Full => {
                StatusCode::DISK_SPACE_INSUFFICIENT
            }
            Self::Io { .. } | Self::Damaged { .. } | Self::LogGone { .. } => StatusCode::STORAGE_ENGINE_ERROR,
            Self::Locked { .. } => StatusCode::NOT_READY,
            Self::Rejected { code, .. } => *code,
            Self::Behind { .. } | Self::BeingRead { .. } => StatusCode::ILLEGAL_PARAMETER,
            Self::Closed => StatusCode::NOT_READY,
            Self::ReadOnly { .. } => StatusCode::SYSTEM_READ_ONLY,
        }
    }
}

impl From<StorageError> for SessionError {
    fn from(error: StorageError) -> Self {
        let mut told = Self::new(error.code(), error.to_string());
        told.transient &= error.may_heal();
        // The other may be one that ends just now.
        told.transient |= matches!(error, StorageError::BeingRead { .. });
        told.caused_by(error)
    }
}
