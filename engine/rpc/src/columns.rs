//! How columns of values become bytes, in all the forms of the protocol, in both directions.
//!
//! ```text
//!   tablet    insertTablet(s)        column after column, then bitmaps: a set bit is null, lowest bit first
//!   record    insertRecord(s)        type and value, measurement after measurement
//!   dataset   executeQueryStatement  values without nulls, then bitmaps: a set bit is a value, highest bit first
//!   block     executeQueryStatementV2  TsBlock: null flags, a set bit is null, highest bit first; runs of equal values
//! ```
//!
//! All numbers are big-endian. Counts are not trusted: rows are checked against the bytes that are left.

pub mod block;
pub mod dataset;
mod numbers;
pub mod record;
pub mod tablet;
mod values;

pub(crate) use self::{
    numbers::{get_all, take, take_byte, take_count},
    record::{value, values_of},
    tablet::with_nulls,
    values::{blobs_of, get_values, take_type},
};
