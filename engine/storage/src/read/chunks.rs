//! Chunks of a sealed file as sources.

use std::{collections::VecDeque, sync::Arc};

use arrow_array::Int64Array;
use levada_tsfile::{ChunkMeta, ChunkReader};

use super::{Block, Source};
use crate::{Direction, StorageError, TimeRange, memtable::Hidden, sealed::SealedFile};

/// What all chunks of one source share.
#[derive(Clone)]
pub(crate) struct Cut {
    pub(crate) file: Arc<SealedFile>,
    pub(crate) range: TimeRange,
    /// Place of each column of the source among the wanted ones, and what is deleted of it.
    pub(crate) columns: Vec<(usize, Vec<Hidden>)>,
    /// How many columns are wanted.
    pub(crate) width: usize,
}

impl Cut {
    /// Rows of the file as a block: without what is out of range or deleted.
    fn block(&self, times: &Int64Array, values: Vec<Option<arrow_array::ArrayRef>>) -> Option<Block> {
        if times.is_empty() {
            return None;
        }
        let mut block = Block { times: times.values().clone(), columns: vec![None; self.width] };
        for ((place, _), array) in self.columns.iter().zip(values) {
            block.columns[*place] = array;
        }
        let mut block = block.within(self.range)?;
        for (place, hidden) in &self.columns {
            hidden.iter().for_each(|hidden| block.hide(*place, hidden.range));
        }
        block.without_empty_rows()
    }
}

/// Chunks of one series of a plain device, that follow each other in time.
pub(crate) struct PlainChunks {
    cut: Cut,
    chunks: VecDeque<ChunkMeta>,
    current: Option<(ChunkReader, VecDeque<usize>)>,
}

impl PlainChunks {
    pub(crate) fn new(cut: Cut, chunks: &[ChunkMeta]) -> Self {
        let range = cut.range;
        let chunks = chunks.iter().filter(|chunk| range.overlaps(range_of(chunk))).cloned().collect();
        Self { cut, chunks, current: None }
    }
}

/// The times of a chunk.
pub(crate) fn range_of(chunk: &ChunkMeta) -> TimeRange {
    TimeRange { start: chunk.statistics.start(), end: chunk.statistics.end() }
}

/// The pages of a chunk that may have rows in a range.
fn pages(reader: &ChunkReader, range: TimeRange) -> VecDeque<usize> {
    let within = |index: &usize| {
        reader.pages()[*index].statistics().is_none_or(|statistics| {
            range.overlaps(TimeRange { start: statistics.start(), end: statistics.end() })
        })
    };
    (0..reader.pages().len()).filter(within).collect()
}

fn take<T>(queue: &mut VecDeque<T>, direction: Direction) -> Option<T> {
    match direction {
        Direction::Ascending => queue.pop_front(),
        Direction::Descending => queue.pop_back(),
    }
}

/// A range that has all times of chunks; those of `reader` too, where pages are left.
fn hull(ranges: impl Iterator<Item = TimeRange>, cut: TimeRange) -> Option<TimeRange> {
    let hull = ranges.reduce(|a, b| TimeRange { start: a.start.min(b.start), end: a.end.max(b.end) })?;
    let within = TimeRange { start: hull.start.max(cut.start), end: hull.end.min(cut.end) };
    (!within.is_empty()).then_some(within)
}

fn page_range(reader: &ChunkReader, page: usize) -> TimeRange {
    reader.pages()[page]
        .statistics()
        .map_or(TimeRange::ALL, |statistics| TimeRange { start: statistics.start(), end: statistics.end() })
}

impl Source for PlainChunks {
    fn range(&self) -> Option<TimeRange> {
        let pages = self
            .current
            .iter()
            .flat_map(|(reader, pages)| pages.iter().map(|page| page_range(reader, *page)));
        hull(pages.chain(self.chunks.iter().map(range_of)), self.cut.range)
    }

    fn held_bytes(&self) -> usize {
        self.current.as_ref().map_or(0, |(reader, _)| reader.held_bytes())
    }

    fn next(&mut self, direction: Direction) -> Result<Option<Block>, StorageError> {
        let file = Arc::clone(&self.cut.file);
        let error = |error| file.error(error);
        loop {
            let Some((reader, pages_left)) = &mut self.current else {
                let Some(chunk) = take(&mut self.chunks, direction) else { return Ok(None) };
                let reader = file.reader()?.read_chunk(&chunk).map_err(error)?;
                let pages = pages(&reader, self.cut.range);
                self.current = Some((reader, pages));
                continue;
            };
            let Some(page) = take(pages_left, direction) else {
                self.current = None;
                continue;
            };
            let page = reader.read_page(page).map_err(error)?;
            if let Some(block) = self.cut.block(&page.times, vec![Some(page.values)]) {
                return Ok(Some(block));
            }
        }
    }
}

/// A time chunk of an aligned device, with the chunks of those columns that are wanted and there.
#[derive(Clone)]
pub(crate) struct AlignedChunk {
    /// Through any of them the time chunk is found.
    pub(crate) columns: Vec<Option<ChunkMeta>>,
}

impl AlignedChunk {
    pub(crate) fn range(&self) -> TimeRange {
        let ranges = self.columns.iter().flatten().map(range_of);
        ranges
            .reduce(|a, b| TimeRange { start: a.start.min(b.start), end: a.end.max(b.end) })
            .unwrap_or(TimeRange { start: i64::MAX, end: i64::MIN })
    }
}

/// Chunks of an aligned device, that follow each other in time.
pub(crate) struct AlignedChunks {
    cut: Cut,
    chunks: VecDeque<AlignedChunk>,
    current: Option<OpenChunk>,
}

struct OpenChunk {
    times: ChunkReader,
    columns: Vec<Option<ChunkReader>>,
    pages: VecDeque<usize>,
    range: TimeRange,
}

impl AlignedChunks {
    pub(crate) fn new(cut: Cut, chunks: Vec<AlignedChunk>) -> Self {
        let range = cut.range;
        Self {
            cut,
            chunks: chunks.into_iter().filter(|chunk| range.overlaps(chunk.range())).collect(),
            current: None,
        }
    }

    fn open(&self, chunk: &AlignedChunk) -> Result<Option<OpenChunk>, StorageError> {
        let error = |error| self.cut.file.error(error);
        let reader = self.cut.file.reader()?;
        let Some(any) = chunk.columns.iter().flatten().next() else { return Ok(None) };
        let times = reader.read_time_chunk(any).map_err(error)?;
        let columns = chunk
            .columns
            .iter()
            .map(|column| column.as_ref().map(|column| reader.read_chunk(column).map_err(error)).transpose())
            .collect::<Result<_, _>>()?;
        // A chunk without an index says nothing of its only page, but the chunk's times are known.
        let range = self.cut.range;
        let pages = if times.pages().len() == 1 { VecDeque::from([0]) } else { pages(&times, range) };
        Ok(Some(OpenChunk { times, columns, pages, range: chunk.range() }))
    }
}

impl Source for AlignedChunks {
    fn range(&self) -> Option<TimeRange> {
        let pages = self.current.iter().flat_map(|open| {
            open.pages.iter().map(|page| {
                let range = page_range(&open.times, *page);
                TimeRange { start: range.start.max(open.range.start), end: range.end.min(open.range.end) }
            })
        });
        let ranges =
            pages.chain(self.chunks.iter().map(AlignedChunk::range)).filter(|range| !range.is_empty());
        hull(ranges, self.cut.range)
    }

    fn held_bytes(&self) -> usize {
        self.current.as_ref().map_or(0, |open| {
            open.times.held_bytes()
                + open.columns.iter().flatten().map(ChunkReader::held_bytes).sum::<usize>()
        })
    }

    fn next(&mut self, direction: Direction) -> Result<Option<Block>, StorageError> {
        let file = Arc::clone(&self.cut.file);
        let error = |error| file.error(error);
        loop {
            let Some(open) = &mut self.current else {
                let Some(chunk) = take(&mut self.chunks, direction) else { return Ok(None) };
                self.current = self.open(&chunk)?;
                continue;
            };
            let Some(page) = take(&mut open.pages, direction) else {
                self.current = None;
                continue;
            };
            let times = open.times.read_times(page).map_err(error)?;
            let values = open
                .columns
                .iter()
                .map(|column| match column {
                    Some(column) if !column.pages().get(page).is_none_or(|page| page.is_null()) => {
                        column.read_values(page, times.len()).map(Some).map_err(error)
                    }
                    _ => Ok(None),
                })
                .collect::<Result<Vec<_>, _>>()?;
            if let Some(block) = self.cut.block(&times, values) {
                return Ok(Some(block));
            }
        }
    }
}
