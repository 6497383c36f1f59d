//! The types of values that functions read and give.

use std::fmt;

/// The type of a series' values. Names and codes are those of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum DataType {
    /// `bool`.
    Boolean = 0,
    /// `i32`.
    Int32 = 1,
    /// `i64`.
    Int64 = 2,
    /// `f32`.
    Float = 3,
    /// `f64`.
    Double = 4,
    /// `&str`.
    Text = 5,
    /// `i64`: a point in time, in the store's precision.
    Timestamp = 8,
    /// `i32`: the number `yyyymmdd`.
    Date = 9,
    /// `&[u8]`.
    Blob = 10,
    /// `&str`.
    String = 11,
}

impl DataType {
    /// All of them, in the order of their codes.
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
    /// The types that arithmetic works on.
    pub const NUMERIC: [Self; 4] = [Self::Int32, Self::Int64, Self::Float, Self::Double];
    /// The types of texts.
    pub const TEXT: [Self; 2] = [Self::Text, Self::String];

    /// The code in files and on the wire.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The type of a code; `None` where none has it.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.code() == code)
    }

    /// The name in SQL.
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

    /// Whether arithmetic works on it.
    pub const fn is_numeric(self) -> bool {
        matches!(self, Self::Int32 | Self::Int64 | Self::Float | Self::Double)
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
