//! `show ttl`.

use std::collections::BTreeMap;

use levada_model::PathPattern;
use levada_sql::path_sql;
use levada_storage::Catalog;

use super::text_columns;
use crate::{chunk::texts, plan::Bound};

/// What is said of all devices where nothing is set for them.
const EVERYTHING: &str = "root.**";

/// The lives of rows that are set, by the text of their pattern; its `**` is a node like any other here.
pub(super) fn plan(patterns: &[PathPattern], catalog: &dyn Catalog) -> Bound {
    let wanted = |nodes: &[&str]| patterns.iter().any(|pattern| pattern.matches_nodes(nodes));
    let mut rows: BTreeMap<String, String> = BTreeMap::new();
    if wanted(&["root", "**"]) {
        rows.insert(EVERYTHING.to_owned(), text(None));
    }
    for (set, ttl) in catalog.path_ttls() {
        if wanted(&set.nodes().collect::<Vec<_>>()) {
            rows.insert(path_sql(&set.to_string()).into_owned(), text(Some(ttl)));
        }
    }
    let values = vec![
        texts(rows.keys().map(|pattern| Some(pattern.as_str()))),
        texts(rows.values().map(|ttl| Some(ttl.as_str()))),
    ];
    Bound::ready(text_columns(&["Device", "TTL(ms)"]), values)
}

/// A life of rows as it is shown.
pub(super) fn text(ttl: Option<i64>) -> String {
    ttl.filter(|&ttl| ttl != i64::MAX).map_or_else(|| "INF".to_owned(), |ttl| ttl.to_string())
}
