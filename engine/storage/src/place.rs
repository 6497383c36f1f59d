//! Which rows share memtables and files.

/// Which rows a memtable holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The database's number.
    pub(crate) database: u32,
    /// The time partition: `time.div_euclid(width)`.
    pub(crate) partition: i64,
}
