//! A TsFile whose chunks are to be taken.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use levada_model::{DataType, Path};
use levada_tsfile::{ChunkMeta, DeviceId, DeviceMeta, TsFileReader};

use super::path_of;
use crate::{TimeRange, read::range_of};

/// A TsFile in memory that was checked: every page was decoded, and is as its statistics say.
#[derive(Debug)]
pub struct ChunkFile {
    pub(super) reader: TsFileReader<Bytes>,
    pub(super) devices: Vec<FileDevice>,
}

/// A device of a file.
#[derive(Debug)]
pub(super) struct FileDevice {
    pub(super) id: DeviceId,
    pub(super) path: Path,
    pub(super) aligned: bool,
    pub(super) series: Vec<(Arc<str>, DataType)>,
    /// Series by series, each by time.
    pub(super) parts: Vec<FilePart>,
    /// The first and the last time.
    pub(super) range: TimeRange,
}

/// A chunk of a plain device, or a chunk group of an aligned one.
#[derive(Debug)]
pub(super) struct FilePart {
    pub(super) range: TimeRange,
    /// The times of a chunk group.
    pub(super) time: Option<ChunkMeta>,
    pub(super) values: Vec<ChunkMeta>,
}

impl FilePart {
    pub(super) fn points(&self) -> u64 {
        self.values.iter().map(|chunk| chunk.statistics.count()).sum()
    }
}

impl ChunkFile {
    /// Checks a file; `None` where it is damaged, or has what no store of this program writes: reading its rows tells what.
    pub fn read(bytes: Bytes) -> Option<Self> {
        let (reader, flaws) = TsFileReader::inspect(bytes).ok()?;
        if !flaws.is_empty() {
            return None;
        }
        let mut devices = Vec::new();
        for id in reader.devices().ok()? {
            devices.push(device(&id, reader.device(&id).ok()??)?);
        }
        Some(Self { reader, devices })
    }

    /// Its devices, each with its series.
    pub fn series(&self) -> impl Iterator<Item = (&Path, Vec<&Arc<str>>)> {
        self.devices.iter().map(|device| (&device.path, device.series.iter().map(|(name, _)| name).collect()))
    }

    /// How many values it has.
    pub fn points(&self) -> u64 {
        self.devices.iter().flat_map(|device| &device.parts).map(FilePart::points).sum()
    }

    /// So many files come of it at most, where a time partition is so long.
    pub(super) fn most_files(&self, width: i64) -> u64 {
        let parts = self.devices.iter().flat_map(|device| &device.parts);
        let mut partitions: Vec<i64> = parts.map(|part| part.range.start.div_euclid(width)).collect();
        partitions.sort_unstable();
        partitions.dedup();
        // Devices may be of several databases; each place has a file for either kind.
        2 * (partitions.len() * self.devices.len()) as u64
    }
}

fn device(id: &DeviceId, meta: DeviceMeta) -> Option<FileDevice> {
    let aligned = meta.is_aligned();
    let series: Option<Vec<_>> =
        meta.series.iter().map(|series| Some((Arc::clone(&series.measurement), series.data_type?))).collect();
    let parts = if aligned { groups(&meta) } else { chunks(&meta) };
    let range = parts.iter().map(|part| part.range).reduce(TimeRange::hull)?;
    Some(FileDevice { id: id.clone(), path: path_of(id)?, aligned, series: series?, parts, range })
}

fn chunks(meta: &DeviceMeta) -> Vec<FilePart> {
    let mut parts = Vec::new();
    for series in &meta.series {
        let from = parts.len();
        let full = series.chunks.iter().filter(|chunk| chunk.statistics.count() > 0);
        parts.extend(full.map(|chunk| FilePart {
            range: range_of(chunk),
            time: None,
            values: vec![chunk.clone()],
        }));
        parts[from..].sort_by_key(|part| part.range.start);
    }
    parts
}

fn groups(meta: &DeviceMeta) -> Vec<FilePart> {
    let mut columns: BTreeMap<u64, Vec<ChunkMeta>> = BTreeMap::new();
    for chunk in meta.series.iter().flat_map(|series| &series.chunks) {
        if let Some(time) = chunk.time_offset.filter(|_| chunk.statistics.count() > 0) {
            columns.entry(time).or_default().push(chunk.clone());
        }
    }
    let times = meta.time.iter().flat_map(|time| &time.chunks);
    let mut parts: Vec<FilePart> = times
        .filter_map(|time| {
            let values = columns.remove(&time.offset)?;
            Some(FilePart { range: range_of(time), time: Some(time.clone()), values })
        })
        .collect();
    parts.sort_by_key(|part| part.range.start);
    parts
}
