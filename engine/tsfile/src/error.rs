//! What can go wrong.

use std::{borrow::Cow, io};

/// Why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TsFileError {
    /// The operating system reported an error.
    #[error("{what} at byte {offset}: {source}")]
    Io {
        /// What was being done: `cannot read`, `cannot write`.
        what: &'static str,
        /// The offset in the file.
        offset: u64,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// The bytes are not those of a TsFile, or do not fit together.
    #[error("damaged at byte {offset}: {reason}")]
    Damaged {
        /// The offset in the file; for a page's content, where the page begins.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// The file is well formed, but uses something this crate does not support.
    #[error("{what} is not supported")]
    Unsupported {
        /// What it is.
        what: String,
    },
    /// The caller asked for something impossible.
    #[error("{reason}")]
    Rejected {
        /// What was asked for, and why it is impossible.
        reason: String,
    },
}

impl TsFileError {
    pub(crate) fn damaged(offset: u64, reason: impl Into<String>) -> Self {
        Self::Damaged { offset, reason: reason.into() }
    }

    pub(crate) fn rejected(reason: impl Into<String>) -> Self {
        Self::Rejected { reason: reason.into() }
    }

    pub(crate) fn io(what: &'static str, offset: u64) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, offset, source }
    }
}

/// Bytes that do not parse, reported without file offsets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Corrupt {
    /// The offset from the start of the bytes being parsed.
    pub(crate) at: usize,
    pub(crate) reason: Cow<'static, str>,
}

impl Corrupt {
    pub(crate) fn new(at: usize, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { at, reason: reason.into() }
    }

    /// Converts to an error of the file; `base` is the offset of the parsed bytes.
    pub(crate) fn based(self, base: u64) -> TsFileError {
        TsFileError::damaged(base.saturating_add(self.at as u64), self.reason)
    }
}

pub(crate) type Parsed<T> = Result<T, Corrupt>;
