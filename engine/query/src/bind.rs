//! From what is written to what can be computed.
//!
//! ```text
//!   s1 + *     ──expand──▶  root.d.s1 + root.d.a, root.d.s1 + root.d.b     names, by the catalog
//!              ──typing──▶  Arithmetic(Add, Column(0), Column(1)): DOUBLE   columns and types
//!   time > 5 and s1 > 2  ──time_range──▶  6.., s1 > 2                       what a scan can do, and the rest
//! ```

pub(crate) mod expand;
pub(crate) mod names;
pub(crate) mod schema_order;
pub(crate) mod scope;
pub(crate) mod time_range;
pub(crate) mod time_set;
mod typing;
