//! The account of what was read and what is settled, one for every source.
//!
//! ```text
//!   split t/0   [0,100) settled   [100,250) settled   [250,300) open   [300,420) settled
//!                                                   ▲
//!                                 watermark 250: all before it is settled for good
//! ```
//!
//! Ranges stand in order of arrival. A range is settled when every share of its receipt is; a receipt is shared where a
//! batch goes to several nodes. A share that is dropped without having been settled means that the batch got lost on its
//! way (a task ended, a write was called off): its range never settles, and nothing behind it is ever given to the
//! source. Only the watermark is.

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use foldhash::HashMap;
use levada_model::{SplitName, SplitPosition, SplitRange};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// The account of one source.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    state: Mutex<State>,
    changed: Notify,
}

/// A share in a batch's being settled.
pub(crate) struct Receipt {
    entry: Arc<Entry>,
    settled: bool,
}

/// What a ledger holds that is not settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outstanding {
    /// Batches under way.
    pub(crate) batches: usize,
    /// Their rows as they were read.
    pub(crate) rows: usize,
    /// Batches that were lost on their way.
    pub(crate) lost_batches: usize,
    /// Their rows as they were read.
    pub(crate) lost_rows: usize,
}

struct Entry {
    ledger: Arc<Ledger>,
    number: u64,
    rows: usize,
    splits: Box<[SplitName]>,
    shares: AtomicUsize,
    lost: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    next_number: u64,
    /// Splits that have ranges under way.
    splits: HashMap<SplitName, VecDeque<Pending>>,
    /// Watermarks that nobody has taken yet.
    advanced: HashMap<SplitName, u64>,
    outstanding: Outstanding,
    /// Something happened that the source's task has not looked at.
    news: bool,
}

#[derive(Debug)]
struct Pending {
    /// The number of the entry it belongs to; ascending within a split.
    number: u64,
    end: u64,
    settled: bool,
}

impl Ledger {
    /// An empty account.
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Enters a batch that was read: its ranges stand behind all that came before. Gives the one share there is.
    pub(crate) fn admit(self: &Arc<Self>, positions: &[SplitRange], rows: usize) -> Receipt {
        let mut state = self.state.lock();
        let number = state.next_number;
        state.next_number += 1;
        for SplitRange { split, range } in positions {
            let pending = Pending { number, end: range.end, settled: false };
            match state.splits.get_mut(split) {
                Some(queue) => queue.push_back(pending),
                None => drop(state.splits.insert(split.clone(), VecDeque::from([pending]))),
            }
        }
        state.outstanding.batches += 1;
        state.outstanding.rows += rows;
        drop(state);
        let entry = Entry {
            ledger: Arc::clone(self),
            number,
            rows,
            splits: positions.iter().map(|each| each.split.clone()).collect(),
            shares: AtomicUsize::new(1),
            lost: AtomicBool::new(false),
        };
        Receipt { entry: Arc::new(entry), settled: false }
    }

    /// The watermarks that rose since they were last taken.
    pub(crate) fn take_settled(&self) -> Vec<SplitPosition> {
        let mut state = self.state.lock();
        state.news = false;
        state.advanced.drain().map(|(split, position)| SplitPosition { split, position }).collect()
    }

    /// Waits until there is something to take, or nothing is under way any more. One task waits. Cancel safe.
    pub(crate) async fn news(&self) {
        loop {
            if self.state.lock().news {
                return;
            }
            self.changed.notified().await;
        }
    }

    /// What is under way, and what was lost.
    pub(crate) fn outstanding(&self) -> Outstanding {
        self.state.lock().outstanding
    }

    /// The last share of an entry is gone.
    fn finish(&self, entry: &Entry) {
        let lost = entry.lost.load(Ordering::Acquire);
        let mut guard = self.state.lock();
        let state = &mut *guard;
        state.outstanding.batches -= 1;
        state.outstanding.rows -= entry.rows;
        if lost {
            state.outstanding.lost_batches += 1;
            state.outstanding.lost_rows += entry.rows;
        } else {
            for split in &entry.splits {
                state.settle(split, entry.number);
            }
        }
        state.news |= !state.advanced.is_empty() || state.outstanding.batches == 0;
        let news = state.news;
        drop(guard);
        if news {
            self.changed.notify_one();
        }
    }
}

impl State {
    fn settle(&mut self, split: &SplitName, number: u64) {
        let Some(queue) = self.splits.get_mut(split) else { return };
        if let Ok(index) = queue.binary_search_by_key(&number, |pending| pending.number) {
            queue[index].settled = true;
        }
        let mut watermark = None;
        while let Some(pending) = queue.pop_front_if(|pending| pending.settled) {
            watermark = Some(pending.end);
        }
        if let Some(position) = watermark {
            if queue.is_empty() {
                self.splits.remove(split);
            }
            self.advanced.insert(split.clone(), position);
        }
    }
}

impl Receipt {
    /// Another share in the same batch: it is settled when both are.
    pub(crate) fn share(&self) -> Self {
        self.entry.shares.fetch_add(1, Ordering::Relaxed);
        Self { entry: Arc::clone(&self.entry), settled: false }
    }

    /// This share is delivered, or durably dead-lettered.
    pub(crate) fn settle(mut self) {
        self.settled = true;
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if !self.settled {
            self.entry.lost.store(true, Ordering::Release);
        }
        if self.entry.shares.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.entry.ledger.finish(&self.entry);
        }
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt")
            .field("number", &self.entry.number)
            .field("splits", &self.entry.splits)
            .finish()
    }
}

#[cfg(test)]
mod tests;
