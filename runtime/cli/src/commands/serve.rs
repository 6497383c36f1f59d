//! `levada serve`: a data folder for clients of IoTDB, and pipelines beside it, until a signal comes.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context;
use levada_connector_api::{EngineTuning, SyncMode};
use levada_runtime::{EngineStores, RunningPipeline, Runtime, RuntimeOptions, http};
use levada_server::{Server, ServerOptions};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::run::{read_all, tell};
use crate::{
    args::{ServeArgs, SyncArg},
    exit::{self, Failure},
    interrupt::Signals,
    registry,
};

pub(super) fn serve(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let registry = registry::all();
    let files = args.pipelines.as_deref().map(files_of).transpose()?.unwrap_or_default();
    let pipelines = read_all(&files, &registry)?;
    let stores = Arc::new(EngineStores::new());
    let options = RuntimeOptions {
        state_dir: args.state.clone(),
        grace: Some(args.grace.0),
        ..RuntimeOptions::default()
    };
    let metrics = prometheus::Registry::new();
    let runtime = Runtime::new(registry, Arc::clone(&stores) as _, metrics.clone(), options)?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listeners = Listeners::bind(args).await?;
        let engine = stores.engine(args.data.clone(), tuning(args)).await?;
        let server = Server::new(engine, server_options(args));
        let counted = server.clone();
        let clients = move || counted.clients() as f64;
        let help = "Clients that are logged in.";
        metrics.register(Box::new(prometheus::PullingGauge::new(
            "levada_clients",
            help,
            Box::new(clients),
        )?))?;
        let mut running = Vec::new();
        for pipeline in &pipelines {
            let name = &pipeline.name;
            running.push(runtime.start(pipeline).with_context(|| format!("pipeline `{name}` cannot start"))?);
            info!(pipeline = %name, "started");
        }
        let code = until_stopped(args, listeners, &server, &runtime, running).await?;
        stores.close().await.context("the engine did not close as it should")?;
        Ok(code)
    })
}

/// Addresses, taken before anything starts.
struct Listeners {
    rpc: TcpListener,
    rest: Option<TcpListener>,
    http: Option<TcpListener>,
}

impl Listeners {
    async fn bind(args: &ServeArgs) -> anyhow::Result<Self> {
        let bind = async |address| {
            TcpListener::bind(address).await.with_context(|| format!("cannot listen at {address}"))
        };
        let rpc = bind(args.rpc).await?;
        let rest = match args.rest {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let http = match args.http {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        Ok(Self { rpc, rest, http })
    }
}

async fn until_stopped(
    args: &ServeArgs,
    listeners: Listeners,
    server: &Server,
    runtime: &Runtime,
    running: Vec<RunningPipeline>,
) -> anyhow::Result<ExitCode> {
    info!(address = %listeners.rpc.local_addr()?, data = %args.data.display(), "serving clients of IoTDB");
    if args.root_password == "root" {
        warn!(
            "the password of `root` is `root`: set another one with LEVADA_ROOT_PASSWORD before others can reach this address"
        );
    }
    let (stop, given_up) = (CancellationToken::new(), CancellationToken::new());
    let signals = tokio::spawn(stop_on_signals(stop.clone(), given_up.clone()));
    let rest = listeners.rest.map(|listener| {
        let (server, stop) = (server.clone(), stop.clone());
        tokio::spawn(async move { server.serve_rest(listener, stop).await })
    });
    let http = listeners
        .http
        .map(|listener| tokio::spawn(http::serve(listener, runtime.clone(), stop.clone().cancelled_owned())));
    let handles: Vec<_> = running.iter().map(RunningPipeline::handle).collect();
    let stopped = stop.clone();
    let all = async {
        server.serve(listeners.rpc, stopped).await;
        handles.iter().for_each(levada_runtime::PipelineHandle::stop);
        for pipeline in running {
            tell(&pipeline.wait().await);
        }
        if let Some(rest) = rest {
            rest.await??;
        }
        if let Some(http) = http {
            http.await??;
        }
        anyhow::Ok(ExitCode::SUCCESS)
    };
    let code = tokio::select! {
        code = all => code?,
        () = given_up.cancelled() => ExitCode::from(exit::INTERRUPTED),
    };
    signals.abort();
    Ok(code)
}

/// The pipeline files of a folder, by name.
fn files_of(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let failed = |error: std::io::Error| {
        let hint =
            if error.kind() == ErrorKind::NotFound { ": make it, or leave --pipelines out" } else { "" };
        Failure::invalid(format!("cannot read the folder {}: {error}{hint}", folder.display()))
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
            && path.is_file()
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn tuning(args: &ServeArgs) -> EngineTuning {
    let sync = match args.sync {
        SyncArg::Always => SyncMode::Always,
        SyncArg::Group => SyncMode::Group,
        SyncArg::Interval => SyncMode::Interval,
    };
    EngineTuning { sync, ..EngineTuning::default() }
}

fn server_options(args: &ServeArgs) -> ServerOptions {
    let bytes = |size: levada_connector_api::ByteSize| usize::try_from(size.0).unwrap_or(usize::MAX);
    ServerOptions {
        password: args.root_password.clone(),
        connections: args.connections,
        frame_bytes: bytes(args.frame),
        memory_bytes: bytes(args.memory),
        query_timeout: args.query_timeout.0,
        grace: args.grace.0,
        ..ServerOptions::default()
    }
}

/// The first signal stops with grace, the second gives up.
async fn stop_on_signals(stop: CancellationToken, given_up: CancellationToken) {
    let Some(mut signals) = Signals::listen() else {
        warn!("signals cannot be listened for: the process can only be killed");
        return;
    };
    for token in [stop, given_up] {
        signals.received().await;
        info!("stopping: what is under way is finished first; a second signal gives up");
        token.cancel();
    }
}
