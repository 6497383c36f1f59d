//! Aggregates of rows by what the rows are: `variation`, `condition`, `session`, `count`.
//!
//! ```text
//!   control:  1.0 1.4 │ 2.2 2.1 │ 9.0        the first column of every chunk; the others are the aggregates' inputs
//!   groups:      0    │    1    │  2
//! ```
//! A row comes out for each group: its least time, the aggregates, and its greatest time. Rows may come newest first, and groups
//! are then made from the newest on.

use std::{fmt, ops::Range, sync::Arc};

use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array, cast::AsArray};
use levada_model::{DataType, Value};

use super::aggregate_rows::{RowAggregate, feed};
use crate::{
    QueryError,
    aggregate::{Accumulator, Keep},
    chunk::{Chunk, Chunks, made_by},
    expression::arithmetic::doubles,
};

/// Where groups of rows end.
#[derive(Clone, Debug)]
pub(crate) enum Segmenter {
    /// As long as the value stays within so much of the group's first one; equal where 0.
    Variation { delta: f64, ignore_null: bool, data_type: DataType },
    /// Runs of rows for which the control is true.
    Condition { keep: Option<Keep>, ignore_null: bool },
    /// As long as no gap between two times is wider.
    Session { gap: i64 },
    /// So many rows; a last group of fewer is left out.
    Count { rows: i64, ignore_null: bool },
}

impl Segmenter {
    /// What windows of rows are told apart by.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Variation { .. } => "variation",
            Self::Condition { .. } => "condition",
            Self::Session { .. } => "session",
            Self::Count { .. } => "count",
        }
    }
}

/// What a row is to the group before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// It belongs to the group; to a new one where none is open.
    Belongs,
    /// It is the first of a new group.
    Begins,
    /// It belongs to no group, and the group goes on behind it.
    Skipped,
    /// It belongs to no group and ends the one before.
    Ends,
}

/// The group rows are being added to.
#[derive(Clone, Debug)]
struct Open {
    first: i64,
    last: i64,
    rows: i64,
    /// The control's first value in it.
    base: Option<Value>,
}

pub(crate) struct AggregateSegments {
    input: Chunks,
    segmenter: Segmenter,
    aggregates: Vec<RowAggregate>,
    accumulators: Vec<Box<dyn Accumulator>>,
    open: Option<Open>,
    /// Least and greatest times of groups that are closed, and whether they come out.
    closed: Vec<(i64, i64, bool)>,
    ended: bool,
}

impl fmt::Debug for AggregateSegments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AggregateSegments").field("segmenter", &self.segmenter).finish_non_exhaustive()
    }
}

impl AggregateSegments {
    pub(crate) fn new(input: Chunks, segmenter: Segmenter, aggregates: Vec<RowAggregate>) -> Self {
        let accumulators = aggregates.iter().map(|each| each.aggregate.accumulator()).collect();
        Self { input, segmenter, aggregates, accumulators, open: None, closed: Vec::new(), ended: false }
    }

    /// Its rows.
    pub(crate) fn into_chunks(mut self) -> Chunks {
        made_by(move || self.advance())
    }

    fn advance(&mut self) -> Result<Option<Chunk>, QueryError> {
        while !self.ended {
            match self.input.next().transpose()? {
                Some(chunk) => self.work(&chunk)?,
                None => {
                    self.ended = true;
                    self.close();
                }
            }
            if !self.closed.is_empty() {
                let chunk = self.finish()?;
                if !chunk.is_empty() {
                    return Ok(Some(chunk));
                }
            }
        }
        Ok(None)
    }

    fn work(&mut self, chunk: &Chunk) -> Result<(), QueryError> {
        let control = Control::new(&self.segmenter, chunk)?;
        let mut run: Option<Range<usize>> = None;
        for row in 0..chunk.rows() {
            let role = self.role(&control, chunk, row);
            if role != Role::Belongs {
                self.add(chunk, run.take())?;
            }
            if matches!(role, Role::Begins | Role::Ends) {
                self.close();
            }
            if matches!(role, Role::Belongs | Role::Begins) {
                let time = chunk.times.value(row);
                let open = self.open.get_or_insert_with(|| Open {
                    first: time,
                    last: time,
                    rows: 0,
                    base: control.value(row),
                });
                open.last = time;
                open.rows += 1;
                run = Some(run.map_or(row..row + 1, |run| run.start..row + 1));
            }
        }
        self.add(chunk, run)
    }

    fn role(&self, control: &Control, chunk: &Chunk, row: usize) -> Role {
        match self.segmenter {
            Segmenter::Session { gap } => match &self.open {
                Some(open) if chunk.times.value(row).saturating_sub(open.last) > gap => Role::Begins,
                _ => Role::Belongs,
            },
            Segmenter::Count { rows, ignore_null } => match &self.open {
                _ if ignore_null && control.array.is_null(row) => Role::Skipped,
                Some(open) if open.rows >= rows => Role::Begins,
                _ => Role::Belongs,
            },
            Segmenter::Condition { ignore_null, .. } => match control.array.as_boolean_opt() {
                Some(truths) if truths.is_valid(row) && truths.value(row) => Role::Belongs,
                Some(truths) if truths.is_null(row) && ignore_null => Role::Skipped,
                _ => Role::Ends,
            },
            Segmenter::Variation { delta, ignore_null, .. } => {
                if ignore_null && control.array.is_null(row) {
                    return Role::Skipped;
                }
                match &self.open {
                    Some(open) if !control.is_near(row, open.base.as_ref(), delta) => Role::Begins,
                    _ => Role::Belongs,
                }
            }
        }
    }

    /// Adds rows to the open group.
    fn add(&mut self, chunk: &Chunk, run: Option<Range<usize>>) -> Result<(), QueryError> {
        let Some(run) = run else { return Ok(()) };
        let group = self.closed.len();
        self.accumulators.iter_mut().for_each(|each| each.reserve(group + 1));
        feed(&self.aggregates, &mut self.accumulators, group, chunk, &run)
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let comes_out = match self.segmenter {
            Segmenter::Condition { keep, .. } => keep.is_none_or(|keep| keep.holds(open.rows)),
            Segmenter::Count { rows, .. } => open.rows >= rows,
            _ => true,
        };
        self.closed.push((open.first.min(open.last), open.first.max(open.last), comes_out));
    }

    fn finish(&mut self) -> Result<Chunk, QueryError> {
        let groups = self.closed.len();
        let mut columns: Vec<ArrayRef> = self
            .accumulators
            .iter_mut()
            .map(|each| {
                each.reserve(groups);
                each.finish(groups)
            })
            .collect::<Result<_, QueryError>>()?;
        let closed = std::mem::take(&mut self.closed);
        columns.push(Arc::new(closed.iter().map(|group| group.1).collect::<Int64Array>()));
        let chunk = Chunk { times: closed.iter().map(|group| group.0).collect(), columns };
        let keep: BooleanArray = closed.iter().map(|group| Some(group.2)).collect();
        if keep.true_count() == groups { Ok(chunk) } else { chunk.filter(&keep) }
    }
}

/// The control column of a chunk.
struct Control {
    array: ArrayRef,
    data_type: DataType,
    /// Where differences are looked at.
    numbers: Option<arrow_array::Float64Array>,
}

impl Control {
    fn new(segmenter: &Segmenter, chunk: &Chunk) -> Result<Self, QueryError> {
        let array = Arc::clone(&chunk.columns[0]);
        Ok(match segmenter {
            Segmenter::Variation { delta, data_type, .. } => {
                let numbers = if *delta > 0.0 { Some(doubles(&array)?) } else { None };
                Self { array, data_type: *data_type, numbers }
            }
            _ => Self { array, data_type: DataType::Boolean, numbers: None },
        })
    }

    fn value(&self, row: usize) -> Option<Value> {
        match &self.numbers {
            Some(numbers) => numbers.is_valid(row).then(|| Value::Double(numbers.value(row))),
            None => Value::at(&self.array, self.data_type, row),
        }
    }

    fn is_near(&self, row: usize, base: Option<&Value>, delta: f64) -> bool {
        match (&self.numbers, base) {
            (Some(numbers), Some(Value::Double(base))) => {
                numbers.is_valid(row) && (numbers.value(row) - base).abs() <= delta
            }
            _ => self.value(row).as_ref() == base,
        }
    }
}
