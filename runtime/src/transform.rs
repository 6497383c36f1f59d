//! The transforms: what changes readings between a source and a sink.
//!
//! ```text
//!   sql         computes columns, keeps rows      the expressions of the engine's SQL, a whole column at a time
//!   rename      devices and measurements          by name, and devices by what their paths begin with
//!   pick        keeps some points                 by patterns of measurements and devices
//!   drop        leaves some points out            likewise
//!   enrich      values of a store beside them   remembered for a while
//!   route       rows to outputs                   by conditions
//!   dedupe      a reading twice goes on once      remembers keys, in saved state
//!   window      aggregates over time              counts and sums of open windows, in saved state
//!   rate_limit  so many rows in a time            holds rows for a while, unsaved
//! ```
//!
//! # Invariants
//! * Rejected records go through as they came; a row that is dropped counts as settled.
//! * The records of a tablet stay in step with its rows.
//! * A row that a transform cannot handle goes to [`Batch::rejected`](levada_connector_api::Batch) with its record; other
//!   rows go on. A record is rejected once, however many of its rows are rejected. A row that came from no record stops the
//!   pipeline: there would be nothing to put away.
//! * No row without a value goes on, no column without one, and no tablet without rows.

mod dedupe;
mod earliness;
mod enrich;
mod functions;
mod memo;
mod names;
mod pick;
mod rate_limit;
mod rejection;
mod rename;
mod route;
mod rows;
mod sql;
#[cfg(test)]
mod tests;
mod window;

use levada_connector_api::Registry;

use crate::saved;

pub use dedupe::{Dedupe, DedupeOptions};
pub use enrich::{Enrich, EnrichOptions, Which};
pub use pick::{Drop, Pick, Points};
pub use rate_limit::{RateLimit, RateLimitOptions};
pub use rename::{PathPrefix, Rename, RenameOptions};
pub use route::{Route, RouteOptions};
pub use sql::{Sql, SqlOptions};
pub use window::{Stamp, Window, WindowOptions};

/// Adds the transforms of this crate.
pub fn register(registry: Registry) -> Registry {
    registry
        .with_transform::<Sql>()
        .with_transform::<Rename>()
        .with_transform::<Pick>()
        .with_transform::<Drop>()
        .with_transform::<Route>()
        .with_transform::<Dedupe>()
        .with_transform::<Window>()
        .with_transform::<RateLimit>()
        .with_transform::<Enrich>()
}
