//! `levada graph`: the graph of a pipeline file, drawn.

use std::process::ExitCode;

use levada_config::{GraphForm, draw};

use crate::{
    args::{GraphArgs, GraphFormat},
    exit::{self, Failure},
    registry,
};

use super::Document;

pub(super) fn graph(args: &GraphArgs) -> anyhow::Result<ExitCode> {
    let document = Document::read(&args.file, &registry::all())?;
    document.print();
    let Some(pipeline) = document.pipeline else { return Err(Failure::told(exit::INVALID).into()) };
    let form = match args.format {
        GraphFormat::Text => GraphForm::Text,
        GraphFormat::Dot => GraphForm::Dot,
        GraphFormat::Mermaid => GraphForm::Mermaid,
    };
    print!("{}", draw(&pipeline, form));
    Ok(ExitCode::SUCCESS)
}
