//! Sealed files: TsFiles that never change, with a checksum for every 4 KiB beside them.
//!
//! ```text
//!   data/<number of the database>/<partition>/0000000012.tsfile     what Apache's readers open
//!                                             0000000012.sums       its checksums, and what the manifest says of it
//! ```
//! A file is *sequence* where, when it was written, no other file of its place held a device's times at or beyond its own;
//! otherwise *unsequence*. So sequence files share no (device, time) with each other, and of an unsequence file and a
//! sequence file that do, the unsequence file is the newer. Of unsequence files the one with the higher number of write is, and of
//! those with the same the one with the higher number of file.
//!
//! An unsequence file may have been merged in up to some time: the manifest then says that its rows begin behind that.

mod bytes;
mod chunks;
mod ends;
mod file;
mod folder;
mod meta;
mod metas;
mod sums;
mod writer;

pub(crate) use bytes::{FileBytes, SUMS};
pub(crate) use chunks::{ChunkSink, ChunkWriter, SeriesColumn};
pub(crate) use file::{Files, Outlived, SealedFile, Verdict};
pub(crate) use folder::DataFolder;
pub(crate) use meta::FileMeta;
pub(crate) use metas::{Cached, KnownMeta, MetaCache};
pub(crate) use sums::{About, Sums};
pub(crate) use writer::{FileWriter, Unsealed, seal_all};
