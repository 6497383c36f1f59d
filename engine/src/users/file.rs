//! Users on the disk: `users/users.json` in the data folder, readable by its owner alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path as FilePath,
    sync::Arc,
};

use levada_model::PathPattern;
use levada_sql::ast::Privilege;
use levada_storage::{Disk, StorageError};
use serde::{Deserialize, Serialize};

use super::{
    ROOT,
    book::{Account, Book, ROOT_ID},
    grants::{Covered, Grants},
};
use crate::document::DocumentFile;

/// The version that is written, and the newest that is read.
const VERSION: u32 = 1;

/// Where users are stored.
#[derive(Debug)]
pub(crate) struct UsersFile {
    file: DocumentFile,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    /// The number of the next user.
    next: u64,
    users: Vec<UserEntry>,
    roles: Vec<RoleEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserEntry {
    name: String,
    id: u64,
    /// The hash; of `root` alone `null`, until it is set.
    password: Option<String>,
    roles: BTreeSet<String>,
    privileges: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleEntry {
    name: String,
    privileges: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    privilege: String,
    /// For what; none where it is of the whole server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    grant_option: bool,
}

impl UsersFile {
    /// The users of a data folder.
    pub(crate) fn new(data: &FilePath, disk: Arc<dyn Disk>) -> Self {
        Self { file: DocumentFile::new(data.join("users"), "users.json", disk) }
    }

    /// What is stored; `None` where nothing is.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    pub(super) fn read(&self) -> Result<Option<Book>, StorageError> {
        let Some(document) = self.file.read::<Document>()? else { return Ok(None) };
        self.file.check_version(document.version, VERSION)?;
        document.book().map(Some).map_err(|reason| self.file.damaged(0, reason))
    }

    /// Stores users; returns when it is durable.
    ///
    /// # Errors
    /// It could not be: what was stored before is still there.
    pub(super) fn write(&self, book: &Book) -> Result<(), StorageError> {
        self.file.write(&Document::of(book))
    }
}

impl Document {
    fn of(book: &Book) -> Self {
        let users = book.users.iter().map(|(name, account)| UserEntry {
            name: name.clone(),
            id: account.id,
            password: account.password.clone(),
            roles: account.roles.clone(),
            privileges: entries(&account.grants),
        });
        let roles = book
            .roles
            .iter()
            .map(|(name, grants)| RoleEntry { name: name.clone(), privileges: entries(grants) });
        Self { version: VERSION, next: book.next, users: users.collect(), roles: roles.collect() }
    }

    fn book(self) -> Result<Book, String> {
        let mut users = BTreeMap::new();
        for UserEntry { name, id, password, roles, privileges } in self.users {
            if (name == ROOT) != (id == ROOT_ID) || id >= self.next || password.is_none() && name != ROOT {
                return Err(format!("the user `{name}` has a number or a password that cannot be theirs"));
            }
            let account = Account { id, password, grants: grants(privileges)?, roles };
            if users.insert(name.clone(), account).is_some() {
                return Err(format!("there are two users `{name}`"));
            }
        }
        if !users.contains_key(ROOT) {
            return Err(format!("there is no user `{ROOT}`"));
        }
        let mut roles = BTreeMap::new();
        for RoleEntry { name, privileges } in self.roles {
            if roles.insert(name.clone(), grants(privileges)?).is_some() {
                return Err(format!("there are two roles `{name}`"));
            }
        }
        Ok(Book::new(users, roles, self.next))
    }
}

fn entries(grants: &Grants) -> Vec<Entry> {
    let of_server = grants.server.iter().map(|(privilege, grant_option)| Entry {
        privilege: privilege.name().to_owned(),
        path: None,
        grant_option: *grant_option,
    });
    let of_paths = grants.paths.iter().flat_map(|grant| {
        grant.privileges.iter().map(|(privilege, grant_option)| Entry {
            privilege: privilege.name().to_owned(),
            path: Some(grant.on.pattern().to_string()),
            grant_option: *grant_option,
        })
    });
    of_server.chain(of_paths).collect()
}

fn grants(entries: Vec<Entry>) -> Result<Grants, String> {
    let mut grants = Grants::default();
    for Entry { privilege, path, grant_option } in entries {
        let known = Privilege::ALL.iter().find(|each| each.name() == privilege);
        let known = *known.ok_or_else(|| format!("there is no privilege `{privilege}`"))?;
        let text = path.as_deref().unwrap_or("root.**");
        let pattern = PathPattern::parse(text).map_err(|error| error.to_string())?;
        let on = Covered::of(&pattern).filter(|_| known.is_of_paths() == path.is_some());
        let on = on.ok_or_else(|| format!("the privilege {known} cannot be held for `{text}`"))?;
        grants.give(known, &on, grant_option);
    }
    Ok(grants)
}
