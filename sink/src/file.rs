//! `file`: rows as JSON lines, CSV, Parquet or TsFiles, in files that appear when they are whole.
//!
//! ```text
//!   out/readings-000001.jsonl         finished: whole, never touched again
//!   out/readings-000002.jsonl         finished
//!   out/readings-000003.jsonl.part    being written: the lines up to the last delivered batch are on disk
//! ```
//!
//! Without `rotate` the first file has the plain name (`readings.jsonl`), and a later run that finds it goes on with
//! `readings-000001.jsonl`. A finished file is never overwritten. A file is finished by `rotate` and at the end of the
//! run; one without rows is not left behind. A batch is wholly in one file: a file is
//! longer than `rotate` says only where a single batch is.
//!
//! A path may have places to be filled in, `out/{device}/{date}.csv`: each path that comes of it has files as above. At
//! most `open_files` of those being written are open; the others wait, and are opened again when rows come for them.
//!
//! Of Parquet and TsFile, `.part` holds the rows as they came, and the file is made of it when it is finished (under a name that
//! ends in `.whole`, until it has its own). Its columns are those that its rows have. In a TsFile a series has one type, that of
//! its first value: rows with a value that does not convert are rejected.
//!
//! # Delivery
//!
//! At least once. A batch counts as delivered when its lines are on disk (`fsync`), so they survive kill -9 and power cut;
//! proven by `files_pass_the_contract`. What was being written when the process died is finished by the next run: cut
//! after its last whole line (or batch, of Parquet and TsFile), and renamed into place; proven by `a_file_left_behind_is_cut_and_finished`. Since the lines of
//! a batch that was not yet delivered may be among them, that batch's rows can be there twice; after an error in one
//! process they are taken back first.
//!
//! A path that is a FIFO or a character device (`/dev/stdout`) is written into instead, line by line; what that promises is
//! what [`stdout`](crate::stdout) does. Nobody having opened the FIFO to read yet, it is tried again.
//!
//! A `.part` file is locked while it is written: a second process that is given the same path waits until it is free.

mod device;
mod disk;
mod division;
mod journal;
mod make;
mod names;
mod options;
mod place;
mod recovery;
mod sink;
mod template;
mod writer;
mod writers;

#[cfg(feature = "object-store")]
pub(crate) use division::divide;
#[cfg(feature = "object-store")]
pub(crate) use make::in_memory;
#[cfg(feature = "object-store")]
pub(crate) use sink::encoder_of;
pub(crate) use sink::problems_of_lines;
#[cfg(feature = "object-store")]
pub(crate) use template::put_name;

pub use crate::lines::{CsvForm, LineOptions, TimeFormat};
pub use disk::{Disk, DiskFile, SystemDisk};
pub use options::{FileFormat, FileOptions, Rotation};
pub use sink::{File, FileSink};
