//! Sorts rows within the query's memory.

use std::sync::Arc;

use arrow_array::{ArrayRef, UInt32Array};
use arrow_ord::sort::{SortColumn, SortOptions, lexsort_to_indices};

use crate::{
    QueryError,
    chunk::{Chunk, Chunks},
    context::{Budget, Reservation},
    expression::Expr,
};

/// What rows are sorted by.
#[derive(Clone, Debug)]
pub(crate) struct SortKey {
    pub(crate) expression: Expr,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
}

/// Sorts by keys, the first one first; equal rows keep their order. Where only the first `most` rows are wanted, only
/// about so many are held.
pub(crate) fn sort(
    input: Chunks,
    keys: Vec<SortKey>,
    most: Option<usize>,
    rows: usize,
    budget: &Budget,
) -> Chunks {
    let sorter = Sorter { keys, most, held: Vec::new(), rows: 0, memory: budget.part("sorting rows") };
    let mut state = Some((input, sorter));
    let mut sorted: Option<Chunk> = None;
    let mut at = 0;
    Box::new(std::iter::from_fn(move || {
        if let Some((input, mut sorter)) = state.take() {
            match sorter.run(input) {
                Ok(chunk) => sorted = Some(chunk),
                Err(error) => return Some(Err(error)),
            }
        }
        let chunk = sorted.as_ref()?;
        let count = (chunk.rows() - at).min(rows.max(1));
        if count == 0 {
            sorted = None;
            return None;
        }
        at += count;
        Some(Ok(chunk.slice(at - count, count)))
    }))
}

struct Sorter {
    keys: Vec<SortKey>,
    most: Option<usize>,
    held: Vec<Chunk>,
    rows: usize,
    memory: Reservation,
}

impl Sorter {
    fn run(&mut self, input: Chunks) -> Result<Chunk, QueryError> {
        let enough = self.most.map(|most| most.saturating_mul(4).max(1 << 16));
        for chunk in input {
            let chunk = chunk?;
            self.memory.grow(chunk.bytes())?;
            self.rows += chunk.rows();
            self.held.push(chunk);
            if enough.is_some_and(|enough| self.rows > enough) {
                let best = self.sorted()?;
                self.memory.free();
                self.memory.grow(best.bytes())?;
                self.rows = best.rows();
                self.held = vec![best];
            }
        }
        self.sorted()
    }

    /// What is held, sorted; the first `most` rows of it.
    fn sorted(&mut self) -> Result<Chunk, QueryError> {
        let all = Chunk::concat(&self.held)?;
        self.held.clear();
        if all.is_empty() {
            return Ok(all);
        }
        let mut columns = self
            .keys
            .iter()
            .map(|key| {
                let options = SortOptions { descending: key.descending, nulls_first: key.nulls_first };
                Ok(SortColumn { values: key.expression.array(&all)?, options: Some(options) })
            })
            .collect::<Result<Vec<_>, QueryError>>()?;
        let rows = u32::try_from(all.rows())
            .map_err(|_| QueryError::Memory { what: "sorting rows", limit: u32::MAX as usize })?;
        let position: ArrayRef = Arc::new(UInt32Array::from_iter_values(0..rows));
        columns.push(SortColumn { values: position, options: None });
        let order = lexsort_to_indices(&columns, self.most)?;
        all.take(&order)
    }
}
