//! Merges streams of rows by time: all rows of all of them, rows of one time in the order of the streams.

use arrow_array::UInt32Array;
use levada_storage::Direction;

use crate::{
    QueryError,
    chunk::{Chunk, Chunks, made_by},
    context::{Budget, Reservation},
};

/// Merges streams whose times all grow, or all fall; they have the same columns.
pub(crate) fn merge(inputs: Vec<Chunks>, direction: Direction, rows: usize, budget: &Budget) -> Chunks {
    let mut merge = Merge {
        inputs: inputs.into_iter().map(|chunks| Input { chunks, head: None, held: 0 }).collect(),
        direction,
        rows: rows.max(1),
        memory: budget.part("rows of many devices in order of time"),
    };
    made_by(move || merge.advance())
}

struct Merge {
    inputs: Vec<Input>,
    direction: Direction,
    rows: usize,
    memory: Reservation,
}

struct Input {
    chunks: Chunks,
    head: Option<Chunk>,
    /// The bytes of the chunk the head is the rest of.
    held: usize,
}

impl Merge {
    fn key(&self, time: i64) -> i64 {
        match self.direction {
            Direction::Ascending => time,
            Direction::Descending => !time,
        }
    }

    fn advance(&mut self) -> Result<Option<Chunk>, QueryError> {
        let mut at = 0;
        while let Some(input) = self.inputs.get_mut(at) {
            if input.head.is_some() {
                at += 1;
                continue;
            }
            self.memory.shrink(std::mem::take(&mut input.held));
            match input.chunks.next().transpose()? {
                Some(chunk) if chunk.is_empty() => {}
                Some(chunk) => {
                    input.held = chunk.bytes();
                    self.memory.grow(input.held)?;
                    input.head = Some(chunk);
                }
                None => drop(self.inputs.remove(at)),
            }
        }
        // No more of each head than makes a batch together; up to the least of their ends all rows are known.
        let quota = (self.rows / self.inputs.len().max(1)).max(1);
        let heads = self.inputs.iter().filter_map(|input| input.head.as_ref());
        let Some(bound) = heads.map(|head| self.key(head.times.value(head.rows().min(quota) - 1))).min()
        else {
            return Ok(None);
        };
        let mut parts = Vec::new();
        let direction = self.direction;
        for Input { head, .. } in &mut self.inputs {
            let Some(chunk) = head.take() else { continue };
            let key = |time: i64| if direction == Direction::Ascending { time } else { !time };
            let rows = chunk.times.values().partition_point(|&time| key(time) <= bound);
            if rows > 0 {
                parts.push(chunk.slice(0, rows));
            }
            if rows < chunk.rows() {
                *head = Some(chunk.slice(rows, chunk.rows() - rows));
            }
        }
        let all = Chunk::concat(&parts)?;
        if parts.len() == 1 {
            return Ok(Some(all));
        }
        let mut order: Vec<u32> = (0..all.rows() as u32).collect();
        order.sort_by_key(|&row| self.key(all.times.value(row as usize)));
        all.take(&UInt32Array::from(order)).map(Some)
    }
}
