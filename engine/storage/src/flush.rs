//! The threads that flush.
//!
//! ```text
//!   frozen   a1 b1 c1 a2 d1 …       of each place the oldest, up to some bytes: a1 b1 c1 d1 are flushed together,
//!              │  │     │            each into files of its own
//!              └──┴──┬──┘            one sync of each folder, one commit
//! ```
//! What fails is tried again after a while. It holds up later memtables of its own place, since those must not be in files before
//! it, and nothing else; but the log is kept from its first write on.

mod run;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use write::reached;
