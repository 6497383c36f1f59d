//! Writes a file from beginning to end.

mod index;

use std::{collections::BTreeMap, io::Write, sync::Arc};

use arrow_array::Array;
use levada_model::{DataType, SeriesSchema};

use crate::{
    AlignedColumn, ChunkEncoder, DeviceId, EncodedAligned, EncodedChunk, Statistics, TsFileError, Version,
    WriterOptions,
    chunk_encoder::put_chunk_header,
    layout::{CHUNK_GROUP, ChunkKind, MAGIC},
    wire::put_vstr,
};

/// The content of a finished file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The file's size in bytes.
    pub bytes: u64,
    /// The offset at which data ends and the metadata begins.
    pub meta_offset: u64,
    /// Devices that have data.
    pub devices: usize,
    /// The number of their series.
    pub series: usize,
    /// The number of values that are not null.
    pub points: u64,
    /// The earliest time; `i64::MAX` if the file is empty.
    pub start: i64,
    /// The latest time; `i64::MIN` if the file is empty.
    pub end: i64,
}

/// Writes a file, chunk group by chunk group, and its index at the end.
///
/// Chunks are written to `W` at once; the place and [`Statistics`] of each are kept until [`TsFileWriter::finish`]. An
/// unfinished file can be read by [`TsFileReader::salvage`](crate::TsFileReader::salvage). After an error of `W` the writer
/// rejects every call.
#[derive(Debug)]
pub struct TsFileWriter<W> {
    inner: W,
    version: Version,
    options: WriterOptions,
    offset: u64,
    broken: bool,
    /// The device of the open chunk group, and whether its header is written.
    group: Option<(DeviceId, bool)>,
    devices: BTreeMap<DeviceId, DeviceChunks>,
}

/// What was written of a device.
#[derive(Debug, Default)]
struct DeviceChunks {
    /// The time chunks; empty for a plain device.
    time: Vec<(u64, Statistics)>,
    series: BTreeMap<Arc<str>, SeriesChunks>,
}

#[derive(Debug)]
struct SeriesChunks {
    schema: SeriesSchema,
    /// The offset and statistics of each chunk; for an aligned device, one for each time chunk.
    chunks: Vec<(u64, Statistics)>,
}

impl DeviceChunks {
    fn is_aligned(&self) -> bool {
        !self.time.is_empty()
    }
}

impl<W: Write> TsFileWriter<W> {
    /// Begins a file. `inner` must be at its beginning. It need not be buffered: apart from a file's first bytes, writes are
    /// large.
    ///
    /// # Errors
    /// `inner` cannot be written to.
    pub fn new(inner: W, version: Version, options: WriterOptions) -> Result<Self, TsFileError> {
        let mut writer =
            Self { inner, version, options, offset: 0, broken: false, group: None, devices: BTreeMap::new() };
        let mut head = MAGIC.to_vec();
        head.push(version as u8);
        writer.write(&head)?;
        Ok(writer)
    }

    /// The bytes written so far.
    pub const fn position(&self) -> u64 {
        self.offset
    }

    /// Begins a chunk group: the following chunks belong to this device. A device may have several groups.
    ///
    /// # Errors
    /// A file of this version cannot name the device.
    pub fn start_chunk_group(&mut self, device: impl Into<DeviceId>) -> Result<(), TsFileError> {
        let device = device.into();
        if self.version == Version::V3 && device.segments().any(|segment| segment.is_none()) {
            return Err(TsFileError::rejected(format!("`{device}` cannot be named in a file of version 3")));
        }
        self.group = Some((device, false));
        Ok(())
    }

    /// Encodes a chunk of a plain device's series and appends it; returns its offset.
    ///
    /// # Errors
    /// As [`ChunkEncoder::encode`] and [`TsFileWriter::append`].
    pub fn write_series(
        &mut self,
        measurement: &str,
        schema: SeriesSchema,
        times: &[i64],
        values: &dyn Array,
    ) -> Result<u64, TsFileError> {
        self.append(ChunkEncoder::new(self.options).for_version(self.version).encode(
            measurement,
            schema,
            times,
            values,
        )?)
    }

    /// Encodes a chunk group of an aligned device and appends it; returns the offset of its time chunk.
    ///
    /// # Errors
    /// As [`ChunkEncoder::encode_aligned`] and [`TsFileWriter::append_aligned`].
    pub fn write_aligned(
        &mut self,
        times: &[i64],
        columns: &[AlignedColumn<'_>],
    ) -> Result<u64, TsFileError> {
        self.append_aligned(
            ChunkEncoder::new(self.options).for_version(self.version).encode_aligned(times, columns)?,
        )
    }

    /// Appends a chunk of a plain device's series; returns its offset. An empty chunk is not written.
    ///
    /// # Errors
    /// No chunk group is open, the chunk was made for the other version of the format, the device is aligned, the series had
    /// another type before, the chunk begins before the series' last one ends, or `W` fails.
    pub fn append(&mut self, chunk: EncodedChunk) -> Result<u64, TsFileError> {
        let device = self.open_device()?.clone();
        if chunk.kind != ChunkKind::Plain {
            return Err(TsFileError::rejected(format!(
                "`{device}`: a column of an aligned device stands alone"
            )));
        }
        if chunk.statistics.count() == 0 {
            return Ok(self.offset);
        }
        self.check_version(&chunk)?;
        if let Some(known) = self.devices.get(&device) {
            if known.is_aligned() {
                return Err(TsFileError::rejected(format!("`{device}` is aligned")));
            }
            if let Some(series) = known.series.get(&chunk.measurement) {
                series.check_next(&device, &chunk)?;
            }
        }
        self.write_group_header()?;
        let offset = self.offset;
        self.write(&chunk.bytes)?;
        let series = self.devices.entry(device).or_default().series.entry(chunk.measurement);
        series
            .or_insert_with(|| SeriesChunks { schema: chunk.schema, chunks: Vec::new() })
            .chunks
            .push((offset, chunk.statistics));
        Ok(offset)
    }

    /// Appends a chunk group of an aligned device; returns the offset of its time chunk. A second one for the same device
    /// begins a new chunk group; columns that it lacks are null. Without rows, nothing is written.
    ///
    /// # Errors
    /// As [`TsFileWriter::append`]; or the device is plain, or a measurement occurs twice.
    pub fn append_aligned(&mut self, chunks: EncodedAligned) -> Result<u64, TsFileError> {
        let device = self.open_device()?.clone();
        let EncodedAligned { time, columns } = chunks;
        if time.statistics.count() == 0 {
            return Ok(self.offset);
        }
        self.check_aligned(&device, &time, &columns)?;
        if let Some((_, written)) = &mut self.group {
            *written = false;
        }
        self.write_group_header()?;
        let offset = self.offset;
        self.write(&time.bytes)?;
        let mut known = self.devices.remove(&device).unwrap_or_default();
        let result = self.write_columns(&mut known, columns);
        known.time.push((offset, time.statistics));
        self.devices.insert(device, known);
        result.map(|()| offset)
    }

    fn check_version(&self, chunk: &EncodedChunk) -> Result<(), TsFileError> {
        if chunk.only_in.is_none_or(|version| version == self.version) {
            return Ok(());
        }
        let SeriesSchema { data_type, encoding, .. } = chunk.schema;
        Err(TsFileError::rejected(format!(
            "a chunk of {data_type} in {encoding} was not made for this version"
        )))
    }

    /// Checks that an aligned chunk group may follow what its device has so far.
    fn check_aligned(
        &self,
        device: &DeviceId,
        time: &EncodedChunk,
        columns: &[EncodedChunk],
    ) -> Result<(), TsFileError> {
        columns.iter().try_for_each(|chunk| self.check_version(chunk))?;
        let mut names: Vec<_> = columns.iter().map(EncodedChunk::measurement).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(TsFileError::rejected(format!("`{device}` has two columns `{}`", pair[0])));
        }
        let Some(known) = self.devices.get(device) else { return Ok(()) };
        let Some((_, last)) = known.time.last() else {
            return Err(TsFileError::rejected(format!("`{device}` is not aligned")));
        };
        if time.statistics.start() <= last.end() {
            return Err(before(device, "", time, last.end()));
        }
        for chunk in columns {
            if let Some(series) = known.series.get(&chunk.measurement) {
                series.check_next(device, chunk)?;
            }
        }
        Ok(())
    }

    /// Writes value chunks, and empty ones so that every series has one for each time chunk: readers pair them by index.
    fn write_columns(
        &mut self,
        known: &mut DeviceChunks,
        columns: Vec<EncodedChunk>,
    ) -> Result<(), TsFileError> {
        let groups = known.time.len();
        for chunk in columns {
            let mut places = Vec::new();
            let new = !known.series.contains_key(&chunk.measurement);
            if new && groups > 0 {
                let (offset, empty) = self.write_empty_column(&chunk.measurement, chunk.schema)?;
                places = vec![(offset, empty); groups];
            }
            let offset = self.offset;
            self.write(&chunk.bytes)?;
            let series = known.series.entry(chunk.measurement);
            let series = series.or_insert(SeriesChunks { schema: chunk.schema, chunks: places });
            series.chunks.push((offset, chunk.statistics));
        }
        for (measurement, series) in &mut known.series {
            if series.chunks.len() == groups {
                series.chunks.push(self.write_empty_column(measurement, series.schema)?);
            }
        }
        Ok(())
    }

    fn write_empty_column(
        &mut self,
        measurement: &str,
        schema: SeriesSchema,
    ) -> Result<(u64, Statistics), TsFileError> {
        let offset = self.offset;
        let mut bytes = Vec::new();
        put_chunk_header(ChunkKind::Value, false, measurement, schema, 0, &mut bytes);
        self.write(&bytes)?;
        Ok((offset, Statistics::empty(Some(schema.data_type))))
    }

    /// Writes the index and the end of the file. Neither flushes nor syncs `W`.
    ///
    /// # Errors
    /// `W` fails.
    pub fn finish(mut self) -> Result<(W, Summary), TsFileError> {
        let devices = std::mem::take(&mut self.devices);
        let mut summary = Summary {
            bytes: 0,
            meta_offset: self.offset,
            devices: devices.len(),
            series: devices.values().map(|device| device.series.len()).sum(),
            points: 0,
            start: i64::MAX,
            end: i64::MIN,
        };
        for chunks in devices.values().flat_map(|device| device.series.values()) {
            for (_, statistics) in &chunks.chunks {
                summary.points += statistics.count();
                summary.start = summary.start.min(statistics.start());
                summary.end = summary.end.max(statistics.end());
            }
        }
        for (_, statistics) in devices.values().flat_map(|device| &device.time) {
            summary.start = summary.start.min(statistics.start());
            summary.end = summary.end.max(statistics.end());
        }
        index::write(&mut self, devices)?;
        summary.bytes = self.offset;
        Ok((self.inner, summary))
    }

    fn open_device(&self) -> Result<&DeviceId, TsFileError> {
        match &self.group {
            Some((device, _)) => Ok(device),
            None => Err(TsFileError::rejected("no chunk group is open")),
        }
    }

    fn write_group_header(&mut self) -> Result<(), TsFileError> {
        let Some((device, written @ false)) = &mut self.group else { return Ok(()) };
        *written = true;
        let mut header = vec![CHUNK_GROUP];
        match self.version {
            Version::V3 => put_vstr(&mut header, &device.to_string()),
            Version::V4 => device.put(&mut header),
        }
        self.write(&header)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), TsFileError> {
        if self.broken {
            return Err(TsFileError::rejected("an earlier write failed"));
        }
        self.inner.write_all(bytes).map_err(|error| {
            self.broken = true;
            TsFileError::io("cannot write", self.offset)(error)
        })?;
        self.offset += bytes.len() as u64;
        Ok(())
    }
}

impl SeriesChunks {
    fn data_type(&self) -> DataType {
        self.schema.data_type
    }

    /// Checks that a chunk may follow the existing ones.
    fn check_next(&self, device: &DeviceId, chunk: &EncodedChunk) -> Result<(), TsFileError> {
        let (name, found) = (&chunk.measurement, chunk.schema.data_type);
        if found != self.data_type() {
            let before = self.data_type();
            return Err(TsFileError::rejected(format!("`{device}.{name}` is {before}, not {found}")));
        }
        let end = self.chunks.iter().rev().find(|(_, statistics)| statistics.count() > 0);
        match end {
            Some((_, last)) if chunk.statistics.count() > 0 && chunk.statistics.start() <= last.end() => {
                Err(before(device, name, chunk, last.end()))
            }
            _ => Ok(()),
        }
    }
}

fn before(device: &DeviceId, name: &str, chunk: &EncodedChunk, end: i64) -> TsFileError {
    let start = chunk.statistics.start();
    TsFileError::rejected(format!(
        "a chunk of `{device}.{name}` begins at {start}, not after the last one's end {end}"
    ))
}
