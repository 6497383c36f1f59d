//! `levada replay`: dead letters, through the transforms and sinks of their pipeline again.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::Context;
use levada_runtime::{
    EngineStores, Outcome as Ended, Report, RunningPipeline, Runtime, RuntimeOptions,
    replay::{Found, Left, Replay, Selection},
};
use serde::Serialize;
use tracing::{info, warn};

use super::{Document, told::tell};
use crate::{
    exit::{self, Failure},
    functions,
    interrupt::Signals,
    output::TextFormat,
    registry,
};

/// Options of `replay`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReplayArgs {
    /// Dead letters: JSON lines, as pipelines write them
    letters: PathBuf,
    /// The file of the pipeline that they are of; the pipeline must not run
    file: PathBuf,
    /// Only letters whose reason holds this text
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Only letters that this node rejected
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    /// Only letters of this time and later ones, as in `2026-05-01T12:00:00Z`
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<i64>,
    /// Only letters before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<i64>,
    /// So many letters at most, the first in the file
    #[arg(long, value_name = "COUNT")]
    limit: Option<u64>,
    /// Also letters that were replayed before
    #[arg(long)]
    again: bool,
    /// Only say which letters would be sent
    #[arg(long)]
    dry_run: bool,
    /// The folder of `levada run --state`
    #[arg(long, value_name = "DIR", default_value = ".levada")]
    state: PathBuf,
    /// How the outcome is printed
    #[arg(long, value_enum, default_value = "text")]
    format: TextFormat,
}

fn time(text: &str) -> Result<i64, String> {
    let time = text.parse::<jiff::Timestamp>();
    Ok(time.map_err(|_| format!("`{text}` is no time, as 2026-05-01T12:00:00Z is one"))?.as_millisecond())
}

/// What a replay did.
#[derive(Debug, Default, Serialize)]
struct Outcome {
    /// Letters that every sink has now that lacked them.
    replayed: u64,
    /// Letters that were rejected again: they are dead letters anew, or dropped where the pipeline says so.
    failed_again: u64,
    /// Letters that were to be sent and are not settled: the next replay sends them.
    unsettled: u64,
    #[serde(flatten)]
    found: Found,
}

pub(super) fn replay(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    let registry = registry::all();
    let document = Document::read(&args.file, &registry)?;
    document.print();
    let pipeline = document.pipeline.ok_or_else(|| Failure::told(exit::INVALID))?;
    let stores = Arc::new(EngineStores::new().with_loader(functions::loader()));
    let options = RuntimeOptions { state_dir: args.state.clone(), ..RuntimeOptions::default() };
    let runtime = Runtime::new(registry, Arc::clone(&stores) as _, prometheus::Registry::new(), options)?;
    let selection = Selection {
        reason: args.reason.clone(),
        node: args.node.clone(),
        since: args.since,
        until: args.until,
        limit: args.limit,
        again: args.again,
    };
    let replay = Replay::plan(&runtime, &pipeline, &args.letters, selection)
        .map_err(|error| Failure::invalid(error.to_string()))?;
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (outcome, code) = match args.dry_run {
        true => (Outcome { found: replay.found().clone(), ..Outcome::default() }, 0),
        false => threads.block_on(async {
            let done = run_all(&replay).await;
            stores.close().await.context("an engine did not close as it should")?;
            done
        })?,
    };
    match args.format {
        TextFormat::Json => println!("{}", serde_json::to_string_pretty(&outcome)?),
        TextFormat::Text => print(&outcome, args.dry_run),
    }
    let left = !outcome.found.left.is_empty() || outcome.found.unreadable > 0;
    Ok(ExitCode::from(if left && code == 0 { exit::FAILED } else { code }))
}

/// Sends the letters of one node after those of another.
async fn run_all(replay: &Replay) -> anyhow::Result<(Outcome, u8)> {
    let mut signals = Signals::listen();
    let mut outcome = Outcome { found: replay.found().clone(), ..Outcome::default() };
    let (mut code, mut arrived, mut sent) = (0, false, 0);
    for run in 0..replay.runs() {
        let node = replay.node(run);
        let running = replay.start(run).with_context(|| format!("the letters of `{node}` cannot be sent"))?;
        info!(node, "replaying what was rejected here");
        let Waited { report, signals: asked } = wait(running, &mut signals).await;
        let told = tell(&report);
        arrived |= told != exit::NOTHING;
        code = code.max(if told == exit::NOTHING { 0 } else { told });
        let settled = replay.settled(run);
        sent += settled;
        let failed_again = (report.dead + report.dropped).min(settled);
        outcome.failed_again += failed_again;
        outcome.replayed += settled - failed_again;
        if asked > 1 {
            code = exit::INTERRUPTED;
        }
        if asked > 0 || matches!(report.outcome, Ended::Failed | Ended::Aborted) {
            break;
        }
    }
    outcome.unsettled = outcome.found.selected.saturating_sub(sent);
    if outcome.unsettled > 0 {
        code = code.max(exit::UNSETTLED);
    }
    if !arrived && sent > 0 {
        code = code.max(exit::NOTHING);
    }
    Ok((outcome, code))
}

/// A run that has ended, and how many signals came meanwhile.
struct Waited {
    report: Report,
    signals: usize,
}

/// Waits for the end of a run; the first signal stops it with grace, the second gives up.
async fn wait(running: RunningPipeline, signals: &mut Option<Signals>) -> Waited {
    let handle = running.handle();
    let ended = running.wait();
    tokio::pin!(ended);
    let mut asked = 0;
    loop {
        let signal = async {
            match signals {
                Some(signals) => signals.received().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            report = &mut ended => return Waited { report, signals: asked },
            () = signal => {
                asked += 1;
                if asked > 1 {
                    warn!("giving up: what is under way will be sent again");
                    handle.abort();
                } else {
                    info!("stopping: what is under way is settled first; a second signal gives up");
                    handle.stop();
                }
            }
        }
    }
}

fn print(outcome: &Outcome, dry_run: bool) {
    let Outcome { replayed, failed_again, unsettled, found } = outcome;
    let Found { letters, selected, replayed_before, not_selected, left, unreadable, unreadable_lines } =
        found;
    println!("{letters} letters, {replayed_before} of them replayed before, {not_selected} not selected");
    if dry_run {
        println!("{selected} would be sent");
    } else {
        println!("{replayed} replayed, {failed_again} failed again, {unsettled} not settled");
    }
    for Left { node, reason, letters } in left {
        println!("{letters} of `{node}` left: {reason}");
    }
    for (line, reason) in unreadable_lines {
        println!("line {line} left: {reason}");
    }
    let more = unreadable - unreadable_lines.len() as u64;
    if more > 0 {
        println!("{more} more lines left that are no dead letters");
    }
}
