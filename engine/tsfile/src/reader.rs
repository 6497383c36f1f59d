//! Reads a file: its index on demand, its chunks one at a time.

mod chunk;
mod index;
mod meta;
mod salvage;
mod two_forms;

use std::collections::BTreeMap;

use bytes::Bytes;

pub use chunk::{ChunkHeader, ChunkReader, Page, PageMeta};
pub use meta::{ChunkMeta, DeviceMeta, SeriesMeta};
pub use salvage::{Flaw, Lost, Part};

use crate::{
    DeviceId, EncodedChunk, ReadAt, ReadLimits, TsFileError, Version,
    layout::{HEAD_BYTES, MAGIC, NodeType},
    wire::Cursor,
};

use index::{FileMetadata, Node, based, parse_series};

/// The bytes at the end of a file: the size of the metadata and the magic.
const FOOT_BYTES: u64 = 10;

/// How many bytes of a chunk are read before its size is known. Most headers, and many whole chunks, are shorter.
const FIRST_READ_BYTES: usize = 4 << 10;

/// No index tree is deeper: with two entries in each node it would hold 2^48 of them.
const MAX_LEVELS: usize = 48;

/// An open file. Holds what the end of the file says, and reads everything else on demand; cheap to share by
/// [`Arc`](std::sync::Arc).
#[derive(Debug)]
pub struct TsFileReader<R> {
    inner: R,
    limits: ReadLimits,
    version: Version,
    /// Where the file ends.
    length: u64,
    /// Where data ends.
    data_end: u64,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// A finished file.
    Indexed(FileMetadata),
    /// What was found in a file that is unfinished or damaged.
    Salvaged(BTreeMap<DeviceId, DeviceMeta>),
}

impl<R: ReadAt> TsFileReader<R> {
    /// Opens a finished file.
    ///
    /// # Errors
    /// The file cannot be read, is not a finished TsFile of version 3 or 4, or is encrypted.
    pub fn open(inner: R) -> Result<Self, TsFileError> {
        Self::open_with(inner, ReadLimits::default())
    }

    /// Opens a finished file, with limits on what is read at once.
    ///
    /// # Errors
    /// As [`TsFileReader::open`].
    pub fn open_with(inner: R, limits: ReadLimits) -> Result<Self, TsFileError> {
        let length = inner.len().map_err(TsFileError::io("cannot tell the size", 0))?;
        let version = read_version(&inner, length)?;
        Self::open_as(inner, length, version, limits)
    }

    /// Opens a finished file of a known version.
    fn open_as(inner: R, length: u64, version: Version, limits: ReadLimits) -> Result<Self, TsFileError> {
        let foot_at = length.checked_sub(FOOT_BYTES).filter(|&at| at >= HEAD_BYTES);
        let foot_at = foot_at.ok_or_else(|| TsFileError::damaged(length, "the file is not finished"))?;
        let foot = read(&inner, foot_at, FOOT_BYTES as usize)?;
        let size = foot.first_chunk::<4>().map_or(0, |size| u32::from_be_bytes(*size));
        if foot.get(4..) != Some(MAGIC) {
            return Err(TsFileError::damaged(length, "the file is not finished"));
        }
        let start = foot_at.checked_sub(u64::from(size)).filter(|&start| start >= HEAD_BYTES);
        let start =
            start.ok_or_else(|| TsFileError::damaged(foot_at, "the metadata is larger than the file"))?;
        let bytes = read(&inner, start, size as usize)?;
        let metadata = based(FileMetadata::parse(&bytes, version), start)?;
        if metadata.encrypted {
            return Err(TsFileError::Unsupported { what: "an encrypted file".into() });
        }
        let data_end = metadata.meta_offset;
        if !(HEAD_BYTES..=start).contains(&data_end) {
            return Err(TsFileError::damaged(start, "the metadata begins outside of the file"));
        }
        Ok(Self { inner, limits, version, length, data_end, content: Content::Indexed(metadata) })
    }

    /// Opens a file that may be unfinished or damaged. Index and chunks are compared; if they disagree, or the index is damaged
    /// or missing, all chunks are decoded once, and those can be read that are whole and certain to belong to their series. For
    /// a file that was cut off, [`TsFileReader::data_end`] is the end of its last whole chunk group.
    ///
    /// # Errors
    /// The file cannot be read, or neither begins nor ends as a TsFile.
    pub fn salvage(inner: R) -> Result<Self, TsFileError> {
        Self::salvage_with(inner, ReadLimits::default())
    }

    /// [`TsFileReader::salvage`] with limits on what is read at once.
    ///
    /// # Errors
    /// As [`TsFileReader::salvage`].
    pub fn salvage_with(inner: R, limits: ReadLimits) -> Result<Self, TsFileError> {
        salvage::salvage(inner, limits)
    }

    /// Checks all of a file and returns its flaws: head, foot, index tree, bloom filter, the header of every chunk, every page
    /// (decoded), the order of times, and statistics against values. The reader then returns only what was sound.
    ///
    /// # Errors
    /// As [`TsFileReader::salvage`]. Bytes that the underlying reader reports as damaged
    /// ([`InvalidData`](std::io::ErrorKind::InvalidData)) are a flaw.
    pub fn inspect(inner: R) -> Result<(Self, Vec<Flaw>), TsFileError> {
        salvage::inspect(inner, ReadLimits::default())
    }

    /// The version of the format.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Whether the file is read by its index: it is finished and, if opened by [`TsFileReader::salvage`], structurally sound.
    pub const fn is_sealed(&self) -> bool {
        matches!(self.content, Content::Indexed(_))
    }

    /// The offset at which the last whole chunk group ends.
    pub const fn data_end(&self) -> u64 {
        self.data_end
    }

    /// The source of the bytes.
    pub const fn inner(&self) -> &R {
        &self.inner
    }

    /// Whether the file may contain a series. `false` is certain.
    pub fn may_contain(&self, device: &DeviceId, measurement: &str) -> bool {
        match &self.content {
            Content::Indexed(metadata) => match &metadata.bloom {
                Some(bloom) => bloom.may_contain(&format!("{device}.{measurement}")),
                None => true,
            },
            Content::Salvaged(devices) => devices
                .get(device)
                .is_some_and(|found| found.series.iter().any(|series| *series.measurement == *measurement)),
        }
    }

    /// The devices, in the order of the index.
    ///
    /// # Errors
    /// The index cannot be read or is damaged.
    pub fn devices(&self) -> Result<Vec<DeviceId>, TsFileError> {
        let metadata = match &self.content {
            Content::Indexed(metadata) => metadata,
            Content::Salvaged(devices) => return Ok(devices.keys().cloned().collect()),
        };
        let mut found = Vec::new();
        // No byte of the index is read twice here, unless the file is crafted to trap readers.
        let mut budget = self.length - self.data_end;
        let mut ahead: Vec<Node> = metadata.tables.iter().rev().map(|(_, root)| root.clone()).collect();
        while let Some(node) = ahead.pop() {
            if node.kind == NodeType::LeafDevice {
                found.extend(node.entries.iter().map(|(name, _)| name.to_device()));
                continue;
            }
            for index in (0..node.entries.len()).rev() {
                let Some((start, end)) = node.range(index) else { continue };
                let left = budget.checked_sub(end - start);
                budget =
                    left.ok_or_else(|| TsFileError::damaged(start, "index nodes share their children"))?;
                ahead.push(self.read_node(start, end, true)?);
            }
        }
        Ok(found)
    }

    /// A device with all its series; `None` if it is not in the file.
    ///
    /// # Errors
    /// The index cannot be read or is damaged.
    pub fn device(&self, device: &DeviceId) -> Result<Option<DeviceMeta>, TsFileError> {
        if let Content::Salvaged(devices) = &self.content {
            return Ok(devices.get(device).cloned());
        }
        let Some(root) = self.device_root(device)? else { return Ok(None) };
        self.device_below(device.clone(), root).map(Some)
    }

    /// Calls back for every device with all its series, in the order of the index: much faster than asking for each.
    ///
    /// # Errors
    /// The index cannot be read or is damaged; some devices may have been visited.
    pub fn for_each_device(&self, mut visit: impl FnMut(DeviceMeta)) -> Result<(), TsFileError> {
        let metadata = match &self.content {
            Content::Indexed(metadata) => metadata,
            Content::Salvaged(devices) => {
                devices.values().cloned().for_each(visit);
                return Ok(());
            }
        };
        let mut budget = self.length - self.data_end;
        let mut ahead: Vec<Node> = metadata.tables.iter().rev().map(|(_, root)| root.clone()).collect();
        while let Some(node) = ahead.pop() {
            let leaf = node.kind == NodeType::LeafDevice;
            let first = ahead.len();
            for (index, (name, _)) in node.entries.iter().enumerate() {
                let Some((start, end)) = node.range(index) else { continue };
                let left = budget.checked_sub(end - start);
                budget =
                    left.ok_or_else(|| TsFileError::damaged(start, "index nodes share their children"))?;
                let below = self.read_node(start, end, !leaf)?;
                if leaf {
                    visit(self.device_below(name.to_device(), below)?);
                } else {
                    ahead.push(below);
                }
            }
            ahead[first..].reverse();
        }
        Ok(())
    }

    /// Reads a device from the root of its measurement nodes.
    fn device_below(&self, device: DeviceId, root: Node) -> Result<DeviceMeta, TsFileError> {
        let mut all = Vec::new();
        let mut budget = self.length - self.data_end;
        let mut ahead = vec![root];
        while let Some(node) = ahead.pop() {
            if let (NodeType::LeafMeasurement, Some((start, end))) = (node.kind, node.whole_range()) {
                all.extend(self.read_series(start, end)?);
                continue;
            }
            for index in (0..node.entries.len()).rev() {
                let Some((start, end)) = node.range(index) else { continue };
                let left = budget.checked_sub(end - start);
                budget =
                    left.ok_or_else(|| TsFileError::damaged(start, "index nodes share their children"))?;
                ahead.push(self.read_node(start, end, false)?);
            }
        }
        let time = match all.first() {
            Some(first) if first.data_type.is_none() => Some(all.remove(0)),
            _ => None,
        };
        for series in &mut all {
            check_value_series(series, self.data_end)?;
            time.iter().for_each(|time| series.pair_with(time));
        }
        Ok(DeviceMeta { device, time, series: all })
    }

    /// One series; `None` if it is not in the file. Its chunks are paired with time chunks if the device is aligned.
    ///
    /// # Errors
    /// The index cannot be read or is damaged.
    pub fn series(&self, device: &DeviceId, measurement: &str) -> Result<Option<SeriesMeta>, TsFileError> {
        if !self.may_contain(device, measurement) {
            return Ok(None);
        }
        if let Content::Salvaged(devices) = &self.content {
            let series = devices
                .get(device)
                .and_then(|found| found.series.iter().find(|series| *series.measurement == *measurement));
            return Ok(series.cloned());
        }
        let Some(root) = self.device_root(device)? else { return Ok(None) };
        let Some(mut series) = self.find_series(&root, measurement)? else { return Ok(None) };
        check_value_series(&series, self.data_end)?;
        if let Some(time) = self.find_series(&root, "")?
            && time.data_type.is_none()
        {
            series.pair_with(&time);
        }
        Ok(Some(series))
    }

    /// The root of a device's measurement nodes.
    fn device_root(&self, device: &DeviceId) -> Result<Option<Node>, TsFileError> {
        let Content::Indexed(metadata) = &self.content else { return Ok(None) };
        let wanted = if self.version == Version::V3 { "" } else { device.table() };
        // A file of version 3 that a newer server has rewritten has all devices in a table without a name.
        let table = metadata.tables.iter().find(|(name, _)| **name == *wanted);
        let Some((_, root)) = table.or_else(|| metadata.tables.iter().find(|(name, _)| name.is_empty()))
        else {
            return Ok(None);
        };
        let text = device.to_string();
        let mut node = root.clone();
        for _ in 0..MAX_LEVELS {
            let found = node.find(|name| name.cmp_device(device, &text));
            let Some((index, (start, end))) = found.and_then(|index| Some((index, node.range(index)?)))
            else {
                return Ok(None);
            };
            let exact = node.entries[index].0.cmp_device(device, &text).is_eq();
            match node.kind {
                NodeType::LeafDevice if exact => return self.read_node(start, end, false).map(Some),
                NodeType::LeafDevice => return Ok(None),
                _ => node = self.read_node(start, end, true)?,
            }
        }
        Err(TsFileError::damaged(self.data_end, "the index is too deep"))
    }

    fn find_series(&self, root: &Node, measurement: &str) -> Result<Option<SeriesMeta>, TsFileError> {
        let mut node = root.clone();
        for _ in 0..MAX_LEVELS {
            let found = node.find(|name| name.cmp_measurement(measurement));
            let Some((start, end)) = found.and_then(|index| node.range(index)) else { return Ok(None) };
            if node.kind == NodeType::LeafMeasurement {
                let all = self.read_series(start, end)?;
                return Ok(all.into_iter().find(|series| *series.measurement == *measurement));
            }
            node = self.read_node(start, end, false)?;
        }
        Err(TsFileError::damaged(self.data_end, "the index is too deep"))
    }

    /// Reads a node of devices, or one of measurements.
    fn read_node(&self, start: u64, end: u64, devices: bool) -> Result<Node, TsFileError> {
        let bytes = self.read_metadata(start, end)?;
        based(Node::parse(&mut Cursor::new(&bytes), self.version, devices), start)
    }

    fn read_series(&self, start: u64, end: u64) -> Result<Vec<SeriesMeta>, TsFileError> {
        let bytes = self.read_metadata(start, end)?;
        let mut cursor = Cursor::new(&bytes);
        let mut all = Vec::new();
        while !cursor.is_empty() {
            all.push(based(parse_series(&mut cursor), start)?);
        }
        Ok(all)
    }

    fn read_metadata(&self, start: u64, end: u64) -> Result<Bytes, TsFileError> {
        if start < self.data_end || end > self.length || start > end {
            return Err(TsFileError::damaged(start, "the index points outside of the metadata"));
        }
        read(&self.inner, start, (end - start) as usize)
    }

    /// Reads a whole chunk.
    ///
    /// # Errors
    /// The chunk cannot be read, or its header or that of a page is damaged.
    pub fn read_chunk(&self, chunk: &ChunkMeta) -> Result<ChunkReader, TsFileError> {
        let (header, bytes, header_size) = self.read_raw(chunk.offset)?;
        let base = chunk.offset + header_size as u64;
        let data = bytes.slice(header_size..);
        ChunkReader::new(header, base, data, Some(&chunk.statistics), self.limits)
    }

    /// Reads the time chunk that a value chunk belongs to.
    ///
    /// # Errors
    /// As [`TsFileReader::read_chunk`]; or the chunk is not of an aligned device.
    pub fn read_time_chunk(&self, chunk: &ChunkMeta) -> Result<ChunkReader, TsFileError> {
        let offset =
            chunk.time_offset.ok_or_else(|| TsFileError::rejected("a plain chunk has no time chunk"))?;
        let (header, bytes, header_size) = self.read_raw(offset)?;
        ChunkReader::new(header, offset + header_size as u64, bytes.slice(header_size..), None, self.limits)
    }

    /// Reads a chunk as it is in the file, to append it to another file without decoding.
    ///
    /// # Errors
    /// As [`TsFileReader::read_chunk`].
    pub fn copy_chunk(&self, chunk: &ChunkMeta) -> Result<EncodedChunk, TsFileError> {
        let (header, bytes, _) = self.read_raw(chunk.offset)?;
        Ok(EncodedChunk {
            kind: header.kind,
            only_in: header.has_two_forms().then_some(self.version),
            measurement: header.measurement,
            schema: levada_model::SeriesSchema {
                data_type: header.data_type.unwrap_or(levada_model::DataType::Int64),
                encoding: header.encoding,
                compressor: header.compressor,
            },
            statistics: chunk.statistics.clone(),
            bytes: bytes.into(),
        })
    }

    /// A chunk's header, its bytes including the header, and the header's size.
    fn read_raw(&self, offset: u64) -> Result<(ChunkHeader, Bytes, usize), TsFileError> {
        if !(HEAD_BYTES..self.data_end).contains(&offset) {
            return Err(TsFileError::damaged(offset, "a chunk begins outside of the data"));
        }
        let left = usize::try_from(self.data_end - offset).unwrap_or(usize::MAX);
        let mut bytes = read(&self.inner, offset, left.min(FIRST_READ_BYTES))?;
        let mut cursor = Cursor::new(&bytes);
        let header = match ChunkHeader::parse(&mut cursor, self.version) {
            Ok(header) => header,
            Err(error) if bytes.len() == left => return Err(error.based(offset)),
            Err(_) => {
                // A measurement's name may be longer than the bytes read.
                bytes = read(&self.inner, offset, left.min(FIRST_READ_BYTES << 8))?;
                cursor = Cursor::new(&bytes);
                based(ChunkHeader::parse(&mut cursor, self.version), offset)?
            }
        };
        let header_size = cursor.position();
        let size = header_size + header.data_size;
        if size > left {
            return Err(TsFileError::damaged(offset, "a chunk ends outside of the data"));
        }
        if size <= bytes.len() {
            // A caller that keeps thousands of short chunks must not keep the bytes read beyond each.
            bytes = Bytes::copy_from_slice(&bytes[..size]);
        } else {
            bytes = read(&self.inner, offset, size)?;
        }
        Ok((header, bytes, header_size))
    }

    /// The rows of a series, page by page in file order, without nulls; empty if the series is not in the file.
    ///
    /// # Errors
    /// As [`TsFileReader::series`]; for each page, as [`TsFileReader::read_chunk`] and [`ChunkReader::read_page`].
    pub fn scan(
        &self,
        device: &DeviceId,
        measurement: &str,
    ) -> Result<impl Iterator<Item = Result<Page, TsFileError>> + '_, TsFileError> {
        let chunks = self.series(device, measurement)?.map(|series| series.chunks).unwrap_or_default();
        Ok(chunks.into_iter().flat_map(move |chunk| self.scan_chunk(&chunk)))
    }

    fn scan_chunk<'a>(
        &'a self,
        chunk: &ChunkMeta,
    ) -> Box<dyn Iterator<Item = Result<Page, TsFileError>> + 'a> {
        let values = match self.read_chunk(chunk) {
            Ok(values) => values,
            Err(error) => return Box::new(std::iter::once(Err(error))),
        };
        if chunk.time_offset.is_none() {
            return Box::new((0..values.pages().len()).map(move |index| values.read_page(index)));
        }
        let times = match self.read_time_chunk(chunk) {
            Ok(times) => times,
            Err(error) => return Box::new(std::iter::once(Err(error))),
        };
        let pages = (0..values.pages().len()).filter_map(move |index| {
            let has_rows = !values.pages()[index].is_null();
            has_rows.then(|| values.read_rows(index, &times.read_times(index)?))
        });
        Box::new(pages)
    }
}

/// Checks that a series to be read for its values has a type, and chunks within the data.
fn check_value_series(series: &SeriesMeta, data_end: u64) -> Result<(), TsFileError> {
    if series.data_type.is_none() {
        return Err(TsFileError::damaged(data_end, format!("series `{}` has no type", series.measurement)));
    }
    Ok(())
}

fn read_version<R: ReadAt>(inner: &R, length: u64) -> Result<Version, TsFileError> {
    if length < HEAD_BYTES {
        return Err(TsFileError::damaged(0, "this is not a TsFile: it is too short"));
    }
    let head = read(inner, 0, HEAD_BYTES as usize)?;
    match head.split_last() {
        Some((&code, magic)) if magic == MAGIC => Version::from_code(code)
            .ok_or_else(|| TsFileError::Unsupported { what: format!("version {code} of the format") }),
        _ => Err(TsFileError::damaged(0, "this is not a TsFile")),
    }
}

fn read<R: ReadAt>(inner: &R, offset: u64, len: usize) -> Result<Bytes, TsFileError> {
    inner.read_bytes(offset, len).map_err(TsFileError::io("cannot read", offset))
}
