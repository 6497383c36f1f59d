//! Why a text is not a statement.

use std::fmt;

use levada_model::{SessionError, StatusCode};

use crate::Span;

/// Why a text is not a statement, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Where.
    pub span: Span,
    /// The line, from 1.
    pub line: usize,
    /// The column in the line, in characters, from 0.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What could stand there; empty where that does not help.
    pub expected: Vec<String>,
    /// What stands there, as written; `None` at the text's end.
    pub found: Option<String>,
    /// [`StatusCode::SQL_PARSE_ERROR`]; another for a text that is well formed and only makes no sense.
    pub code: StatusCode,
}

impl ParseError {
    /// An error at a place in a text.
    pub(crate) fn new(text: &str, span: Span, code: StatusCode, message: impl Into<String>) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            span,
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count(),
            message: message.into(),
            expected: Vec::new(),
            found: Some(span.of(text)).filter(|found| !found.is_empty()).map(str::to_owned),
            code,
        }
    }
}

/// A text that is not well formed: `Error occurred while parsing SQL to physical plan: line 1:7 …`, as users' tools know
/// it; one that is: the message alone.
impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.code != StatusCode::SQL_PARSE_ERROR {
            return f.write_str(&self.message);
        }
        write!(
            f,
            "Error occurred while parsing SQL to physical plan: line {}:{} {}",
            self.line, self.column, self.message
        )
    }
}

impl std::error::Error for ParseError {}

impl From<ParseError> for SessionError {
    fn from(error: ParseError) -> Self {
        Self::new(error.code, error.to_string()).caused_by(error)
    }
}
