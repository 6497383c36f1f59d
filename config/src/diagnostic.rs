//! What is wrong with a document, and where.

use std::fmt;

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The document cannot be used.
    Error,
    /// It can be used, but is probably not meant this way.
    Warning,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// A place in a document's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    /// The file as the user named it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The character within the line, from 1.
    pub column: usize,
    /// The byte within the text, from 0.
    pub offset: usize,
    /// How many characters, on this line; at least 1.
    pub len: usize,
}

/// Another place that helps to understand a problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What there is to say.
    pub message: String,
    /// The place it is about.
    pub span: Option<Span>,
}

/// A problem of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The kind of problem, stable across versions: `CFG001`, …
    pub code: &'static str,
    /// How bad it is.
    pub level: Level,
    /// The field: `sources.readings.kafka.brokers`, or `sinks.store.iotdb.timeseries[0].type`. Empty for the document.
    pub path: String,
    /// Where it is.
    pub span: Option<Span>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Other places that belong to it.
    pub notes: Vec<Note>,
}

impl Diagnostic {
    /// Whether the document cannot be used.
    pub fn is_error(&self) -> bool {
        self.level == Level::Error
    }
}
