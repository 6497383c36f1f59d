//! Joins consecutive chunks into one, page by page, without decoding them.
//!
//! ```text
//!   header  page                          header: many pages
//!   header  page                     ─►     page with its statistics, page …, page …
//!   header  page, page (each with its statistics)
//! ```

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    EncodedAligned, EncodedChunk, Statistics, TsFileError,
    chunk_encoder::put_chunk_header,
    error::Parsed,
    layout::{ChunkKind, has_many_pages},
    wire::{Cursor, put_uvar},
};

impl EncodedChunk {
    /// Whether [`EncodedChunk::join`] accepts the two: they belong to one series and have the same schema.
    pub fn joins(&self, next: &Self) -> bool {
        self.kind == next.kind
            && self.measurement == next.measurement
            && self.schema == next.schema
            && self.only_in == next.only_in
    }

    /// Joins chunks of a plain device's series into one; each must begin after the one before ended. `None` if there are no
    /// chunks.
    ///
    /// # Errors
    /// They do not join, overlap in time, exceed the size of a chunk, or are damaged.
    pub fn join(chunks: Vec<Self>) -> Result<Option<Self>, TsFileError> {
        let mut chunks = chunks.into_iter();
        let Some(first) = chunks.next() else { return Ok(None) };
        if chunks.len() == 0 {
            return Ok(Some(first));
        }
        let mut joined = Joined::new(&first);
        for chunk in std::iter::once(first).chain(chunks) {
            joined.push(&chunk)?;
        }
        joined.finish().map(Some)
    }
}

impl EncodedAligned {
    /// Whether [`EncodedAligned::join`] accepts the two.
    pub fn joins(&self, next: &Self) -> bool {
        self.time.joins(&next.time)
            && next.columns.iter().all(|column| {
                let same = self.columns.iter().find(|other| other.measurement == column.measurement);
                same.is_none_or(|same| same.joins(column))
            })
    }

    /// Joins chunk groups into one; each must begin after the one before ended. Columns that a group lacks are null there.
    /// `None` if there are no groups.
    ///
    /// # Errors
    /// As [`EncodedChunk::join`].
    pub fn join(groups: Vec<Self>) -> Result<Option<Self>, TsFileError> {
        let Some(first) = groups.first() else { return Ok(None) };
        let mut time = Joined::new(&first.time);
        let mut columns: BTreeMap<Arc<str>, Joined> = BTreeMap::new();
        for group in &groups {
            let before = time.pages;
            time.push(&group.time)?;
            for chunk in &group.columns {
                let column = columns.entry(Arc::clone(&chunk.measurement)).or_insert_with(|| {
                    let mut column = Joined::new(chunk);
                    column.push_nulls(before);
                    column
                });
                column.push(chunk)?;
            }
            for column in columns.values_mut() {
                column.push_nulls(time.pages.saturating_sub(column.pages));
                if column.pages != time.pages {
                    return Err(TsFileError::rejected("a column has more pages than its times"));
                }
            }
        }
        let columns = columns.into_values().map(Joined::finish).collect::<Result<_, _>>()?;
        Ok(Some(Self { time: time.finish()?, columns }))
    }
}

/// Pages to be written into one chunk.
struct Joined {
    like: EncodedChunk,
    data: Vec<u8>,
    pages: usize,
}

impl Joined {
    fn new(like: &EncodedChunk) -> Self {
        let empty = Statistics::empty(like.statistics.data_type());
        let like = EncodedChunk { bytes: Vec::new(), statistics: empty, ..like.clone() };
        Self { like, data: Vec::new(), pages: 0 }
    }

    fn push_nulls(&mut self, pages: usize) {
        (0..pages).for_each(|_| put_uvar(&mut self.data, 0));
        self.pages += pages;
    }

    fn push(&mut self, chunk: &EncodedChunk) -> Result<(), TsFileError> {
        if !self.like.joins(chunk) {
            return Err(TsFileError::rejected(format!("chunks of `{}` do not join", chunk.measurement)));
        }
        let statistics = &chunk.statistics;
        if statistics.count() == 0 {
            return Ok(());
        }
        if self.like.statistics.count() > 0 && statistics.start() <= self.like.statistics.end() {
            return Err(TsFileError::rejected(format!("chunks of `{}` overlap in time", chunk.measurement)));
        }
        let pages = append_pages(chunk, &mut self.data)
            .map_err(|error| TsFileError::rejected(format!("a chunk is damaged: {}", error.reason)))?;
        self.pages += pages;
        self.like.statistics.merge(statistics);
        Ok(())
    }

    fn finish(self) -> Result<EncodedChunk, TsFileError> {
        let Self { mut like, data, .. } = self;
        // A column of nulls alone has no pages.
        let data = if like.statistics.count() > 0 { data } else { Vec::new() };
        let size = u32::try_from(data.len()).ok().filter(|&size| size <= i32::MAX as u32);
        let size = size.ok_or_else(|| {
            TsFileError::rejected(format!("a chunk of `{}` has {} bytes", like.measurement, data.len()))
        })?;
        let many = !data.is_empty();
        like.bytes = Vec::with_capacity(data.len() + like.measurement.len() + 16);
        put_chunk_header(like.kind, many, &like.measurement, like.schema, size, &mut like.bytes);
        like.bytes.extend_from_slice(&data);
        Ok(like)
    }
}

/// Appends a chunk's pages, each with its statistics; returns how many.
fn append_pages(chunk: &EncodedChunk, out: &mut Vec<u8>) -> Parsed<usize> {
    let mut cursor = Cursor::new(&chunk.bytes);
    let marker = cursor.u8()?;
    cursor.vstr()?;
    let size = cursor.uvar_usize()?;
    cursor.take(3)?;
    let data = cursor.take(size)?;
    let mut cursor = Cursor::new(data);
    if !has_many_pages(marker) {
        let (length, compressed) = (cursor.uvar_usize()?, cursor.uvar_usize()?);
        put_uvar(out, length as u32);
        put_uvar(out, compressed as u32);
        chunk.statistics.put(out);
        out.extend_from_slice(cursor.take(compressed)?);
        return Ok(1);
    }
    let data_type = (chunk.kind != ChunkKind::Time).then_some(chunk.schema.data_type);
    let mut pages = 0;
    while !cursor.is_empty() {
        pages += 1;
        if cursor.uvar_usize()? == 0 && chunk.kind == ChunkKind::Value {
            continue;
        }
        let compressed = cursor.uvar_usize()?;
        Statistics::parse(&mut cursor, data_type)?;
        cursor.take(compressed)?;
    }
    out.extend_from_slice(data);
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use arrow_array::{Array, Float64Array, Int64Array, cast::AsArray, types::Float64Type};
    use bytes::Bytes;
    use levada_model::{DataType, Path, SeriesSchema};

    use crate::{
        AlignedColumn, ChunkEncoder, DeviceId, EncodedAligned, EncodedChunk, TsFileReader, TsFileWriter,
        Version, WriterOptions,
    };

    fn schema() -> SeriesSchema {
        SeriesSchema::default_for(DataType::Double)
    }

    fn times(part: i64) -> Vec<i64> {
        (part * 1000..part * 1000 + 250).collect()
    }

    fn values(part: i64) -> Float64Array {
        times(part).iter().map(|time| (time % 7 != 0).then_some(*time as f64 / 4.0)).collect()
    }

    fn scanned(bytes: Vec<u8>, device: &DeviceId, measurement: &str) -> Vec<(i64, f64)> {
        let reader = TsFileReader::open(Bytes::from(bytes)).expect("opens");
        let pages = reader.scan(device, measurement).expect("is there");
        let rows = pages.flat_map(|page| {
            let page = page.expect("decodes");
            let values = page.values.as_primitive::<Float64Type>().clone();
            page.times.values().iter().copied().zip(values.values().iter().copied()).collect::<Vec<_>>()
        });
        rows.collect()
    }

    fn expected(parts: impl Iterator<Item = i64>) -> Vec<(i64, f64)> {
        parts.flat_map(times).filter(|time| time % 7 != 0).map(|time| (time, time as f64 / 4.0)).collect()
    }

    #[test]
    fn joined_chunks_read_as_the_parts_did() {
        let device = Path::parse("root.a.d").expect("legal");
        // Chunks of one page, and of several.
        let encoders =
            [1000, 100].map(|points| ChunkEncoder::new(WriterOptions::default().pages(points, 1 << 20)));
        let chunks: Vec<EncodedChunk> = (0..6)
            .map(|part| {
                let encoder = encoders[part as usize % 2];
                encoder.encode("s", schema(), &times(part), &values(part)).expect("encodes")
            })
            .collect();
        let joined = EncodedChunk::join(chunks.clone()).expect("joins").expect("there are some");
        assert_eq!(joined.statistics().count(), expected(0..6).len() as u64);
        let mut writer =
            TsFileWriter::new(Vec::new(), Version::V4, WriterOptions::default()).expect("begins");
        writer.start_chunk_group(&device).expect("legal");
        writer.append(joined).expect("fits");
        let (bytes, _) = writer.finish().expect("ends");
        assert_eq!(scanned(bytes, &DeviceId::from(&device), "s"), expected(0..6));
        let reversed: Vec<_> = chunks.into_iter().rev().collect();
        assert!(EncodedChunk::join(reversed).is_err(), "they overlap");
    }

    #[test]
    fn joined_groups_have_nulls_where_a_column_was_missing() {
        let device = Path::parse("root.a.d").expect("legal");
        let nulls: Float64Array = vec![None; 250].into();
        let groups: Vec<EncodedAligned> = (0..6)
            .map(|part| {
                let encoder =
                    ChunkEncoder::new(WriterOptions::default().pages(100 + 300 * (part % 2), 1 << 20));
                let (values, times) = (values(part as i64), times(part as i64));
                let b: &dyn Array = if part == 3 { &nulls } else { &values };
                let a = AlignedColumn { measurement: "a", schema: schema(), values: &values };
                let b = AlignedColumn { measurement: "b", schema: schema(), values: b };
                let columns = if part == 0 || part == 4 { vec![a] } else { vec![a, b] };
                encoder.encode_aligned(&times, &columns).expect("encodes")
            })
            .collect();
        let joined = EncodedAligned::join(groups).expect("joins").expect("there are some");
        let mut writer =
            TsFileWriter::new(Vec::new(), Version::V4, WriterOptions::default()).expect("begins");
        writer.start_chunk_group(&device).expect("legal");
        writer.append_aligned(joined).expect("fits");
        let (bytes, _) = writer.finish().expect("ends");
        let id = DeviceId::from(&device);
        assert_eq!(scanned(bytes.clone(), &id, "a"), expected(0..6));
        assert_eq!(scanned(bytes, &id, "b"), expected([1, 2, 5].into_iter()));
    }

    #[test]
    fn chunks_that_are_written_otherwise_do_not_join() {
        let int = ChunkEncoder::default()
            .encode("s", SeriesSchema::default_for(DataType::Int64), &[1], &Int64Array::from(vec![1]))
            .expect("encodes");
        let double = ChunkEncoder::default()
            .encode("s", schema(), &[2], &Float64Array::from(vec![1.0]))
            .expect("encodes");
        assert!(!int.joins(&double));
        assert!(EncodedChunk::join(vec![int, double]).is_err());
    }
}
