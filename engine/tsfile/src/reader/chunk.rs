//! A chunk in memory, and its pages as columns.

use std::{ops::Range, sync::Arc};

use arrow_array::{ArrayRef, Int64Array};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer};
use bytes::Bytes;
use levada_model::{Compressor, DataType, Encoding};

use crate::{
    ReadLimits, Statistics, TsFileError, Version,
    column::Decoded,
    compression::decompress,
    encoding::{decode, decode_times, kept_decimals},
    error::{Corrupt, Parsed},
    layout::{ChunkKind, VECTOR, has_many_pages, has_two_forms},
    wire::Cursor,
};

use super::two_forms;

/// The header of a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkHeader {
    /// The kind of the chunk.
    pub kind: ChunkKind,
    /// The measurement; empty for a time chunk.
    pub measurement: Arc<str>,
    /// The type of its values; `None` for a time chunk.
    pub data_type: Option<DataType>,
    /// The encoding of values; in a time chunk, of times.
    pub encoding: Encoding,
    /// The compression of pages.
    pub compressor: Compressor,
    /// Whether pages have statistics of their own.
    pub(super) many_pages: bool,
    /// The size of all pages, in bytes.
    pub(super) data_size: usize,
    /// The version of the file it is in.
    version: Version,
}

impl ChunkHeader {
    pub(super) fn parse(cursor: &mut Cursor<'_>, version: Version) -> Parsed<Self> {
        let marker = cursor.u8()?;
        let kind = ChunkKind::of_marker(marker)
            .ok_or_else(|| cursor.corrupt(format!("no chunk begins with {marker:#04x}")))?;
        let measurement = cursor.vstr()?.into();
        let data_size = cursor.uvar_usize()?;
        let [data_type, compressor, encoding] = [cursor.u8()?, cursor.u8()?, cursor.u8()?];
        let unknown = |what: &str, code: u8| cursor.corrupt(format!("a chunk is of unknown {what} {code}"));
        let data_type = match (kind, data_type) {
            (ChunkKind::Time, VECTOR) => None,
            (ChunkKind::Time, code) => return Err(unknown("type for times", code)),
            (_, code) => Some(DataType::from_code(code).ok_or_else(|| unknown("type", code))?),
        };
        let compressor =
            Compressor::from_code(compressor).ok_or_else(|| unknown("compressor", compressor))?;
        let encoding = Encoding::from_code(encoding).ok_or_else(|| unknown("encoding", encoding))?;
        let many_pages = has_many_pages(marker);
        Ok(Self { kind, measurement, data_type, encoding, compressor, many_pages, data_size, version })
    }
}

impl ChunkHeader {
    /// Whether its values may be in either of two forms.
    pub(super) fn has_two_forms(&self) -> bool {
        self.data_type.is_some_and(|data_type| has_two_forms(data_type, self.encoding))
    }
}

/// A page as its header describes it.
#[derive(Clone, Debug)]
pub struct PageMeta {
    statistics: Option<Box<Statistics>>,
    /// The size of the body before compression, in bytes; 0 for a page of nulls.
    length: usize,
    body: Range<usize>,
}

impl PageMeta {
    /// Its statistics; `None` for an all-null page of an aligned device's column, and for the only page of a chunk in a file
    /// without an index.
    pub fn statistics(&self) -> Option<&Statistics> {
        self.statistics.as_deref()
    }

    /// Whether it is a page of nulls.
    pub const fn is_null(&self) -> bool {
        self.length == 0
    }
}

/// Rows of one series; no value is null.
#[derive(Clone, Debug)]
pub struct Page {
    /// Ascending times.
    pub times: Int64Array,
    /// A value for each time.
    pub values: ArrayRef,
}

/// A chunk in memory. Pages are decoded each time they are asked for.
#[derive(Clone, Debug)]
pub struct ChunkReader {
    header: ChunkHeader,
    /// The offset of `data` in the file.
    base: u64,
    data: Bytes,
    pages: Vec<PageMeta>,
    limits: ReadLimits,
}

impl ChunkReader {
    /// A chunk from the bytes of its pages; `statistics` are those of the whole chunk, if known.
    pub(super) fn new(
        header: ChunkHeader,
        base: u64,
        data: Bytes,
        statistics: Option<&Statistics>,
        limits: ReadLimits,
    ) -> Result<Self, TsFileError> {
        let pages = parse_pages(&header, &data, statistics, limits).map_err(|error| error.based(base))?;
        Ok(Self { header, base, data, pages, limits })
    }

    /// The header.
    pub const fn header(&self) -> &ChunkHeader {
        &self.header
    }

    /// The size of the pages as they are in the file, in bytes.
    pub const fn held_bytes(&self) -> usize {
        self.data.len()
    }

    /// The pages, in order of time. The `k`-th pages of a time chunk and of its value chunks hold the same rows.
    pub fn pages(&self) -> &[PageMeta] {
        &self.pages
    }

    /// Where a page stands in the file: its header, and its body right behind. The header of the first page follows that of
    /// the chunk.
    pub fn page_bytes(&self, index: usize) -> Option<(Range<u64>, Range<u64>)> {
        let body = self.pages.get(index)?.body.clone();
        let header =
            index.checked_sub(1).and_then(|before| self.pages.get(before)).map_or(0, |page| page.body.end);
        let at = |range: Range<usize>| self.base + range.start as u64..self.base + range.end as u64;
        Some((at(header..body.start), at(body)))
    }

    /// Decodes a page of a plain device's series.
    ///
    /// # Errors
    /// There is no such page, the chunk is of another kind, or its bytes are damaged.
    pub fn read_page(&self, index: usize) -> Result<Page, TsFileError> {
        let page = self.page(index, &[ChunkKind::Plain])?;
        let data_type = self.header.data_type.unwrap_or(DataType::Blob);
        self.decode(page, |body| {
            let (times, values) = split_plain(body)?;
            let times = self.times_of(page, Encoding::Ts2Diff, times)?;
            let values = self.decode_values(page, values, times.len())?;
            Ok(Page { times: Int64Array::from(times), values: values.into_array(data_type, None)? })
        })
    }

    /// Decodes the times of a page of a plain device's series, or of a time chunk.
    ///
    /// # Errors
    /// As [`ChunkReader::read_page`].
    pub fn read_times(&self, index: usize) -> Result<Int64Array, TsFileError> {
        let page = self.page(index, &[ChunkKind::Plain, ChunkKind::Time])?;
        let times = self.decode(page, |body| match self.header.kind {
            ChunkKind::Plain => self.times_of(page, Encoding::Ts2Diff, split_plain(body)?.0),
            _ => self.times_of(page, self.header.encoding, body),
        })?;
        Ok(times.into())
    }

    /// Decodes a page of an aligned device's column: a value or null for each of the `rows` times of the same page of the time
    /// chunk.
    ///
    /// # Errors
    /// As [`ChunkReader::read_page`]; or the page has another number of rows.
    pub fn read_values(&self, index: usize, rows: usize) -> Result<ArrayRef, TsFileError> {
        let page = self.page(index, &[ChunkKind::Value])?;
        let data_type = self.header.data_type.unwrap_or(DataType::Blob);
        if page.is_null() {
            return Ok(arrow_array::new_null_array(&data_type.arrow(), rows));
        }
        self.decode(page, |body| {
            let (validity, values) = split_column(body, rows)?;
            let count = rows - validity.null_count();
            self.decode_values(page, values, count)?.into_array(data_type, Some(validity))
        })
    }

    /// Decodes only the non-null rows of a page of an aligned device's column. `times` are those of the same page of the time
    /// chunk.
    ///
    /// # Errors
    /// As [`ChunkReader::read_values`].
    pub fn read_rows(&self, index: usize, times: &Int64Array) -> Result<Page, TsFileError> {
        let page = self.page(index, &[ChunkKind::Value])?;
        let data_type = self.header.data_type.unwrap_or(DataType::Blob);
        if page.is_null() {
            let values = arrow_array::new_empty_array(&data_type.arrow());
            return Ok(Page { times: Vec::<i64>::new().into(), values });
        }
        self.decode(page, |body| {
            let (validity, values) = split_column(body, times.len())?;
            let count = times.len() - validity.null_count();
            let values = self.decode_values(page, values, count)?.into_array(data_type, None)?;
            let times: Vec<i64> = validity.valid_indices().map(|row| times.value(row)).collect();
            Ok(Page { times: times.into(), values })
        })
    }

    /// How many decimals of its numbers a page keeps; `None` if it keeps all.
    ///
    /// # Errors
    /// There is no such page, or its bytes are damaged.
    pub(super) fn decimals(&self, index: usize) -> Result<Option<u32>, TsFileError> {
        let ChunkHeader { encoding, data_type, kind, .. } = self.header;
        if !matches!(encoding, Encoding::Rle | Encoding::Ts2Diff)
            || !matches!(data_type, Some(DataType::Float | DataType::Double))
        {
            return Ok(None);
        }
        let page = self.page(index, &[ChunkKind::Plain, ChunkKind::Value])?;
        if page.is_null() {
            return Ok(None);
        }
        self.decode(page, |body| {
            let values = match kind {
                ChunkKind::Value => {
                    let rows = Cursor::new(body).i32()?;
                    split_column(body, usize::try_from(rows).unwrap_or(usize::MAX))?.1
                }
                _ => split_plain(body)?.1,
            };
            // Of a page of nulls there is nothing more.
            if values.is_empty() { Ok(None) } else { kept_decimals(values).map(Some) }
        })
    }

    fn decode_values(&self, page: &PageMeta, bytes: &[u8], count: usize) -> Parsed<Decoded> {
        let ChunkHeader { data_type, encoding, version, .. } = self.header;
        let data_type = data_type.unwrap_or(DataType::Blob);
        if self.header.has_two_forms() {
            return two_forms::decode(version, data_type, bytes, count, page.statistics());
        }
        decode(encoding, data_type, bytes, count)
    }

    fn page(&self, index: usize, kinds: &[ChunkKind]) -> Result<&PageMeta, TsFileError> {
        if !kinds.contains(&self.header.kind) {
            let ChunkHeader { kind, measurement, .. } = &self.header;
            return Err(TsFileError::rejected(format!("a {kind:?} chunk of `{measurement}` is not read so")));
        }
        self.pages
            .get(index)
            .ok_or_else(|| TsFileError::rejected(format!("there is no page {index} of {}", self.pages.len())))
    }

    /// Decompresses a page and passes its body on. Errors in it name the offset at which the page begins.
    fn decode<T>(&self, page: &PageMeta, read: impl FnOnce(&[u8]) -> Parsed<T>) -> Result<T, TsFileError> {
        let offset = self.base + page.body.start as u64;
        let body = self.data.slice(page.body.clone());
        decompress(self.header.compressor, &body, page.length)
            .and_then(|body| read(&body))
            .map_err(|error| TsFileError::damaged(offset, error.reason))
    }

    /// The times of a page: as many as its statistics say, if it has any.
    fn times_of(&self, page: &PageMeta, encoding: Encoding, bytes: &[u8]) -> Parsed<Vec<i64>> {
        let expected = page.statistics().map(|statistics| statistics.count() as usize);
        let most = expected.unwrap_or(usize::MAX).min(self.limits.page_points);
        let times = decode_times(encoding, bytes, most, expected)?;
        match expected {
            Some(expected) if expected != times.len() => {
                Err(Corrupt::new(0, format!("a page has {} times instead of {expected}", times.len())))
            }
            _ => Ok(times),
        }
    }
}

/// A plain page's times and values.
fn split_plain(body: &[u8]) -> Parsed<(&[u8], &[u8])> {
    let mut cursor = Cursor::new(body);
    let length = cursor.uvar_usize()?;
    let times = cursor.take(length)?;
    Ok((times, cursor.rest()))
}

/// Which rows of a column's page have a value, and those values.
fn split_column(body: &[u8], rows: usize) -> Parsed<(NullBuffer, &[u8])> {
    let mut cursor = Cursor::new(body);
    let found = cursor.i32()?;
    if usize::try_from(found) != Ok(rows) {
        return Err(cursor.corrupt(format!("a page has {found} rows where its times are {rows}")));
    }
    let bitmap: Vec<u8> = cursor.take(rows.div_ceil(8))?.iter().map(|byte| byte.reverse_bits()).collect();
    let validity = NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(bitmap), 0, rows));
    Ok((validity, cursor.rest()))
}

fn parse_pages(
    header: &ChunkHeader,
    data: &[u8],
    statistics: Option<&Statistics>,
    limits: ReadLimits,
) -> Parsed<Vec<PageMeta>> {
    let mut cursor = Cursor::new(data);
    let mut pages = Vec::new();
    while !cursor.is_empty() {
        if pages.len() == limits.chunk_pages {
            return Err(cursor.corrupt(format!("a chunk has more than {} pages", limits.chunk_pages)));
        }
        let length = cursor.uvar_usize()?;
        if length > limits.page_bytes {
            return Err(cursor.corrupt(format!("a page of {length} bytes exceeds the limit")));
        }
        if length == 0 && header.kind == ChunkKind::Value {
            let at = cursor.position();
            pages.push(PageMeta { statistics: None, length, body: at..at });
            continue;
        }
        let compressed = cursor.uvar_usize()?;
        let statistics = if header.many_pages {
            Some(Statistics::parse(&mut cursor, header.data_type)?)
        } else {
            statistics.filter(|statistics| statistics.data_type() == header.data_type).cloned()
        };
        let start = cursor.position();
        cursor.take(compressed)?;
        pages.push(PageMeta {
            statistics: statistics.map(Box::new),
            length,
            body: start..start + compressed,
        });
        if !header.many_pages && !cursor.is_empty() {
            return Err(cursor.corrupt("a chunk of one page has more"));
        }
    }
    Ok(pages)
}
