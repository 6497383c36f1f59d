//! `levada sql`: a shell on a data folder.

use std::process::ExitCode;

use levada_engine::{Engine, EngineOptions};

use crate::{args::SqlArgs, exit::Failure, output::Zone, shell::Shell};

pub(super) fn sql(args: &SqlArgs) -> anyhow::Result<ExitCode> {
    let zone = Zone::parse(args.zone.as_deref()).map_err(Failure::invalid)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let engine = Engine::open(EngineOptions::new(&args.data))?;
    let outcome = runtime.block_on(async {
        let session = engine.session(Some(&zone.name()))?;
        let shell = Shell::new(&session, args.format, zone);
        match &args.execute {
            Some(text) => shell.execute(text).await,
            None => shell.run().await,
        }
    });
    runtime.block_on(engine.close())?;
    outcome.map(|()| ExitCode::SUCCESS)
}
