//! Statements that are recognised by how they begin, and not carried out.

use super::Parser;
use crate::lexer::{Symbol, TokenKind};

/// How such statements begin.
const UNSUPPORTED: &[&str] = &[
    "ALTER DATABASE",
    "ALTER DEVICE TEMPLATE",
    "ALTER SCHEMA TEMPLATE",
    "ALTER VIEW",
    "CREATE AINODE",
    "CREATE CONTINUOUS QUERY",
    "CREATE CQ",
    "CREATE DEVICE TEMPLATE",
    "CREATE LOGICAL VIEW",
    "CREATE MODEL",
    "CREATE PIPEPLUGIN",
    "CREATE SCHEMA TEMPLATE",
    "CREATE SNAPSHOT",
    "CREATE STATEFUL TRIGGER",
    "CREATE STATELESS TRIGGER",
    "CREATE TIMESERIES OF",
    "CREATE TIMESERIES USING",
    "CREATE TOPIC",
    "CREATE TRIGGER",
    "CREATE VIEW",
    "DEACTIVATE",
    "DELETE PARTITION",
    "DELETE TIMESERIES OF",
    "DELETE VIEW",
    "DROP CONTINUOUS QUERY",
    "DROP CQ",
    "DROP DEVICE TEMPLATE",
    "DROP MODEL",
    "DROP PARTITION",
    "DROP PIPEPLUGIN",
    "DROP SCHEMA TEMPLATE",
    "DROP TIMESERIES OF",
    "DROP TOPIC",
    "DROP TRIGGER",
    "DROP VIEW",
    "LOAD CONFIGURATION",
    "MIGRATE REGION",
    "REMOVE",
    "REPAIR DATA",
    "SET DEVICE TEMPLATE",
    "SET SCHEMA TEMPLATE",
    "SET SPACE QUOTA",
    "SET THROTTLE QUOTA",
    "SHOW CONTINUOUS QUERIES",
    "SHOW CQS",
    "SHOW DEVICE TEMPLATES",
    "SHOW FLUSH INFO",
    "SHOW LOCK INFO",
    "SHOW MODELS",
    "SHOW NODES",
    "SHOW PATHS",
    "SHOW PIPEPLUGINS",
    "SHOW QUERY RESOURCE",
    "SHOW SCHEMA TEMPLATES",
    "SHOW SPACE QUOTA",
    "SHOW SUBSCRIPTIONS",
    "SHOW THROTTLE QUOTA",
    "SHOW TOPICS",
    "SHOW TRIGGERS",
    "SHOW VIEW",
    "START REPAIR DATA",
    "START TRIGGER",
    "STOP REPAIR DATA",
    "STOP TRIGGER",
    "TRACING",
    "UNLOAD",
    "UNSET DEVICE TEMPLATE",
    "UNSET SCHEMA TEMPLATE",
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
