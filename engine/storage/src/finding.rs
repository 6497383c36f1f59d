//! What is wrong with a data folder.

use std::{borrow::Cow, fmt, path::PathBuf};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Something that work or a crash leaves behind, and that opening the folder puts right: nothing is lost by it.
    Note,
    /// Damage: something that was stored is not there any more, or cannot be read.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Error => "error",
        })
    }
}

/// Something wrong with a data folder, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Which file.
    pub path: PathBuf,
    /// Where in it, where that is known.
    pub offset: Option<u64>,
    /// How many bytes from there on, where that is known.
    pub bytes: Option<u64>,
    /// Of which series, or device, where that is known.
    pub series: Option<String>,
    /// What is wrong.
    pub what: String,
    /// Whether the folder does not open to write because of it, until what is lost was given up.
    pub blocks: bool,
    /// What that means for the data.
    pub means: Cow<'static, str>,
    /// What [`repair`](crate::repair) does about it.
    pub repair: Cow<'static, str>,
}

impl Finding {
    /// Damage.
    pub(crate) fn error(path: impl Into<PathBuf>, what: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            path: path.into(),
            offset: None,
            bytes: None,
            series: None,
            what: what.into(),
            blocks: false,
            means: Cow::Borrowed(""),
            repair: Cow::Borrowed(""),
        }
    }

    /// What is in order, though it looks as if it were not.
    pub(crate) fn note(path: impl Into<PathBuf>, what: impl Into<String>) -> Self {
        Self { severity: Severity::Note, ..Self::error(path, what) }
    }

    pub(crate) fn at(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }

    pub(crate) fn spanning(mut self, bytes: u64) -> Self {
        self.bytes = Some(bytes);
        self
    }

    pub(crate) fn blocking(mut self) -> Self {
        self.blocks = true;
        self
    }

    pub(crate) fn means(mut self, means: impl Into<Cow<'static, str>>) -> Self {
        self.means = means.into();
        self
    }

    pub(crate) fn repaired_by(mut self, repair: impl Into<Cow<'static, str>>) -> Self {
        self.repair = repair.into();
        self
    }
}

/// Something that a repair has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// To which file.
    pub path: PathBuf,
    /// What.
    pub what: String,
}
