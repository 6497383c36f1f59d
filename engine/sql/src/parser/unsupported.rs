//! Statements that are recognised by how they begin, and not carried out.

use super::Parser;
use crate::lexer::{Symbol, TokenKind};

/// How such statements begin.
const UNSUPPORTED: &[&str] = &[
    "ALTER DATABASE",
    "CREATE AINODE",
    "CREATE MODEL",
    "CREATE PIPEPLUGIN",
    "CREATE SNAPSHOT",
    "CREATE TOPIC",
    "DELETE PARTITION",
    "DROP MODEL",
    "DROP PARTITION",
    "DROP PIPEPLUGIN",
    "DROP TOPIC",
    "MIGRATE REGION",
    "REMOVE",
    "REPAIR DATA",
    "SET SPACE QUOTA",
    "SET THROTTLE QUOTA",
    "SHOW FLUSH INFO",
    "SHOW LOCK INFO",
    "SHOW QUERY RESOURCE",
    "TRACING",
    "UNLOAD",
];

impl Parser<'_> {
    /// What statement begins here, in lower case, if it is one that is not carried out; its tokens are passed over.
    pub(super) fn unsupported(&mut self) -> Option<String> {
        let fits =
            |begin: &&&str| begin.split(' ').enumerate().all(|(count, word)| self.is_word(count, word));
        let begin = UNSUPPORTED.iter().filter(fits).max_by_key(|begin| begin.len())?;
        let words = begin.split(' ').count();
        // Only words that are not followed by anything at all are a mistake rather than a statement.
        let alone = self.ahead(words).kind == TokenKind::End && ["REMOVE", "UNLOAD"].contains(begin);
        if alone {
            return None;
        }
        while !matches!(self.token().kind, TokenKind::End | TokenKind::Symbol(Symbol::Semicolon)) {
            self.bump();
        }
        Some(begin.to_ascii_lowercase())
    }
}
