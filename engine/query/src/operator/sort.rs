//! Sorts rows within the query's memory: what is held at any moment is reserved, the copies that sorting makes included.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, UInt32Array};
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
    let mut sorted: Option<(Chunk, Reservation)> = None;
    let mut at = 0;
    Box::new(std::iter::from_fn(move || {
        if let Some((input, mut sorter)) = state.take() {
            match sorter.run(input) {
                Ok(chunk) => sorted = Some((chunk, sorter.memory)),
                Err(error) => return Some(Err(error)),
            }
        }
        let (chunk, _) = sorted.as_ref()?;
        let count = (chunk.rows() - at).min(rows.max(1));
        if count == 0 {
            sorted = None;
            return None;
        }
        at += count;
        Some(Ok(chunk.slice(at - count, count)))
    }))
}

/// Bytes for each row beside the rows: its position, its place in the order, and its index while that is made.
const ORDER_BYTES: usize = 4 + 4 + 8;

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
                self.rows = best.rows();
                self.held = vec![best];
            }
        }
        self.sorted()
    }

    /// What is held, sorted; the first `most` rows of it, which are what is reserved then.
    fn sorted(&mut self) -> Result<Chunk, QueryError> {
        if self.held.len() > 1 {
            // All of it as one chunk, beside what it is made of.
            self.memory.grow(self.held.iter().map(Chunk::bytes).sum())?;
        }
        let all = Chunk::concat(&self.held)?;
        self.held.clear();
        self.memory.free();
        self.memory.grow(all.bytes())?;
        if all.is_empty() {
            return Ok(all);
        }
        let mut columns = self
            .keys
            .iter()
            .map(|key| {
                let options = SortOptions { descending: key.descending, nulls_first: key.nulls_first };
                let values = key.expression.array(&all)?;
                if all.columns.iter().all(|column| !Arc::ptr_eq(column, &values)) {
                    self.memory.grow(values.get_array_memory_size())?;
                }
                Ok(SortColumn { values, options: Some(options) })
            })
            .collect::<Result<Vec<_>, QueryError>>()?;
        let rows = u32::try_from(all.rows())
            .map_err(|_| QueryError::Memory { what: "sorting rows", limit: u32::MAX as usize })?;
        self.memory.grow(all.rows() * ORDER_BYTES)?;
        let position: ArrayRef = Arc::new(UInt32Array::from_iter_values(0..rows));
        columns.push(SortColumn { values: position, options: None });
        let order = lexsort_to_indices(&columns, self.most)?;
        // The rows that are taken are a copy, too.
        let share = all.bytes() as f64 * (order.len() as f64 / all.rows() as f64);
        self.memory.grow(share as usize)?;
        let best = all.take(&order)?;
        drop((all, columns, order));
        self.memory.free();
        self.memory.grow(best.bytes())?;
        Ok(best)
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Int64Array;
    use levada_model::DataType;

    use super::*;
    use crate::{chunk::ready, expression::Kind};

    fn chunks(rows: i64) -> Vec<Chunk> {
        (0..rows / 1000)
            .map(|part| {
                let times: Vec<i64> = (part * 1000..(part + 1) * 1000).collect();
                Chunk { times: times.clone().into(), columns: vec![Arc::new(Int64Array::from(times))] }
            })
            .collect()
    }

    fn newest() -> SortKey {
        SortKey { expression: Expr::new(Kind::Time, DataType::Int64), descending: true, nulls_first: false }
    }

    fn run(rows: i64, most: Option<usize>, limit: usize) -> Result<Vec<i64>, QueryError> {
        let sorted = sort(ready(chunks(rows)), vec![newest()], most, 512, &Budget::new(limit));
        let mut times = Vec::new();
        for chunk in sorted {
            times.extend(chunk?.times.values().iter().copied());
        }
        Ok(times)
    }

    #[test]
    fn copies_that_a_sort_makes_count_against_its_memory() {
        // The rows alone are 1.6 MB; beside them stand one chunk of all, the order, and the rows in that order.
        let rows = 100_000;
        assert!(matches!(run(rows, None, 2 << 20), Err(QueryError::Memory { .. })));
        assert!(matches!(run(rows, None, 3 << 20), Err(QueryError::Memory { .. })));
        let sorted = run(rows, None, 8 << 20).expect("fits");
        assert!(sorted.iter().copied().eq((0..rows).rev()));
    }

    #[test]
    fn the_first_rows_of_many_take_no_more_than_some_of_them() {
        let first = run(1_000_000, Some(3), 8 << 20).expect("fits");
        assert_eq!(first, [999_999, 999_998, 999_997]);
    }

    #[test]
    fn what_is_sorted_stays_reserved_until_it_is_given() {
        let budget = Budget::new(8 << 20);
        let mut sorted = sort(ready(chunks(100_000)), vec![newest()], None, 50_000, &budget);
        assert!(sorted.next().is_some());
        assert!(budget.part("a test").grow(7 << 20).is_err(), "the rest is held");
        assert!(sorted.by_ref().count() == 1);
        budget.part("a test").grow(8 << 20).expect("all is free again");
    }
}
