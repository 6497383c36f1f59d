//! The task of a source: reads, hands on, settles.

use std::{collections::HashSet, mem, sync::Arc, time::Duration};

use levada_config::RetryPolicy;
use levada_connector_api::{Batch, Error, Noticed, Remark, Repeats, Result, Source};
use levada_model::{Checkpoint, SplitName, SplitPosition};
use tokio::time::{Instant, sleep_until};
use tracing::{error, info, warn};

use crate::{
    dead_letters::Stage,
    ledger::Ledger,
    memory::Memory,
    metrics::SourceMetrics,
    node::{Node, NodeState},
    outlets::Outlets,
    parcel::{Parcel, weigh},
    patience::Patience,
    resume::Told,
    shared::{Shared, within, within_or},
};

/// A warning that repeats gets at most one line in this time.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// From so many batches on, what decoders notice is worth telling before the end.
const REMARKS_FROM: u64 = 64;

/// A source and what its task needs.
pub(crate) struct SourceTask {
    pub(crate) node: Arc<Node>,
    pub(crate) source: Box<dyn Source>,
    /// What the source's decoders notice.
    pub(crate) noticed: Option<Arc<dyn Noticed>>,
    pub(crate) metrics: SourceMetrics,
    pub(crate) outlets: Outlets,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) shared: Arc<Shared>,
    /// Where its positions are remembered, if not by itself or its sinks.
    pub(crate) memory: Option<Memory>,
    /// Why they cannot be recalled.
    pub(crate) forgotten: Option<Error>,
}

/// A source that runs.
struct Reader {
    node: Arc<Node>,
    source: Box<dyn Source>,
    noticed: Option<Arc<dyn Noticed>>,
    /// What remarks that were told are about.
    told: HashSet<String>,
    batches: u64,
    metrics: SourceMetrics,
    ledger: Arc<Ledger>,
    shared: Arc<Shared>,
    /// Watermarks that the source has not taken yet.
    due: Checkpoint,
    /// Commits that failed since one worked.
    failed_commits: u64,
    /// Splits that were given up and not told of by name.
    unnamed: u64,
    memory: Option<Memory>,
    unsaved: Repeats,
}

impl SourceTask {
    /// Recalls where the run before ended, and says so. Blocks for as long as a small file is read.
    pub(crate) fn recall(&mut self) {
        let Some(memory) = &mut self.memory else { return };
        let (pipeline, node, file) =
            (&self.shared.pipeline, &self.node.name, memory.at().display().to_string());
        match memory.load() {
            Ok(strange) if !strange.is_empty() => {
                let sinks = strange.join(", ");
                warn!(
                    %pipeline, %node, %sinks, %file,
                    "these sinks have none of what was read before: everything is read again, also for others that store no positions"
                );
            }
            Ok(_) if !memory.positions().is_empty() => {
                let splits = memory.positions().len();
                info!(
                    %pipeline, %node, splits, %file,
                    "going on where the run before ended; without this file it begins anew"
                );
            }
            Ok(_) => {}
            Err(error) => self.forgotten = Some(error),
        }
    }

    /// What was recalled; `None` where nothing is remembered of the source here.
    pub(crate) fn remembered(&self) -> Option<&Checkpoint> {
        self.memory.as_ref().map(Memory::positions)
    }

    /// Runs until the source ends, the pipeline stops, or something fails; then waits for what was read to be settled and
    /// closes the source.
    pub(crate) async fn run(self, told: Told) {
        let Self { node, mut source, noticed, metrics, mut outlets, ledger, shared, memory, forgotten } =
            self;
        source.limit(&told.limits);
        let mut reader = Reader {
            node,
            source,
            noticed,
            told: HashSet::new(),
            batches: 0,
            metrics,
            ledger,
            shared,
            due: Checkpoint::new(),
            failed_commits: 0,
            unnamed: 0,
            memory,
            unsaved: Repeats::new(LOG_EVERY),
        };
        let worked = match forgotten {
            Some(error) => Err(error),
            None => match reader.connect(&told.stored).await {
                Ok(()) => reader.read(&mut outlets).await,
                Err(error) => Err(error),
            },
        };
        if let Err(error) = worked {
            reader.shared.fail(&reader.node, error);
        }
        // What is behind this node ends when it has nothing more to come.
        drop(outlets);
        reader.drain().await;
        reader.close().await;
    }
}

impl Reader {
    async fn connect(&mut self, stored: &Checkpoint) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        let node = Arc::clone(&self.node);
        let mut patience = Patience::new(&shared, &node, "connect", RetryPolicy::default());
        while let Err(error) =
            within_or(&shared.stop, shared.deadlines.connect, self.source.connect(stored)).await
        {
            patience.pause(&shared.stop, error).await?;
        }
        patience.worked();
        node.set_state(NodeState::Ready);
        info!(pipeline = %shared.pipeline, node = %node.name, stored_splits = stored.len(), "source connected");
        Ok(())
    }

    /// Reads until the end or the stop, and hands on all that was read.
    async fn read(&mut self, outlets: &mut Outlets) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        let node = Arc::clone(&self.node);
        let mut patience = Patience::new(&shared, &node, "read", RetryPolicy::default());
        let mut reading = true;
        let mut not_before = None;
        while reading || outlets.is_loaded() {
            let remember_at = self.memory.as_ref().and_then(Memory::due);
            tokio::select! {
                biased;
                () = shared.abort.cancelled() => return Ok(()),
                () = shared.stop.cancelled(), if reading => reading = false,
                () = self.ledger.news() => self.settle().await,
                () = sleep_until(remember_at.unwrap_or_else(Instant::now)), if remember_at.is_some() => {
                    self.remember().await;
                }
                sent = outlets.flush(), if outlets.is_loaded() => {
                    // Whoever is gone says why.
                    if sent.is_err() { return Ok(()) }
                }
                next = next(&mut self.source, not_before), if reading && !outlets.is_loaded() => {
                    not_before = None;
                    match next {
                        Ok(Some(batch)) => {
                            patience.worked();
                            self.accept(batch, outlets)?;
                            // A source that has always something ready must not keep others from running.
                            tokio::task::consume_budget().await;
                        }
                        Ok(None) => reading = false,
                        Err(error) => {
                            self.metrics.error.inc();
                            match error.given_up() {
                                Some(split) => self.give_up(split, &error),
                                None => not_before = Some(Instant::now() + patience.after(error)?),
                            }
                            tokio::task::consume_budget().await;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Notes a split of which the source reads no more, and tells people.
    fn give_up(&mut self, split: &SplitName, error: &Error) {
        self.metrics.given_up.inc();
        if self.node.give_up(split, error) {
            let (pipeline, node, kind) = (&self.shared.pipeline, &self.node.name, error.kind().name());
            error!(%pipeline, %node, %split, kind, %error, "split given up; the others go on");
        } else {
            self.unnamed += 1;
        }
    }

    /// Enters a batch into the account and loads it.
    fn accept(&mut self, mut batch: Batch, outlets: &mut Outlets) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let weight = weigh(&batch);
        let rows = batch.rows();
        self.node.tally.came_in(rows);
        self.node.tally.went_out(rows, 0);
        self.metrics.received.inc_by(rows as u64);
        let receipt = self.ledger.admit(&batch.positions, rows);
        let letters =
            self.shared.rejections.records(&self.node, Stage::Decode, mem::take(&mut batch.rejected))?;
        self.node.tap.offer(&batch.readings);
        outlets.load(Parcel { batch, receipt, letters, weight, early: false, way: 0 });
        self.batches += 1;
        if self.batches >= REMARKS_FROM && self.batches.is_power_of_two() {
            self.tell_remarks();
        }
        self.observe();
        Ok(())
    }

    /// Tells what decoders have noticed by now, each thing once.
    fn tell_remarks(&mut self) {
        let Some(noticed) = &self.noticed else { return };
        for Remark { about, message } in noticed.remarks() {
            if self.told.insert(about) {
                warn!(pipeline = %self.shared.pipeline, node = %self.node.name, "{message}");
            }
        }
    }

    /// Gives the source the watermarks that rose. What fails is given again with the next.
    async fn settle(&mut self) {
        let risen = self.ledger.take_settled();
        if let Some(memory) = &mut self.memory {
            memory.note(&risen);
        }
        self.due.extend(risen.into_iter().map(|each| (each.split, each.position)));
        self.observe();
        if self.due.is_empty() {
            return;
        }
        let positions: Vec<_> = self
            .due
            .iter()
            .map(|(split, &position)| SplitPosition { split: split.clone(), position })
            .collect();
        match within(self.shared.deadlines.write, self.source.settle(&positions)).await {
            Ok(()) => {
                self.due.clear();
                self.failed_commits = 0;
            }
            Err(error) => {
                self.metrics.error.inc();
                self.failed_commits += 1;
                if self.failed_commits.is_power_of_two() {
                    let (pipeline, node) = (&self.shared.pipeline, &self.node.name);
                    warn!(%pipeline, %node, %error, "cannot commit; the next commit makes up for it");
                }
            }
        }
    }

    /// Writes the positions that are remembered. What fails is written again a second later.
    async fn remember(&mut self) {
        let Some(memory) = &mut self.memory else { return };
        if let Err(error) = memory.save().await
            && let Some(count) = self.unsaved.note(1, Instant::now().into_std())
        {
            let (pipeline, node) = (&self.shared.pipeline, &self.node.name);
            warn!(%pipeline, %node, %error, count, "positions are not remembered; trying again");
        }
    }

    /// Settles until nothing that was read is under way any more.
    async fn drain(&mut self) {
        loop {
            self.settle().await;
            if self.ledger.outstanding().batches == 0 {
                break;
            }
            tokio::select! {
                biased;
                () = self.shared.abort.cancelled() => break,
                () = self.ledger.news() => {}
            }
        }
        self.settle().await;
    }

    async fn close(&mut self) {
        self.tell_remarks();
        if self.unnamed > 0 {
            let splits = self.unnamed;
            error!(pipeline = %self.shared.pipeline, node = %self.node.name, splits, "more splits were given up");
        }
        if let Some(memory) = &mut self.memory
            && let Err(error) = memory.save().await
        {
            self.shared.fail(&self.node, error.with("so", "the next run reads again what this one has read"));
        }
        match within(self.shared.deadlines.close, self.source.close()).await {
            Ok(()) => self.node.set_state(NodeState::Ended),
            Err(error) => self.shared.fail(&self.node, error.with("while", "closing")),
        }
        self.observe();
    }

    fn observe(&self) {
        let progress = self.source.progress();
        self.node.set_progress(progress);
        if let Some(noticed) = &self.noticed {
            self.node.tally.set_empty(noticed.empty());
            self.metrics.empty.set(gauge(noticed.empty()));
        }
        self.metrics.records.set(gauge(progress.read));
        if let Some(lag) = progress.lag {
            self.metrics.lag.set(gauge(lag));
        }
        let outstanding = self.ledger.outstanding();
        self.metrics.in_flight_rows.set(gauge(outstanding.rows as u64));
        self.metrics.in_flight_batches.set(gauge(outstanding.batches as u64));
    }
}

/// The next batch, not before a time. Cancel safe as the source is.
async fn next(source: &mut Box<dyn Source>, not_before: Option<Instant>) -> Result<Option<Batch>> {
    if let Some(time) = not_before {
        sleep_until(time).await;
    }
    source.next().await
}

fn gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
