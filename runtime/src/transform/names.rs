//! Names in options, as paths and nodes have them.

use std::sync::Arc;

use levada_connector_api::{
    Problem,
    model::{Path, PathPattern, quote_node},
};

/// A measurement's name in canonical form: what is one legal node as that, anything else with quotes around it.
pub(super) fn measurement(name: &str) -> Arc<str> {
    match Path::parse(name) {
        Ok(path) if path.nodes().count() == 1 => path.shared(),
        _ => quote_node(name).into(),
    }
}

/// A path, or what is wrong with the option it stands in.
pub(super) fn path(option: impl FnOnce() -> String, text: &str) -> Result<Path, Problem> {
    Path::parse(text).map_err(|error| Problem::new(option(), error.to_string()))
}

/// Patterns of an option; of single nodes where a measurement is meant.
pub(super) fn patterns(option: &str, texts: &[String], one_node: bool) -> (Vec<PathPattern>, Vec<Problem>) {
    let (mut patterns, mut problems) = (Vec::new(), Vec::new());
    for (at, text) in texts.iter().enumerate() {
        match PathPattern::parse(text) {
            Ok(pattern) if one_node && pattern.len() != 1 => problems.push(Problem::new(
                format!("{option}[{at}]"),
                format!("`{text}` is a path: a measurement is named by its own name alone"),
            )),
            Ok(pattern) => patterns.push(pattern),
            Err(error) => problems.push(Problem::new(format!("{option}[{at}]"), error.to_string())),
        }
    }
    (patterns, problems)
}
