//! Data types, with the code numbers that the wire protocol and the file format use.

use arrow_schema::DataType as ArrowType;
use serde::{Deserialize, Serialize};

use crate::closed_set::closed_set;

/// The type of a series' values.
///
/// The discriminants are the codes of the protocol and of TsFile.
///
/// ```
/// use levada_model::DataType;
/// assert_eq!("double".parse(), Ok(DataType::Double));
/// assert_eq!(DataType::from_code(5), Some(DataType::Text));
/// assert_eq!(DataType::Timestamp.to_string(), "TIMESTAMP");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[repr(u8)]
pub enum DataType {
    /// `true` or `false`.
    Boolean = 0,
    /// Signed 32-bit integer.
    Int32 = 1,
    /// Signed 64-bit integer.
    Int64 = 2,
    /// IEEE 754 binary32.
    Float = 3,
    /// IEEE 754 binary64.
    Double = 4,
    /// UTF-8 text without statistics on its values.
    Text = 5,
    /// A point in time, in the store's precision (milliseconds).
    Timestamp = 8,
    /// A calendar day, held as the number `yyyymmdd`.
    Date = 9,
    /// Bytes.
    Blob = 10,
    /// UTF-8 text with minimum and maximum in its statistics.
    String = 11,
}

closed_set! {
    DataType, "data type";
    Boolean = "BOOLEAN",
    Int32 = "INT32",
    Int64 = "INT64",
    Float = "FLOAT",
    Double = "DOUBLE",
    Text = "TEXT",
    Timestamp = "TIMESTAMP",
    Date = "DATE",
    Blob = "BLOB",
    String = "STRING",
}

impl DataType {
    /// The Arrow type whose arrays hold values of this type.
    ///
    /// `DATE` is `Int32` (`yyyymmdd`), `TIMESTAMP` is `Int64`, `TEXT` and `STRING` are `Utf8`, `BLOB` is `Binary`.
    pub const fn arrow(self) -> ArrowType {
        match self {
            Self::Boolean => ArrowType::Boolean,
            Self::Int32 | Self::Date => ArrowType::Int32,
            Self::Int64 | Self::Timestamp => ArrowType::Int64,
            Self::Float => ArrowType::Float32,
            Self::Double => ArrowType::Float64,
            Self::Text | Self::String => ArrowType::Utf8,
            Self::Blob => ArrowType::Binary,
        }
    }

    /// Whether arithmetic works on it: `INT32`, `INT64`, `FLOAT`, `DOUBLE`.
    pub const fn is_numeric(self) -> bool {
        matches!(self, Self::Int32 | Self::Int64 | Self::Float | Self::Double)
    }

    /// Whether values are text: `TEXT` or `STRING`.
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::String)
    }
}
