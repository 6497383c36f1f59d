//! Statements about users and roles.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, StringArray};
use levada_model::{DataType, Rows, SessionError};
use levada_sql::ast::{ChangeAuthority, ListAuthority};
use tokio::task::spawn_blocking;

use crate::{
    engine::Shared,
    error::panicked,
    gate::Caller,
    rows::{column, ready},
    users::Listed,
};

/// Changes users and roles; returns when that is durable.
pub(super) async fn change(
    shared: &Shared,
    caller: &Caller,
    change: ChangeAuthority,
) -> Result<String, SessionError> {
    shared.may_store()?;
    let (users, by) = (Arc::clone(&shared.gate.users), caller.identity.clone());
    spawn_blocking(move || users.change(change, &by)).await.map_err(panicked)??;
    Ok(String::new())
}

/// Lists users, roles or privileges.
pub(super) fn list(shared: &Shared, list: &ListAuthority) -> Result<Rows, SessionError> {
    let names = |header: &str, names: Vec<String>| {
        let names: ArrayRef = Arc::new(StringArray::from(names));
        ready(false, vec![column(header, DataType::Text)], vec![names])
    };
    let held = match shared.gate.users.list(list)? {
        Listed::Users(users) => return names("User", users),
        Listed::Roles(roles) => return names("Role", roles),
        Listed::Privileges(held) => held,
    };
    let columns = vec![
        column("Role", DataType::Text),
        column("Path", DataType::Text),
        column("Privileges", DataType::Text),
        column("GrantOption", DataType::Boolean),
    ];
    let roles: StringArray = held.iter().map(|held| Some(held.role.as_str())).collect();
    let paths: StringArray = held.iter().map(|held| Some(held.path.to_string())).collect();
    let privileges: StringArray = held.iter().map(|held| Some(held.privilege.name())).collect();
    let options: BooleanArray = held.iter().map(|held| Some(held.grant_option)).collect();
    ready(false, columns, vec![Arc::new(roles), Arc::new(paths), Arc::new(privileges), Arc::new(options)])
}
