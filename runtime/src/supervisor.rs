//! Runs the tasks of a pipeline from connecting to the report.
//!
//! ```text
//!   sinks connect ─▶ checkpoints ─▶ states ─▶ all tasks run ─▶ all tasks ended ─▶ dead letters closed ─▶ report
//!                                                  │
//!                                             stop: grace ─▶ abort
//! ```

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use levada_model::Checkpoint;
use tokio::{
    task::{JoinHandle, JoinSet},
    time::Instant,
};
use tracing::{info, warn};

use crate::{
    frontier::Frontier,
    parts::{Kept, Origin},
    report::Report,
    resume::{self, Before, Told},
    running::Live,
    shared::until,
    task::{sink::SinkTask, source::SourceTask, transform::TransformTask},
};

/// A pipeline's tasks, and what outlives them.
pub(crate) struct Supervisor {
    pub(crate) live: Arc<Live>,
    pub(crate) sources: Vec<SourceTask>,
    pub(crate) transforms: Vec<TransformTask>,
    pub(crate) sinks: Vec<SinkTask>,
    pub(crate) origin: Origin,
    pub(crate) dead_letters: JoinHandle<()>,
    pub(crate) grace: Duration,
}

impl Supervisor {
    /// Runs to the end.
    pub(crate) async fn run(self) -> Report {
        let Self { live, mut sources, mut transforms, sinks, origin, dead_letters, grace } = self;
        let _ended = live.shared.ended.clone().drop_guard();
        let ready = match connect(&sinks).await {
            Some(checkpoints) => {
                sources.iter_mut().for_each(SourceTask::recall);
                let begun = begin(&origin, &sources, &mut transforms, &sinks, &checkpoints);
                begun.map(|told| (told, checkpoints))
            }
            None => None,
        };
        match ready {
            Some((told, checkpoints)) => {
                let mut tasks = JoinSet::new();
                for (source, told) in sources.into_iter().zip(told) {
                    tasks.spawn(source.run(told));
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
    let connecting = sinks.iter().map(|sink| async {
        // Told at once: the others are not tried for longer.
        sink.writer.connect().await.map_err(|error| sink.writer.shared.fail(&sink.writer.node, error)).ok()
    });
    join_all(connecting).await.into_iter().collect()
}

/// Finds where everything goes on, and gives the transforms their states; what each source is told. `None` where a state cannot
/// be had: then nothing may be read.
fn begin(
    origin: &Origin,
    sources: &[SourceTask],
    transforms: &mut [TransformTask],
    sinks: &[SinkTask],
    checkpoints: &[Option<Checkpoint>],
) -> Option<Vec<Told>> {
    let lasting = sinks.iter().map(|sink| sink.writer.capabilities.lasting);
    let kept = lasting.zip(checkpoints).map(|(lasting, stored)| Kept { lasting, stored: stored.clone() });
    let kept: Vec<_> = kept.collect();
    let memories: Vec<_> = sources.iter().map(|source| source.remembered().cloned()).collect();
    let capabilities: Vec<_> = sources.iter().map(|source| source.source.capabilities()).collect();
    let parts = origin.parts();
    let before = Before { sinks: &kept, memories: &memories, sources: &capabilities };
    let planned = resume::plan(&parts, &before).and_then(|plan| {
        for (&index, state) in &plan.states {
            if let Some(task) = transforms.get_mut(index) {
                task.restore(&parts, state, &kept)?;
            }
        }
        Ok(plan.sources)
    });
    match planned {
        Ok(told) => Some(told),
        Err(error) => {
            let shared = sinks.first().map(|sink| &sink.writer.shared)?;
            let node = error.context().iter().find(|(key, _)| *key == "node").map(|(_, node)| node.clone());
            let named = transforms
                .iter()
                .map(|task| &task.worker.node)
                .find(|each| Some(&*each.name) == node.as_deref());
            match named {
                Some(node) => shared.fail(node, error),
                None => shared.fail(&sinks.first()?.writer.node, error),
            }
            None
        }
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
