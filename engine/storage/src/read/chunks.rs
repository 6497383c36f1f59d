//! Chunks of a sealed file as sources.

use std::{collections::VecDeque, ops::Range, sync::Arc};

use arrow_array::{ArrayRef, Int64Array, UInt32Array};
use levada_tsfile::{ChunkMeta, ChunkReader};

use super::Source;
use crate::{
    Direction, StorageError, TimeRange,
    block::{BLOCK_ROWS, Block},
    sealed::SealedFile,
    tombstone::Hidden,
};

/// What all chunks of one source share.
#[derive(Clone)]
pub(crate) struct Cut {
    pub(crate) file: Arc<SealedFile>,
    pub(crate) range: TimeRange,
    /// Place of each column of the source among the wanted ones, and what is deleted of it.
    pub(crate) columns: Vec<(usize, Vec<Hidden>)>,
    /// How many columns are wanted.
    pub(crate) width: usize,
    /// A block has at most so many rows, so that a page of each of thousands of columns is not held decoded: it is decoded
    /// anew for its next rows instead.
    pub(crate) rows: usize,
}

/// Bytes of decoded pages that a read holds, about, where it reads many columns side by side.
const DECODED: usize = 64 << 20;

/// Fewer rows than this are not worth decoding a page for.
const LEAST_ROWS: usize = 64;

/// How many rows of so many columns are decoded at once.
pub(crate) fn decoded_rows(columns: usize) -> usize {
    match DECODED / (16 * columns.max(1)) {
        rows if rows >= BLOCK_ROWS => usize::MAX,
        rows => rows.max(LEAST_ROWS),
    }
}

impl Cut {
    /// Rows of the file as a block: without what is out of range or deleted.
    fn block(&self, times: &Int64Array, values: Vec<Option<ArrayRef>>) -> Option<Block> {
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
    rest: Option<Rest>,
}

/// What is left of a page of which some rows were given.
struct Rest {
    page: usize,
    rows: Range<usize>,
    range: TimeRange,
}

impl Rest {
    /// Takes the next rows, of those that are left or of all of the page, and gives what is left then.
    fn take(
        (page, times): (usize, &Int64Array),
        left: Option<Self>,
        most: usize,
        direction: Direction,
    ) -> (Range<usize>, Option<Self>) {
        let rows = left.map_or(0..times.len(), |left| left.rows);
        let (taken, left) = match direction {
            Direction::Ascending => {
                let at = rows.end.min(rows.start.saturating_add(most));
                (rows.start..at, at..rows.end)
            }
            Direction::Descending => {
                let at = rows.start.max(rows.end.saturating_sub(most));
                (at..rows.end, rows.start..at)
            }
        };
        let range = |rows: &Range<usize>| TimeRange {
            start: times.value(rows.start),
            end: times.value(rows.end - 1),
        };
        let left = (!left.is_empty()).then(|| Self { page, range: range(&left), rows: left });
        (taken, left)
    }
}

/// Some rows of a page, as they are where these are all, else copied: the page is not held for them.
fn rows_of(array: &ArrayRef, rows: &Range<usize>) -> ArrayRef {
    if *rows == (0..array.len()) {
        return Arc::clone(array);
    }
    let picked = UInt32Array::from_iter_values(rows.clone().map(|row| row as u32));
    arrow_select::take::take(array, &picked, None).expect("the rows are those of the page")
}

fn times_of(times: Int64Array, rows: &Range<usize>) -> Int64Array {
    if *rows == (0..times.len()) { times } else { times.values()[rows.clone()].to_vec().into() }
}

impl PlainChunks {
    pub(crate) fn new(cut: Cut, chunks: &[ChunkMeta]) -> Self {
        let range = cut.range;
        let chunks = chunks.iter().filter(|chunk| range.overlaps(range_of(chunk))).cloned().collect();
        Self { cut, chunks, current: None, rest: None }
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
    let hull = ranges.reduce(TimeRange::hull)?;
    let within = hull.intersect(cut);
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
            .flat_map(|(reader, pages)| pages.iter().map(|page| page_range(reader, *page)))
            .chain(self.rest.as_ref().map(|rest| rest.range));
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
            let rest = self.rest.take();
            let next = rest.as_ref().map(|rest| rest.page).or_else(|| take(pages_left, direction));
            let Some(index) = next else {
                self.current = None;
                continue;
            };
            let page = reader.read_page(index).map_err(error)?;
            let (rows, rest) = Rest::take((index, &page.times), rest, self.cut.rows, direction);
            self.rest = rest;
            let values = rows_of(&page.values, &rows);
            if let Some(block) = self.cut.block(&times_of(page.times, &rows), vec![Some(values)]) {
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
        ranges.reduce(TimeRange::hull).unwrap_or(TimeRange { start: i64::MAX, end: i64::MIN })
    }
}

/// Chunks of an aligned device, that follow each other in time.
pub(crate) struct AlignedChunks {
    cut: Cut,
    chunks: VecDeque<AlignedChunk>,
    current: Option<OpenChunk>,
    rest: Option<Rest>,
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
            rest: None,
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
                range.intersect(open.range)
            })
        });
        let ranges = pages
            .chain(self.rest.as_ref().map(|rest| rest.range))
            .chain(self.chunks.iter().map(AlignedChunk::range))
            .filter(|range| !range.is_empty());
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
            let rest = self.rest.take();
            let next = rest.as_ref().map(|rest| rest.page).or_else(|| take(&mut open.pages, direction));
            let Some(page) = next else {
                self.current = None;
                continue;
            };
            let times = open.times.read_times(page).map_err(error)?;
            let (rows, rest) = Rest::take((page, &times), rest, self.cut.rows, direction);
            self.rest = rest;
            let values = open
                .columns
                .iter()
                .map(|column| match column {
                    Some(column) if !column.pages().get(page).is_none_or(|page| page.is_null()) => {
                        let values = column.read_values(page, times.len()).map_err(error)?;
                        Ok(Some(rows_of(&values, &rows)))
                    }
                    _ => Ok(None),
                })
                .collect::<Result<Vec<_>, _>>()?;
            if let Some(block) = self.cut.block(&times_of(times, &rows), values) {
                return Ok(Some(block));
            }
        }
    }
}
