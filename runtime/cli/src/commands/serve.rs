//! `levada serve`: a data folder for clients of IoTDB, until a signal comes.

use std::{process::ExitCode, time::Duration};

use anyhow::Context;
use levada_engine::{Engine, EngineOptions, SyncMode};
use levada_server::{Server, ServerOptions};
use tokio::{net::TcpListener, signal::unix::SignalKind};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    args::{ServeArgs, SyncArg},
    exit,
};

pub(super) fn serve(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let engine = Engine::open(engine_options(args))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(serve_all(args, &engine));
    runtime.block_on(engine.close()).context("the engine did not close as it should")?;
    outcome
}

async fn serve_all(args: &ServeArgs, engine: &Engine) -> anyhow::Result<ExitCode> {
    let listener =
        TcpListener::bind(args.rpc).await.with_context(|| format!("cannot listen at {}", args.rpc))?;
    info!(address = %listener.local_addr()?, data = %args.data.display(), "serving clients of IoTDB");
    if args.root_password == "root" {
        warn!(
            "the password of `root` is `root`: set another one with LEVADA_ROOT_PASSWORD before others can reach this address"
        );
    }
    let (stop, given_up) = (CancellationToken::new(), CancellationToken::new());
    let signals = tokio::spawn(stop_on_signals(stop.clone(), given_up.clone()));
    let server = Server::new(engine.clone(), server_options(args));
    let code = tokio::select! {
        () = server.serve(listener, stop) => ExitCode::SUCCESS,
        () = given_up.cancelled() => ExitCode::from(exit::INTERRUPTED),
    };
    signals.abort();
    Ok(code)
}

fn engine_options(args: &ServeArgs) -> EngineOptions {
    let mut options = EngineOptions::new(&args.data);
    options.storage.sync = match args.sync {
        SyncArg::Always => SyncMode::Always,
        SyncArg::Interval => SyncMode::Interval(Duration::from_secs(1)),
        SyncArg::Group => options.storage.sync,
    };
    options
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
    let signal = tokio::signal::unix::signal;
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        warn!("signals cannot be listened for: the process can only be killed");
        return;
    };
    for token in [stop, given_up] {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        info!("stopping: calls under way are answered first; a second signal gives up");
        token.cancel();
    }
}
