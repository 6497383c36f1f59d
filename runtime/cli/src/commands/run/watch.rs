//! `levada run -w`: pipelines whose files are read again when they change, until a signal comes.

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use levada_connector_api::Registry;
use levada_runtime::{
    EngineStores, PipelineHandle, Runtime, RuntimeOptions,
    http::{self, Desk, Order, ThisMachine},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::RunArgs;
use crate::{
    commands::pipelines::Folder,
    exit, functions,
    interrupt::{Hangups, Signals},
    registry,
};

/// How often the files are looked at.
const EVERY: Duration = Duration::from_millis(500);

pub(super) fn watch(args: &RunArgs, registry: Registry) -> anyhow::Result<ExitCode> {
    let folder = Folder::of_files(&args.files, registry)?;
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    threads.block_on(async {
        let hangups = Hangups::listen();
        let stores = Arc::new(EngineStores::new().with_loader(functions::loader()));
        let options = RuntimeOptions {
            state_dir: args.state.clone(),
            grace: args.grace.map(|grace| grace.0),
            ..RuntimeOptions::default()
        };
        let all = registry::all();
        let runtime = Runtime::new(all, Arc::clone(&stores) as _, prometheus::Registry::new(), options)?;
        let (mut desk, orders) = Desk::open(ThisMachine);
        desk.idle = folder.idle();
        let mut listeners = Vec::new();
        for address in super::addresses(args, &folder.pipelines()) {
            listeners.push(http::listen(&address).await?);
        }
        let served = CancellationToken::new();
        let code = keep(folder, &runtime, hangups, orders, |runtime| {
            let serve = |listener| {
                let stop = served.clone().cancelled_owned();
                tokio::spawn(http::serve(listener, runtime.clone(), Some(desk.clone()), stop))
            };
            listeners.into_iter().map(serve).collect::<Vec<_>>()
        })
        .await?;
        served.cancel();
        stores.close().await.context("an engine did not close as it should")?;
        Ok(ExitCode::from(code))
    })
}

/// Keeps the pipelines as their files say until a signal comes, and all have ended then.
async fn keep<S>(
    mut folder: Folder,
    runtime: &Runtime,
    mut hangups: Hangups,
    mut orders: mpsc::Receiver<Order>,
    serve: impl FnOnce(&Runtime) -> S,
) -> anyhow::Result<u8> {
    let Some(mut signals) = Signals::listen_but_to_hangups() else {
        anyhow::bail!("signals cannot be listened for: the process could only be killed");
    };
    folder.start(runtime)?;
    // Answers are given once there are pipelines to tell of.
    let _serving = serve(runtime);
    loop {
        tokio::select! {
            biased;
            () = signals.received() => break,
            () = hangups.received() => folder.look(runtime, true).await,
            Some(order) = orders.recv() => folder.carry_out(order, runtime).await,
            () = tokio::time::sleep(EVERY) => folder.look(runtime, false).await,
        }
    }
    info!("stopping: what is under way is settled first; a second signal gives up");
    let handles = folder.handles();
    let stopped = folder.stop();
    tokio::pin!(stopped);
    tokio::select! {
        code = &mut stopped => return Ok(code),
        () = signals.received() => {}
    }
    warn!("giving up: what is under way will be read again");
    handles.iter().for_each(PipelineHandle::abort);
    stopped.await;
    Ok(exit::INTERRUPTED)
}
