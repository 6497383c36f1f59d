//! Compaction: few files with all that counts, in place of many with what does not count any more.
//!
//! ```text
//!   sequence      ▆▆▆ ▆▆▆ ▆▆▆ ▆▆▆   ─► ▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆     neighbours become one file, up to a size; files of that size stay
//!   unsequence     ▂▂▂ ▂▂▂ ▂▂▂ ▂▂▂  ─► ▂▂▂▂▂▂▂▂▂▂▂         while they are few beside what they overlap: with each other
//!                  ▂▂▂▂▂▂▂▂▂▂▂      ─► ▆▆▆▆▆▆▆▆▆▆ ▆▆▆▆▆▆   then into the sequence files, from the first time on, step by step
//!   expired       dropped whole; deleted values are left out whenever a file is rewritten, and a file is rewritten for them
//! ```
//!
//! # What holds
//! * Sequence files share no (device, time). What is merged in are all unsequence files up to some time, so that of a value that
//!   is in a sequence file and in an unsequence file the latter is the newer. A file that is only merged in up to a time stays,
//!   and the manifest says from where on it counts.
//! * A job reads as many bytes as the budget says, about, and writes files of about the size that is asked for, cut by time. The
//!   least a job can do is one point in time: all sequence files that have it.
//! * A value is written again only with a file at least twice as large as its own, or together with unsequence files of at
//!   least an eighth of the values of those that are rewritten for them, or where a deletion or TTL makes it worth it. So what
//!   is written is within a logarithm of what was flushed.
//! * What comes out is written under a passing name, and counts with the commit that drops what went in: compaction can be
//!   killed at any point.
//! * Chunks that nothing concerns are copied as they are, small ones page by page into larger ones. Only what overlaps, is cut
//!   or is tiny is decoded; rows stream through, a chunk at a time.

mod device;
mod gather;
mod judge;
mod late;
mod outlived;
mod plan;
mod policy;
mod run;
mod slices;
#[cfg(test)]
mod tests;

pub(crate) use device::{DeviceMerge, Source};
