//! Constants of the file's layout.

use levada_model::{DataType, Encoding};

/// The first and the last six bytes of every file.
pub(crate) const MAGIC: &[u8; 6] = b"TsFile";

/// Bytes before the first chunk group: the magic and the version.
pub(crate) const HEAD_BYTES: u64 = 7;

/// The version of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[repr(u8)]
pub enum Version {
    /// Written and opened by servers from 0.12 to 1.3.
    V3 = 3,
    /// Written by servers from 2.0, which open version 3 too.
    #[default]
    V4 = 4,
}

impl Version {
    /// The version for a file's seventh byte.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            3 => Some(Self::V3),
            4 => Some(Self::V4),
            _ => None,
        }
    }
}

/// The kind of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChunkKind {
    /// Times and values of a series of a plain device.
    Plain,
    /// The times of an aligned device.
    Time,
    /// One column of an aligned device: a value or null for each time of the time chunk before it.
    Value,
}

impl ChunkKind {
    /// The bits set for it in the marker of a chunk and in the type of a series' metadata.
    pub(crate) const fn bits(self) -> u8 {
        match self {
            Self::Plain => 0,
            Self::Time => 0x80,
            Self::Value => 0x40,
        }
    }

    /// The kind for a chunk's marker, `None` if it is not one.
    pub(crate) const fn of_marker(marker: u8) -> Option<Self> {
        match marker {
            MANY_PAGES | ONE_PAGE => Some(Self::Plain),
            0x81 | 0x85 => Some(Self::Time),
            0x41 | 0x45 => Some(Self::Value),
            _ => None,
        }
    }
}

pub(crate) const CHUNK_GROUP: u8 = 0x00;
pub(crate) const MANY_PAGES: u8 = 0x01;
pub(crate) const ONE_PAGE: u8 = 0x05;
pub(crate) const SEPARATOR: u8 = 0x02;
pub(crate) const OPERATION_RANGE: u8 = 0x04;

/// Whether a chunk's marker announces pages with statistics.
pub(crate) const fn has_many_pages(marker: u8) -> bool {
    marker & 0x3f == MANY_PAGES
}

/// The data type code of a time column.
pub(crate) const VECTOR: u8 = 6;

/// Whether values of a type have two forms in an encoding: Apache's readers disagree on this one.
pub(crate) const fn has_two_forms(data_type: DataType, encoding: Encoding) -> bool {
    matches!((data_type, encoding), (DataType::Float | DataType::Double, Encoding::Rlbe))
}

/// Types of index nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum NodeType {
    InternalDevice = 0,
    LeafDevice = 1,
    InternalMeasurement = 2,
    LeafMeasurement = 3,
}

impl NodeType {
    pub(crate) const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::InternalDevice),
            1 => Some(Self::LeafDevice),
            2 => Some(Self::InternalMeasurement),
            3 => Some(Self::LeafMeasurement),
            _ => None,
        }
    }

    pub(crate) const fn is_device(self) -> bool {
        matches!(self, Self::InternalDevice | Self::LeafDevice)
    }
}
