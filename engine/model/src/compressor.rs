//! How a page's bytes are compressed, with the code numbers of the protocol and of TsFile.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{UnknownName, data_type::named};

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

impl Compressor {
    /// Every compressor, in the order of their codes.
    pub const ALL: [Self; 6] =
        [Self::Uncompressed, Self::Snappy, Self::Gzip, Self::Lz4, Self::Zstd, Self::Lzma2];

    /// The code on the wire and in files.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The compressor of a code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.code() == code)
    }

    /// The name in SQL and in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uncompressed => "UNCOMPRESSED",
            Self::Snappy => "SNAPPY",
            Self::Gzip => "GZIP",
            Self::Lz4 => "LZ4",
            Self::Zstd => "ZSTD",
            Self::Lzma2 => "LZMA2",
        }
    }
}

impl fmt::Display for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Compressor {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        named("compressor", &Self::ALL, Self::name, name)
    }
}
