//! `levada graph`: the graph of a pipeline file, drawn.

use std::{path::PathBuf, process::ExitCode};

use levada_config::{GraphForm, draw};

use crate::{
    exit::{self, Failure},
    registry,
};

use super::Document;

/// Options of `graph`.
#[derive(Debug, clap::Args)]
pub(crate) struct GraphArgs {
    /// A pipeline file
    file: PathBuf,
    /// What to draw it as
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: GraphFormat,
}

/// What a graph is drawn as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum GraphFormat {
    /// A table for people.
    Text,
    /// For Graphviz.
    Dot,
    /// For Mermaid, in Markdown.
    Mermaid,
}

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
