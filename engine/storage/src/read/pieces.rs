//! A series on the way to an aggregate: as summaries where nothing speaks against it, else as rows.

use std::{collections::VecDeque, sync::Arc};

use arrow_schema::SchemaRef;
use levada_model::DataType;
use levada_tsfile::{ChunkReader, Statistics};

use super::{
    Cut, Merge,
    batches::Batches,
    cluster::next_cluster,
    plan::{Item, Part},
};
use crate::{
    Direction, Piece, StorageError, Summary, TimeRange, Windows,
    block::{BLOCK_ROWS, Block, schema_of},
};

/// The parts of a series, by time. Parts that overlap make a cluster, which must be read.
pub(super) struct Pieces {
    items: VecDeque<Item>,
    measurement: Arc<str>,
    data_type: DataType,
    /// Of batches; made when there is one, as most series are summed up unread.
    schema: Option<SchemaRef>,
    windows: Option<Windows>,
    /// The cluster being read.
    rows: Option<Batches>,
    /// A chunk that lies across windows.
    chunk: Option<Pages>,
    failed: bool,
}

impl Pieces {
    pub(super) fn new(
        mut items: Vec<Item>,
        measurement: &Arc<str>,
        data_type: DataType,
        windows: Option<Windows>,
    ) -> Self {
        items.sort_by_key(|item| (item.range.start, item.rank));
        Self {
            items: items.into(),
            measurement: Arc::clone(measurement),
            data_type,
            schema: None,
            windows,
            rows: None,
            chunk: None,
            failed: false,
        }
    }

    fn schema(&mut self) -> SchemaRef {
        let schema = self
            .schema
            .get_or_insert_with(|| schema_of(std::iter::once((&*self.measurement, self.data_type))));
        Arc::clone(schema)
    }

    fn within_a_window(&self, range: TimeRange) -> bool {
        let Some(Windows { origin, width }) = self.windows else { return true };
        let window = |time: i64| (i128::from(time) - i128::from(origin)).div_euclid(i128::from(width));
        window(range.start) == window(range.end)
    }

    fn advance(&mut self) -> Result<Option<Piece>, StorageError> {
        loop {
            if let Some(piece) = self.next_of_chunk()? {
                return Ok(Some(piece));
            }
            if let Some(rows) = &mut self.rows {
                match rows.next() {
                    Some(batch) => return Ok(Some(Piece::Rows(batch?))),
                    None => self.rows = None,
                }
            }
            let mut cluster = next_cluster(&mut self.items, |item| item.range);
            if cluster.is_empty() {
                return Ok(None);
            }
            if let [Item { part: Part::Chunk { cut, chunk }, range, .. }] = &cluster[..]
                && cut.range.covers(*range)
                && cut.columns[0].1.iter().all(|hidden| !hidden.range.overlaps(*range))
            {
                if self.within_a_window(*range) {
                    return Ok(Some(Piece::Summary(summary(&chunk.statistics))));
                }
                if chunk.time_offset.is_none()
                    && let Some(Item { part: Part::Chunk { cut, chunk }, .. }) = cluster.pop()
                {
                    let reader = cut.file.reader()?.read_chunk(&chunk);
                    let reader = reader.map_err(|error| cut.file.error(error))?;
                    self.chunk = Some(Pages { cut, reader, next: 0, rows: None });
                    continue;
                }
            }
            let inputs = cluster.into_iter().map(|item| item.part.into_input(item.rank)).collect();
            let merge = Merge::new(inputs, Direction::Ascending, vec![self.data_type]);
            self.rows = Some(Batches::new(merge, self.schema(), Direction::Ascending));
        }
    }

    /// The next piece of a chunk of a plain device that is read page by page.
    fn next_of_chunk(&mut self) -> Result<Option<Piece>, StorageError> {
        let schema = self.chunk.is_some().then(|| self.schema());
        while let (Some(mut pages), Some(schema)) = (self.chunk.take(), &schema) {
            if let Some(block) = pages.rows.take() {
                let rows = BLOCK_ROWS.min(block.rows());
                let piece = Piece::Rows(block.slice(0, rows).to_batch(schema, false));
                pages.rows = (rows < block.rows()).then(|| block.slice(rows, block.rows() - rows));
                self.chunk = Some(pages);
                return Ok(Some(piece));
            }
            let index = pages.next;
            let Some(page) = pages.reader.pages().get(index) else { break };
            pages.next += 1;
            let known = page.statistics().filter(|statistics| {
                self.within_a_window(TimeRange { start: statistics.start(), end: statistics.end() })
            });
            if let Some(piece) = known.map(|statistics| Piece::Summary(summary(statistics))) {
                self.chunk = Some(pages);
                return Ok(Some(piece));
            }
            let page = pages.reader.read_page(index).map_err(|error| pages.cut.file.error(error))?;
            let block = Block { times: page.times.values().clone(), columns: vec![Some(page.values)] };
            pages.rows = (block.rows() > 0).then_some(block);
            self.chunk = Some(pages);
        }
        Ok(None)
    }
}

/// A chunk that is read page by page: its bytes as they are in the file, and of one page rows.
struct Pages {
    cut: Cut,
    reader: ChunkReader,
    /// The next page.
    next: usize,
    /// What is left of the page before.
    rows: Option<Block>,
}

fn summary(statistics: &Statistics) -> Summary {
    Summary {
        count: statistics.count(),
        start: statistics.start(),
        end: statistics.end(),
        first: statistics.first(),
        last: statistics.last(),
        min: statistics.min(),
        max: statistics.max(),
        sum: statistics.sum(),
    }
}

impl Iterator for Pieces {
    type Item = Result<Piece, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let piece = self.advance();
        self.failed = piece.is_err();
        piece.transpose()
    }
}

impl crate::Pieces for Pieces {
    fn held_bytes(&self) -> usize {
        let chunk = self
            .chunk
            .as_ref()
            .map_or(0, |pages| pages.reader.held_bytes() + pages.rows.as_ref().map_or(0, Block::bytes));
        let rows = self.rows.as_ref().map_or(0, Batches::held_bytes);
        chunk + rows + self.items.len() * size_of::<Item>()
    }
}

#[cfg(test)]
mod tests;
