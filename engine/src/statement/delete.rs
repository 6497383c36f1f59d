//! `delete from`.

use levada_model::SessionError;
use levada_sql::ast::{Delete, Privilege};
use levada_storage::TimeRange;

use super::{apply, view::with_bases};
use crate::{
    engine::Shared,
    gate::{Caller, Creation},
};

/// Deletes values. Series that do not exist have none, which is no error.
pub(super) async fn run(
    shared: &Shared,
    caller: &Caller,
    delete: Delete,
    creation: Creation,
) -> Result<String, SessionError> {
    let owner = caller.pipe.clone();
    let range = TimeRange { start: delete.start, end: delete.end };
    if range.is_empty() {
        return Ok(String::new());
    }
    apply(shared, move |storage| {
        let catalog = storage.catalog();
        creation.check_aliased(Privilege::WriteData, &delete.patterns, &*catalog)?;
        let patterns = with_bases(&*catalog, delete.patterns)?;
        Ok(storage.delete_of(owner, &patterns, range)?)
    })
    .await?;
    Ok(String::new())
}
