//! Paths and texts of calls as the statements have them that are made of those calls.

use levada_engine::path_sql;
use levada_model::{PathPattern, SessionError, StatusCode};

/// A path, or a pattern of paths, as statements have it.
pub(crate) fn pattern(text: &str) -> Result<String, SessionError> {
    let pattern = PathPattern::parse(text).map_err(|error| {
        SessionError::new(StatusCode::ILLEGAL_PATH, format!("{text} is not a legal path: {error}"))
    })?;
    let text = pattern.to_string();
    if text == "root" || text.starts_with("root.") {
        return Ok(path_sql(&text).into_owned());
    }
    // Of a measurement, no node is the keyword.
    let whole = path_sql(&format!("root.{text}")).into_owned();
    Ok(whole.strip_prefix("root.").unwrap_or(&whole).to_owned())
}

/// Patterns, joined by commas.
pub(crate) fn patterns(texts: &[String]) -> Result<String, SessionError> {
    let each = texts.iter().map(|text| pattern(text));
    Ok(each.collect::<Result<Vec<_>, SessionError>>()?.join(", "))
}

/// A text as statements have it.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
