//! Compaction: few files with all that counts, in place of many with what does not count any more.
//!
//! ```text
//!   sequence      ▆▆▆ ▆▆▆ ▆▆▆ ▆▆▆   ─► ▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆    four of one level become one of the next
//!   unsequence     ▂▂▂▂▂  ▂▂▂▂▂     ─► merged into the sequence files they overlap, the oldest first
//!   expired       dropped whole; deleted values are left out whenever a file is rewritten
//! ```
//! The file that comes out is a sequence file: its rows share no (device, time) with other sequence files, and unsequence
//! files that remain are newer, since the oldest go first. It is written under a passing name, counts with the commit that
//! drops its inputs, and so compaction can be killed at any point. Rows stream through; memory holds a chunk at a time.

mod plan;
mod run;
