//! Printing: expressions as SQL that can be read again, and as the headers that result columns have.

mod column_name;
mod sql;

pub use sql::{node_sql, path_sql};
