//! The transforms: what changes readings between a source and a sink.
//!
//! ```text
//!   sql      computes columns, keeps rows      the expressions of the engine's SQL, a whole column at a time
//!   rename   devices and measurements          by name, and devices by what their paths begin with
//!   pick     keeps some points                 by patterns of measurements and devices
//!   drop     leaves some points out            likewise
//! ```
//!
//! # Invariants
//! * Positions and rejected records go through as they came; a row that is dropped counts as settled.
//! * The records of a tablet stay in step with its rows.
//! * A row that a transform cannot handle goes to [`Batch::rejected`](levada_connector_api::Batch) with its record; other
//!   rows go on. A record is rejected once, however many of its rows are refused. A row that came from no record stops the
//!   pipeline: there would be nothing to put away.
//! * No row without a value goes on, no column without one, and no tablet without rows.

mod memo;
mod names;
mod pick;
mod refusal;
mod rename;
mod rows;
mod sql;
#[cfg(test)]
mod tests;

use levada_connector_api::Registry;

pub use pick::{Drop, Pick, Points};
pub use rename::{PathPrefix, Rename, RenameOptions};
pub use sql::{Sql, SqlOptions};

/// Adds the transforms of this crate.
pub fn register(registry: Registry) -> Registry {
    registry
        .with_transform::<Sql>()
        .with_transform::<Rename>()
        .with_transform::<Pick>()
        .with_transform::<Drop>()
}
