//! The one table of conversions: how a value is converted to the type of its series.
//!
//! ```text
//!   decoder's `cast` ─┐                    ┌─ a value of the type
//!   rows into a series ├─ Given ─ rule ────┤
//!   CSV, JSON lines ──┤                    └─ a Reason, and the value is rejected
//!   SQL insert ───────┘
//! ```
//!
//! [`rule`] is the table; [`table`] prints it. Invariant: a value never changes its meaning. It is stored as written, rounded
//! only where the table says "nearest", or rejected with the reason.

mod bulk;
mod given;
mod inferred;
mod number;
mod reason;
mod rule;
mod text;

pub use bulk::{Converted, convert_each};
pub use given::Given;
pub use inferred::{Inferred, is_not_finite};
pub(crate) use number::plain_double;
pub use reason::{Reason, shown};
pub use rule::{Input, Rule, rule, table};
pub use text::{bytes_of_digits, date_of_days, days_of_date};

#[cfg(test)]
mod tests;
