//! `set ttl`, `unset ttl`.
//!
//! The store keeps a time to live for each database. A pattern that matches databases, or is one with `.**` behind it
//! (all that lies in it), sets theirs.

use levada_model::{PathPattern, SessionError, StatusCode};
use levada_storage::View;

use super::{apply, unsupported};
use crate::engine::Shared;

pub(super) async fn set(
    shared: &Shared,
    pattern: PathPattern,
    ttl: Option<i64>,
) -> Result<String, SessionError> {
    if ttl.is_some_and(|ttl| ttl < 0) {
        return Err(SessionError::new(StatusCode::SEMANTIC_ERROR, "a time to live cannot be negative"));
    }
    apply(shared, move |storage| {
        let databases = databases(&*storage.view(), pattern)?;
        Ok(storage.set_ttl(&databases, ttl)?)
    })
    .await?;
    Ok(String::new())
}

/// The pattern of the databases that are meant.
fn databases(view: &dyn View, pattern: PathPattern) -> Result<PathPattern, SessionError> {
    if !view.databases(&pattern).is_empty() {
        return Ok(pattern);
    }
    if let Some((front, last)) = pattern.split_last()
        && last.to_string() == "**"
        && !view.databases(&front).is_empty()
    {
        return Ok(front);
    }
    Err(unsupported(&format!("a time to live of its own for {pattern}, which is no database,")))
}
