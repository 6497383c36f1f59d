//! Where a transform puts what goes on.

use std::time::Instant;

use crate::{Batch, Readings, RejectedRecord};

/// Takes what a transform emits, output by output. Output 0 is the node itself; a transform with more of them
/// ([`TransformType::outputs`](crate::TransformType::outputs)) names them, and others read them as `NODE.OUTPUT`.
#[derive(Debug)]
pub struct Emitter {
    now: Instant,
    input: u64,
    emitted: Emitted,
}

/// What was emitted.
#[derive(Debug, Default)]
pub struct Emitted {
    /// Rows of output 0, and rejected records. It holds no positions.
    pub batch: Batch,
    /// Rows of the outputs from 1 on.
    pub others: Vec<Vec<Readings>>,
    /// Rows that went nowhere, as far as the transform says.
    pub left_out: usize,
}

impl Emitter {
    /// An emitter for the first batch. `now` is the time it is.
    pub fn new(now: Instant) -> Self {
        Self { now, input: 0, emitted: Emitted::default() }
    }

    /// The time of this call.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The number of the batch that is applied: one more than that of the batch before.
    pub fn input(&self) -> u64 {
        self.input
    }

    /// For whoever calls a transform: the time and the number of the next call.
    pub fn set(&mut self, now: Instant, input: u64) {
        (self.now, self.input) = (now, input);
    }

    /// Rows of output 0.
    pub fn emit(&mut self, readings: Readings) {
        self.emitted.batch.readings.push(readings);
    }

    /// Rows of any output.
    pub fn emit_to(&mut self, output: usize, readings: Readings) {
        let Some(other) = output.checked_sub(1) else { return self.emit(readings) };
        let others = &mut self.emitted.others;
        if others.len() <= other {
            others.resize_with(other + 1, Vec::new);
        }
        others[other].push(readings);
    }

    /// A batch's rows and rejected records, to output 0.
    pub fn pass(&mut self, batch: Batch) {
        if self.emitted.batch.is_empty() {
            self.emitted.batch = batch;
        } else {
            self.emitted.batch.append(batch);
        }
    }

    /// A record that cannot be handled.
    pub fn reject(&mut self, record: RejectedRecord) {
        self.emitted.batch.rejected.push(record);
    }

    /// Notes rows that go nowhere. Asked of transforms that hold something; of others they are those that came and did not go on.
    pub fn leave_out(&mut self, rows: usize) {
        self.emitted.left_out += rows;
    }

    /// Takes what was emitted since the last call.
    pub fn take(&mut self) -> Emitted {
        std::mem::take(&mut self.emitted)
    }
}

impl Emitted {
    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty() && self.others.iter().all(Vec::is_empty)
    }

    /// Rows of all outputs.
    pub fn rows(&self) -> usize {
        let others = self.others.iter().flatten().map(|each| each.tablet.rows()).sum::<usize>();
        self.batch.rows() + others
    }

    /// Adds what was emitted later.
    pub fn append(&mut self, later: Self) {
        self.left_out += later.left_out;
        self.batch.append(later.batch);
        if self.others.len() < later.others.len() {
            self.others.resize_with(later.others.len(), Vec::new);
        }
        for (known, more) in self.others.iter_mut().zip(later.others) {
            known.extend(more);
        }
    }
}
