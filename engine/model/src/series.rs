//! How a series is stored.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Compressor, DataType, Encoding, Path};

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

/// A series: where it is, and how it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// The device.
    pub device: Path,
    /// Whether the device's series share one time column.
    pub aligned: bool,
    /// The measurement, a node in canonical form.
    pub measurement: Arc<str>,
    /// Type, encoding and compression.
    pub schema: SeriesSchema,
}

/// A device that has series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its path.
    pub path: Path,
    /// Whether its series share one time column.
    pub aligned: bool,
}

impl Series {
    /// The whole path.
    pub fn path(&self) -> Path {
        self.device.child(&self.measurement)
    }
}

impl SeriesSchema {
    /// The schema of a series of a type for which none was chosen.
    pub const fn default_for(data_type: DataType) -> Self {
        Self { data_type, encoding: Encoding::default_for(data_type), compressor: Compressor::Lz4 }
    }
}
