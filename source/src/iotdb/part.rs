//! A part of a query: one split, from its position to its end.

use std::{fmt, ops::Range, sync::Arc};

use arrow_array::RecordBatch;
use futures::{StreamExt, stream::BoxStream};
use levada_connector_api::{
    Batch, Error, Readings, Result,
    model::{Path, SessionError, SplitName, SplitRange},
};

use super::{layout::Layout, place::Place, query::Query};

/// How far a part is after its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Rows come by time: behind each batch it is at its last row.
    Rows,
    /// At its end it is behind the latest row.
    End,
    /// At its end it is behind this moment: all was computed as of then.
    Moment(i64),
}

/// Where rows come from.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) place: Arc<Place>,
    pub(super) query: Arc<Query>,
    /// What the option `as` says.
    pub(super) given: Option<Path>,
    /// The time of rows that have none.
    pub(super) moment: i64,
}

/// A part of a query.
pub(super) struct Part {
    origin: Origin,
    split: SplitName,
    /// Of which device alone; of all where `None`.
    device: Option<Path>,
    /// The times that are asked for.
    times: Range<i64>,
    /// Whether rows before the position can be left out by a condition, rather than here.
    narrows: bool,
    progress: Progress,
    /// All rows before this time were handed out.
    position: u64,
    /// The latest row since the rows were opened.
    latest: Option<i64>,
    open: Option<Open>,
    ended: bool,
}

/// Rows under way.
struct Open {
    rows: BoxStream<'static, Result<RecordBatch, SessionError>>,
    layout: Layout,
}

impl Part {
    /// All rows of the query.
    pub(super) fn new(origin: Origin, split: SplitName, progress: Progress, position: u64) -> Self {
        Self {
            origin,
            split,
            device: None,
            times: i64::MIN..i64::MAX,
            narrows: false,
            progress,
            position,
            latest: None,
            open: None,
            ended: false,
        }
    }

    /// Those of one device.
    #[must_use]
    pub(super) fn of(self, device: Path) -> Self {
        Self { device: Some(device), ..self }
    }

    /// Those within a range of times, and behind the position, by a condition on the time.
    #[must_use]
    pub(super) fn within(self, times: Range<i64>) -> Self {
        Self { times, narrows: true, ..self }
    }

    /// The next batch; `None` at the end. After an error it goes on behind the last batch, or, where its rows come in no order of
    /// time, from its beginning.
    pub(super) async fn step(&mut self) -> Result<Option<Batch>> {
        while !self.ended {
            match self.read().await {
                Ok(Some(batch)) if batch.is_empty() => {}
                Ok(Some(batch)) => return Ok(Some(batch)),
                Ok(None) => {
                    self.ended = true;
                    return Ok(self.end());
                }
                Err(error) => {
                    (self.open, self.latest) = (None, None);
                    return Err(error);
                }
            }
        }
        Ok(None)
    }

    async fn read(&mut self) -> Result<Option<Batch>> {
        if self.open.is_none() {
            let times = self.times_left();
            let done = matches!(self.progress, Progress::Moment(moment) if self.position > position(moment));
            if times.is_empty() || done {
                return Ok(None);
            }
            self.open = Some(self.ask(&times).await?);
        }
        let Some(open) = &mut self.open else { return Ok(None) };
        match open.rows.next().await {
            None => Ok(None),
            Some(Err(error)) => Err(self.failed(error)),
            Some(Ok(rows)) => self.batch(&rows).map(Some),
        }
    }

    async fn ask(&mut self, times: &Range<i64>) -> Result<Open> {
        let Origin { place, query, given, moment } = &self.origin;
        let session = place.session().await?;
        let statement = query.part(self.device.as_ref(), times);
        let rows = session.query(&statement).await.map_err(|error| self.failed(error))?;
        let layout = Layout::new(rows.has_time, &rows.columns, query, self.device.as_ref(), given.as_ref())?;
        if !layout.has_time() {
            self.progress = Progress::Moment(*moment);
        }
        Ok(Open { rows: rows.batches, layout })
    }

    /// The times that are still to be asked for.
    fn times_left(&self) -> Range<i64> {
        let position = i64::try_from(self.position).unwrap_or(i64::MAX);
        let start =
            if self.narrows && position > 0 { self.times.start.max(position) } else { self.times.start };
        start..self.times.end
    }

    fn batch(&mut self, rows: &RecordBatch) -> Result<Batch> {
        let Some(open) = &self.open else { return Ok(Batch::default()) };
        let mut times = open.layout.times(rows, self.origin.moment)?;
        let mut rows = rows.clone();
        if self.progress == Progress::Rows && !self.narrows && self.position > 0 {
            let known = times.values().partition_point(|&time| position(time) < self.position);
            (rows, times) =
                (rows.slice(known, rows.num_rows() - known), times.slice(known, times.len() - known));
        }
        let tablets = open.layout.tablets(&rows, &times)?;
        self.latest = times.values().iter().copied().max().max(self.latest);
        let positions = match (self.progress, self.latest) {
            (_, None) => Vec::new(),
            (Progress::Rows, Some(latest)) => vec![self.advance(latest)],
            // A range that says nothing new: so the split's last one is not settled before these rows are.
            _ => vec![SplitRange { split: self.split.clone(), range: self.position..self.position }],
        };
        Ok(Batch {
            readings: tablets.into_iter().map(Readings::synthetic).collect(),
            positions,
            rejected: Vec::new(),
        })
    }

    /// What is behind the last row.
    fn end(&mut self) -> Option<Batch> {
        let until = match self.progress {
            Progress::Rows => return None,
            Progress::End => self.latest?,
            Progress::Moment(moment) if self.position > position(moment) => return None,
            Progress::Moment(moment) => moment,
        };
        Some(Batch { positions: vec![self.advance(until)], ..Batch::default() })
    }

    /// All up to a time was handed out.
    fn advance(&mut self, until: i64) -> SplitRange {
        let from = self.position;
        self.position = from.max(position(until.saturating_add(1)));
        SplitRange { split: self.split.clone(), range: from..self.position }
    }

    fn failed(&self, error: SessionError) -> Error {
        let error = self.origin.place.failed(error).with("query", &self.origin.query.text);
        match &self.device {
            Some(device) => error.with("device", device),
            None => error,
        }
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part")
            .field("split", &self.split)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

/// The position before a time. Times before 1970 have none of their own.
pub(super) fn position(time: i64) -> u64 {
    u64::try_from(time).unwrap_or(0)
}
