//! A series on the way to an aggregate: as summaries where nothing speaks against it, else as rows.

use std::{collections::VecDeque, sync::Arc};

use arrow_schema::SchemaRef;
use levada_model::DataType;
use levada_tsfile::Statistics;

use super::{
    Merge,
    batches::Batches,
    block::schema_of,
    plan::{Item, Part},
};
use crate::{Direction, Piece, StorageError, Summary, TimeRange, Windows};

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
    /// Pages of a chunk that lies across windows.
    ready: VecDeque<Piece>,
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
            ready: VecDeque::new(),
            failed: false,
        }
    }

    fn schema(&mut self) -> SchemaRef {
        let schema = self
            .schema
            .get_or_insert_with(|| schema_of(std::iter::once((&*self.measurement, self.data_type))));
        Arc::clone(schema)
    }

    /// Takes the parts that overlap the first, directly or through others.
    fn cluster(&mut self) -> Vec<Item> {
        let Some(first) = self.items.pop_front() else { return Vec::new() };
        let mut end = first.range.end;
        let mut cluster = vec![first];
        while let Some(next) = self.items.pop_front_if(|next| next.range.start <= end) {
            end = end.max(next.range.end);
            cluster.push(next);
        }
        cluster
    }

    fn within_a_window(&self, range: TimeRange) -> bool {
        let Some(Windows { origin, width }) = self.windows else { return true };
        let window = |time: i64| (i128::from(time) - i128::from(origin)).div_euclid(i128::from(width));
        window(range.start) == window(range.end)
    }

    fn advance(&mut self) -> Result<Option<Piece>, StorageError> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Ok(Some(piece));
            }
            if let Some(rows) = &mut self.rows {
                match rows.next() {
                    Some(batch) => return Ok(Some(Piece::Rows(batch?))),
                    None => self.rows = None,
                }
            }
            let mut cluster = self.cluster();
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
                    self.pages(&cut, &chunk)?;
                    continue;
                }
            }
            let inputs = cluster.into_iter().map(|item| item.part.into_input(item.rank)).collect();
            let merge = Merge::new(inputs, Direction::Ascending, vec![self.data_type]);
            self.rows = Some(Batches::new(merge, self.schema(), Direction::Ascending));
        }
    }

    /// A chunk of a plain device page by page.
    fn pages(
        &mut self,
        cut: &super::chunks::Cut,
        chunk: &levada_tsfile::ChunkMeta,
    ) -> Result<(), StorageError> {
        let error = |error| cut.file.error(error);
        let schema = self.schema();
        let reader = cut.file.reader()?.read_chunk(chunk).map_err(error)?;
        for (index, page) in reader.pages().iter().enumerate() {
            let known = page.statistics().filter(|statistics| {
                self.within_a_window(TimeRange { start: statistics.start(), end: statistics.end() })
            });
            if let Some(statistics) = known {
                self.ready.push_back(Piece::Summary(summary(statistics)));
                continue;
            }
            let page = reader.read_page(index).map_err(error)?;
            let block = super::Block { times: page.times.values().clone(), columns: vec![Some(page.values)] };
            for from in (0..block.rows()).step_by(super::BLOCK_ROWS) {
                let part = block.slice(from, super::BLOCK_ROWS.min(block.rows() - from));
                self.ready.push_back(Piece::Rows(part.to_batch(&schema, false)));
            }
        }
        Ok(())
    }
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
