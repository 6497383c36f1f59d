//! What users may be allowed to do.

use std::fmt;

/// Something that users and roles may be allowed to do, in the order in which lists show them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Privilege {
    /// Make and remove users, set their passwords, list them.
    ManageUser,
    /// Make and remove roles, give them to users, list them.
    ManageRole,
    /// Make and remove triggers.
    UseTrigger,
    /// Make and remove functions.
    UseUdf,
    /// Make and remove continuous queries.
    UseCq,
    /// Make and remove pipes.
    UsePipe,
    /// Use models.
    UseModel,
    /// Let templates grow by what is written.
    ExtendTemplate,
    /// Make and remove databases.
    ManageDatabase,
    /// See and end queries, see the state of the server.
    Maintain,
    /// Read rows of some series.
    ReadData,
    /// Write and delete rows of some series.
    WriteData,
    /// See some series, devices and databases.
    ReadSchema,
    /// Make, change and remove some series; this includes seeing them.
    WriteSchema,
}

impl Privilege {
    /// All there are.
    pub const ALL: &'static [Self] = &[
        Self::ManageUser,
        Self::ManageRole,
        Self::UseTrigger,
        Self::UseUdf,
        Self::UseCq,
        Self::UsePipe,
        Self::UseModel,
        Self::ExtendTemplate,
        Self::ManageDatabase,
        Self::Maintain,
        Self::ReadData,
        Self::WriteData,
        Self::ReadSchema,
        Self::WriteSchema,
    ];

    /// Whether it is held for some paths, rather than for all that the server has.
    pub const fn is_of_paths(self) -> bool {
        matches!(self, Self::ReadData | Self::WriteData | Self::ReadSchema | Self::WriteSchema)
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ManageUser => "MANAGE_USER",
            Self::ManageRole => "MANAGE_ROLE",
            Self::UseTrigger => "USE_TRIGGER",
            Self::UseUdf => "USE_UDF",
            Self::UseCq => "USE_CQ",
            Self::UsePipe => "USE_PIPE",
            Self::UseModel => "USE_MODEL",
            Self::ExtendTemplate => "EXTEND_TEMPLATE",
            Self::ManageDatabase => "MANAGE_DATABASE",
            Self::Maintain => "MAINTAIN",
            Self::ReadData => "READ_DATA",
            Self::WriteData => "WRITE_DATA",
            Self::ReadSchema => "READ_SCHEMA",
            Self::WriteSchema => "WRITE_SCHEMA",
        }
    }

    /// The privileges that a name stands for: one, or those of a group (`READ`, `WRITE`). Names of releases before 1.3 are known
    /// too, each as the privilege that it became. Empty where there is no such name.
    pub fn named(name: &str) -> &'static [Self] {
        let name = name.to_ascii_uppercase();
        match name.as_str() {
            "READ" => &[Self::ReadData, Self::ReadSchema],
            "WRITE" => &[Self::WriteData, Self::WriteSchema],
            "READ_TIMESERIES" => &[Self::ReadData],
            "INSERT_TIMESERIES" | "UPDATE_TIMESERIES" => &[Self::WriteData],
            "CREATE_TIMESERIES" | "DELETE_TIMESERIES" | "ALTER_TIMESERIES" => &[Self::WriteSchema],
            "SET_STORAGE_GROUP" | "DELETE_STORAGE_GROUP" | "CREATE_DATABASE" | "DELETE_DATABASE" => {
                &[Self::ManageDatabase]
            }
            "CREATE_USER"
            | "DELETE_USER"
            | "MODIFY_PASSWORD"
            | "LIST_USER"
            | "GRANT_USER_PRIVILEGE"
            | "REVOKE_USER_PRIVILEGE"
            | "GRANT_PRIVILEGE"
            | "REVOKE_PRIVILEGE" => &[Self::ManageUser],
            "CREATE_ROLE"
            | "DELETE_ROLE"
            | "LIST_ROLE"
            | "GRANT_ROLE_PRIVILEGE"
            | "REVOKE_ROLE_PRIVILEGE"
            | "GRANT_USER_ROLE"
            | "REVOKE_USER_ROLE" => &[Self::ManageRole],
            "CREATE_FUNCTION" | "DROP_FUNCTION" => &[Self::UseUdf],
            "CREATE_TRIGGER" | "DROP_TRIGGER" | "START_TRIGGER" | "STOP_TRIGGER" => &[Self::UseTrigger],
            "CREATE_CONTINUOUS_QUERY" | "DROP_CONTINUOUS_QUERY" => &[Self::UseCq],
            _ => Self::ALL.iter().find(|each| each.name() == name).map_or(&[], std::slice::from_ref),
        }
    }
}

impl fmt::Display for Privilege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
