//! `set ttl`, `unset ttl`.
//!
//! A path without wildcards means a device or, where it is a database's, all of the database; one with `.**` behind it all
//! devices below. The peer takes no other patterns.

use levada_model::{PathPattern, SessionError, StatusCode};

use super::{apply, not_there};
use crate::engine::Shared;

/// The life of rows that never end: set, it keeps what is less specific from counting.
const FOR_EVER: i64 = i64::MAX;

pub(super) async fn set(
    shared: &Shared,
    pattern: PathPattern,
    ttl: Option<i64>,
) -> Result<String, SessionError> {
    check(&pattern)?;
    if ttl.is_some_and(|ttl| ttl < 0) {
        return Err(SessionError::new(StatusCode::SEMANTIC_ERROR, "a time to live cannot be negative"));
    }
    apply(shared, move |storage| Ok(storage.set_ttl(&pattern, Some(ttl.unwrap_or(FOR_EVER)))?)).await?;
    Ok(String::new())
}

pub(super) async fn unset(shared: &Shared, pattern: PathPattern) -> Result<String, SessionError> {
    check(&pattern)?;
    apply(shared, move |storage| {
        let applied = storage.set_ttl(&pattern, None)?;
        // All devices always have a life: where none is set, it never ends.
        if applied.count == 0 && pattern.to_string() != "root.**" {
            let message = format!("Not TTL rule set for {pattern}");
            return Err(not_there(StatusCode::PATH_NOT_EXIST, message));
        }
        Ok(applied)
    })
    .await?;
    Ok(String::new())
}

/// Whether a life can be set for a pattern.
fn check(pattern: &PathPattern) -> Result<(), SessionError> {
    let above = pattern.split_last().filter(|(_, last)| last.nodes().eq(["**"])).map(|(above, _)| above);
    if !above.as_ref().unwrap_or(pattern).has_wildcard() {
        return Ok(());
    }
    let message = format!(
        "Illegal pattern path: {pattern}, pattern path should end with **, otherwise, it should be a specific database or device path without *"
    );
    Err(SessionError::new(StatusCode::ILLEGAL_PARAMETER, message))
}
