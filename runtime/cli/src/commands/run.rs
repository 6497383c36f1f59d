//! `levada run`: pipelines until they end or are stopped.

use std::{io::IsTerminal, net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::Context;
use levada_config::Pipeline;
use levada_connector_api::{Interval, Registry};
use levada_runtime::{
    EngineStores, PipelineHandle, RunningPipeline, Runtime, RuntimeOptions,
    http::{self, Desk, ThisMachine},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{exit, functions, interrupt::Signals, progress, registry};

use super::{pipelines::read_all, told::tell};

mod watch;

/// Options of `run`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// Pipeline files
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// How long a stop waits for what is under way (`30s`); as the file says if not given
    #[arg(long, value_name = "TIME")]
    grace: Option<Interval>,
    /// Serve /metrics, /ping, /ready and /streams on this address
    #[arg(long, value_name = "ADDR")]
    http: Option<SocketAddr>,
    /// Folder for what a pipeline remembers from one run to the next
    #[arg(long, value_name = "DIR", default_value = ".levada")]
    state: PathBuf,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
    /// Read the files again when they change, or on SIGHUP, until a signal comes: a pipeline that has changed restarts behind what is
    /// settled, one that is wrong is reported and runs on as it was
    #[arg(short = 'w', long)]
    watch: bool,
}

pub(super) fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let registry = registry::all();
    if args.watch {
        return watch::watch(args, registry);
    }
    let pipelines = read_all(&args.files, &registry)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run_all(args, registry, &pipelines))
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
    let serve = |listener| {
        let desk = Desk::looking_only(ThisMachine);
        tokio::spawn(http::serve(listener, runtime.clone(), Some(desk), served.clone().cancelled_owned()))
    };
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
