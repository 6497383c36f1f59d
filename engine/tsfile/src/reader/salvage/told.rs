//! What the index says, as far as it is readable.

use std::{collections::BTreeMap, sync::Arc};

use levada_model::DataType;

use super::{
    super::{Content, SeriesMeta, TsFileReader, index::Node, index::parse_series, read},
    Flaw, Part,
    page::differences,
    size::Size,
    unless_damaged,
};
use crate::{
    DeviceId, ReadAt, Statistics, TsFileError, Version,
    device_id::utf16_order,
    layout::{HEAD_BYTES, NodeType, SEPARATOR},
    wire::Cursor,
};

/// The flaw of an entry whose name differs from what it points to: a lookup by name would not find it.
const MISNAMED: &str = "a node of the index names what is below it otherwise than that does";

/// Whether two devices are in index order: in version 3, the order of their paths.
fn ascend(version: Version, before: &DeviceId, after: &DeviceId) -> bool {
    match version {
        Version::V3 => utf16_order(&before.to_string(), &after.to_string()).is_lt(),
        Version::V4 => before < after,
    }
}

/// A chunk as the index describes it.
#[derive(Debug)]
pub(super) struct ToldChunk {
    pub(super) device: DeviceId,
    pub(super) measurement: Arc<str>,
    /// `None` for a time chunk.
    pub(super) data_type: Option<DataType>,
    pub(super) statistics: Statistics,
}

/// Everything the index says.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// By offset. If two series claim the same chunk, one of them is wrong.
    pub(super) chunks: BTreeMap<u64, Vec<ToldChunk>>,
    /// Where data ends, if the foot is readable.
    pub(super) data_end: Option<u64>,
    pub(super) flaws: Vec<Flaw>,
}

impl Told {
    /// Reads the index; damaged parts become flaws.
    pub(super) fn read<R: ReadAt>(reader: &mut TsFileReader<R>) -> Result<Self, TsFileError> {
        let mut told = Self::default();
        if !reader.is_sealed() {
            return Ok(told);
        }
        let separator = unless_damaged(read(&reader.inner, reader.data_end, 1))?;
        if separator.is_ok_and(|byte| byte.first() == Some(&SEPARATOR)) {
            told.data_end = Some(reader.data_end);
        } else {
            let what = "data does not end where the foot says";
            told.flaws.push(Flaw::new(Part::Foot, reader.length, what));
            // Until the walk has found the end of data, it may be anywhere.
            reader.data_end = HEAD_BYTES;
        }
        let reader = &*reader;
        let Content::Indexed(metadata) = &reader.content else { return Ok(told) };
        let mut budget = reader.length - reader.data_end;
        let mut ahead: Vec<(&str, Node)> =
            metadata.tables.iter().rev().map(|(name, root)| (&**name, root.clone())).collect();
        let mut before: Option<DeviceId> = None;
        while let Some((table, node)) = ahead.pop() {
            for index in 0..node.entries.len() {
                let Some((start, end)) = node.range(index) else { continue };
                if node.kind != NodeType::LeafDevice {
                    continue;
                }
                let device = node.entries[index].0.to_device();
                if before.as_ref().is_some_and(|before| !ascend(reader.version, before, &device)) {
                    let what = format!("the index has {device} out of order");
                    told.flaws.push(Flaw::new(Part::Index, start, what));
                }
                before = Some(device.clone());
                if !table.is_empty() && table != device.table() {
                    told.flaws.push(Flaw::new(Part::Index, start, MISNAMED).spanning(end - start));
                }
                told.device(reader, &device, (start, end), &mut budget)?;
            }
            if node.kind == NodeType::LeafDevice {
                continue;
            }
            for index in (0..node.entries.len()).rev() {
                let Some((start, end)) = node.range(index) else { continue };
                if let Some(child) = told.node(reader, start, end, true, &mut budget)? {
                    let named = child.entries.first().map(|(name, _)| name.to_device());
                    if named.is_some_and(|named| named != node.entries[index].0.to_device()) {
                        told.flaws.push(Flaw::new(Part::Index, start, MISNAMED).spanning(end - start));
                    }
                    ahead.push((table, child));
                }
            }
        }
        told.check_bloom(reader);
        Ok(told)
    }

    /// Reads all series of a device.
    fn device<R: ReadAt>(
        &mut self,
        reader: &TsFileReader<R>,
        device: &DeviceId,
        (start, end): (u64, u64),
        budget: &mut u64,
    ) -> Result<(), TsFileError> {
        let mut ahead: Vec<Node> = self.node(reader, start, end, false, budget)?.into_iter().collect();
        while let Some(node) = ahead.pop() {
            if node.kind == NodeType::LeafMeasurement {
                self.series(reader, device, &node)?;
                continue;
            }
            for index in (0..node.entries.len()).rev() {
                let Some((start, end)) = node.range(index) else { continue };
                let Some(child) = self.node(reader, start, end, false, budget)? else { continue };
                let first = child.entries.first().and_then(|(name, _)| name.as_text());
                if first.is_some_and(|first| node.entries[index].0.cmp_measurement(first).is_ne()) {
                    self.flaws.push(Flaw::new(Part::Index, start, MISNAMED).spanning(end - start));
                }
                ahead.push(child);
            }
        }
        Ok(())
    }

    fn node<R: ReadAt>(
        &mut self,
        reader: &TsFileReader<R>,
        start: u64,
        end: u64,
        devices: bool,
        budget: &mut u64,
    ) -> Result<Option<Node>, TsFileError> {
        // A file crafted to trap readers has nodes that share their children.
        let Some(left) = budget.checked_sub(end - start) else {
            self.flaws.push(Flaw::new(Part::Index, start, "index nodes share their children"));
            return Ok(None);
        };
        *budget = left;
        match unless_damaged(reader.read_node(start, end, devices))? {
            Ok(node) => Ok(Some(node)),
            Err(error) => {
                let what = format!("a node of the index cannot be read: {error}");
                self.flaws.push(Flaw::new(Part::Index, start, what).spanning(end - start));
                Ok(None)
            }
        }
    }

    /// Reads the series of a leaf, up to the first damaged one.
    fn series<R: ReadAt>(
        &mut self,
        reader: &TsFileReader<R>,
        device: &DeviceId,
        node: &Node,
    ) -> Result<(), TsFileError> {
        let Some((start, end)) = node.whole_range() else { return Ok(()) };
        let damaged = |at: u64, what: String| {
            let mut flaw = Flaw::new(Part::Index, at, what).spanning(end.saturating_sub(at));
            flaw.device = Some(device.clone());
            flaw
        };
        if start < reader.data_end || end > reader.length || start > end {
            let what = format!("the index of {device} points outside of the metadata");
            self.flaws.push(Flaw::new(Part::Index, start, what));
            return Ok(());
        }
        let bytes = match unless_damaged(read(&reader.inner, start, (end - start) as usize))? {
            Ok(bytes) => bytes,
            Err(error) => {
                self.flaws.push(damaged(start, format!("the series of {device} cannot be read: {error}")));
                return Ok(());
            }
        };
        let mut cursor = Cursor::new(&bytes);
        while !cursor.is_empty() {
            let at = start + cursor.position() as u64;
            match parse_series(&mut cursor) {
                Ok(series) => {
                    let named = node.entries.iter().find(|(_, offset)| *offset == at);
                    if named.is_some_and(|(name, _)| name.cmp_measurement(&series.measurement).is_ne()) {
                        self.flaws.push(Flaw::new(Part::Index, at, MISNAMED).of(device, &series.measurement));
                    }
                    self.take(reader, device, series, at);
                }
                Err(error) => {
                    let what = format!("a series of {device} cannot be read in the index: {}", error.reason);
                    self.flaws.push(damaged(at, what));
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn take<R: ReadAt>(&mut self, reader: &TsFileReader<R>, device: &DeviceId, series: SeriesMeta, at: u64) {
        let mut all = Statistics::empty(series.data_type);
        let size = Size::of_sums(series.chunks.iter().filter_map(|chunk| chunk.statistics.sum()));
        for chunk in series.chunks {
            all.merge(&chunk.statistics);
            if !(HEAD_BYTES..self.data_end.unwrap_or(reader.length)).contains(&chunk.offset) {
                let what = format!("the index has a chunk at byte {}, outside of the data", chunk.offset);
                self.flaws.push(Flaw::new(Part::Index, at, what).of(device, &series.measurement));
                continue;
            }
            let told = ToldChunk {
                device: device.clone(),
                measurement: Arc::clone(&series.measurement),
                data_type: series.data_type,
                statistics: chunk.statistics,
            };
            self.chunks.entry(chunk.offset).or_default().push(told);
        }
        let differing = differences(&all, &series.statistics, size);
        if !differing.is_empty() {
            let what = format!(
                "the statistics of the series are not those of its chunks ({})",
                differing.join(", ")
            );
            self.flaws.push(Flaw::new(Part::Index, at, what).of(device, &series.measurement));
        }
    }

    /// A filter that denies what the index contains would hide it.
    fn check_bloom<R: ReadAt>(&mut self, reader: &TsFileReader<R>) {
        let denied =
            self.chunks.values().flatten().filter(|told| {
                told.data_type.is_some() && !reader.may_contain(&told.device, &told.measurement)
            });
        let mut names: Vec<(&DeviceId, &Arc<str>)> =
            denied.map(|told| (&told.device, &told.measurement)).collect();
        names.sort_unstable();
        names.dedup();
        let at = reader.length;
        self.flaws.extend(names.into_iter().map(|(device, measurement)| {
            Flaw::new(Part::Bloom, at, "the bloom filter says that there is no such series")
                .of(device, measurement)
        }));
    }
}
