//! Aggregates of whole series by windows of time, from summaries where these will do.
//!
//! Each series is read on its own; nothing is joined. Windows are worked on in batches: every series is fed into the
//! batch's groups, then the groups become rows.
//!
//! ```text
//!            window 0   window 1   window 2 │ next batch
//!   series a ═══════════╪══════════╪═══════ │      a piece that goes on behind the batch is kept for the next
//!   series b ═══════════╪═══  ═════╪═══════ │
//!               ▼           ▼          ▼
//!   aggregates   group 0     group 1    group 2  ──▶ one chunk of three rows
//! ```
//! Windows may be worked on from the last one on. Series are read forwards all the same, for each batch anew.

use std::{collections::VecDeque, fmt, sync::Arc};

use arrow_array::{Array, Int64Array, RecordBatch, UInt32Array};
use levada_model::Path;
use levada_storage::{
    Direction, Piece, PieceIterator, Pieces, RowIterator, StorageError, TimeRange, View, Windows,
};

use crate::{
    Cancellation, QueryError,
    aggregate::{Accumulator, Aggregate, Needs, Rows},
    chunk::{Chunk, Chunks, made_by},
    context::{Budget, Reservation},
    window::{Window, WindowSequence},
};

/// How many windows a batch has at most that is read for itself.
const MOST_WINDOWS: usize = 1 << 14;

/// A series, and the aggregates it belongs to by their index.
#[derive(Clone, Debug)]
pub(crate) struct SeriesInput {
    pub(crate) device: Path,
    pub(crate) measurement: Arc<str>,
    pub(crate) targets: Vec<usize>,
}

/// Aggregates of series; a row for each window.
pub(crate) struct AggregatePieces {
    view: Arc<dyn View>,
    inputs: Vec<(SeriesInput, Cursor)>,
    needs: Vec<Needs>,
    accumulators: Vec<Box<dyn Accumulator>>,
    windows: WindowSequence,
    /// The first window behind the batch, which ends what a batch keeps.
    ahead: Option<Window>,
    range: TimeRange,
    batch: usize,
    cancellation: Cancellation,
    /// For what cursors hold between two batches.
    memory: Reservation,
}

/// How far a series was read.
#[derive(Default)]
enum Cursor {
    #[default]
    Closed,
    Open {
        pieces: PieceIterator,
        /// Pieces that reach into windows to come.
        kept: VecDeque<Piece>,
        /// Bytes reserved for both.
        held: usize,
    },
    Done,
}

impl Cursor {
    /// What was reserved for it, which is no longer.
    fn release(&mut self) -> usize {
        match self {
            Self::Open { held, .. } => std::mem::take(held),
            Self::Closed | Self::Done => 0,
        }
    }
}

/// Rows as pieces.
struct Scanned {
    rows: RowIterator,
    /// The largest batch as yet: about what is held of the next.
    batch: usize,
}

impl Iterator for Scanned {
    type Item = Result<Piece, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.rows.next()?;
        self.batch = self.batch.max(batch.as_ref().map_or(0, batch_bytes));
        Some(batch.map(Piece::Rows))
    }
}

impl Pieces for Scanned {
    fn held_bytes(&self) -> usize {
        self.batch
    }
}

/// Bytes of the rows of a batch, whatever it is cut from.
fn batch_bytes(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(|column| column.to_data().get_slice_memory_size().unwrap_or(0)).sum()
}

fn piece_bytes(piece: &Piece) -> usize {
    size_of::<Piece>() + if let Piece::Rows(batch) = piece { batch_bytes(batch) } else { 0 }
}

impl fmt::Debug for AggregatePieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AggregatePieces").field("windows", &self.windows).finish_non_exhaustive()
    }
}

impl AggregatePieces {
    /// `range` is what the condition leaves of time.
    pub(crate) fn new(
        view: Arc<dyn View>,
        inputs: Vec<SeriesInput>,
        aggregates: &[Aggregate],
        mut windows: WindowSequence,
        range: TimeRange,
        batch: usize,
        budget: &Budget,
    ) -> Self {
        let ahead = windows.next();
        Self {
            view,
            inputs: inputs.into_iter().map(|input| (input, Cursor::Closed)).collect(),
            needs: aggregates.iter().map(Aggregate::needs).collect(),
            accumulators: aggregates.iter().map(Aggregate::accumulator).collect(),
            windows,
            ahead,
            range,
            batch: batch.clamp(1, 1024),
            cancellation: Cancellation::default(),
            memory: budget.part("series that are summed up side by side"),
        }
    }

    /// Ends when it is told to, within a batch of windows and of rows.
    pub(crate) fn cancelled_by(mut self, cancellation: Cancellation) -> Self {
        self.cancellation = cancellation;
        self
    }

    /// Its rows.
    pub(crate) fn into_chunks(mut self) -> Chunks {
        made_by(move || self.advance())
    }

    fn advance(&mut self) -> Result<Option<Chunk>, QueryError> {
        let backwards = self.windows.is_backwards();
        let mut batch = Vec::new();
        while let Some(window) = self.ahead.filter(|_| batch.len() < self.batch) {
            batch.push(window);
            self.ahead = self.windows.next();
        }
        if batch.is_empty() {
            return Ok(None);
        }
        self.cancellation.check()?;
        if backwards {
            batch.reverse();
            // Who goes on is not to read the same chunk for each few windows.
            self.batch = (self.batch * 2).min(MOST_WINDOWS);
        }
        self.accumulators.iter_mut().for_each(|each| each.reserve(batch.len()));
        let mut inputs = std::mem::take(&mut self.inputs);
        for (input, cursor) in &mut inputs {
            let released = cursor.release();
            self.memory.shrink(released);
            self.feed(input, cursor, &batch)?;
            self.hold(cursor);
            for &target in &input.targets {
                self.accumulators[target].next_series();
            }
        }
        self.inputs = inputs;
        let times = batch.iter().map(|window| window.label).collect::<Int64Array>();
        let columns = self.accumulators.iter_mut().map(|each| each.finish(batch.len())).collect();
        let chunk = Chunk { times, columns };
        if !backwards {
            return Ok(Some(chunk));
        }
        let reversed = UInt32Array::from_iter_values((0..batch.len() as u32).rev());
        chunk.take(&reversed).map(Some)
    }

    /// Feeds a series into the windows of a batch.
    fn feed(&mut self, input: &SeriesInput, cursor: &mut Cursor, batch: &[Window]) -> Result<(), QueryError> {
        self.cancellation.check()?;
        if self.windows.panes().is_none() {
            // Each window is read on its own: the store cannot know where months begin.
            for (group, window) in batch.iter().enumerate() {
                self.read(input, window.range, None, std::slice::from_ref(window), group)?;
            }
            return Ok(());
        }
        if self.windows.is_backwards() {
            let (Some(first), Some(last)) = (batch.first(), batch.last()) else { return Ok(()) };
            // The last window to begin ends last.
            let range = TimeRange { start: first.range.start, end: last.range.end };
            return self.read(input, range, self.panes(), batch, 0);
        }
        if let Cursor::Closed = cursor {
            // What was closed for want of memory goes on at the batch.
            let start = batch.first().map_or(i64::MIN, |window| window.range.start);
            let ahead = TimeRange { start, end: self.windows.range().end };
            let range = intersect(ahead, self.range);
            *cursor = if range.is_empty() {
                Cursor::Done
            } else {
                Cursor::Open {
                    pieces: self.open(input, range, self.panes())?,
                    kept: VecDeque::new(),
                    held: 0,
                }
            };
        }
        let Cursor::Open { pieces, kept, .. } = cursor else { return Ok(()) };
        let end = batch.iter().map(|window| window.range.end).max().unwrap_or(i64::MIN);
        let next_start = self.ahead.map(|window| window.range.start);
        let mut still = VecDeque::new();
        // Where windows overlap by much, more may be kept than there is room for; it is read again then.
        let mut room = self.memory.most();
        loop {
            let piece = match kept.pop_front() {
                Some(piece) => piece,
                None => match pieces.next().transpose()? {
                    Some(piece) => piece,
                    None => {
                        if room == 0 {
                            *cursor = Cursor::Closed;
                        } else if still.is_empty() {
                            *cursor = Cursor::Done;
                        } else {
                            *kept = still;
                        }
                        return Ok(());
                    }
                },
            };
            let span = span(&piece);
            self.place(input, &piece, batch, 0)?;
            if next_start.is_some_and(|start| span.end >= start) {
                room = room.saturating_sub(piece_bytes(&piece));
                still.push_back(piece);
            }
            if room == 0 {
                still.clear();
            }
            if span.end > end && room == 0 {
                *cursor = Cursor::Closed;
                return Ok(());
            }
            if span.end > end {
                // What is behind this piece lies behind the batch.
                still.extend(kept.drain(..));
                *kept = still;
                return Ok(());
            }
        }
    }

    /// Reserves what a cursor holds until the next batch; one there is no room for is closed, and opened again.
    fn hold(&mut self, cursor: &mut Cursor) {
        let Cursor::Open { pieces, kept, held } = cursor else { return };
        let bytes = pieces.held_bytes() + kept.iter().map(piece_bytes).sum::<usize>();
        if self.memory.try_grow(bytes) {
            *held = bytes;
        } else {
            *cursor = Cursor::Closed;
        }
    }

    /// Stretches of time that no window cuts.
    fn panes(&self) -> Option<Windows> {
        self.windows.panes().map(|(origin, width)| Windows { origin, width })
    }

    /// Reads a series within a range into windows; the first of them is group `first`.
    fn read(
        &mut self,
        input: &SeriesInput,
        range: TimeRange,
        panes: Option<Windows>,
        windows: &[Window],
        first: usize,
    ) -> Result<(), QueryError> {
        let range = intersect(range, self.range);
        if range.is_empty() {
            return Ok(());
        }
        for piece in self.open(input, range, panes)? {
            self.place(input, &piece?, windows, first)?;
        }
        Ok(())
    }

    /// Pieces of a series, with all that its aggregates need.
    fn open(
        &self,
        input: &SeriesInput,
        range: TimeRange,
        windows: Option<Windows>,
    ) -> Result<PieceIterator, QueryError> {
        if input.targets.iter().any(|&target| self.needs[target] == Needs::Rows) {
            let rows = self.view.scan(
                &input.device,
                std::slice::from_ref(&input.measurement),
                range,
                Direction::Ascending,
            )?;
            return Ok(Box::new(Scanned { rows, batch: 0 }));
        }
        Ok(self.view.pieces(&input.device, &input.measurement, range, windows)?)
    }

    /// Adds a piece to the groups of the windows it touches; the first window is group `first`.
    fn place(
        &mut self,
        input: &SeriesInput,
        piece: &Piece,
        windows: &[Window],
        first: usize,
    ) -> Result<(), QueryError> {
        self.cancellation.check()?;
        match piece {
            Piece::Rows(batch) => {
                let rows = Chunk::from_scan(batch)?;
                self.place_rows(input, &rows, windows, first)
            }
            Piece::Summary(summary) => {
                let span = TimeRange { start: summary.start, end: summary.end };
                let covered = touched(windows, span).all(|(_, window)| window.range.covers(span));
                let enough = input.targets.iter().all(|&target| self.needs[target].met_by(summary));
                if !(covered && enough) {
                    let rows = self.view.scan(
                        &input.device,
                        std::slice::from_ref(&input.measurement),
                        intersect(span, self.range),
                        Direction::Ascending,
                    )?;
                    for batch in rows {
                        self.cancellation.check()?;
                        self.place_rows(input, &Chunk::from_scan(&batch?)?, windows, first)?;
                    }
                    return Ok(());
                }
                for (at, _) in touched(windows, span) {
                    for &target in &input.targets {
                        self.accumulators[target].summary(first + at, summary);
                    }
                }
                Ok(())
            }
        }
    }

    fn place_rows(
        &mut self,
        input: &SeriesInput,
        rows: &Chunk,
        windows: &[Window],
        first: usize,
    ) -> Result<(), QueryError> {
        let times = rows.times.values();
        let (Some(&start), Some(&end)) = (times.first(), times.last()) else { return Ok(()) };
        for (at, window) in touched(windows, TimeRange { start, end }) {
            let from = times.partition_point(|&time| time < window.range.start);
            let to = times.partition_point(|&time| time <= window.range.end);
            if from == to {
                continue;
            }
            for &target in &input.targets {
                let rows = Rows { times, inputs: &rows.columns };
                self.accumulators[target].rows(first + at, rows, from..to)?;
            }
        }
        Ok(())
    }
}

/// The windows, sorted by start, that have a time in common with a stretch.
fn touched(windows: &[Window], span: TimeRange) -> impl Iterator<Item = (usize, &Window)> {
    // Windows all have about one width, so ends are sorted as well.
    let from = windows.partition_point(|window| window.range.end < span.start);
    windows[from..]
        .iter()
        .enumerate()
        .take_while(move |(_, window)| window.range.start <= span.end)
        .map(move |(at, window)| (from + at, window))
}

/// From the first to the last time of a piece.
fn span(piece: &Piece) -> TimeRange {
    match piece {
        Piece::Summary(summary) => TimeRange { start: summary.start, end: summary.end },
        Piece::Rows(batch) => {
            let ends = Chunk::from_scan(batch).ok().and_then(|rows| {
                let times = rows.times.values();
                Some(TimeRange { start: *times.first()?, end: *times.last()? })
            });
            ends.unwrap_or(TimeRange { start: i64::MAX, end: i64::MIN })
        }
    }
}

/// The times two ranges have in common.
pub(crate) fn intersect(a: TimeRange, b: TimeRange) -> TimeRange {
    TimeRange { start: a.start.max(b.start), end: a.end.min(b.end) }
}
