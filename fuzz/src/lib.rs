//! What several fuzz targets need.

pub mod memory_disk;
pub mod wire;
