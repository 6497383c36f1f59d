//! How a series is stored.

use serde::{Deserialize, Serialize};

use crate::{Compressor, DataType, Encoding};

/// Type, encoding and compression of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SeriesSchema {
    /// The type of its values.
    pub data_type: DataType,
    /// How a page's values are written.
    pub encoding: Encoding,
    /// How a page's bytes are compressed.
    pub compressor: Compressor,
}

impl SeriesSchema {
    /// What a series of a type gets where nobody chose.
    pub const fn default_for(data_type: DataType) -> Self {
        Self { data_type, encoding: Encoding::default_for(data_type), compressor: Compressor::Lz4 }
    }
}
