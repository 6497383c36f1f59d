//! Reads a file that has no index: chunk group by chunk group from its beginning.
//!
//! A chunk group counts when what begins behind it can be told: another one, or the end of the data. Every page is
//! decoded on the way, so what is handed out can be read.

use std::{collections::BTreeMap, sync::Arc};

use arrow_array::Int64Array;
use levada_model::DataType;

use crate::{
    DeviceId, ReadAt, Statistics, TsFileError, Version,
    layout::{CHUNK_GROUP, ChunkKind, HEAD_BYTES, OPERATION_RANGE, SEPARATOR},
    wire::Cursor,
};

use super::{ChunkMeta, ChunkReader, Content, DeviceMeta, SeriesMeta, TsFileReader, index::based, read};

/// Longer names of devices are not believed.
const LONGEST_HEADER: usize = 1 << 20;

/// A marker and two numbers.
const OPERATION_RANGE_BYTES: u64 = 17;

/// The chunks of a chunk group whose end is not yet seen.
struct Group {
    device: DeviceId,
    chunks: Vec<(Arc<str>, Option<DataType>, ChunkMeta)>,
    /// Where the group's time chunk begins, and its times by page.
    time: Option<(u64, Vec<Int64Array>)>,
}

/// What was found so far.
struct Progress {
    group: Option<Group>,
    devices: BTreeMap<DeviceId, DeviceMeta>,
    /// Where the last whole chunk group ends.
    whole_until: u64,
}

/// Finds what can be read in a file. Fails only where the bytes cannot be read.
pub(super) fn salvage<R: ReadAt>(mut reader: TsFileReader<R>) -> Result<TsFileReader<R>, TsFileError> {
    let mut progress = Progress { group: None, devices: BTreeMap::new(), whole_until: HEAD_BYTES };
    let mut at = HEAD_BYTES;
    while at < reader.length {
        match progress.step(&reader, at) {
            Ok(Some(next)) => at = next,
            Err(error @ TsFileError::Io { .. }) => return Err(error),
            Ok(None) | Err(_) => break,
        }
    }
    reader.data_end = progress.whole_until;
    reader.content = Content::Salvaged(progress.devices);
    Ok(reader)
}

impl Progress {
    /// Takes in what begins at an offset; returns where the next begins, `None` at the end of the data.
    fn step<R: ReadAt>(&mut self, reader: &TsFileReader<R>, at: u64) -> Result<Option<u64>, TsFileError> {
        let marker = read(&reader.inner, at, 1)?.first().copied().unwrap_or(SEPARATOR);
        if matches!(marker, CHUNK_GROUP | SEPARATOR | OPERATION_RANGE) {
            if let Some(group) = self.group.take() {
                group.settle(at, &mut self.devices)?;
            }
            self.whole_until = at;
        }
        match marker {
            SEPARATOR => Ok(None),
            OPERATION_RANGE => Ok(Some(at + OPERATION_RANGE_BYTES)),
            CHUNK_GROUP => {
                let left = usize::try_from(reader.length - at).unwrap_or(usize::MAX);
                let bytes = read(&reader.inner, at, left.min(LONGEST_HEADER))?;
                let mut cursor = Cursor::new(&bytes);
                based(cursor.u8(), at)?;
                let device = match reader.version {
                    Version::V3 => cursor.vstr().map(DeviceId::from_text),
                    Version::V4 => DeviceId::parse(&mut cursor),
                };
                self.group = Some(Group { device: based(device, at)?, chunks: Vec::new(), time: None });
                Ok(Some(at + cursor.position() as u64))
            }
            _ => match &mut self.group {
                Some(group) => group.take_chunk(reader, at).map(Some),
                None => Err(TsFileError::damaged(at, "a chunk belongs to no device")),
            },
        }
    }
}

impl Group {
    /// Reads a chunk and all of its pages; returns where it ends.
    fn take_chunk<R: ReadAt>(&mut self, reader: &TsFileReader<R>, at: u64) -> Result<u64, TsFileError> {
        let (header, bytes, header_size) = reader.read_raw(at)?;
        let end = at + bytes.len() as u64;
        let (measurement, data_type) = (Arc::clone(&header.measurement), header.data_type);
        let base = at + header_size as u64;
        let chunk = ChunkReader::new(header, base, bytes.slice(header_size..), None, reader.limits)?;
        let statistics = match chunk.header().kind {
            ChunkKind::Time => {
                let times: Result<Vec<_>, _> =
                    (0..chunk.pages().len()).map(|page| chunk.read_times(page)).collect();
                let times = times?;
                let mut statistics = Statistics::empty(None);
                times.iter().for_each(|times| statistics.merge(&Statistics::of_times(times.values())));
                self.time = Some((at, times));
                statistics
            }
            ChunkKind::Value => self.column_statistics(&chunk, at)?,
            ChunkKind::Plain => {
                let mut statistics = Statistics::empty(data_type);
                for page in 0..chunk.pages().len() {
                    let page = chunk.read_page(page)?;
                    let data_type = data_type.unwrap_or(DataType::Blob);
                    statistics.merge(&Statistics::of(data_type, page.times.values(), &page.values));
                }
                statistics
            }
        };
        if statistics.count() > 0 {
            let time_offset = match chunk.header().kind {
                ChunkKind::Value => self.time.as_ref().map(|(offset, _)| *offset),
                _ => None,
            };
            self.chunks.push((measurement, data_type, ChunkMeta { offset: at, time_offset, statistics }));
        }
        Ok(end)
    }

    fn column_statistics(&self, chunk: &ChunkReader, at: u64) -> Result<Statistics, TsFileError> {
        let data_type = chunk.header().data_type.unwrap_or(DataType::Blob);
        let mut statistics = Statistics::empty(Some(data_type));
        let (_, times) =
            self.time.as_ref().ok_or_else(|| TsFileError::damaged(at, "a value chunk has no time chunk"))?;
        if !chunk.pages().is_empty() && chunk.pages().len() != times.len() {
            return Err(TsFileError::damaged(at, "a value chunk has other pages than its time chunk"));
        }
        for (page, times) in times.iter().enumerate().take(chunk.pages().len()) {
            let values = chunk.read_values(page, times.len())?;
            statistics.merge(&Statistics::of(data_type, times.values(), &values));
        }
        Ok(statistics)
    }

    /// Adds the chunks to those of the devices. Nothing is added where they do not fit.
    fn settle(self, at: u64, devices: &mut BTreeMap<DeviceId, DeviceMeta>) -> Result<(), TsFileError> {
        let Self { device, chunks, .. } = self;
        if chunks.is_empty() {
            return Ok(());
        }
        let aligned = chunks.iter().any(|(_, data_type, _)| data_type.is_none());
        let mut known = match devices.get(&device) {
            Some(known) => known.clone(),
            None => DeviceMeta { device: device.clone(), time: None, series: Vec::new() },
        };
        if !known.series.is_empty() && known.is_aligned() != aligned {
            return Err(TsFileError::damaged(at, format!("`{device}` is aligned and is not")));
        }
        for (measurement, data_type, chunk) in chunks {
            let new = || SeriesMeta {
                measurement: Arc::clone(&measurement),
                data_type,
                statistics: Statistics::empty(data_type),
                chunks: Vec::new(),
            };
            let series = if data_type.is_none() {
                known.time.get_or_insert_with(new)
            } else {
                let found = known.series.binary_search_by(|series| series.measurement.cmp(&measurement));
                let index = found.unwrap_or_else(|index| {
                    known.series.insert(index, new());
                    index
                });
                &mut known.series[index]
            };
            if series.data_type != data_type {
                return Err(TsFileError::damaged(at, format!("`{device}.{measurement}` changes its type")));
            }
            series.statistics.merge(&chunk.statistics);
            series.chunks.push(chunk);
        }
        devices.insert(device, known);
        Ok(())
    }
}
