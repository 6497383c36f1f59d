//! Statements about triggers, which are not run: pipelines do what they are for.

/// A statement about one trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeTrigger {
    /// `create stateless trigger t before insert on root.a.** as 'org.example.Alert'`
    Create {
        /// Its name.
        name: String,
    },
    /// `drop trigger t`
    Drop {
        /// Its name.
        name: String,
    },
    /// `start trigger t`, `stop trigger t`
    Switch {
        /// Its name.
        name: String,
    },
}
