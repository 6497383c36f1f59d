//! `levada echo`: a pipeline file as it is understood.

use std::{path::PathBuf, process::ExitCode};

use crate::{
    exit::{self, Failure},
    registry,
};

use super::Document;

/// Options of `echo`.
#[derive(Debug, clap::Args)]
pub(crate) struct EchoArgs {
    /// Pipeline files
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

pub(super) fn echo(args: &EchoArgs) -> anyhow::Result<ExitCode> {
    let registry = registry::all();
    for path in &args.files {
        let document = Document::read(path, &registry)?;
        document.print();
        let Some(pipeline) = document.pipeline else { return Err(Failure::told(exit::INVALID).into()) };
        print!("{}", pipeline.to_yaml_masked(&registry));
    }
    Ok(ExitCode::SUCCESS)
}
