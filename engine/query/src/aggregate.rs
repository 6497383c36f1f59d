//! Aggregates: many rows to one value, for many groups at once.
//!
//! ```text
//!   rows or summaries ──▶ group 0 │ group 1 │ group 2 │ …      one state each, in a vector
//!                         finish(2): the first two become an array, the others move to the front
//! ```
//!
//! A group is a window of time or of rows, or all there is. Rows of a group may come in any order and from several
//! series; each says its time.

mod bound;
mod by;
mod count;
mod definitions;
mod edge;
mod extreme;
mod mode;
mod moments;
mod runs;
mod sum;
mod values;

use std::{fmt, ops::Range};

use arrow_array::ArrayRef;
use levada_storage::Summary;

pub(crate) use bound::{Aggregate, AggregateDefinition, Keep};
pub(crate) use definitions::definitions;
pub(crate) use values::array_of;

use crate::QueryError;

/// Rows on their way into an aggregate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a> {
    /// The time of each.
    pub(crate) times: &'a [i64],
    /// A value for each, of every input.
    pub(crate) inputs: &'a [ArrayRef],
}

/// What of a summary an aggregate needs to do without the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Count and times, which every summary has.
    Times,
    /// The sum as well.
    Sum,
    /// The first value.
    First,
    /// The last value.
    Last,
    /// The least and the greatest value.
    Extremes,
    /// Every row: no summary will do.
    Rows,
}

impl Needs {
    /// Whether a summary will do.
    pub(crate) fn met_by(self, summary: &Summary) -> bool {
        match self {
            Self::Times => true,
            Self::Sum => summary.sum.is_some(),
            Self::First => summary.first.is_some(),
            Self::Last => summary.last.is_some(),
            Self::Extremes => summary.min.is_some() && summary.max.is_some(),
            Self::Rows => false,
        }
    }
}

/// The states of an aggregate's groups.
pub(crate) trait Accumulator: fmt::Debug + Send {
    /// Makes room for so many groups, at least.
    fn reserve(&mut self, groups: usize);

    /// Adds some of the rows to a group.
    fn rows(&mut self, group: usize, rows: Rows<'_>, range: Range<usize>) -> Result<(), QueryError>;

    /// Adds rows that are known by a summary which meets [`Aggregate::needs`].
    fn summary(&mut self, group: usize, summary: &Summary);

    /// What follows is of another series.
    fn next_series(&mut self) {}

    /// The values of the first groups, which are forgotten.
    fn finish(&mut self, groups: usize) -> ArrayRef;
}
