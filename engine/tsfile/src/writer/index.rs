//! The metadata after the data: series, index nodes, bloom filter.
//!
//! ```text
//!   0x02
//!   per device: its series' metadata, [its index nodes but the root]
//!   per table (version 4; in version 3 there is one for all): the roots of its devices, [device nodes but the root]
//!   the roots of the tables, where the metadata begins, bloom filter, properties      their size: i32      "TsFile"
//! ```
//!
//! Entry `i` of a node covers the bytes from its offset to that of entry `i + 1`, the last entry those to the node's end. So
//! what a node covers is written contiguously.

use std::{collections::BTreeMap, io::Write, sync::Arc};

use crate::{
    DeviceId, Statistics, TsFileError, Version,
    bloom::BloomFilter,
    device_id::utf16_order,
    layout::{ChunkKind, MAGIC, NodeType, SEPARATOR, VECTOR},
    wire::{put_uvar, put_var, put_vstr},
};

use super::{DeviceChunks, TsFileWriter};

/// Metadata is written when this many bytes have gathered.
const BUFFER_BYTES: usize = 256 << 10;

/// The properties of version 4 about encryption: there is none.
const PROPERTIES: [(&str, &str); 3] =
    [("encryptLevel", "0"), ("encryptType", "org.apache.tsfile.encrypt.UNENCRYPTED"), ("encryptKey", "")];

#[derive(Clone, Debug)]
enum Name {
    Device(DeviceId),
    Measurement(Arc<str>),
}

#[derive(Debug)]
struct Node {
    kind: NodeType,
    entries: Vec<(Name, u64)>,
    end: u64,
}

/// Metadata to be written to a file.
struct Tail<'a, W> {
    writer: &'a mut TsFileWriter<W>,
    buffer: Vec<u8>,
}

/// Writes everything after the data of these devices.
pub(super) fn write<W: Write>(
    writer: &mut TsFileWriter<W>,
    devices: BTreeMap<DeviceId, DeviceChunks>,
) -> Result<(), TsFileError> {
    let (version, meta_offset) = (writer.version, writer.offset);
    let series = devices.values().map(|device| device.series.len()).sum();
    let mut bloom = BloomFilter::new(series, writer.options.bloom_error);
    let mut tail = Tail { writer, buffer: vec![SEPARATOR] };
    let mut devices: Vec<_> = devices.into_iter().collect();
    if version == Version::V3 {
        devices.sort_by_cached_key(|(device, _)| device.to_string().encode_utf16().collect::<Vec<_>>());
    }
    let mut tables: Vec<(String, Vec<(DeviceId, Node)>)> = Vec::new();
    for (device, chunks) in devices {
        for measurement in chunks.series.keys() {
            bloom.insert(&format!("{device}.{measurement}"));
        }
        let root = tail.put_series(chunks)?;
        let table = if version == Version::V3 { "" } else { device.table() };
        match tables.last_mut() {
            Some((name, roots)) if name == table => roots.push((device, root)),
            _ => tables.push((table.to_owned(), vec![(device, root)])),
        }
    }
    let mut roots = Vec::with_capacity(tables.len());
    for (table, devices) in tables {
        roots.push((table, tail.put_devices(devices)?));
    }
    tail.put_file_metadata(roots, meta_offset, &bloom)
}

impl<W: Write> Tail<'_, W> {
    fn position(&self) -> u64 {
        self.writer.offset + self.buffer.len() as u64
    }

    fn flush_beyond(&mut self, bytes: usize) -> Result<(), TsFileError> {
        if self.buffer.len() > bytes {
            self.writer.write(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    /// Writes the metadata of a device's series and the nodes over it; returns the root, which is not yet written.
    fn put_series(&mut self, chunks: DeviceChunks) -> Result<Node, TsFileError> {
        let degree = self.writer.options.index_degree.max(2);
        let aligned = chunks.is_aligned();
        let mut series: Vec<_> = chunks.series.into_iter().collect();
        series.sort_by(|(left, _), (right, _)| utf16_order(left, right));
        let kind = if aligned { ChunkKind::Value } else { ChunkKind::Plain };
        let time = aligned.then(|| (Arc::from(""), VECTOR, ChunkKind::Time, chunks.time));
        let values =
            series.into_iter().map(|(name, series)| (name, series.data_type().code(), kind, series.chunks));
        let mut leaves: Vec<Node> = Vec::new();
        for (index, (name, data_type, kind, chunks)) in time.into_iter().chain(values).enumerate() {
            if index % degree == 0 {
                if index % (degree * degree) == 0 {
                    leaves.push(Node { kind: NodeType::LeafMeasurement, entries: Vec::new(), end: 0 });
                }
                let position = self.position();
                if let Some(leaf) = leaves.last_mut() {
                    leaf.entries.push((Name::Measurement(Arc::clone(&name)), position));
                }
            }
            put_series_metadata(&name, data_type, kind, &chunks, &mut self.buffer);
            let end = self.position();
            if let Some(leaf) = leaves.last_mut() {
                leaf.end = end;
            }
            self.flush_beyond(BUFFER_BYTES)?;
        }
        self.put_levels(leaves, NodeType::InternalMeasurement, NodeType::LeafMeasurement)
    }

    /// Writes the roots of a table's devices and the nodes over them; returns the root, which is not yet written.
    fn put_devices(&mut self, devices: Vec<(DeviceId, Node)>) -> Result<Node, TsFileError> {
        let degree = self.writer.options.index_degree.max(2);
        let mut leaves = Vec::new();
        for devices in devices.chunks(degree) {
            let mut leaf = Node { kind: NodeType::LeafDevice, entries: Vec::new(), end: 0 };
            for (device, root) in devices {
                leaf.entries.push((Name::Device(device.clone()), self.position()));
                root.put(self.writer.version, &mut self.buffer);
                self.flush_beyond(BUFFER_BYTES)?;
            }
            leaf.end = self.position();
            leaves.push(leaf);
        }
        self.put_levels(leaves, NodeType::InternalDevice, NodeType::LeafDevice)
    }

    /// Writes nodes level by level until one is left.
    fn put_levels(
        &mut self,
        mut nodes: Vec<Node>,
        kind: NodeType,
        leaf: NodeType,
    ) -> Result<Node, TsFileError> {
        let degree = self.writer.options.index_degree.max(2);
        while nodes.len() > 1 {
            let mut parents = Vec::with_capacity(nodes.len().div_ceil(degree));
            for children in nodes.chunks(degree) {
                let mut parent = Node { kind, entries: Vec::new(), end: 0 };
                for child in children {
                    if let Some((name, _)) = child.entries.first() {
                        parent.entries.push((name.clone(), self.position()));
                    }
                    child.put(self.writer.version, &mut self.buffer);
                    self.flush_beyond(BUFFER_BYTES)?;
                }
                parent.end = self.position();
                parents.push(parent);
            }
            nodes = parents;
        }
        let end = self.position();
        Ok(nodes.pop().unwrap_or(Node { kind: leaf, entries: Vec::new(), end }))
    }

    fn put_file_metadata(
        &mut self,
        roots: Vec<(String, Node)>,
        meta_offset: u64,
        bloom: &BloomFilter,
    ) -> Result<(), TsFileError> {
        self.flush_beyond(0)?;
        let version = self.writer.version;
        let out = &mut self.buffer;
        if version == Version::V3 {
            match roots.first() {
                Some((_, root)) => root.put(version, out),
                None => {
                    let end = self.writer.offset;
                    Node { kind: NodeType::LeafDevice, entries: Vec::new(), end }.put(version, out);
                }
            }
            out.extend_from_slice(&(meta_offset as i64).to_be_bytes());
            bloom.put(out);
        } else {
            put_uvar(out, roots.len() as u32);
            for (table, root) in &roots {
                put_vstr(out, table);
                root.put(version, out);
            }
            // There are no table schemas: these devices are in the tree model.
            put_uvar(out, 0);
            out.extend_from_slice(&(meta_offset as i64).to_be_bytes());
            bloom.put(out);
            put_var(out, PROPERTIES.len() as i32);
            for (key, value) in PROPERTIES {
                put_vstr(out, key);
                put_vstr(out, value);
            }
        }
        let size = i32::try_from(out.len())
            .map_err(|_| TsFileError::rejected("the file's metadata exceeds 2 GiB"))?;
        out.extend_from_slice(&size.to_be_bytes());
        out.extend_from_slice(MAGIC);
        self.flush_beyond(0)
    }
}

impl Node {
    fn put(&self, version: Version, out: &mut Vec<u8>) {
        put_uvar(out, self.entries.len() as u32);
        for (name, offset) in &self.entries {
            match name {
                Name::Measurement(name) => put_vstr(out, name),
                Name::Device(device) if version == Version::V3 => put_vstr(out, &device.to_string()),
                Name::Device(device) => device.put(out),
            }
            out.extend_from_slice(&(*offset as i64).to_be_bytes());
        }
        out.extend_from_slice(&(self.end as i64).to_be_bytes());
        out.push(self.kind as u8);
    }
}

fn put_series_metadata(
    name: &str,
    data_type: u8,
    kind: ChunkKind,
    chunks: &[(u64, Statistics)],
    out: &mut Vec<u8>,
) {
    let many = chunks.len() > 1;
    let mut list = Vec::new();
    let mut all = Statistics::empty(chunks.first().and_then(|(_, statistics)| statistics.data_type()));
    for (offset, statistics) in chunks {
        list.extend_from_slice(&(*offset as i64).to_be_bytes());
        if many {
            statistics.put(&mut list);
        }
        all.merge(statistics);
    }
    out.push(kind.bits() | u8::from(many));
    put_vstr(out, name);
    out.push(data_type);
    put_uvar(out, list.len() as u32);
    all.put(out);
    out.extend_from_slice(&list);
}
