//! What the index says of devices, series and chunks.

use std::sync::Arc;

use levada_model::DataType;

use crate::{DeviceId, Statistics};

/// A device and its series.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceMeta {
    /// Its name.
    pub device: DeviceId,
    /// The time column, where the series share one: then the device is aligned.
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
    /// What all its chunks hold.
    pub statistics: Statistics,
    /// Its chunks that are not empty, in the order of the file.
    pub chunks: Vec<ChunkMeta>,
}

/// A chunk's place and content.
#[derive(Clone, Debug, PartialEq)]
pub struct ChunkMeta {
    /// Where its header begins.
    pub offset: u64,
    /// Of a value chunk, where the header of the time chunk begins that it belongs to.
    pub time_offset: Option<u64>,
    /// What it holds.
    pub statistics: Statistics,
}

impl SeriesMeta {
    /// Says of each chunk which time chunk it belongs to: the last that stands before it.
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
