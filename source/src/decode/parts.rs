//! A record of several parts: elements of a list, lines of a text.
//!
//! Each part is taken or rejected for itself. Where none is taken the record is rejected as a whole.

use levada_connector_api::BatchBuilder;

/// So many reasons are told of one record; the others are counted.
const TOLD: usize = 5;

/// The parts of a record so far.
#[derive(Debug, Default)]
pub(super) struct Parts {
    taken: usize,
    rejected: usize,
    reasons: String,
}

impl Parts {
    /// Takes a part, all of whose rows are of one device. `name` says which part it is, where its reason is
    /// told; it is empty where there is no other.
    pub(super) fn part(
        &mut self,
        rows: &mut BatchBuilder,
        name: impl FnOnce() -> String,
        decode: impl FnOnce(&mut BatchBuilder) -> Result<(), String>,
    ) {
        let before = rows.rows();
        let Err(reason) = decode(rows) else {
            self.taken += 1;
            return;
        };
        rows.take_back_to(before);
        self.reject(name, &reason);
    }

    #[cold]
    fn reject(&mut self, name: impl FnOnce() -> String, reason: &str) {
        self.rejected += 1;
        if self.rejected <= TOLD {
            if self.rejected > 1 {
                self.reasons.push_str("; ");
            }
            let name = name();
            if !name.is_empty() {
                self.reasons.push_str(&name);
                self.reasons.push_str(": ");
            }
            self.reasons.push_str(reason);
        }
    }

    /// The record is through: its rejected parts are handed over.
    ///
    /// # Errors
    /// No part was taken; the message has the reasons.
    pub(super) fn end(mut self, rows: &mut BatchBuilder) -> Result<(), String> {
        if self.rejected > TOLD {
            let more = self.rejected - TOLD;
            self.reasons.push_str(&format!("; and {more} more"));
        }
        match (self.rejected, self.taken) {
            (0, _) => Ok(()),
            (_, 0) => Err(self.reasons),
            _ => {
                rows.reject_part(self.reasons);
                Ok(())
            }
        }
    }
}
