//! `levada run -w`: pipelines whose files are read again when they change, until a signal comes.

use std::{
    pin::{Pin, pin},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

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
        let handles = folder.handles();
        // Pipelines may take their time to end: signals are heard meanwhile.
        let asked = tokio::select! {
            biased;
            () = signals.received() => {
                tell_stopping();
                Asked::Stop
            }
            () = hangups.received() => heard(folder.look(runtime, true), &handles, &mut signals).await,
            Some(order) = orders.recv() => heard(folder.carry_out(order, runtime), &handles, &mut signals).await,
            () = tokio::time::sleep(EVERY) => heard(folder.look(runtime, false), &handles, &mut signals).await,
        };
        match asked {
            Asked::Nothing => {}
            Asked::Stop => break,
            Asked::GiveUp => {
                folder.handles().iter().for_each(PipelineHandle::abort);
                folder.stop().await;
                return Ok(exit::INTERRUPTED);
            }
        }
    }
    let handles = folder.handles();
    let code = ended(pin!(folder.stop()), &handles, &mut signals).await;
    Ok(code.unwrap_or(exit::INTERRUPTED))
}

/// What signals asked for.
enum Asked {
    Nothing,
    /// That all pipelines end, as they do when they are stopped.
    Stop,
    /// That they end at once.
    GiveUp,
}

/// Does something with pipelines to its end; the first signal that comes meanwhile stops all of them, the second aborts them.
async fn heard(work: impl Future<Output = ()>, handles: &[PipelineHandle], signals: &mut Signals) -> Asked {
    let mut work = pin!(work);
    tokio::select! {
        biased;
        () = &mut work => return Asked::Nothing,
        () = signals.received() => {}
    }
    tell_stopping();
    handles.iter().for_each(PipelineHandle::stop);
    match ended(work, handles, signals).await {
        Some(()) => Asked::Stop,
        None => Asked::GiveUp,
    }
}

fn tell_stopping() {
    info!("stopping: what is under way is settled first; a second signal gives up");
}

/// Waits for the end of pipelines that stop. A signal that comes meanwhile aborts them: then `None`, once they have ended.
async fn ended<T>(
    mut work: Pin<&mut impl Future<Output = T>>,
    handles: &[PipelineHandle],
    signals: &mut Signals,
) -> Option<T> {
    tokio::select! {
        biased;
        done = &mut work => return Some(done),
        () = signals.received() => {}
    }
    warn!("giving up: what is under way will be read again");
    handles.iter().for_each(PipelineHandle::abort);
    work.await;
    None
}
