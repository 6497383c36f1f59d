//! `iotdb`: the rows of a query, from a store that speaks IoTDB, embedded or remote.
//!
//! ```text
//!   statement ─▶ plan: a part for each device (and slice of time) ─▶ at most `parallel` parts read at once
//!                  part: select … from DEVICE where … and time >= POSITION    ─▶ record batches ─▶ tablets
//! ```
//!
//! # Splits and positions
//!
//! A *part* is a split: a device's rows, of a slice of time where slices were asked for; or the whole statement, where it
//! cannot be divided. A position is a time in milliseconds: all rows before it were handed out. So a part goes on behind the
//! last row that was settled, and a run after one that ended reads what is newer. Rows before 1970 have no position: after
//! a restart they are read again. A split is named by the store and the statement, so that positions of another statement are
//! never taken for its own.
//!
//! | statement | parts | after a restart |
//! | --- | --- | --- |
//! | columns and arithmetic on them | a part for each device | asks for the rows behind the position |
//! | functions, `group by`, `fill`, limits; rows in order of time | a part for each device with `align by device`, else one | computed again, rows before the position left out |
//! | aggregates without time, other orders | one | computed again as of the same moment |
//!
//! With `follow: changes` there are no queries: the changes of an embedded engine come as they are stored, and a position is
//! the number of a write.
//!
//! # Delivery
//!
//! At least once, as the runtime's ledger has it; exactly once into an embedded store. Proven by
//! `the_query_source_keeps_its_contract` and `a_query_goes_on_where_it_was_after_kill_9`.

mod changes;
mod layout;
mod moment;
mod options;
mod part;
mod place;
mod plan;
mod query;
mod rewrite;
mod schedule;
mod source;

pub use options::{FollowMode, QueryOptions};
pub use source::{Clock, QuerySource};
