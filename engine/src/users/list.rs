//! What `list` statements show.

use std::collections::BTreeMap;

use levada_model::{PathPattern, SessionError};
use levada_sql::ast::{Holder, ListAuthority, Privilege};

use super::{
    ROOT,
    book::Book,
    change::{no_role, no_user},
    grants::{Covered, Grants},
};

/// Rows of a `list` statement.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    /// Names of users.
    Users(Vec<String>),
    /// Names of roles.
    Roles(Vec<String>),
    /// Privileges.
    Privileges(Vec<Held>),
}

/// A privilege that somebody holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// The role by which it is held; empty where it is the user's own.
    pub(crate) role: String,
    /// For what.
    pub(crate) path: PathPattern,
    /// Which.
    pub(crate) privilege: Privilege,
    /// Whether it may be given to others.
    pub(crate) grant_option: bool,
}

pub(super) fn list(book: &Book, list: &ListAuthority) -> Result<Listed, SessionError> {
    match list {
        ListAuthority::Users { role: None } => Ok(Listed::Users(book.users.keys().cloned().collect())),
        ListAuthority::Users { role: Some(role) } => {
            if !book.roles.contains_key(role) {
                return Err(no_role(&format!(": {role}")));
            }
            let having = book.users.iter().filter(|(_, account)| account.roles.contains(role));
            Ok(Listed::Users(having.map(|(name, _)| name.clone()).collect()))
        }
        ListAuthority::Roles { user: None } => Ok(Listed::Roles(book.roles.keys().cloned().collect())),
        ListAuthority::Roles { user: Some(user) } => {
            let account = book.users.get(user).ok_or_else(|| no_user(&format!(": {user}")))?;
            Ok(Listed::Roles(account.roles.iter().cloned().collect()))
        }
        ListAuthority::Privileges { holder, paths } => {
            let mut held = privileges(book, holder)?;
            if !paths.is_empty() {
                held.retain(|each| paths.iter().any(|path| path.overlaps(&each.path)));
            }
            Ok(Listed::Privileges(held))
        }
    }
}

fn privileges(book: &Book, holder: &Holder) -> Result<Vec<Held>, SessionError> {
    let mut held = Vec::new();
    match holder {
        Holder::User(user) => {
            let account = book.users.get(user).ok_or_else(|| no_user(&format!(": {user}")))?;
            if user == ROOT {
                held.extend(of("", &everything()));
            }
            held.extend(of("", &account.grants));
            for role in &account.roles {
                held.extend(book.roles.get(role).into_iter().flat_map(|grants| of(role, grants)));
            }
        }
        Holder::Role(role) => {
            let grants = book.roles.get(role).ok_or_else(|| no_role(&format!(": {role}")))?;
            held.extend(of(role, grants));
        }
    }
    Ok(held)
}

/// What `root` holds.
fn everything() -> Grants {
    let everywhere = PathPattern::parse("root.**").expect("a legal pattern");
    let everywhere = Covered::of(&everywhere).expect("privileges are held for it");
    let mut grants = Grants::default();
    for privilege in Privilege::ALL {
        grants.give(*privilege, &everywhere, true);
    }
    grants
}

fn of(role: &str, grants: &Grants) -> Vec<Held> {
    let everywhere = PathPattern::parse("root.**").expect("a legal pattern");
    let held = |path: &PathPattern, privileges: &BTreeMap<Privilege, bool>| {
        let each = privileges.iter().map(|(privilege, grant_option)| Held {
            role: role.to_owned(),
            path: path.clone(),
            privilege: *privilege,
            grant_option: *grant_option,
        });
        each.collect::<Vec<_>>()
    };
    let mut all = held(&everywhere, &grants.server);
    all.extend(grants.paths.iter().flat_map(|grant| held(&grant.on.pattern(), &grant.privileges)));
    all
}
