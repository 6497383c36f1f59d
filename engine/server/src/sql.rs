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

/// A path from `root` without wildcards, as statements have it.
pub(crate) fn path(text: &str) -> Result<String, SessionError> {
    let path = pattern(text)?;
    let legal = PathPattern::parse(text).is_ok_and(|pattern| pattern.as_path().is_some())
        && (path == "root" || path.starts_with("root."));
    if legal {
        return Ok(path);
    }
    let message = format!("{text} is not a legal path: it begins with root and has no wildcards");
    Err(SessionError::new(StatusCode::ILLEGAL_PATH, message))
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
