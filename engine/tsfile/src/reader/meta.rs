//! What the index says of devices, series and chunks.

use std::sync::Arc;

use levada_model::DataType;

use crate::{DeviceId, Statistics};

/// A device and its series.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceMeta {
    /// Its name.
    pub device: DeviceId,
    /// The time column, if the series share one: the device is then aligned.
    pub time: Option<SeriesMeta>,
    /// Its series by measurement, without the time column.
    pub series: Vec<SeriesMeta>,
}

impl DeviceMeta {
    /// Whether the series share one time column.
    pub const fn is_aligned(&self) -> bool {
        self.time.is_some()
    }
}

/// A series and its chunks.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesMeta {
    /// The measurement; empty for a time column.
    pub measurement: Arc<str>,
    /// The type of its values; `None` for a time column.
    pub data_type: Option<DataType>,
    /// The statistics of all its chunks.
    pub statistics: Statistics,
    /// Its chunks that are not empty, in file order.
    pub chunks: Vec<ChunkMeta>,
}

/// The place and statistics of a chunk.
#[derive(Clone, Debug, PartialEq)]
pub struct ChunkMeta {
    /// The offset of its header.
    pub offset: u64,
    /// For a value chunk, the offset of its time chunk's header.
    pub time_offset: Option<u64>,
    /// Its statistics.
    pub statistics: Statistics,
}

impl SeriesMeta {
    /// Pairs each chunk with its time chunk: the last one before it in the file.
    pub(super) fn pair_with(&mut self, time: &Self) {
        let mut times: Vec<u64> = time.chunks.iter().map(|chunk| chunk.offset).collect();
        times.sort_unstable();
        self.chunks.retain_mut(|chunk| {
            let before = times.partition_point(|&offset| offset < chunk.offset);
            chunk.time_offset = before.checked_sub(1).map(|index| times[index]);
            chunk.time_offset.is_some()
        });
    }
}
