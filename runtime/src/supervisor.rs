//! Runs the tasks of a pipeline from connecting to the report.
//!
//! ```text
//!   sinks connect ─▶ checkpoints ─▶ all tasks run ─▶ all tasks ended ─▶ dead letters closed ─▶ report
//!                                        │
//!                                   stop: grace ─▶ abort
//! ```

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use levada_model::Checkpoint;
use tokio::{
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep_until},
};
use tracing::{info, warn};

use crate::{
    frontier::Frontier,
    report::Report,
    resume,
    running::Live,
    task::{sink::SinkTask, source::SourceTask, transform::TransformTask},
};

/// A pipeline's tasks, and what outlives them.
pub(crate) struct Supervisor {
    pub(crate) live: Arc<Live>,
    pub(crate) sources: Vec<SourceTask>,
    pub(crate) transforms: Vec<TransformTask>,
    pub(crate) sinks: Vec<SinkTask>,
    pub(crate) reaches: Vec<Vec<usize>>,
    pub(crate) dead_letters: JoinHandle<()>,
    pub(crate) grace: Duration,
}

impl Supervisor {
    /// Runs to the end.
    pub(crate) async fn run(self) -> Report {
        let Self { live, sources, transforms, sinks, reaches, dead_letters, grace } = self;
        let _ended = live.shared.ended.clone().drop_guard();
        match connect(&sinks).await {
            Some(checkpoints) => {
                let mut tasks = JoinSet::new();
                for (mut source, reached) in sources.into_iter().zip(&reaches) {
                    source.recall();
                    let lasting = reached.iter().filter(|&&sink| sinks[sink].writer.capabilities.lasting);
                    let kept = lasting.map(|&sink| checkpoints[sink].as_ref().or(source.remembered()));
                    let stored = resume::stored(kept);
                    tasks.spawn(source.run(stored));
                }
                for transform in transforms {
                    tasks.spawn(transform.run());
                }
                for (mut sink, stored) in sinks.into_iter().zip(checkpoints) {
                    sink.frontier = Frontier::new(stored.unwrap_or_default());
                    tasks.spawn(sink.run());
                }
                supervise(&live, tasks, grace).await;
            }
            // No row has moved yet: there is nothing to finish, only to close.
            None => drop(join_all(sinks.iter().map(|sink| sink.writer.close())).await),
        }
        let report = live.report(None);
        // What was submitted is durable already, or its rows are not settled.
        dead_letters.abort();
        report
    }
}

/// Connects all sinks; `None` where one cannot, or the pipeline was stopped meanwhile.
async fn connect(sinks: &[SinkTask]) -> Option<Vec<Option<Checkpoint>>> {
    let connected = join_all(sinks.iter().map(|sink| sink.writer.connect())).await;
    let mut checkpoints = Vec::with_capacity(sinks.len());
    let mut all = true;
    for (sink, connected) in sinks.iter().zip(connected) {
        match connected {
            Ok(checkpoint) => checkpoints.push(checkpoint),
            Err(error) => {
                sink.writer.shared.fail(&sink.writer.node, error);
                all = false;
            }
        }
    }
    all.then_some(checkpoints)
}

/// Waits until a moment, or for ever.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Waits for all tasks to end; once told to stop, for no longer than the grace.
async fn supervise(live: &Live, mut tasks: JoinSet<()>, grace: Duration) {
    let shared = &live.shared;
    let mut patience_ends = None;
    loop {
        tokio::select! {
            biased;
            ended = tasks.join_next() => match ended {
                None => return,
                Some(Ok(())) => {}
                Some(Err(error)) => shared.panicked(&error),
            },
            () = shared.stop.cancelled(), if patience_ends.is_none() => {
                info!(pipeline = %shared.pipeline, grace_ms = grace.as_millis() as u64, "stopping");
                patience_ends = Some(Instant::now().checked_add(grace));
            }
            () = until(patience_ends.flatten()), if patience_ends.is_some() && !shared.abort.is_cancelled() => {
                let batches: usize = live.ledgers.iter().map(|ledger| ledger.outstanding().batches).sum();
                warn!(pipeline = %shared.pipeline, batches, "the grace is over; what is under way is left");
                shared.abort.cancel();
            }
        }
    }
}
