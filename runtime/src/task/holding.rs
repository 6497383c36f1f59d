//! The task of a transform that holds something from one batch to the next.
//!
//! ```text
//!   inlet ──▶ open inputs: positions, receipts ──────────────┐ released: all rows emitted, or in the saved state
//!               │ apply, tick, finish                        ▼
//!               └──▶ emitted ──▶ (state saved) ──▶ parcel: rows, mark or positions ──▶ outlets
//!                                                            │
//!   receipts of the inputs ◀── settled by number ◀── ledger of this task
//! ```
//!
//! Every parcel that is sent has a number, and an entry of its own in the ledger of this task. The receipts of the inputs that it
//! releases are settled when it is delivered, and all before it; so an input is settled neither before its rows are, nor before
//! the state that holds them is what a restart would find.
//!
//! With saved state, what is emitted waits for the next save: at most [`SAVE_EVERY`], or until it is worth a batch.

use std::{collections::VecDeque, mem, sync::Arc, time::Duration};

use levada_config::RetryPolicy;
use levada_connector_api::{Batch, Emitted, Emitter, Result};
use levada_model::{Checkpoint, SplitName, SplitRange};
use tokio::time::Instant;

use crate::{
    batcher::continues,
    dead_letters::Ticket,
    ledger::{Ledger, Receipt},
    parcel::{Parcel, weigh},
    queue::{Receiver, Weight},
    shared::{Patience, until},
    state::{self, States},
};

use super::transform::{PATIENCE, Worker};

mod known;

/// What was emitted waits so long for a save, and so does what came in.
const SAVE_EVERY: Duration = Duration::from_millis(500);

/// So many emitted rows are worth a save.
const SAVE_ROWS: usize = 50_000;

/// So many bytes of emitted rows are worth a save.
const SAVE_BYTES: usize = 8 << 20;

/// So many inputs may wait for a save.
const SAVE_INPUTS: usize = 256;

/// What is kept of a transform that holds something.
#[derive(Debug)]
pub(crate) struct Keeping {
    /// The split of this transform's marks.
    pub(crate) split: SplitName,
    /// Where its state is saved; `None` for one that holds rows and saves nothing.
    pub(crate) states: Option<States>,
    /// The last number that a parcel had.
    pub(crate) number: u64,
    /// What the restored state stands for.
    pub(crate) positions: Checkpoint,
}

impl Keeping {
    /// Nothing is saved, or it is not known yet where.
    pub(crate) fn of(node: &str) -> Self {
        Self { split: state::split(node), states: None, number: 0, positions: Checkpoint::new() }
    }
}

/// A batch that came in and is not released yet.
struct Open {
    number: u64,
    positions: Vec<SplitRange>,
    receipt: Receipt,
    letters: Ticket,
}

/// A transform that holds something, at work.
pub(super) struct Holding {
    worker: Worker,
    inlet: Receiver<Parcel>,
    split: SplitName,
    states: Option<States>,
    number: u64,
    /// Up to where the state knows each split: with saved state, what comes again of it is left out.
    positions: Checkpoint,
    ledger: Arc<Ledger>,
    out: Emitter,
    open: VecDeque<Open>,
    emitted: Emitted,
    /// What was emitted weighs so much.
    weight: Weight,
    letters: Ticket,
    /// The last input holds rows whose positions come with a later one.
    early: bool,
    /// Receipts by the number of the parcel that released them.
    released: VecDeque<(u64, Vec<Receipt>)>,
    save_at: Option<Instant>,
    ended: bool,
}

impl Holding {
    pub(super) fn new(worker: Worker, inlet: Receiver<Parcel>, keeping: Keeping) -> Self {
        let Keeping { split, states, number, positions } = keeping;
        Self {
            worker,
            inlet,
            split,
            states,
            number,
            positions,
            ledger: Ledger::new(),
            out: Emitter::new(Instant::now().into_std()),
            open: VecDeque::new(),
            emitted: Emitted::default(),
            weight: Weight::default(),
            early: false,
            letters: Ticket::default(),
            released: VecDeque::new(),
            save_at: None,
            ended: false,
        }
    }

    /// Runs until the inputs have ended and all that was sent is settled, or the pipeline is aborted.
    pub(super) async fn run(mut self) -> Result<()> {
        if !self.work().await? {
            return Ok(());
        }
        self.worker.tell_of_nothing(1);
        let Self { worker, ledger, states, mut released, .. } = self;
        let Worker { outlets, shared, node, .. } = worker;
        // What is behind this node ends when it has nothing more to come.
        drop(outlets);
        let mut patience = Patience::new(&shared, &node, "save the state", RetryPolicy::default());
        loop {
            settle(&ledger, states.as_ref(), &mut released, &mut patience).await?;
            if ledger.outstanding().batches == 0 {
                return Ok(());
            }
            tokio::select! {
                biased;
                () = shared.abort.cancelled() => return Ok(()),
                () = ledger.news() => {}
            }
        }
    }

    /// Works until the inputs have ended and all is sent; false where it was called off before.
    async fn work(&mut self) -> Result<bool> {
        let shared = Arc::clone(&self.worker.shared);
        loop {
            let loaded = self.worker.outlets.is_loaded();
            if !loaded {
                self.release();
                if !self.worker.outlets.is_loaded() && self.must_save() {
                    self.save().await?;
                }
            }
            let loaded = self.worker.outlets.is_loaded();
            if self.ended && !loaded {
                // Positions that never came are read again.
                let lacks = self.states.is_some() && self.early;
                if lacks || self.is_done() {
                    return Ok(!lacks);
                }
            }
            let idle = !loaded && !self.ended;
            let tick_at = self.worker.transform.tick_at().map(Instant::from_std);
            let wants = idle && !self.worker.transform.is_full();
            tokio::select! {
                biased;
                () = shared.abort.cancelled() => return Ok(false),
                () = self.ledger.news() => self.settle().await?,
                // Whoever is gone says why.
                sent = self.worker.outlets.flush(), if loaded => if sent.is_err() { return Ok(false) },
                () = until(self.save_at), if !loaded && self.may_save() => self.save().await?,
                parcel = self.inlet.recv(), if wants => match parcel {
                    Some(parcel) => self.take(parcel)?,
                    None => self.end()?,
                },
                () = until(tick_at), if idle => self.tick()?,
            }
        }
    }

    /// Takes a batch in.
    fn take(&mut self, parcel: Parcel) -> Result<()> {
        let Parcel { mut batch, receipt, letters, early, .. } = parcel;
        self.early = early;
        let positions = mem::take(&mut batch.positions);
        self.worker.came_in(batch.rows());
        if self.states.is_some() {
            known::leave_out(&mut batch, &positions, &self.positions)?;
            for each in &positions {
                let reached = self.positions.entry(each.split.clone()).or_default();
                *reached = each.range.end.max(*reached);
            }
        }
        let number = self.out.input() + 1;
        self.open.push_back(Open { number, positions, receipt, letters });
        self.out.set(Instant::now().into_std(), number);
        self.worker.transform.apply(batch, &mut self.out)?;
        self.collect()
    }

    fn tick(&mut self) -> Result<()> {
        self.out.set(Instant::now().into_std(), self.out.input());
        self.worker.transform.tick(&mut self.out)?;
        self.collect()
    }

    /// The inputs have ended. Where the pipeline is only stopped, what is in the state stays there for the next run.
    fn end(&mut self) -> Result<()> {
        self.ended = true;
        let goes_on = self.states.is_some() && self.worker.shared.stop.is_cancelled();
        if !goes_on {
            self.out.set(Instant::now().into_std(), self.out.input());
            self.worker.transform.finish(&mut self.out)?;
        }
        self.collect()
    }

    fn collect(&mut self) -> Result<()> {
        let mut emitted = self.out.take();
        self.letters = self.letters.max(self.worker.reject(&mut emitted)?);
        let emitted = self.worker.went_out(emitted);
        let others = emitted.others.iter().flatten().map(|each| each.tablet.bytes()).sum::<usize>();
        self.weight.rows += emitted.rows();
        self.weight.bytes += emitted.batch.bytes() + others;
        self.emitted.append(emitted);
        self.worker.tell_of_nothing(PATIENCE);
        if self.states.is_some() && (!self.open.is_empty() || !self.emitted.is_empty()) {
            self.save_at.get_or_insert_with(|| Instant::now() + SAVE_EVERY);
        }
        Ok(())
    }

    /// Whether a save must not wait for its time.
    fn must_save(&self) -> bool {
        let full = self.open.len() >= SAVE_INPUTS
            || self.weight.rows >= SAVE_ROWS
            || self.weight.bytes >= SAVE_BYTES;
        self.may_save() && (full || self.ended)
    }

    /// Whether there is something to save, and positions for all of it.
    fn may_save(&self) -> bool {
        self.save_at.is_some() && !self.early
    }

    fn is_done(&self) -> bool {
        self.open.is_empty() && self.emitted.is_empty()
    }

    /// Loads what was emitted, with the inputs that it releases; for a transform that saves nothing.
    fn release(&mut self) {
        if self.states.is_some() {
            return;
        }
        let held_from = match self.ended {
            true => None,
            false => self.worker.transform.oldest_held(),
        };
        let mut receipts = Vec::new();
        let mut joined = Batch::default();
        while let Some(open) = self.open.front() {
            let is_held = held_from.is_some_and(|from| open.number >= from);
            // One range cannot stand for what does not touch: the next parcel has it.
            if is_held || !continues(&joined.positions, &open.positions) {
                break;
            }
            if let Some(Open { positions, receipt, letters, .. }) = self.open.pop_front() {
                joined.append(Batch { positions, ..Batch::default() });
                self.letters = self.letters.max(letters);
                receipts.push(receipt);
            }
        }
        if receipts.is_empty() && self.emitted.is_empty() {
            return;
        }
        let early = self.early || !self.open.is_empty();
        self.load(joined.positions, receipts, early);
    }

    /// Saves the state that all open inputs have led to, and loads what was emitted, with its mark.
    async fn save(&mut self) -> Result<()> {
        self.save_at = None;
        let Some(states) = &self.states else { return Ok(()) };
        let whole = states.wants_whole();
        let mut state = Vec::new();
        self.worker.transform.save(whole, &mut state);
        let (number, state) = (self.number + 1, Arc::new(state));
        let mut patience =
            Patience::new(&self.worker.shared, &self.worker.node, "save the state", RetryPolicy::default());
        while let Err(error) = states.save(number, whole, &self.positions, &state).await {
            patience.pause(error).await?;
        }
        patience.worked();
        // The state says which positions it stands for. They are not told beside it: the same sink may have other rows of them
        // from elsewhere.
        let mark = SplitRange { split: self.split.clone(), range: self.number..number };
        let mut receipts = Vec::with_capacity(self.open.len());
        for Open { receipt, letters, .. } in self.open.drain(..) {
            receipts.push(receipt);
            self.letters = self.letters.max(letters);
        }
        self.load(vec![mark], receipts, false);
        Ok(())
    }

    fn load(&mut self, positions: Vec<SplitRange>, receipts: Vec<Receipt>, early: bool) {
        let Emitted { mut batch, others, .. } = mem::take(&mut self.emitted);
        self.weight = Weight::default();
        let own = [SplitRange { split: self.split.clone(), range: self.number..self.number + 1 }];
        self.number += 1;
        batch.positions = positions;
        let weight = weigh(&batch);
        let receipt = self.ledger.admit(&own, weight.rows);
        self.released.push_back((self.number, receipts));
        let letters = mem::take(&mut self.letters);
        self.worker.outlets.load_all(Parcel { batch, receipt, letters, weight, early }, &others);
    }

    async fn settle(&mut self) -> Result<()> {
        let mut patience =
            Patience::new(&self.worker.shared, &self.worker.node, "save the state", RetryPolicy::default());
        settle(&self.ledger, self.states.as_ref(), &mut self.released, &mut patience).await
    }
}

/// Settles the inputs that were released by what is delivered by now.
async fn settle(
    ledger: &Ledger,
    states: Option<&States>,
    released: &mut VecDeque<(u64, Vec<Receipt>)>,
    patience: &mut Patience<'_>,
) -> Result<()> {
    let Some(settled) = ledger.take_settled().into_iter().next().map(|each| each.position) else {
        return Ok(());
    };
    if let Some(states) = states {
        while let Err(error) = states.settled(settled).await {
            patience.pause(error).await?;
        }
        patience.worked();
    }
    while let Some((_, receipts)) = released.pop_front_if(|(number, _)| *number <= settled) {
        receipts.into_iter().for_each(Receipt::settle);
    }
    Ok(())
}
