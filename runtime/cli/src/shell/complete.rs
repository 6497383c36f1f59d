//! What the tab key completes: keywords, functions, and paths of the store.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use arrow_array::{Array, StringArray};
use futures::StreamExt;
use levada_model::{Outcome, Session};
use parking_lot::RwLock;
use rustyline::{
    Context, Helper, Result, completion::Completer, highlight::Highlighter, hint::Hinter, validate::Validator,
};
use tokio::{runtime::Handle, time::timeout};

/// The store is asked for so long: a key that is pressed must not wait for more.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
/// No more candidates are taken.
const MAX_CANDIDATES: usize = 1_000;

/// Words that statements are made of.
const KEYWORDS: [&str; 92] = [
    "add",
    "align",
    "aligned",
    "alter",
    "and",
    "as",
    "asc",
    "attributes",
    "between",
    "boundary",
    "by",
    "cache",
    "cascade",
    "child",
    "cluster",
    "count",
    "create",
    "database",
    "databases",
    "delete",
    "desc",
    "device",
    "devices",
    "drop",
    "end",
    "every",
    "explain",
    "false",
    "fill",
    "flush",
    "from",
    "full",
    "function",
    "functions",
    "grant",
    "group",
    "having",
    "in",
    "insert",
    "into",
    "is",
    "kill",
    "last",
    "latest",
    "level",
    "levels",
    "like",
    "limit",
    "linear",
    "list",
    "load",
    "merge",
    "nodes",
    "not",
    "now",
    "null",
    "offset",
    "on",
    "or",
    "order",
    "password",
    "paths",
    "pipe",
    "pipes",
    "pipesink",
    "previous",
    "privileges",
    "queries",
    "query",
    "regexp",
    "revoke",
    "role",
    "root",
    "select",
    "session",
    "set",
    "show",
    "slimit",
    "soffset",
    "start",
    "stop",
    "system",
    "tags",
    "time",
    "timeseries",
    "to",
    "true",
    "ttl",
    "user",
    "values",
    "where",
    "with",
];

/// The session that candidates come from. What sets another time zone replaces it.
pub(super) type Current = Arc<RwLock<Arc<dyn Session>>>;

/// Completes what is typed.
pub(super) struct Completion {
    session: Current,
    functions: OnceLock<Vec<String>>,
}

impl Completion {
    pub(super) fn new(session: Current) -> Self {
        Self { session, functions: OnceLock::new() }
    }

    /// The texts of the first column that a statement gives; none where it fails or takes too long.
    fn ask(&self, sql: &str) -> Vec<String> {
        let session = Arc::clone(&self.session.read());
        let asked = async {
            let mut texts = Vec::new();
            let Ok(Outcome::Rows(mut rows)) = session.execute(sql).await else { return texts };
            while let Some(Ok(batch)) = rows.batches.next().await {
                let column =
                    batch.columns().first().and_then(|column| column.as_any().downcast_ref::<StringArray>());
                texts.extend(column.into_iter().flatten().flatten().map(str::to_owned));
                if texts.len() >= MAX_CANDIDATES {
                    break;
                }
            }
            texts
        };
        Handle::current().block_on(timeout(ANSWER_TIMEOUT, asked)).unwrap_or_default()
    }

    /// Paths that begin as `word` does, by one more node.
    fn paths(&self, word: &str) -> Vec<String> {
        let Some((parent, _)) = word.rsplit_once('.') else { return Vec::new() };
        let mut paths = self.ask(&format!("show child paths {parent}"));
        paths.retain(|path| path.starts_with(word));
        paths
    }

    fn functions(&self) -> &[String] {
        self.functions.get_or_init(|| self.ask("show functions"))
    }
}

/// Where the word before a place begins.
fn start_of_word(line: &str, pos: usize) -> usize {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '`' | '\\');
    line[..pos].char_indices().rev().take_while(|(_, c)| is_part(*c)).last().map_or(pos, |(at, _)| at)
}

impl Completer for Completion {
    type Candidate = String;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> Result<(usize, Vec<String>)> {
        let start = start_of_word(line, pos);
        let word = &line[start..pos];
        if word.is_empty() {
            return Ok((start, Vec::new()));
        }
        if word.starts_with("root.") {
            return Ok((start, self.paths(word)));
        }
        let lower = word.to_ascii_lowercase();
        let is_upper = word.chars().all(|c| !c.is_lowercase());
        let cased = |name: &str| if is_upper { name.to_ascii_uppercase() } else { name.to_owned() };
        let keywords =
            KEYWORDS.iter().filter(|keyword| keyword.starts_with(&lower)).map(|keyword| cased(keyword));
        let mut found: Vec<String> = keywords.collect();
        let named = self.functions().iter().filter(|name| name.to_ascii_lowercase().starts_with(&lower));
        found.extend(named.map(|name| format!("{}(", cased(&name.to_ascii_lowercase()))));
        Ok((start, found))
    }
}

impl Hinter for Completion {
    type Hint = String;
}

impl Highlighter for Completion {}

impl Validator for Completion {}

impl Helper for Completion {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_begins_behind_what_is_no_part_of_a_path() {
        assert_eq!(start_of_word("select s from root.a.b", 22), 14);
        assert_eq!(start_of_word("select ", 7), 7);
        assert_eq!(start_of_word("select max(ä_1", 15), 11);
        assert_eq!(start_of_word("", 0), 0);
    }
}
