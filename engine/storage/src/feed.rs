//! Changes of a store in the order in which they were made: for whoever follows it, a pipe or a query.
//!
//! ```text
//!   History    a snapshot at write S: catalog, then rows by device  ─► HistoryEnd at S ─┐
//!   After(P)   ──────────────────────────────────────────────────────────────────────►  records of the log behind it, once
//!                                                                                        they are synced ─► …
//! ```
//! The log is the queue: a reader reads its files, up to where they are synced, from wherever it is. So writers do nothing for
//! readers and never wait for one, a reader holds one record in memory, and no reader learns of a write that a power cut could
//! take back. What the store itself does not need any more is kept for readers up to
//! [`crate::StorageOptions::changes_bytes`] (`holds`).
//!
//! # What holds
//! * Behind the history each write comes once, in the order of the numbers, whatever is flushed, compacted or opened again
//!   meanwhile. A reader that begins again behind the position of what it settled last misses nothing and gets nothing twice.
//! * Rows that came as chunks are not in the log. Their record there says where they are, and they come in its place, from files (`arrived`).
//! * A history that is broken off may go on where it was: marks say how far it has come (`mark`).
//! * A gap is an error: [`crate::StorageError::Behind`], or damage with file and place.
//! * What comes by history is what a view of that moment shows: of rows that were written over the last, of deleted ones none. Where
//!   it comes as chunks, what was in memory at that moment comes behind them, as rows, and counts where both have a value.

mod arrived;
mod change;
mod changes;
mod history;
mod log;
mod mark;
mod pieces;
mod rows;

pub use change::{Change, ChangeKind, ChangesFrom};
pub use changes::{Changes, More, Settler};
pub(crate) use history::HistoryOf;
pub use mark::HistoryMark;
pub use pieces::ChunksOf;
