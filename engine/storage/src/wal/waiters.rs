//! Who waits for the log.

use std::{collections::BTreeMap, task::Waker};

/// Who waits for which sequence number.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    /// By number and ticket.
    waiting: BTreeMap<(u64, u64), Waker>,
    next: u64,
}

impl Waiters {
    pub(super) fn register(&mut self, seq: u64, ticket: Option<u64>, waker: &Waker) -> u64 {
        if let Some(ticket) = ticket
            && let Some(known) = self.waiting.get_mut(&(seq, ticket))
        {
            known.clone_from(waker);
            return ticket;
        }
        self.next += 1;
        self.waiting.insert((seq, self.next), waker.clone());
        self.next
    }

    pub(super) fn forget(&mut self, seq: u64, ticket: u64) {
        // Who was woken is here no more, and that is the rule.
        self.waiting.remove(&(seq, ticket));
    }

    /// Takes the wakers of all numbers up to `seq`.
    pub(super) fn take(&mut self, seq: u64) -> Vec<Waker> {
        let later = seq.checked_add(1).map_or_else(BTreeMap::new, |next| self.waiting.split_off(&(next, 0)));
        std::mem::replace(&mut self.waiting, later).into_values().collect()
    }
}
