//! Reads one device's series.

use std::{fmt, sync::Arc};

use levada_model::Path;
use levada_storage::{Direction, RowIterator, TimeRange, View};

use crate::{Cancellation, QueryError, chunk::Chunk};

/// A scan that opens its files when it is first pulled.
pub(crate) struct Scan {
    view: Arc<dyn View>,
    device: Path,
    measurements: Vec<Arc<str>>,
    range: TimeRange,
    direction: Direction,
    cancellation: Cancellation,
    rows: State,
}

enum State {
    Closed,
    Open(RowIterator),
    Done,
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan")
            .field("device", &self.device)
            .field("measurements", &self.measurements)
            .finish()
    }
}

impl Scan {
    pub(crate) fn new(
        view: Arc<dyn View>,
        device: Path,
        measurements: Vec<Arc<str>>,
        range: TimeRange,
        direction: Direction,
        cancellation: Cancellation,
    ) -> Self {
        let rows = if range.is_empty() { State::Done } else { State::Closed };
        Self { view, device, measurements, range, direction, cancellation, rows }
    }
}

impl Iterator for Scan {
    type Item = Result<Chunk, QueryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if !matches!(self.rows, State::Done)
            && let Err(error) = self.cancellation.check()
        {
            self.rows = State::Done;
            return Some(Err(error));
        }
        if let State::Closed = self.rows {
            match self.view.scan(&self.device, &self.measurements, self.range, self.direction) {
                Ok(rows) => self.rows = State::Open(rows),
                Err(error) => {
                    self.rows = State::Done;
                    return Some(Err(error.into()));
                }
            }
        }
        let State::Open(rows) = &mut self.rows else { return None };
        let next = rows.next();
        match next {
            Some(Ok(batch)) => Some(Chunk::from_scan(&batch)),
            Some(Err(error)) => {
                self.rows = State::Done;
                Some(Err(error.into()))
            }
            None => {
                self.rows = State::Done;
                None
            }
        }
    }
}
