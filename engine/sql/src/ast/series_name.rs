//! How an expression names series.

use std::fmt;

use levada_model::PathPattern;

/// Series as an expression names them: below the paths of `FROM`, or by their whole path.
///
/// Which of the two it is does not follow from the pattern: `` `root` `` is a measurement named root, and so is the first
/// node of `` `root`.s `` a node below `FROM`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SeriesName {
    pattern: PathPattern,
    is_whole: bool,
}

impl SeriesName {
    /// Series below each path of `FROM`.
    pub fn suffix(pattern: PathPattern) -> Self {
        Self { pattern, is_whole: false }
    }

    /// Series by their whole path, which begins with the keyword `root`.
    pub fn whole(pattern: PathPattern) -> Self {
        Self { pattern, is_whole: true }
    }

    /// The nodes that are named.
    pub fn pattern(&self) -> &PathPattern {
        &self.pattern
    }

    /// Whether it is a whole path.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }
}

/// The nodes as headers of columns have them.
impl fmt::Display for SeriesName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pattern.fmt(f)
    }
}
