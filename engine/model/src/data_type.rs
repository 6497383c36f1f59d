//! Data types, with the code numbers that the wire protocol and the file format use.

use std::{fmt, str::FromStr};

use arrow_schema::DataType as ArrowType;
use serde::{Deserialize, Serialize};

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

/// A name that is not one of a closed set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{name}`, expected one of {expected}")]
pub struct UnknownName {
    /// What kind of name was expected.
    pub what: &'static str,
    /// The name as given.
    pub name: String,
    /// The valid names, joined by commas.
    pub expected: String,
}

impl DataType {
    /// Every data type, in the order of their codes.
    pub const ALL: [Self; 10] = [
        Self::Boolean,
        Self::Int32,
        Self::Int64,
        Self::Float,
        Self::Double,
        Self::Text,
        Self::Timestamp,
        Self::Date,
        Self::Blob,
        Self::String,
    ];

    /// The code on the wire and in files.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The type of a code, `None` where no value can have it.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.code() == code)
    }

    /// The name in SQL and in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Boolean => "BOOLEAN",
            Self::Int32 => "INT32",
            Self::Int64 => "INT64",
            Self::Float => "FLOAT",
            Self::Double => "DOUBLE",
            Self::Text => "TEXT",
            Self::Timestamp => "TIMESTAMP",
            Self::Date => "DATE",
            Self::Blob => "BLOB",
            Self::String => "STRING",
        }
    }

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

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for DataType {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        named("data type", &Self::ALL, Self::name, name)
    }
}

/// Finds a name, in any case, among the members of a closed set.
pub(crate) fn named<T: Copy>(
    what: &'static str,
    all: &[T],
    name_of: impl Fn(T) -> &'static str,
    name: &str,
) -> Result<T, UnknownName> {
    all.iter().copied().find(|&each| name_of(each).eq_ignore_ascii_case(name)).ok_or_else(|| UnknownName {
        what,
        name: name.to_owned(),
        expected: all.iter().map(|&each| name_of(each)).collect::<Vec<_>>().join(", "),
    })
}
