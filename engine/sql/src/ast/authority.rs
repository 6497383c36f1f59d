//! Statements about users and roles.

use std::fmt;

use levada_model::PathPattern;

use super::Privilege;

/// Changes who there is, and what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeAuthority {
    /// `create user amy 'secret'`
    CreateUser {
        /// Whom.
        user: String,
        /// Their password.
        password: Password,
    },
    /// `drop user amy`
    DropUser {
        /// Whom.
        user: String,
    },
    /// `alter user amy set password 'secret'`
    SetPassword {
        /// Whose.
        user: String,
        /// The new one.
        password: Password,
    },
    /// `create role ops`
    CreateRole {
        /// Which.
        role: String,
    },
    /// `drop role ops`
    DropRole {
        /// Which.
        role: String,
    },
    /// `grant read_data on root.a.** to user amy with grant option`
    Grant(Grant),
    /// `revoke read_data on root.a.** from user amy`
    Revoke(Grant),
    /// `grant role ops to amy`
    GrantRole {
        /// Which.
        role: String,
        /// To whom.
        user: String,
    },
    /// `revoke role ops from amy`
    RevokeRole {
        /// Which.
        role: String,
        /// From whom.
        user: String,
    },
}

/// Privileges for paths, and who gets or loses them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Which; none twice.
    pub privileges: Vec<Privilege>,
    /// Whether all are meant (`all`).
    pub is_all: bool,
    /// For which paths.
    pub paths: Vec<PathPattern>,
    /// Whose.
    pub holder: Holder,
    /// Whether they may give them to others.
    pub grant_option: bool,
}

/// Who holds privileges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A user.
    User(String),
    /// A role.
    Role(String),
}

/// Asks who there is, and what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListAuthority {
    /// `list user of role ops`
    Users {
        /// Those who have a role.
        role: Option<String>,
    },
    /// `list role of user amy`
    Roles {
        /// Those that a user has.
        user: Option<String>,
    },
    /// `list privileges of user amy`
    Privileges {
        /// Whose.
        holder: Holder,
        /// For paths of these alone, as releases before 1.3 have it; all where empty.
        paths: Vec<PathPattern>,
    },
}

/// A password. Nothing prints it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// A password as it was written.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The password itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
