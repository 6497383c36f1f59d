//! How a page's bytes are compressed, with the code numbers of the protocol and of TsFile.

use serde::{Deserialize, Serialize};

use crate::closed_set::closed_set;

/// The compression of a series' pages. The discriminants are the codes of the protocol and of TsFile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[repr(u8)]
pub enum Compressor {
    /// As they are.
    Uncompressed = 0,
    /// A raw Snappy block.
    Snappy = 1,
    /// A gzip member.
    Gzip = 2,
    /// A raw LZ4 block.
    Lz4 = 7,
    /// A Zstandard frame.
    Zstd = 8,
    /// An .xz container.
    Lzma2 = 9,
}

closed_set! {
    Compressor, "compressor";
    Uncompressed = "UNCOMPRESSED",
    Snappy = "SNAPPY",
    Gzip = "GZIP",
    Lz4 = "LZ4",
    Zstd = "ZSTD",
    Lzma2 = "LZMA2",
}
