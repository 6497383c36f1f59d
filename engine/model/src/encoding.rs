//! How a page's values are written as bytes, with the code numbers of the protocol and of TsFile.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{DataType, UnknownName, data_type::named};

/// The encoding of a series' values. The discriminants are the codes of the protocol and of TsFile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[repr(u8)]
pub enum Encoding {
    /// As they are.
    Plain = 0,
    /// Distinct texts once, then their indexes.
    Dictionary = 1,
    /// Runs and bit-packed groups.
    Rle = 2,
    /// Differences less their minimum, bit-packed.
    #[serde(rename = "TS_2DIFF")]
    Ts2Diff = 4,
    /// The first, superseded form of [`Encoding::Gorilla`].
    GorillaV1 = 6,
    /// Arithmetic sequences; read only.
    Regular = 7,
    /// Exclusive-or with the value before.
    Gorilla = 8,
    /// Variable-length integers.
    Zigzag = 9,
    /// Exclusive-or with the best of the last 128 values.
    Chimp = 11,
    /// Blocks of eight prediction errors.
    Sprintz = 12,
    /// Runs of differences of equal bit length.
    Rlbe = 13,
}

impl Encoding {
    /// Every encoding, in the order of their codes.
    pub const ALL: [Self; 11] = [
        Self::Plain,
        Self::Dictionary,
        Self::Rle,
        Self::Ts2Diff,
        Self::GorillaV1,
        Self::Regular,
        Self::Gorilla,
        Self::Zigzag,
        Self::Chimp,
        Self::Sprintz,
        Self::Rlbe,
    ];

    /// The code on the wire and in files.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The encoding of a code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.code() == code)
    }

    /// The name in SQL and in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Dictionary => "DICTIONARY",
            Self::Rle => "RLE",
            Self::Ts2Diff => "TS_2DIFF",
            Self::GorillaV1 => "GORILLA_V1",
            Self::Regular => "REGULAR",
            Self::Gorilla => "GORILLA",
            Self::Zigzag => "ZIGZAG",
            Self::Chimp => "CHIMP",
            Self::Sprintz => "SPRINTZ",
            Self::Rlbe => "RLBE",
        }
    }

    /// Whether values of a type can be written in this encoding.
    pub const fn supports(self, data_type: DataType) -> bool {
        use DataType as T;
        match self {
            Self::Plain => true,
            Self::Dictionary => data_type.is_text(),
            Self::Rle => data_type.is_numeric() || matches!(data_type, T::Boolean | T::Date | T::Timestamp),
            Self::GorillaV1 => matches!(data_type, T::Float | T::Double),
            Self::Regular | Self::Zigzag => {
                matches!(data_type, T::Int32 | T::Int64 | T::Date | T::Timestamp)
            }
            Self::Ts2Diff | Self::Gorilla | Self::Chimp | Self::Sprintz | Self::Rlbe => {
                data_type.is_numeric() || matches!(data_type, T::Date | T::Timestamp)
            }
        }
    }

    /// What a series of a type gets where nobody chose: as the peer does.
    pub const fn default_for(data_type: DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Rle,
            DataType::Int32 | DataType::Int64 | DataType::Timestamp | DataType::Date => Self::Ts2Diff,
            DataType::Float | DataType::Double => Self::Gorilla,
            DataType::Text | DataType::String | DataType::Blob => Self::Plain,
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Encoding {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        named("encoding", &Self::ALL, Self::name, name)
    }
}
