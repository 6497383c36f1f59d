//! A record of several parts: elements of a list, lines of a text.
//!
//! Each part is taken or rejected for itself, and a line or an element of text that is rejected, here or by a sink, is what its dead
//! letter holds. Where no part is taken the record is rejected as a whole.

use std::ops::Range;

use levada_connector_api::BatchBuilder;

/// So many reasons are told of what is rejected together; the others are counted.
const TOLD: usize = 5;
/// So many rejected parts of a record have a letter each; the others are in one of the whole record.
const MOST_ALONE: usize = 1_000;

/// The parts of a record so far.
#[derive(Debug, Default)]
pub(super) struct Parts {
    taken: usize,
    alone: Vec<(Range<usize>, String)>,
    /// Those that cannot be read alone, or are too many.
    others: Reasons,
}

/// Reasons that are told as one.
#[derive(Debug, Default)]
pub(crate) struct Reasons {
    count: usize,
    told: String,
}

impl Parts {
    /// Takes a part, all of whose rows are of one device. `bytes` are those of the record that can be read alone; `None` where the part
    /// is the whole record, or cannot be. `name` says which part it is, where its reason is told; it is empty where there is no other.
    pub(super) fn part(
        &mut self,
        rows: &mut BatchBuilder,
        bytes: Option<Range<usize>>,
        name: impl FnOnce() -> String,
        decode: impl FnOnce(&mut BatchBuilder) -> Result<(), String>,
    ) {
        let before = rows.rows();
        if let Some(bytes) = &bytes {
            rows.part(bytes.clone());
        }
        let Err(reason) = decode(rows) else {
            self.taken += 1;
            return;
        };
        rows.take_back_to(before);
        self.reject(bytes, name, &reason);
    }

    #[cold]
    fn reject(&mut self, bytes: Option<Range<usize>>, name: impl FnOnce() -> String, reason: &str) {
        let reason = || match name() {
            name if name.is_empty() => reason.to_owned(),
            name => format!("{name}: {reason}"),
        };
        match bytes.filter(|_| self.alone.len() < MOST_ALONE) {
            Some(bytes) => self.alone.push((bytes, reason())),
            None => self.others.add(reason),
        }
    }

    /// The record is through: its rejected parts are handed over.
    ///
    /// # Errors
    /// No part was taken; the message has the reasons.
    pub(super) fn end(self, rows: &mut BatchBuilder) -> Result<(), String> {
        let Self { taken, alone, others } = self;
        if taken == 0 && (!alone.is_empty() || others.count > 0) {
            let mut all = Reasons::default();
            alone.into_iter().for_each(|(_, reason)| all.add(|| reason));
            all.append(others);
            return Err(all.told());
        }
        if others.count > 0 {
            if !alone.is_empty() {
                rows.whole();
            }
            rows.reject_part(others.told());
        }
        for (bytes, reason) in alone {
            rows.part(bytes);
            rows.reject_part(reason);
        }
        Ok(())
    }
}

impl Reasons {
    /// Adds a reason.
    pub(crate) fn add(&mut self, reason: impl FnOnce() -> String) {
        self.count += 1;
        if self.count <= TOLD {
            if self.count > 1 {
                self.told.push_str("; ");
            }
            self.told.push_str(&reason());
        }
    }

    /// Adds those of another, whose first are told unless there are enough.
    fn append(&mut self, other: Self) {
        let more = other.count.saturating_sub(1);
        if other.count > 0 {
            self.add(|| other.told);
        }
        self.count += more;
    }

    /// The first, and how many more there are.
    pub(crate) fn told(mut self) -> String {
        if self.count > TOLD {
            self.told.push_str(&format!("; and {} more", self.count - TOLD));
        }
        self.told
    }
}
