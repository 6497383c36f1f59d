//! The types that all of Levada shares: paths, data types, values, tablets, status codes and the [`Session`] contract.
//!
//! This crate is a leaf. It does no I/O and knows no storage, no protocol and no connector; those all know it.
//!
//! ```text
//!   path        root.plant.d1.temperature     names, patterns with * and **, quoting
//!   data_type   BOOLEAN … STRING              code numbers as on the wire and in files
//!   encoding    PLAIN … RLBE                  likewise
//!   compressor  UNCOMPRESSED … LZMA2          likewise
//!   value       one typed value               what an INSERT holds
//!   convert     value → type                  the one table of conversions
//!   written     21.50 as it came              values whose type is not known yet
//!   tablet      one device, many rows         columns as Arrow arrays
//!   time        2024-02-21T09:34:33+01:00       moments as they are written, units, zones
//!   position    how far a split was read      what is committed behind settled rows
//!   status      200, 507, 701 …               the codes that users' tools look at
//!   session     insert, execute, query        what a store can be asked
//!   follow      rows as they are stored       what a store tells whoever follows it
//!   io_fault    full, missing, passing …      whether an error of the system may heal
//!   repeats     one line, with a count        log lines that would repeat
//! ```
//!
//! Invariants: a [`Path`] is always in canonical form (a node is quoted only if it must be); a [`Tablet`]'s columns all have as
//! many rows as its time column, and the Arrow type of their [`DataType`].

mod closed_set;
mod column;
mod compressor;
pub mod convert;
mod data_type;
mod encoding;
mod follow;
mod io_fault;
mod path;
mod pattern;
mod position;
mod repeats;
mod series;
mod session;
mod status;
mod tablet;
mod time;
mod value;
mod written;

pub use closed_set::UnknownName;
pub use column::Column;
pub use compressor::Compressor;
pub use data_type::DataType;
pub use encoding::Encoding;
pub use follow::{Follow, FollowFrom, Followed};
pub use io_fault::IoFault;
pub use path::{Path, PathError, canonical_node, node_ends, quote_node, unquote_node};
pub use pattern::PathPattern;
pub use position::{Checkpoint, SplitName, SplitPosition, SplitRange};
pub use repeats::Repeats;
pub use series::{Device, Series, SeriesSchema};
pub use session::{
    Login, Outcome, QueryId, RejectedRows, ResultColumn, Rows, Session, SessionCapabilities, SessionError,
    SessionOptions, Write, WriteReport,
};
pub use status::StatusCode;
pub use tablet::{Tablet, TabletError};
pub use time::{
    Moment, TimeError, TimeUnit, date_time, parse_date, parse_sql_time, parse_time, parse_zone, scan_zone,
};
pub use value::Value;
pub use written::{Kind, Kinds, Written};
