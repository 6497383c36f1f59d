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
//! With saved state, what is emitted waits for the next save: at most [`SAVE_EVERY`], or until it is worth a batch. What was emitted
//! before the restored state, and is not with all who are behind, is sent first, as it was and under its numbers: who has it leaves it
//! out.

use std::{
    collections::{BTreeSet, VecDeque},
    mem,
    sync::Arc,
    time::Duration,
};

use levada_config::RetryPolicy;
use levada_connector_api::{Emitted, Emitter, Result};
use levada_model::{Checkpoint, SplitName, SplitRange};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    confluence::{Confluence, Together},
    dead_letters::Ticket,
    ledger::{Ledger, Receipt},
    parcel::{Parcel, weigh},
    patience::Patience,
    queue::{Receiver, Weight},
    shared::until,
    state::{self, Emissions, States},
};

use super::worker::{ROWS_BEFORE_WARNING, Worker};

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
    /// The last one that any had: those beyond are new.
    pub(crate) last: u64,
    /// What was emitted with the versions behind `number` up to the restored one.
    pub(crate) again: Emissions,
    /// What the restored state stands for.
    pub(crate) positions: Checkpoint,
}

impl Keeping {
    /// Nothing is saved, or it is not known yet where.
    pub(crate) fn of(node: &str) -> Self {
        let (split, positions) = (state::split(node), Checkpoint::new());
        Self { split, states: None, number: 0, last: 0, again: Emissions::new(), positions }
    }
}

/// A batch that came in and is not released yet.
struct Open {
    number: u64,
    positions: Vec<SplitRange>,
    receipt: Receipt,
    letters: Ticket,
    way: usize,
}

/// A transform that holds something, at work.
pub(super) struct Holding {
    worker: Worker,
    inlet: Receiver<Parcel>,
    split: SplitName,
    states: Option<States>,
    number: u64,
    last: u64,
    again: Emissions,
    /// Up to where the state knows each split: with saved state, what comes again of it is left out.
    positions: Checkpoint,
    ledger: Arc<Ledger>,
    out: Emitter,
    open: VecDeque<Open>,
    emitted: Emitted,
    /// What was emitted weighs so much.
    weight: Weight,
    letters: Ticket,
    confluence: Confluence,
    /// For a transform that saves nothing: the ways by which rows were sent whose positions come later.
    early: BTreeSet<usize>,
    /// Receipts by the number of the parcel that released them.
    released: VecDeque<(u64, Vec<Receipt>)>,
    save_at: Option<Instant>,
    ended: bool,
}

impl Holding {
    pub(super) fn new(
        worker: Worker,
        inlet: Receiver<Parcel>,
        keeping: Keeping,
        confluence: Confluence,
    ) -> Self {
        let Keeping { split, states, number, last, again, positions } = keeping;
        Self {
            worker,
            inlet,
            split,
            states,
            number,
            last,
            again,
            positions,
            ledger: Ledger::new(),
            out: Emitter::new(Instant::now().into_std()),
            open: VecDeque::new(),
            emitted: Emitted::default(),
            weight: Weight::default(),
            confluence,
            early: BTreeSet::new(),
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
            settle(&ledger, states.as_ref(), &mut released, &mut patience, &shared.abort).await?;
            let left = ledger.outstanding();
            if left.batches == 0 {
                // What was delivered while the state was noted is settled in another round.
                if released.is_empty() {
                    return Ok(());
                }
                // What was sent before that which was lost may still be settled; what is behind it never is.
                if left.lost_batches > 0 {
                    return settle(&ledger, states.as_ref(), &mut released, &mut patience, &shared.abort)
                        .await;
                }
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
        while let Some((version, emitted)) = self.again.pop_front() {
            self.send_again(version, &emitted)?;
            tokio::select! {
                biased;
                () = shared.abort.cancelled() => return Ok(false),
                sent = self.worker.outlets.flush() => if sent.is_err() { return Ok(false) },
            }
        }
        self.worker.transform.begin(Instant::now().into_std());
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
                let lacks = self.states.is_some() && self.confluence.is_early();
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
                    Some(parcel) => {
                        for together in self.confluence.arrive(parcel) {
                            self.take(together)?;
                        }
                    }
                    None => self.end()?,
                },
                () = until(tick_at), if idle => self.tick()?,
            }
        }
    }

    /// Takes batches in that stand for the same positions.
    fn take(&mut self, mut together: Together) -> Result<()> {
        for Parcel { batch, .. } in &together {
            self.worker.came_in(batch.rows());
        }
        if self.states.is_some() {
            for Parcel { batch, early, .. } in &mut together {
                known::leave_out(batch, *early, &self.positions)?;
            }
        }
        for Parcel { mut batch, receipt, letters, way, .. } in together {
            let positions = mem::take(&mut batch.positions);
            if self.states.is_some() {
                for each in &positions {
                    let reached = self.positions.entry(each.split.clone()).or_default();
                    *reached = each.range.end.max(*reached);
                }
            }
            let number = self.out.input() + 1;
            self.open.push_back(Open { number, positions, receipt, letters, way });
            self.out.set(Instant::now().into_std(), number);
            self.worker.transform.apply(batch, &mut self.out)?;
            self.collect()?;
        }
        Ok(())
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
        self.out.set(Instant::now().into_std(), self.out.input());
        match goes_on {
            true => self.worker.transform.stop(&mut self.out)?,
            false => self.worker.transform.finish(&mut self.out)?,
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
        self.worker.tell_of_nothing(ROWS_BEFORE_WARNING);
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
        self.save_at.is_some() && !self.confluence.is_early()
    }

    fn is_done(&self) -> bool {
        self.open.is_empty() && self.emitted.is_empty() && self.early.is_empty()
    }

    /// Loads what was emitted, with the first of the inputs that it releases; for a transform that saves nothing. Inputs are
    /// released one by one, as whoever waits for the same of other ways counts them.
    fn release(&mut self) {
        if self.states.is_some() {
            return;
        }
        let held_from = match self.ended {
            true => None,
            false => self.worker.transform.oldest_held(),
        };
        let is_released = |open: &mut Open| held_from.is_none_or(|from| open.number < from);
        let released = self.open.pop_front_if(is_released);
        let rest = !self.open.is_empty() || self.confluence.is_early();
        match released {
            Some(Open { positions, receipt, letters, way, .. }) => {
                self.letters = self.letters.max(letters);
                self.send(positions, vec![receipt], rest, way);
            }
            None if !self.emitted.is_empty() => {
                let way = self.open.front().map_or(0, |open| open.way);
                self.send(Vec::new(), Vec::new(), rest, way);
            }
            // By this way it was said that positions would come, and they went by others.
            None if !rest => {
                if let Some(way) = self.early.pop_first() {
                    self.load(Vec::new(), Vec::new(), false, way);
                }
            }
            None => {}
        }
    }

    /// Loads, and notes whether positions are to come.
    fn send(&mut self, positions: Vec<SplitRange>, receipts: Vec<Receipt>, early: bool, way: usize) {
        match early {
            true => drop(self.early.insert(way)),
            false => drop(self.early.remove(&way)),
        }
        self.load(positions, receipts, early, way);
    }

    /// Saves the state that all open inputs have led to, and loads what was emitted, with its mark.
    async fn save(&mut self) -> Result<()> {
        self.save_at = None;
        let Some(states) = &self.states else { return Ok(()) };
        let whole = states.wants_whole();
        let mut state = Vec::new();
        self.worker.transform.save(whole, &mut state)?;
        let (number, state) = (self.number + 1, Arc::new(state));
        let emitted = states.keeps_emitted.then(|| state::bytes_of(&self.emitted)).transpose()?.map(Arc::new);
        let mut patience =
            Patience::new(&self.worker.shared, &self.worker.node, "save the state", RetryPolicy::default());
        let abort = &self.worker.shared.abort;
        while let Err(error) = states.save(number, whole, &self.positions, &state, emitted.as_ref()).await {
            patience.pause(abort, error).await?;
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
        self.load(vec![mark], receipts, false, 0);
        Ok(())
    }

    /// Loads what was emitted with a version before the restored one.
    fn send_again(&mut self, version: u64, emitted: &[u8]) -> Result<()> {
        self.emitted = self.worker.went_out(state::emitted_of(emitted)?);
        let mark = SplitRange { split: self.split.clone(), range: self.number..version };
        self.number = version - 1;
        self.load(vec![mark], Vec::new(), false, 0);
        if self.again.is_empty() {
            self.number = self.last;
        }
        Ok(())
    }

    fn load(&mut self, positions: Vec<SplitRange>, receipts: Vec<Receipt>, early: bool, way: usize) {
        let Emitted { mut batch, others, .. } = mem::take(&mut self.emitted);
        self.weight = Weight::default();
        let own = [SplitRange { split: self.split.clone(), range: self.number..self.number + 1 }];
        self.number += 1;
        batch.positions = positions;
        let weight = weigh(&batch);
        let receipt = self.ledger.admit(&own, weight.rows);
        self.released.push_back((self.number, receipts));
        let letters = mem::take(&mut self.letters);
        self.worker.outlets.load_all(Parcel { batch, receipt, letters, weight, early, way }, &others);
    }

    async fn settle(&mut self) -> Result<()> {
        let mut patience =
            Patience::new(&self.worker.shared, &self.worker.node, "save the state", RetryPolicy::default());
        let abort = &self.worker.shared.abort;
        settle(&self.ledger, self.states.as_ref(), &mut self.released, &mut patience, abort).await
    }
}

/// Settles the inputs that were released by what is delivered by now.
async fn settle(
    ledger: &Ledger,
    states: Option<&States>,
    released: &mut VecDeque<(u64, Vec<Receipt>)>,
    patience: &mut Patience<'_>,
    abort: &CancellationToken,
) -> Result<()> {
    let Some(settled) = ledger.take_settled().into_iter().next().map(|each| each.position) else {
        return Ok(());
    };
    if let Some(states) = states {
        while let Err(error) = states.settled(settled).await {
            patience.pause(abort, error).await?;
        }
        patience.worked();
    }
    while let Some((_, receipts)) = released.pop_front_if(|(number, _)| *number <= settled) {
        receipts.into_iter().for_each(Receipt::settle);
    }
    Ok(())
}
