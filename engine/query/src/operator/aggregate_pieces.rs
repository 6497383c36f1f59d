//! Aggregates of whole series by windows of time, from summaries where these will do.
//!
//! Each series is read on its own, device by device; nothing is joined. Windows are worked on in batches: every series is fed
//! into the batch's groups, then the groups become rows.
//!
//! ```text
//!            window 0   window 1   window 2 │ next batch
//!   series a ═══════════╪══════════╪═══════ │      a piece that goes on behind the batch is kept for the next
//!   series b ═══════════╪═══  ═════╪═══════ │
//!               ▼           ▼          ▼
//!   slots        group 0     group 1    group 2  ──▶ one chunk of three rows
//! ```
//! Windows may be worked on from the last one on. Series are read forwards all the same, for each batch anew.

mod banks;
mod cursor;
mod input;

use std::{collections::VecDeque, fmt, sync::Arc};

use arrow_array::{Int64Array, UInt32Array};
use levada_storage::{Direction, Piece, PieceIterator, TimeRange, View, Windows};

pub(crate) use banks::{Banks, Slot};
pub(crate) use input::{DeviceInput, Inputs};

use self::{
    banks::State,
    cursor::{Cursor, Scanned, piece_bytes, span},
};
use crate::{
    Cancellation, QueryError,
    aggregate::{InputRows, Needs},
    chunk::{Chunk, Chunks, made_by},
    context::{Budget, Reservation},
    window::{Window, WindowSequence},
};

/// How many windows a batch has at most that is read for itself.
const MOST_WINDOWS: usize = 1 << 14;
/// How many groups are open at once, where there are not more slots.
const GROUPS: usize = 1 << 22;

/// What is summed up, and what comes of it.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) inputs: Vec<DeviceInput>,
    pub(crate) banks: Banks,
    /// The columns of the result.
    pub(crate) columns: Vec<Slot>,
}

/// Aggregates of series; a row for each window.
pub(crate) struct AggregatePieces {
    view: Arc<dyn View>,
    /// The cursors of each device's series, where they are kept from batch to batch.
    inputs: Vec<(DeviceInput, Vec<Cursor>)>,
    states: Vec<State>,
    columns: Vec<Slot>,
    windows: WindowSequence,
    /// Whether a last column says where each window ends.
    ends: bool,
    /// The first window behind the batch, which ends what a batch keeps.
    ahead: Option<Window>,
    range: TimeRange,
    batch: usize,
    most: usize,
    cancellation: Cancellation,
    /// For what cursors hold between two batches.
    memory: Reservation,
}

impl fmt::Debug for AggregatePieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AggregatePieces").field("windows", &self.windows).finish_non_exhaustive()
    }
}

/// The series that is being fed: its device, and its place there.
type Fed<'a> = (&'a DeviceInput, usize);

/// Windows of a batch, and the number of the first.
type Open<'a> = (&'a [Window], usize);

impl AggregatePieces {
    /// `range` is what the condition leaves of time.
    pub(crate) fn new(
        view: Arc<dyn View>,
        asked: Asked,
        mut windows: WindowSequence,
        range: TimeRange,
        batch: usize,
        budget: &Budget,
    ) -> Self {
        let ahead = windows.next();
        let most = (GROUPS / asked.banks.slots().max(1)).clamp(1, MOST_WINDOWS);
        Self {
            view,
            inputs: asked.inputs.into_iter().map(|input| (input, Vec::new())).collect(),
            states: asked.banks.states(),
            columns: asked.columns,
            windows,
            ends: false,
            ahead,
            range,
            batch: batch.clamp(1, 1024).min(most),
            most,
            cancellation: Cancellation::default(),
            memory: budget.part("series that are summed up side by side"),
        }
    }

    /// With a last column that says where each window ends, or without.
    pub(crate) fn with_ends(self, ends: bool) -> Self {
        Self { ends, ..self }
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
            self.batch = (self.batch * 2).min(self.most);
        }
        self.states.iter_mut().for_each(|each| each.reserve(batch.len()));
        let mut inputs = std::mem::take(&mut self.inputs);
        for (input, cursors) in &mut inputs {
            self.feed(input, cursors, &batch)?;
        }
        self.inputs = inputs;
        let times = batch.iter().map(|window| window.label).collect::<Int64Array>();
        let mut columns = banks::finish(&mut self.states, &self.columns, batch.len())?;
        if self.ends {
            columns.push(Arc::new(batch.iter().map(|window| window.range.end).collect::<Int64Array>()));
        }
        let chunk = Chunk { times, columns };
        if !backwards {
            return Ok(Some(chunk));
        }
        let reversed = UInt32Array::from_iter_values((0..batch.len() as u32).rev());
        chunk.take(&reversed).map(Some)
    }

    /// Feeds a device's series into the windows of a batch.
    fn feed(
        &mut self,
        input: &DeviceInput,
        cursors: &mut Vec<Cursor>,
        batch: &[Window],
    ) -> Result<(), QueryError> {
        if self.windows.panes().is_none() {
            // Each window is read on its own: the store cannot know where months begin.
            for (group, window) in batch.iter().enumerate() {
                self.read(input, window.range, None, (std::slice::from_ref(window), group), batch.len())?;
            }
            return Ok(());
        }
        let (Some(first), Some(last)) = (batch.first(), batch.last()) else { return Ok(()) };
        if self.windows.is_backwards() {
            // The last window to begin ends last.
            let range = TimeRange { start: first.range.start, end: last.range.end };
            return self.read(input, range, self.panes(), (batch, 0), batch.len());
        }
        let ahead = TimeRange { start: first.range.start, end: self.windows.range().end };
        let range = ahead.intersect(self.range);
        if range.is_empty() {
            return Ok(());
        }
        let view = Arc::clone(&self.view);
        // All are opened at first, and what was closed for want of memory goes on at the batch.
        let mut opened = match cursors.is_empty() && !self.reads_rows(input) {
            true => Some(view.pieces_of(&input.device, &input.measurements, range, self.panes())?),
            false => None,
        };
        cursors.resize_with(input.measurements.len(), Cursor::default);
        for (series, cursor) in cursors.iter_mut().enumerate() {
            self.cancellation.check()?;
            let released = cursor.release();
            self.memory.shrink(released);
            if let Cursor::Closed = cursor {
                let pieces = match opened.as_mut().and_then(Iterator::next) {
                    Some(pieces) => pieces?,
                    None => self.open(input, series, range, self.panes())?,
                };
                *cursor = Cursor::Open { pieces, kept: VecDeque::new(), held: 0 };
            }
            self.feed_series((input, series), cursor, batch)?;
            self.hold(cursor);
        }
        Ok(())
    }

    /// Feeds what an open cursor has for the windows of a batch.
    fn feed_series(&mut self, fed: Fed<'_>, cursor: &mut Cursor, batch: &[Window]) -> Result<(), QueryError> {
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
            self.place(fed, &piece, (batch, 0), batch.len())?;
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

    /// Reads a device's series within a range into windows.
    fn read(
        &mut self,
        input: &DeviceInput,
        range: TimeRange,
        panes: Option<Windows>,
        windows: Open<'_>,
        width: usize,
    ) -> Result<(), QueryError> {
        let range = range.intersect(self.range);
        if range.is_empty() {
            return Ok(());
        }
        let view = Arc::clone(&self.view);
        let mut opened = match self.reads_rows(input) {
            true => None,
            false => Some(view.pieces_of(&input.device, &input.measurements, range, panes)?),
        };
        for series in 0..input.measurements.len() {
            self.cancellation.check()?;
            let pieces = match opened.as_mut().and_then(Iterator::next) {
                Some(pieces) => pieces?,
                None => self.open(input, series, range, panes)?,
            };
            for piece in pieces {
                self.place((input, series), &piece?, windows, width)?;
            }
        }
        Ok(())
    }

    /// Whether some aggregate of the device needs every row.
    fn reads_rows(&self, input: &DeviceInput) -> bool {
        let any = self.states.iter().any(|state| state.needs == Needs::Rows);
        any && (0..input.measurements.len()).any(|series| self.needs_rows(input, series))
    }

    fn needs_rows(&self, input: &DeviceInput, series: usize) -> bool {
        input.slots(series).iter().any(|slot| self.states[slot.bank as usize].needs == Needs::Rows)
    }

    /// Pieces of a series, with all that its aggregates need.
    fn open(
        &self,
        input: &DeviceInput,
        series: usize,
        range: TimeRange,
        windows: Option<Windows>,
    ) -> Result<PieceIterator, QueryError> {
        if self.needs_rows(input, series) {
            let measurement = std::slice::from_ref(&input.measurements[series]);
            let rows = self.view.scan(&input.device, measurement, range, Direction::Ascending)?;
            return Ok(Box::new(Scanned::new(rows)));
        }
        Ok(self.view.pieces(&input.device, &input.measurements[series], range, windows)?)
    }

    /// Adds a piece to the groups of the windows it touches; `width` is the number of windows in the batch.
    fn place(
        &mut self,
        (input, series): Fed<'_>,
        piece: &Piece,
        (windows, first): Open<'_>,
        width: usize,
    ) -> Result<(), QueryError> {
        self.cancellation.check()?;
        let slots = input.slots(series);
        let summary = match piece {
            Piece::Rows(batch) => {
                return self.place_rows(slots, &Chunk::from_scan(batch)?, (windows, first), width);
            }
            Piece::Summary(summary) => summary,
        };
        let span = TimeRange { start: summary.start, end: summary.end };
        let covered = touched(windows, span).all(|(_, window)| window.range.covers(span));
        let enough = slots.iter().all(|slot| self.states[slot.bank as usize].needs.met_by(summary));
        if !(covered && enough) {
            let rows = self.view.scan(
                &input.device,
                std::slice::from_ref(&input.measurements[series]),
                span.intersect(self.range),
                Direction::Ascending,
            )?;
            for batch in rows {
                self.cancellation.check()?;
                self.place_rows(slots, &Chunk::from_scan(&batch?)?, (windows, first), width)?;
            }
            return Ok(());
        }
        for (at, _) in touched(windows, span) {
            for slot in slots {
                let group = slot.slot as usize * width + first + at;
                self.states[slot.bank as usize].accumulator.summary(group, summary);
            }
        }
        Ok(())
    }

    fn place_rows(
        &mut self,
        slots: &[Slot],
        rows: &Chunk,
        (windows, first): Open<'_>,
        width: usize,
    ) -> Result<(), QueryError> {
        let times = rows.times.values();
        let (Some(&start), Some(&end)) = (times.first(), times.last()) else { return Ok(()) };
        for (at, window) in touched(windows, TimeRange { start, end }) {
            let from = times.partition_point(|&time| time < window.range.start);
            let to = times.partition_point(|&time| time <= window.range.end);
            if from == to {
                continue;
            }
            for slot in slots {
                let rows = InputRows { times, inputs: &rows.columns };
                let group = slot.slot as usize * width + first + at;
                self.states[slot.bank as usize].accumulator.rows(group, rows, from..to)?;
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
