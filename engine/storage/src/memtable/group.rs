//! Measurements of a device that come together, with their shared times.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_buffer::ScalarBuffer;
use levada_model::DataType;

use super::column::{GrowingColumn, bytes_of, text_bytes};
use crate::write::Incoming;

/// A chunk is frozen at so many rows.
const CHUNK_ROWS: usize = 4096;
/// A chunk is frozen before its texts in one column take so many bytes.
const CHUNK_TEXT_BYTES: usize = 8 << 20;

/// Rows that do not change any more.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) times: ScalarBuffer<i64>,
    pub(crate) columns: Vec<ArrayRef>,
}

/// A measurement and its type.
pub(crate) type Named = (Arc<str>, DataType);

/// What an append did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grown {
    /// Bytes that were taken.
    pub(crate) bytes: usize,
    /// Whether the rows' times grow strictly.
    pub(crate) sorted: bool,
    /// The newest of them.
    pub(crate) max_time: i64,
}

impl Grown {
    pub(crate) const NOTHING: Self = Self { bytes: 0, sorted: true, max_time: i64::MIN };
}

#[derive(Debug)]
pub(super) struct Group {
    /// By name.
    pub(super) columns: Vec<Named>,
    chunks: Vec<Chunk>,
    tail_times: Vec<i64>,
    tail: Vec<GrowingColumn>,
    rows: usize,
    /// From which row on a write's rows are, with the write's number; both grow.
    marks: Vec<(u64, usize)>,
    /// Whether times grow strictly over all rows.
    sorted: bool,
    last_time: i64,
    pub(super) min_time: i64,
    pub(super) max_time: i64,
}

/// What a reader gets of a group: its rows as they are now, in the order in which they came.
#[derive(Debug)]
pub(crate) struct GroupRows {
    /// For each column of the chunks, its place among the wanted ones.
    pub(crate) places: Vec<usize>,
    pub(crate) chunks: Vec<Chunk>,
    /// As in the group: rows from `.1` on came with write `.0` or a later one, up to the next mark's.
    pub(crate) marks: Vec<(u64, usize)>,
    pub(crate) rows: usize,
    pub(crate) sorted: bool,
}

impl Group {
    /// A group of columns that are sorted.
    pub(super) fn new(columns: Vec<Named>) -> Self {
        debug_assert!(columns.is_sorted_by(|a, b| a.0 < b.0), "columns come by name, each once");
        Self {
            columns,
            chunks: Vec::new(),
            tail_times: Vec::new(),
            tail: Vec::new(),
            rows: 0,
            marks: Vec::new(),
            sorted: true,
            last_time: i64::MIN,
            min_time: i64::MAX,
            max_time: i64::MIN,
        }
    }

    /// Appends rows, which must be told from those before where `switched`, or where those came up to `boundary`.
    pub(super) fn append(
        &mut self,
        seq: u64,
        boundary: u64,
        switched: bool,
        times: &[i64],
        columns: &[Incoming<'_>],
    ) -> Grown {
        if switched || self.marks.last().is_none_or(|(marked, _)| *marked <= boundary) {
            self.marks.push((seq, self.rows));
        }
        let texts = columns.iter().map(|column| text_bytes(column.values, column.data_type));
        let full = self.tail_times.len() + times.len() > CHUNK_ROWS
            || texts.zip(&self.tail).any(|(more, column)| column.text_bytes() + more > CHUNK_TEXT_BYTES);
        if full {
            self.freeze();
        }
        let (sorted, max_time) = self.order(times);
        if self.tail.is_empty() {
            // As many rows as fit a chunk where more are likely to come, else only these.
            let likely = if self.chunks.is_empty() {
                times.len()
            } else {
                CHUNK_ROWS / times.len().max(1) * times.len()
            };
            let rows = likely.max(times.len());
            self.tail_times.reserve_exact(rows);
            self.tail =
                self.columns.iter().map(|(_, data_type)| GrowingColumn::new(*data_type, rows)).collect();
        }
        self.tail_times.extend_from_slice(times);
        let mut bytes = size_of_val(times);
        for (tail, column) in self.tail.iter_mut().zip(columns) {
            tail.append(column.values);
            bytes += bytes_of(column.values, column.data_type);
        }
        self.rows += times.len();
        Grown { bytes, sorted, max_time }
    }

    /// Takes note of rows' times; says whether they grow strictly, and which is the newest.
    fn order(&mut self, times: &[i64]) -> (bool, i64) {
        let Some((&first, &last)) = times.first().zip(times.last()) else { return (true, i64::MIN) };
        let sorted = times.is_sorted_by(|a, b| a < b);
        self.sorted &= sorted && (self.rows == 0 || first > self.last_time);
        self.last_time = last;
        let (min, max) = if sorted {
            (first, last)
        } else {
            times.iter().fold((first, first), |(min, max), &time| (min.min(time), max.max(time)))
        };
        self.min_time = self.min_time.min(min);
        self.max_time = self.max_time.max(max);
        (sorted, max)
    }

    /// Which of its columns one is; cheap where it is that at `likely`.
    pub(super) fn position(&self, named: &Named, likely: usize) -> Option<usize> {
        if self.columns.get(likely) == Some(named) {
            return Some(likely);
        }
        self.columns.binary_search(named).ok()
    }

    /// Makes the tail a chunk.
    fn freeze(&mut self) {
        if self.tail_times.is_empty() {
            return;
        }
        let times = std::mem::take(&mut self.tail_times).into();
        let columns = std::mem::take(&mut self.tail).into_iter().map(GrowingColumn::frozen).collect();
        self.chunks.push(Chunk { times, columns });
    }

    /// The rows as they are now, for some columns; `None` where it has none of them.
    pub(super) fn rows(&self, wanted: &[Named]) -> Option<GroupRows> {
        let (mut places, mut own) = (Vec::new(), Vec::new());
        for (place, named) in wanted.iter().enumerate() {
            // Mostly they are wanted in their order.
            if let Some(column) = self.position(named, own.last().map_or(0, |last| last + 1)) {
                places.push(place);
                own.push(column);
            }
        }
        if self.rows == 0 || places.is_empty() {
            return None;
        }
        let frozen = self.chunks.iter().map(|chunk| Chunk {
            times: chunk.times.clone(),
            columns: own.iter().map(|&column| Arc::clone(&chunk.columns[column])).collect(),
        });
        let tail = (!self.tail_times.is_empty()).then(|| Chunk {
            times: self.tail_times.clone().into(),
            columns: own.iter().map(|&column| self.tail[column].copied()).collect(),
        });
        let chunks = frozen.chain(tail).collect();
        Some(GroupRows { places, chunks, marks: self.marks.clone(), rows: self.rows, sorted: self.sorted })
    }
}
