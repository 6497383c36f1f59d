//! The states of aggregates, for many columns at once.
//!
//! ```text
//!   bank 0: count       slot 0 │ slot 1 │ slot 2 │ …      a slot for each column, or several that show the same
//!   bank 1: max, INT32  slot 0 │ …                        in a slot a group for each window of the batch
//! ```
//!
//! `count(*)` over a million series is one accumulator of a million groups.

use std::sync::Arc;

use arrow_array::{ArrayRef, UInt64Array};
use arrow_ord::ord::{DynComparator, make_comparator};
use arrow_schema::SortOptions;
use arrow_select::take::take;

use crate::{
    QueryError,
    aggregate::{Accumulator, Aggregate, Needs},
};

/// How many banks are looked through for one of the same aggregate.
const LOOKED_THROUGH: usize = 16;

/// Where the values of a series go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) bank: u32,
    pub(crate) slot: u32,
}

/// Aggregates that are asked for, and how often each.
#[derive(Debug, Default)]
pub(crate) struct Banks(Vec<(Aggregate, u32)>);

impl Banks {
    /// A slot for an aggregate.
    pub(crate) fn slot(&mut self, aggregate: &Aggregate) -> Slot {
        let last = self.0.len().saturating_sub(LOOKED_THROUGH);
        let known = self.0[last..].iter().position(|(each, _)| each.is_same(aggregate));
        let bank = known.map_or(self.0.len(), |at| last + at);
        if bank == self.0.len() {
            self.0.push((aggregate.clone(), 0));
        }
        let slots = &mut self.0[bank].1;
        *slots += 1;
        Slot { bank: bank as u32, slot: *slots - 1 }
    }

    /// How many slots there are.
    pub(super) fn slots(&self) -> usize {
        self.0.iter().map(|(_, slots)| *slots as usize).sum()
    }

    /// Their states.
    pub(super) fn states(&self) -> Vec<State> {
        let state = |(aggregate, slots): &(Aggregate, u32)| State {
            accumulator: aggregate.accumulator(),
            needs: aggregate.needs(),
            slots: *slots as usize,
        };
        self.0.iter().map(state).collect()
    }
}

/// A bank's states.
#[derive(Debug)]
pub(super) struct State {
    pub(super) accumulator: Box<dyn Accumulator>,
    pub(super) needs: Needs,
    slots: usize,
}

impl State {
    /// Makes room for so many windows.
    pub(super) fn reserve(&mut self, windows: usize) {
        self.accumulator.reserve(self.slots * windows);
    }

    fn finish(&mut self, windows: usize) -> Result<Values, QueryError> {
        let array = self.accumulator.finish(self.slots * windows)?;
        let several = self.slots > 1;
        let equal = several.then(|| make_comparator(&array, &array, SortOptions::default())).transpose()?;
        Ok(Values { array, equal, windows, last: None })
    }
}

/// The values of some slots of banks, an array for each: a value for each of so many windows, whose states are forgotten.
pub(super) fn finish(
    states: &mut [State],
    columns: &[Slot],
    windows: usize,
) -> Result<Vec<ArrayRef>, QueryError> {
    let mut banks =
        states.iter_mut().map(|state| state.finish(windows)).collect::<Result<Vec<_>, QueryError>>()?;
    columns.iter().map(|column| banks[column.bank as usize].column(column.slot as usize)).collect()
}

/// What came of a bank.
struct Values {
    array: ArrayRef,
    /// Where there are several slots.
    equal: Option<DynComparator>,
    windows: usize,
    last: Option<(usize, ArrayRef)>,
}

impl Values {
    /// A column of its own, so that what holds on to one column does not hold all; columns of one content that follow each
    /// other share it.
    fn column(&mut self, slot: usize) -> Result<ArrayRef, QueryError> {
        let (start, windows) = (slot * self.windows, self.windows);
        let Some(equal) = &self.equal else { return Ok(Arc::clone(&self.array)) };
        if let Some((last, column)) = &self.last
            && (0..windows).all(|window| equal(last * windows + window, start + window).is_eq())
        {
            return Ok(Arc::clone(column));
        }
        let rows = UInt64Array::from_iter_values((start..start + windows).map(|row| row as u64));
        let column = take(&self.array, &rows, None)?;
        self.last = Some((slot, Arc::clone(&column)));
        Ok(column)
    }
}
