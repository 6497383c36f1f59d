//! Operators: each takes chunks from those below and gives chunks, as they are pulled.
//!
//! ```text
//!   scan ─┐
//!   scan ─┼─ join ── filter ── project ── fill ── sort ── limit ──▶ rows
//!   scan ─┘
//! ```

pub(crate) mod aggregate_pieces;
pub(crate) mod aggregate_rows;
pub(crate) mod aggregate_segments;
pub(crate) mod append;
pub(crate) mod fill;
pub(crate) mod filled_row;
pub(crate) mod filter;
pub(crate) mod join;
pub(crate) mod label;
pub(crate) mod last;
pub(crate) mod limit;
pub(crate) mod merge;
pub(crate) mod project;
pub(crate) mod scan;
pub(crate) mod series_function;
pub(crate) mod sort;
pub(crate) mod without_null;
