//! How a page's values are written as bytes, with the code numbers of the protocol and of TsFile.

use serde::{Deserialize, Serialize};

use crate::{DataType, closed_set::closed_set};

/// The encoding of a series' values. The discriminants are the codes of the protocol and of TsFile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[repr(u8)]
pub enum Encoding {
    /// As they are.
    Plain = 0,
    /// Each distinct string once, then indexes.
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

closed_set! {
    Encoding, "encoding";
    Plain = "PLAIN",
    Dictionary = "DICTIONARY",
    Rle = "RLE",
    Ts2Diff = "TS_2DIFF",
    GorillaV1 = "GORILLA_V1",
    Regular = "REGULAR",
    Gorilla = "GORILLA",
    Zigzag = "ZIGZAG",
    Chimp = "CHIMP",
    Sprintz = "SPRINTZ",
    Rlbe = "RLBE",
}

impl Encoding {
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

    /// The encoding of a series of a type for which none was chosen; the peer's default.
    pub const fn default_for(data_type: DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Rle,
            DataType::Int32 | DataType::Int64 | DataType::Timestamp | DataType::Date => Self::Ts2Diff,
            DataType::Float | DataType::Double => Self::Gorilla,
            DataType::Text | DataType::String | DataType::Blob => Self::Plain,
        }
    }
}
