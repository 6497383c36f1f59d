//! Who there is, at one moment.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, OnceLock},
};

use levada_model::{Path, PathPattern};
use levada_sql::ast::Privilege;

use super::{
    Identity, ROOT,
    grants::{Covered, Grants},
};

/// The number of the user `root`.
pub(super) const ROOT_ID: u64 = 0;

/// Users and roles.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) users: BTreeMap<String, Account>,
    pub(super) roles: BTreeMap<String, Grants>,
    /// The number of the next user.
    pub(super) next: u64,
    /// What each user may do, once somebody has asked.
    rights: OnceLock<HashMap<u64, Arc<Rights>>>,
}

/// A user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) id: u64,
    /// The hash; of `root` alone `None`, until its password has been set.
    pub(super) password: Option<String>,
    pub(super) grants: Grants,
    pub(super) roles: BTreeSet<String>,
}

impl Default for Book {
    fn default() -> Self {
        let users = BTreeMap::from([(ROOT.to_owned(), Account { id: ROOT_ID, ..Account::default() })]);
        Self::new(users, BTreeMap::new(), ROOT_ID + 1)
    }
}

/// What users may do is found anew: the copy is there to be changed.
impl Clone for Book {
    fn clone(&self) -> Self {
        Self::new(self.users.clone(), self.roles.clone(), self.next)
    }
}

/// Whether they say the same.
impl PartialEq for Book {
    fn eq(&self, other: &Self) -> bool {
        self.users == other.users && self.roles == other.roles && self.next == other.next
    }
}

impl Book {
    pub(super) fn new(users: BTreeMap<String, Account>, roles: BTreeMap<String, Grants>, next: u64) -> Self {
        Self { users, roles, next, rights: OnceLock::new() }
    }

    /// What somebody may do; `None` where the user has been removed.
    pub(super) fn rights(&self, of: &Identity) -> Option<Arc<Rights>> {
        self.rights.get_or_init(|| self.all_rights()).get(&of.id).cloned()
    }

    fn all_rights(&self) -> HashMap<u64, Arc<Rights>> {
        let rights = |account: &Account| {
            let mut grants = account.grants.clone();
            for role in account.roles.iter().filter_map(|role| self.roles.get(role)) {
                grants.add(role);
            }
            Rights { is_root: account.id == ROOT_ID, grants, roles: account.roles.clone() }
        };
        self.users.values().map(|account| (account.id, Arc::new(rights(account)))).collect()
    }
}

/// What a user may do, by themselves and by their roles.
#[derive(Debug)]
pub(crate) struct Rights {
    is_root: bool,
    grants: Grants,
    roles: BTreeSet<String>,
}

impl Rights {
    /// Whether a privilege of the whole server is held.
    pub(crate) fn holds(&self, privilege: Privilege) -> bool {
        self.is_root || self.grants.holds(privilege)
    }

    /// Whether a privilege is held for any path.
    pub(crate) fn holds_anywhere(&self, privilege: Privilege) -> bool {
        self.is_root || self.grants.of(privilege).next().is_some()
    }

    /// Whether a privilege is held for all paths of a pattern.
    pub(crate) fn covers(&self, privilege: Privilege, asked: &PathPattern) -> bool {
        self.is_root || self.grants.of(privilege).any(|on| on.covers(asked))
    }

    /// Whether a privilege is held for all that lies below a device.
    pub(crate) fn covers_below(&self, privilege: Privilege, device: &Path) -> bool {
        self.is_root || self.grants.of(privilege).any(|on| on.covers_below(device))
    }

    /// Whether a user has a role.
    pub(crate) fn has_role(&self, role: &str) -> bool {
        self.roles.contains(role)
    }

    /// Whether a privilege may be given to others, for a path.
    pub(crate) fn may_give(&self, privilege: Privilege, on: &PathPattern) -> bool {
        self.is_root || self.grants.may_give(privilege, on)
    }

    /// The paths that a privilege is held for; everything where `None`.
    pub(crate) fn scope(&self, privilege: Privilege) -> Option<Vec<Covered>> {
        (!self.is_root).then(|| self.grants.of(privilege).cloned().collect())
    }
}
