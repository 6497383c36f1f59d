//! `delete from`.

use levada_model::SessionError;
use levada_sql::ast::{Delete, Privilege};
use levada_storage::TimeRange;

use super::apply;
use crate::{engine::Shared, gate::Creation};

/// Deletes values. Series that do not exist have none, which is no error.
pub(super) async fn run(shared: &Shared, delete: Delete, creation: Creation) -> Result<String, SessionError> {
    let range = TimeRange { start: delete.start, end: delete.end };
    if range.is_empty() {
        return Ok(String::new());
    }
    apply(shared, move |storage| {
        creation.check_aliased(Privilege::WriteData, &delete.patterns, &*storage.catalog())?;
        Ok(storage.delete(&delete.patterns, range)?)
    })
    .await?;
    Ok(String::new())
}
