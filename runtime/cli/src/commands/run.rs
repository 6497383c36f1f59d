//! `levada run`: pipelines until they end or are stopped.

use std::{io::IsTerminal, net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::Context;
use levada_config::{Diagnostic, Pipeline};
use levada_connector_api::{Interval, Registry};
use levada_runtime::{
    EngineStores, Outcome, PipelineHandle, ReasonCount, Report, RunningPipeline, Runtime, RuntimeOptions,
    http,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    exit::{self, Failure},
    functions,
    interrupt::Signals,
    progress, registry,
};

use super::Document;

/// Options of `run`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// Pipeline files
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// How long a stop waits for what is under way (`30s`); as the file says if not given
    #[arg(long, value_name = "TIME")]
    grace: Option<Interval>,
    /// Serve /metrics, /ping and /ready on this address
    #[arg(long, value_name = "ADDR")]
    http: Option<SocketAddr>,
    /// Folder for what a pipeline remembers from one run to the next
    #[arg(long, value_name = "DIR", default_value = ".levada")]
    state: PathBuf,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
}

pub(super) fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let registry = registry::all();
    let pipelines = read_all(&args.files, &registry)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run_all(args, registry, &pipelines))
}

/// Reads every file, and tells what is wrong with any before nothing is started.
pub(super) fn read_all(files: &[std::path::PathBuf], registry: &Registry) -> anyhow::Result<Vec<Pipeline>> {
    let mut pipelines: Vec<Pipeline> = Vec::new();
    let mut wrong = false;
    for path in files {
        let document = Document::read(path, registry)?;
        document.print();
        wrong |= document.pipeline.is_none();
        pipelines.extend(document.pipeline);
    }
    let together = levada_config::check_together(&pipelines.iter().collect::<Vec<_>>(), registry);
    eprint!("{}", levada_config::render(&together, "", std::io::stderr().is_terminal()));
    wrong |= together.iter().any(Diagnostic::is_error);
    if wrong { Err(Failure::told(exit::INVALID).into()) } else { Ok(pipelines) }
}

/// Runs pipelines in this process and tells how they ended.
pub(super) async fn run_all(
    args: &RunArgs,
    registry: Registry,
    pipelines: &[Pipeline],
) -> anyhow::Result<ExitCode> {
    let stores = Arc::new(EngineStores::new().with_loader(functions::loader()));
    let options = RuntimeOptions {
        state_dir: args.state.clone(),
        grace: args.grace.map(|grace| grace.0),
        ..RuntimeOptions::default()
    };
    let runtime = Runtime::new(registry, Arc::clone(&stores) as _, prometheus::Registry::new(), options)?;
    let served = CancellationToken::new();
    let mut listeners = Vec::new();
    for address in addresses(args, pipelines) {
        listeners.push(http::listen(&address).await?);
    }
    let mut running = Vec::new();
    for pipeline in pipelines {
        let name = &pipeline.name;
        running.push(runtime.start(pipeline).with_context(|| format!("pipeline `{name}` cannot start"))?);
        info!(pipeline = %name, "started");
    }
    // Answers are given once there are pipelines to tell of: without any, all that there are would be ready.
    let serve =
        |listener| tokio::spawn(http::serve(listener, runtime.clone(), served.clone().cancelled_owned()));
    let servers: Vec<_> = listeners.into_iter().map(serve).collect();
    let handles: Vec<PipelineHandle> = running.iter().map(RunningPipeline::handle).collect();
    let stopper = tokio::spawn(stop_on_signals(handles.clone()));
    let shown =
        (!args.quiet && std::io::stderr().is_terminal()).then(|| tokio::spawn(progress::show(handles)));
    let mut code = 0;
    for pipeline in running {
        let report = pipeline.wait().await;
        code = code.max(tell(&report));
    }
    if let Some(shown) = shown {
        shown.abort();
    }
    served.cancel();
    for server in servers {
        server.await??;
    }
    if stopper.is_finished() && stopper.await? {
        code = exit::INTERRUPTED;
    }
    stores.close().await.context("an engine did not close as it should")?;
    Ok(ExitCode::from(code))
}

/// Where to serve: as the command line says, otherwise as the documents say, each address once.
fn addresses(args: &RunArgs, pipelines: &[Pipeline]) -> Vec<String> {
    let mut addresses: Vec<String> = match args.http {
        Some(address) => vec![address.to_string()],
        None => pipelines.iter().filter_map(|pipeline| pipeline.http.clone()).collect(),
    };
    addresses.sort();
    addresses.dedup();
    addresses
}

/// The first signal stops with grace, the second gives up; true when it came to the second. A terminal that is closed
/// (SIGHUP) stops as the others do, unless whoever started the process had it ignored, as `nohup` does.
async fn stop_on_signals(handles: Vec<PipelineHandle>) -> bool {
    let Some(mut signals) = Signals::listen() else {
        warn!("signals cannot be listened for: the process can only be killed");
        return std::future::pending().await;
    };
    for second in [false, true] {
        signals.received().await;
        if second {
            warn!("giving up: what is under way will be read again");
            handles.iter().for_each(PipelineHandle::abort);
        } else {
            info!("stopping: what is under way is settled first; a second signal gives up");
            handles.iter().for_each(PipelineHandle::stop);
        }
    }
    true
}

/// So many kinds of reasons are told of at the end.
const REASONS: usize = 20;

/// Logs why records and rows were rejected, a line for each kind of reason.
fn tell_reasons(Report { pipeline, reasons, other_reasons, .. }: &Report) {
    for ReasonCount { node, stage, reason, count } in reasons.iter().take(REASONS) {
        warn!(%pipeline, %node, stage, count, reason, "rejected for this reason, or one that differs in its value only");
    }
    let count = other_reasons + reasons.iter().skip(REASONS).map(|each| each.count).sum::<u64>();
    if count > 0 {
        warn!(%pipeline, count, "rejected for other reasons: each dead letter has its own");
    }
}

/// Logs how a pipeline ended, and gives its exit code.
pub(super) fn tell(report: &Report) -> u8 {
    let Report { pipeline, rows_read, rows_sent, dead, dropped, rows_unsettled, elapsed, .. } = report;
    let seconds = (elapsed.as_secs_f64() * 1e3).round() / 1e3;
    let (empty, left_out) = (report.empty, report.left_out);
    tell_reasons(report);
    match report.outcome {
        Outcome::Completed | Outcome::Stopped if report.nothing_arrived() => {
            error!(%pipeline, rows_read, rows_sent, dead, dropped, empty, left_out, seconds, "ended, and nothing of what was read arrived");
            exit::NOTHING
        }
        Outcome::Completed | Outcome::Stopped => {
            let outcome = if report.outcome == Outcome::Completed { "completed" } else { "stopped" };
            info!(%pipeline, rows_read, rows_sent, dead, dropped, empty, left_out, seconds, "{outcome}");
            0
        }
        Outcome::Partial => {
            let given_up = report.given_up;
            error!(%pipeline, rows_read, rows_sent, dead, dropped, given_up, seconds, "ended; splits were given up");
            exit::PARTIAL
        }
        Outcome::Aborted => {
            warn!(%pipeline, rows_read, rows_sent, dead, dropped, rows_unsettled, seconds, "ended before all was settled");
            exit::UNSETTLED
        }
        Outcome::Failed => {
            let reason = report.error.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
            error!(%pipeline, rows_read, rows_sent, dead, dropped, rows_unsettled, seconds, error = %reason, "failed");
            exit::FAILED
        }
    }
}
