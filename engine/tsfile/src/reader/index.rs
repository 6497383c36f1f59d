//! The metadata at the end of a file: index tree, bloom filter.

use std::{cmp::Ordering, sync::Arc};

use levada_model::DataType;

use crate::{
    DeviceId, Statistics, TsFileError, Version,
    bloom::BloomFilter,
    device_id::utf16_order,
    error::{Corrupt, Parsed},
    layout::{NodeType, VECTOR},
    wire::Cursor,
};

use super::meta::{ChunkMeta, SeriesMeta};

/// The metadata at the end of a file.
#[derive(Debug)]
pub(super) struct FileMetadata {
    /// The root node of each table; for files of version 3, one with an empty name.
    pub(super) tables: Vec<(Box<str>, Node)>,
    /// Where data ends.
    pub(super) meta_offset: u64,
    pub(super) bloom: Option<BloomFilter>,
    /// Whether pages are encrypted.
    pub(super) encrypted: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Name {
    /// A device, as files of version 4 name it.
    Device(DeviceId),
    /// A measurement, or a device as files of version 3 name it.
    Text(Box<str>),
}

/// A node of the index tree. Offsets of entries ascend, and none is beyond the node's end.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: NodeType,
    pub(super) entries: Vec<(Name, u64)>,
    end: u64,
}

impl FileMetadata {
    /// Reads the metadata from its bytes.
    pub(super) fn parse(bytes: &[u8], version: Version) -> Parsed<Self> {
        let mut cursor = Cursor::new(bytes);
        let mut tables = Vec::new();
        if version == Version::V3 {
            tables.push(("".into(), Node::parse(&mut cursor, version, true)?));
        } else {
            for _ in 0..cursor.uvar()? {
                let name = cursor.vstr_or_null()?.unwrap_or_default().into();
                tables.push((name, Node::parse(&mut cursor, version, true)?));
            }
            for _ in 0..cursor.uvar()? {
                skip_table_schema(&mut cursor)?;
            }
        }
        let meta_offset = cursor.offset()?;
        let bloom = if cursor.is_empty() { None } else { BloomFilter::parse(&mut cursor)? };
        let encrypted = version != Version::V3 && !cursor.is_empty() && is_encrypted(&mut cursor)?;
        Ok(Self { tables, meta_offset, bloom, encrypted })
    }
}

fn skip_table_schema(cursor: &mut Cursor<'_>) -> Parsed<()> {
    cursor.vstr_or_null()?;
    for _ in 0..cursor.uvar()? {
        cursor.skip_str()?;
        cursor.take(3)?;
        for _ in 0..cursor.i32()?.max(0) {
            cursor.skip_str()?;
            cursor.skip_str()?;
        }
        cursor.i32()?;
    }
    Ok(())
}

/// Whether the file's properties mention encryption.
fn is_encrypted(cursor: &mut Cursor<'_>) -> Parsed<bool> {
    let mut encrypted = false;
    for _ in 0..cursor.var()?.max(0) {
        let key = cursor.vstr_or_null()?;
        let value = cursor.vstr_or_null()?;
        encrypted |= key == Some("encryptLevel") && !matches!(value, None | Some("0" | ""));
    }
    Ok(encrypted)
}

impl Node {
    /// Reads a node whose names are known to be devices, or measurements.
    pub(super) fn parse(cursor: &mut Cursor<'_>, version: Version, devices: bool) -> Parsed<Self> {
        let count = cursor.uvar_usize()?;
        let mut entries = Vec::with_capacity(count.min(cursor.remaining() / 9));
        for _ in 0..count {
            let name = if devices && version == Version::V4 {
                Name::Device(DeviceId::parse(cursor)?)
            } else {
                Name::Text(cursor.vstr()?.into())
            };
            entries.push((name, cursor.offset()?));
        }
        let end = cursor.offset()?;
        let kind = cursor.u8()?;
        let kind = NodeType::from_code(kind)
            .filter(|kind| kind.is_device() == devices)
            .ok_or_else(|| cursor.corrupt(format!("an index node is of unexpected kind {kind}")))?;
        let ascending = entries.windows(2).all(|pair| pair[0].1 < pair[1].1);
        if !ascending || entries.last().is_some_and(|(_, offset)| *offset >= end) {
            return Err(cursor.corrupt("an index node's entries overlap"));
        }
        Ok(Self { kind, entries, end })
    }

    /// The bytes that an entry covers.
    pub(super) fn range(&self, index: usize) -> Option<(u64, u64)> {
        let (_, start) = self.entries.get(index)?;
        let end = self.entries.get(index + 1).map_or(self.end, |(_, offset)| *offset);
        Some((*start, end))
    }

    /// The bytes that all entries cover.
    pub(super) fn whole_range(&self) -> Option<(u64, u64)> {
        self.entries.first().map(|(_, start)| (*start, self.end))
    }

    /// The last entry that does not follow a name: the name can only be there.
    pub(super) fn find(&self, order: impl Fn(&Name) -> Ordering) -> Option<usize> {
        self.entries.partition_point(|(name, _)| order(name) != Ordering::Greater).checked_sub(1)
    }
}

impl Name {
    /// Compares this name of a device with a device.
    pub(super) fn cmp_device(&self, device: &DeviceId, text: &str) -> Ordering {
        match self {
            Self::Device(name) => name.cmp(device),
            Self::Text(name) => utf16_order(name, text),
        }
    }

    /// Compares this name of a measurement with a measurement.
    pub(super) fn cmp_measurement(&self, measurement: &str) -> Ordering {
        match self {
            Self::Device(_) => Ordering::Greater,
            Self::Text(name) => utf16_order(name, measurement),
        }
    }

    /// The name, if it is plain text.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Device(_) => None,
            Self::Text(name) => Some(name),
        }
    }

    pub(super) fn to_device(&self) -> DeviceId {
        match self {
            Self::Device(device) => device.clone(),
            Self::Text(text) => DeviceId::from_text(text),
        }
    }
}

/// Reads the metadata of the next series. Its chunks are not yet paired with time chunks.
pub(super) fn parse_series(cursor: &mut Cursor<'_>) -> Parsed<SeriesMeta> {
    let many = cursor.u8()? & 1 == 1;
    let measurement: Arc<str> = cursor.vstr()?.into();
    let code = cursor.u8()?;
    let data_type = match code {
        VECTOR => None,
        _ => Some(
            DataType::from_code(code)
                .ok_or_else(|| cursor.corrupt(format!("series `{measurement}` is of unknown type {code}")))?,
        ),
    };
    let length = cursor.uvar_usize()?;
    let statistics = Statistics::parse(cursor, data_type)?;
    let at = cursor.position();
    let mut list = Cursor::new(cursor.take(length)?);
    let mut chunks = Vec::new();
    while !list.is_empty() {
        let placed = |error: Corrupt| Corrupt::new(at + error.at, error.reason);
        let offset = list.offset().map_err(placed)?;
        let statistics =
            if many { Statistics::parse(&mut list, data_type).map_err(placed)? } else { statistics.clone() };
        if statistics.count() > 0 {
            chunks.push(ChunkMeta { offset, time_offset: None, statistics });
        }
    }
    Ok(SeriesMeta { measurement, data_type, statistics, chunks })
}

/// Adds the place in the file to a parse error.
pub(super) fn based<T>(result: Parsed<T>, base: u64) -> Result<T, TsFileError> {
    result.map_err(|error| error.based(base))
}
