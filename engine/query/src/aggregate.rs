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
mod edge;
mod extreme;
mod kind;
mod mode;
mod moments;
mod runs;
mod sum;
mod values;

use std::{fmt, ops::Range};

use arrow_array::ArrayRef;
use levada_storage::Summary;

pub(crate) use bound::Aggregate;
pub(crate) use kind::{BuiltIn, Keep, Kind};
pub use values::array_of;

use crate::QueryError;

/// Rows on their way into an aggregate.
#[derive(Clone, Copy, Debug)]
pub struct InputRows<'a> {
    /// The time of each.
    pub times: &'a [i64],
    /// A value for each, of every input.
    pub inputs: &'a [ArrayRef],
}

/// What of a summary an aggregate needs to do without the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
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
    pub fn met_by(self, summary: &Summary) -> bool {
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

/// An aggregate that was bound to a call: what makes the states of its groups. One may serve many columns of a query.
pub trait AggregateFunction: fmt::Debug + Send + Sync {
    /// States for its groups, none as yet.
    fn accumulator(&self) -> Box<dyn Accumulator>;

    /// What of a summary it needs to do without the rows.
    fn needs(&self) -> Needs {
        Needs::Rows
    }

    /// Whether rows of several series must not be mixed. They come series by series, each in order of time, otherwise.
    fn depends_on_order(&self) -> bool {
        false
    }

    /// Whether the series of one group may have values of other types than it was bound to.
    fn mixes_types(&self) -> bool {
        false
    }
}

/// The states of an aggregate's groups, which are numbered from 0. Called from one thread at a time, and dropped when the
/// query ends, early or not.
pub trait Accumulator: fmt::Debug + Send {
    /// Makes room for so many groups, at least.
    fn reserve(&mut self, groups: usize);

    /// Adds some of the rows to a group.
    ///
    /// # Errors
    /// A value cannot be taken; the query ends.
    fn rows(&mut self, group: usize, rows: InputRows<'_>, range: Range<usize>) -> Result<(), QueryError>;

    /// Adds rows that are known by a summary which meets [`AggregateFunction::needs`].
    fn summary(&mut self, _group: usize, _summary: &Summary) {}

    /// Adds what [`Accumulator::save`] gave of a group, here or in another process, of the same call with inputs of the same types.
    ///
    /// # Errors
    /// It does not save, or this is not what it saved.
    fn combine(&mut self, group: usize, saved: &[u8]) -> Result<(), QueryError> {
        let _ = (group, saved);
        Err(QueryError::semantic("it does not save what it holds"))
    }

    /// What there is to store of a group, which stays; `None` where it does not save.
    ///
    /// # Errors
    /// It failed.
    fn save(&mut self, group: usize) -> Result<Option<Vec<u8>>, QueryError> {
        let _ = group;
        Ok(None)
    }

    /// The values of the first groups, which are forgotten: those behind move to the front.
    ///
    /// # Errors
    /// A value cannot be computed; the query ends.
    fn finish(&mut self, groups: usize) -> Result<ArrayRef, QueryError>;
}
