//! From columns to the bytes of chunks.

use std::{ops::Range, sync::Arc};

use arrow_array::{Array, cast::AsArray};
use levada_model::{Compressor, DataType, Encoding, SeriesSchema};

use crate::{
    ReadLimits, Statistics, TsFileError, Version, WriterOptions,
    column::{Dense, check, indices},
    compression::compress,
    encoding::{encode, encode_times, lossless},
    layout::{ChunkKind, MANY_PAGES, ONE_PAGE, VECTOR, has_two_forms},
    options::LONGEST_VALUE,
    wire::{put_uvar, put_vstr},
};

/// A column of an aligned device.
#[derive(Clone, Copy, Debug)]
pub struct AlignedColumn<'a> {
    /// The measurement.
    pub measurement: &'a str,
    /// Its type, encoding and compression.
    pub schema: SeriesSchema,
    /// A value, or null, for every time; an array of [`DataType::arrow`].
    pub values: &'a dyn Array,
}

/// A chunk as it will be written to a file.
#[derive(Clone, Debug)]
pub struct EncodedChunk {
    pub(crate) kind: ChunkKind,
    /// The only version of files that may contain it, if that matters.
    pub(crate) only_in: Option<Version>,
    pub(crate) measurement: Arc<str>,
    /// The fields of its header; the data type of a time chunk has no meaning.
    pub(crate) schema: SeriesSchema,
    pub(crate) statistics: Statistics,
    pub(crate) bytes: Vec<u8>,
}

impl EncodedChunk {
    /// The measurement; empty for the times of an aligned device.
    pub fn measurement(&self) -> &str {
        &self.measurement
    }

    /// The type, encoding and compression it was written with. The encoding differs from the one asked for if that one would
    /// not have kept every value.
    pub const fn schema(&self) -> SeriesSchema {
        self.schema
    }

    /// The statistics of its values.
    pub const fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// Its size in the file, in bytes.
    pub const fn size(&self) -> usize {
        self.bytes.len()
    }
}

/// A time chunk and its value chunks.
#[derive(Clone, Debug)]
pub struct EncodedAligned {
    pub(crate) time: EncodedChunk,
    pub(crate) columns: Vec<EncodedChunk>,
}

impl EncodedAligned {
    /// Combines a time chunk and value chunks that were read from one chunk group.
    ///
    /// # Errors
    /// The first is not a time chunk, or one of the others is not a value chunk.
    pub fn try_new(time: EncodedChunk, columns: Vec<EncodedChunk>) -> Result<Self, TsFileError> {
        if time.kind != ChunkKind::Time || columns.iter().any(|chunk| chunk.kind != ChunkKind::Value) {
            return Err(TsFileError::rejected("an aligned chunk group is a time chunk and value chunks"));
        }
        Ok(Self { time, columns })
    }

    /// The number of rows, which is that of times.
    pub const fn rows(&self) -> u64 {
        self.time.statistics.count()
    }

    /// Its size in the file, in bytes.
    pub fn size(&self) -> usize {
        self.time.size() + self.columns.iter().map(EncodedChunk::size).sum::<usize>()
    }
}

/// The limit on page sizes, whatever is asked for, in bytes: well below what readers accept by default.
const MAX_PAGE_BYTES: usize = 128 << 20;

/// Turns columns into chunks. It may run on any thread, and chunks may be made in any order.
///
/// If the encoding asked for would lose something (RLE and TS_2DIFF round numbers with too many digits or with none, such as
/// NaN), the chunk is written in one that keeps it: every value reads back bit for bit.
///
/// Chunks are the same in both versions of the format, except for floating-point numbers in RLBE: such a chunk can be appended
/// only to a file of the version that it was made for.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChunkEncoder {
    options: WriterOptions,
    version: Version,
}

/// A page to be written into a chunk.
struct EncodedPage {
    statistics: Statistics,
    /// The size of the body before compression, in bytes; 0 for a page of nulls, which has no body.
    length: usize,
    body: Vec<u8>,
}

impl ChunkEncoder {
    /// An encoder that cuts pages as the options say, for files of version 4.
    pub const fn new(options: WriterOptions) -> Self {
        Self { options, version: Version::V4 }
    }

    /// The same encoder for files of another version.
    #[must_use]
    pub const fn for_version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// Encodes a chunk of a series of a plain device. Rows with a null are left out; a chunk of nulls alone is empty and is not
    /// written.
    ///
    /// # Errors
    /// Times do not ascend strictly, a time has no value, the array does not have the type's [`DataType::arrow`], the encoding
    /// does not support the type, or a value is too long.
    pub fn encode(
        &self,
        measurement: &str,
        schema: SeriesSchema,
        times: &[i64],
        values: &dyn Array,
    ) -> Result<EncodedChunk, TsFileError> {
        check_times(times)?;
        check_column(measurement, schema, values, times.len())?;
        let ranges = self.pages(times.len(), &[(schema.data_type, values)]);
        let (schema, columns) = Self::dense_pages(schema, values, &ranges);
        let mut pages = Vec::new();
        let mut body = Vec::new();
        let mut time_bytes = Vec::new();
        for (rows, dense) in ranges.into_iter().zip(columns) {
            if dense.len() == 0 {
                continue;
            }
            let dense_times: Vec<i64>;
            let times = if dense.len() == rows.len() {
                &times[rows]
            } else {
                dense_times = indices(values, rows).map(|row| times[row]).collect();
                &dense_times
            };
            time_bytes.clear();
            encode_times(times, &mut time_bytes);
            body.clear();
            put_uvar(&mut body, time_bytes.len() as u32);
            body.extend_from_slice(&time_bytes);
            encode(self.version, schema.encoding, &dense, &mut body)
                .map_err(|error| TsFileError::rejected(format!("`{measurement}`: {}", error.reason)))?;
            let statistics = Statistics::of_dense(schema.data_type, times[0], times[times.len() - 1], &dense);
            pages.push(page(statistics, &body, schema.compressor)?);
        }
        assemble(ChunkKind::Plain, self.version, measurement, schema, pages)
    }

    /// Encodes a chunk group of an aligned device: the times and a column for each measurement, nulls included.
    ///
    /// # Errors
    /// As [`ChunkEncoder::encode`].
    pub fn encode_aligned(
        &self,
        times: &[i64],
        columns: &[AlignedColumn<'_>],
    ) -> Result<EncodedAligned, TsFileError> {
        check_times(times)?;
        for column in columns {
            check_column(column.measurement, column.schema, column.values, times.len())?;
        }
        let arrays: Vec<_> = columns.iter().map(|column| (column.schema.data_type, column.values)).collect();
        let ranges = self.pages(times.len(), &arrays);
        let compressor = columns.first().map_or(Compressor::Lz4, |column| column.schema.compressor);
        let schema = SeriesSchema { data_type: DataType::Int64, encoding: Encoding::Ts2Diff, compressor };
        let mut pages = Vec::with_capacity(ranges.len());
        let mut body = Vec::new();
        for rows in &ranges {
            body.clear();
            encode_times(&times[rows.clone()], &mut body);
            pages.push(page(Statistics::of_times(&times[rows.clone()]), &body, compressor)?);
        }
        let time = assemble(ChunkKind::Time, self.version, "", schema, pages)?;
        let columns =
            columns.iter().map(|column| self.encode_column(times, &ranges, column)).collect::<Result<_, _>>();
        Ok(EncodedAligned { time, columns: columns? })
    }

    /// The values of each page, and the schema with an encoding that keeps all of them.
    fn dense_pages<'a>(
        schema: SeriesSchema,
        values: &'a dyn Array,
        ranges: &[Range<usize>],
    ) -> (SeriesSchema, Vec<Dense<'a>>) {
        let pages: Vec<_> =
            ranges.iter().map(|rows| Dense::of(values, schema.data_type, rows.clone())).collect();
        let asked = schema.encoding;
        let found = pages.iter().map(|page| lossless(asked, page)).find(|&found| found != asked);
        (SeriesSchema { encoding: found.unwrap_or(asked), ..schema }, pages)
    }

    fn encode_column(
        &self,
        times: &[i64],
        ranges: &[Range<usize>],
        column: &AlignedColumn<'_>,
    ) -> Result<EncodedChunk, TsFileError> {
        let AlignedColumn { measurement, values, .. } = *column;
        let (schema, columns) = Self::dense_pages(column.schema, values, ranges);
        let mut pages = Vec::with_capacity(ranges.len());
        let mut body = Vec::new();
        for (rows, dense) in ranges.iter().zip(columns) {
            if dense.len() == 0 {
                let statistics = Statistics::empty(Some(schema.data_type));
                pages.push(EncodedPage { statistics, length: 0, body: Vec::new() });
                continue;
            }
            body.clear();
            body.extend_from_slice(&(rows.len() as u32).to_be_bytes());
            put_bitmap(values, rows.clone(), &mut body);
            encode(self.version, schema.encoding, &dense, &mut body)
                .map_err(|error| TsFileError::rejected(format!("`{measurement}`: {}", error.reason)))?;
            let first = indices(values, rows.clone()).next().unwrap_or(rows.start);
            let last = rows.clone().rev().find(|&row| values.is_valid(row)).unwrap_or(first);
            let statistics = Statistics::of_dense(schema.data_type, times[first], times[last], &dense);
            pages.push(page(statistics, &body, schema.compressor)?);
        }
        assemble(ChunkKind::Value, self.version, measurement, schema, pages)
    }

    /// Ranges of rows for pages: as many rows as the limits on points and on the bytes of the widest column allow.
    fn pages(&self, rows: usize, columns: &[(DataType, &dyn Array)]) -> Vec<Range<usize>> {
        let widest = columns.iter().map(|(data_type, _)| fixed_width(*data_type)).max().unwrap_or(8);
        let page_bytes = self.options.page_bytes.min(MAX_PAGE_BYTES);
        let most =
            self.options.page_points.min(page_bytes / widest).clamp(1, ReadLimits::default().page_points);
        let offsets: Vec<&[i32]> = columns
            .iter()
            .filter_map(|(data_type, values)| match data_type {
                DataType::Text | DataType::String => Some(&**values.as_string::<i32>().offsets()),
                DataType::Blob => Some(&**values.as_binary::<i32>().offsets()),
                _ => None,
            })
            .collect();
        let mut ranges = Vec::with_capacity(rows / most + 1);
        let mut start = 0;
        while start < rows {
            let mut end = rows.min(start + most);
            for offsets in &offsets {
                let room = i64::from(offsets[start]).saturating_add_unsigned(page_bytes as u64);
                let fits = offsets[start + 1..=end].partition_point(|&offset| i64::from(offset) <= room);
                end = start + fits.max(1);
            }
            ranges.push(start..end);
            start = end;
        }
        ranges
    }
}

/// The bytes a value counts towards a page; the content of strings is added.
const fn fixed_width(data_type: DataType) -> usize {
    match data_type {
        DataType::Boolean => 1,
        DataType::Int32 | DataType::Date | DataType::Float => 4,
        _ => 8,
    }
}

/// Whether series of a schema can be written: the encoding supports the type, and is not read-only.
pub const fn is_written(schema: SeriesSchema) -> bool {
    schema.encoding.supports(schema.data_type) && !matches!(schema.encoding, Encoding::Regular)
}

fn check_times(times: &[i64]) -> Result<(), TsFileError> {
    match times.windows(2).position(|pair| pair[0] >= pair[1]) {
        None => Ok(()),
        Some(row) => Err(TsFileError::rejected(format!(
            "times must ascend: {} in row {} is followed by {}",
            times[row],
            row,
            times[row + 1]
        ))),
    }
}

fn check_column(
    measurement: &str,
    schema: SeriesSchema,
    values: &dyn Array,
    rows: usize,
) -> Result<(), TsFileError> {
    if measurement.is_empty() {
        return Err(TsFileError::rejected("a measurement has no name"));
    }
    if !is_written(schema) {
        let SeriesSchema { data_type, encoding, .. } = schema;
        return Err(TsFileError::rejected(format!(
            "`{measurement}` of type {data_type} cannot be written in {encoding}"
        )));
    }
    check(measurement, schema.data_type, values, rows)?;
    let offsets: &[i32] = match schema.data_type {
        DataType::Text | DataType::String => values.as_string::<i32>().offsets(),
        DataType::Blob => values.as_binary::<i32>().offsets(),
        _ => &[],
    };
    match offsets.windows(2).position(|pair| (pair[1] - pair[0]) as usize > LONGEST_VALUE) {
        None => Ok(()),
        Some(row) => Err(TsFileError::rejected(format!(
            "the value of `{measurement}` in row {row} has {} bytes, more than {LONGEST_VALUE}",
            offsets[row + 1] - offsets[row]
        ))),
    }
}

/// A bit for each row, the highest of each byte first; set if there is a value.
fn put_bitmap(values: &dyn Array, rows: Range<usize>, out: &mut Vec<u8>) {
    let bytes = rows.len().div_ceil(8);
    let start = out.len();
    match values.nulls() {
        Some(nulls) if nulls.null_count() > 0 => {
            out.extend(
                nulls.inner().slice(rows.start, rows.len()).sliced().iter().map(|byte| byte.reverse_bits()),
            );
            out.truncate(start + bytes);
        }
        _ => out.resize(start + bytes, 0xff),
    }
    // Bits beyond the last row are zero, whatever the array's buffer holds there.
    if let Some(last) = out.last_mut().filter(|_| !rows.len().is_multiple_of(8)) {
        *last &= !(0xff >> (rows.len() % 8));
    }
}

fn page(statistics: Statistics, body: &[u8], compressor: Compressor) -> Result<EncodedPage, TsFileError> {
    let compressed = compress(compressor, body)
        .map_err(|error| TsFileError::rejected(format!("{compressor} cannot compress a page: {error}")))?;
    Ok(EncodedPage { statistics, length: body.len(), body: compressed.into_owned() })
}

fn assemble(
    kind: ChunkKind,
    version: Version,
    measurement: &str,
    schema: SeriesSchema,
    pages: Vec<EncodedPage>,
) -> Result<EncodedChunk, TsFileError> {
    let data_type = (kind != ChunkKind::Time).then_some(schema.data_type);
    let mut statistics = Statistics::empty(data_type);
    pages.iter().for_each(|page| statistics.merge(&page.statistics));
    let mut data = Vec::with_capacity(pages.iter().map(|page| page.body.len() + 64).sum());
    let many = pages.len() > 1 && statistics.count() > 0;
    if statistics.count() > 0 {
        for page in &pages {
            put_uvar(&mut data, page.length as u32);
            if page.length == 0 {
                continue;
            }
            put_uvar(&mut data, page.body.len() as u32);
            if many {
                page.statistics.put(&mut data);
            }
            data.extend_from_slice(&page.body);
        }
    }
    let size = u32::try_from(data.len()).ok().filter(|&size| size <= i32::MAX as u32).ok_or_else(|| {
        TsFileError::rejected(format!("a chunk of `{measurement}` has {} bytes, more than 2 GiB", data.len()))
    })?;
    let mut bytes = Vec::with_capacity(data.len() + measurement.len() + 16);
    put_chunk_header(kind, many, measurement, schema, size, &mut bytes);
    bytes.extend_from_slice(&data);
    let only_in = data_type.is_some_and(|found| has_two_forms(found, schema.encoding)).then_some(version);
    Ok(EncodedChunk { kind, only_in, measurement: measurement.into(), schema, statistics, bytes })
}

pub(crate) fn put_chunk_header(
    kind: ChunkKind,
    many_pages: bool,
    measurement: &str,
    schema: SeriesSchema,
    size: u32,
    out: &mut Vec<u8>,
) {
    out.push(kind.bits() | if many_pages { MANY_PAGES } else { ONE_PAGE });
    put_vstr(out, measurement);
    put_uvar(out, size);
    let data_type = if kind == ChunkKind::Time { VECTOR } else { schema.data_type.code() };
    out.extend_from_slice(&[data_type, schema.compressor.code(), schema.encoding.code()]);
}
