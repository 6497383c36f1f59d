//! `levada lint`: pipeline files, checked without running them.

use std::{path::PathBuf, process::ExitCode};

use crate::{exit, output::TextFormat, registry};

use super::Document;

/// Options of `lint`.
#[derive(Debug, clap::Args)]
pub(crate) struct LintArgs {
    /// Pipeline files
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// How the outcome is printed
    #[arg(long, value_enum, default_value = "text")]
    format: TextFormat,
}

pub(super) fn lint(args: &LintArgs) -> anyhow::Result<ExitCode> {
    let registry = registry::all();
    let mut wrong = false;
    let mut all = Vec::new();
    for path in &args.files {
        let document = Document::read_and_look(path, &registry)?;
        wrong |= document.pipeline.is_none();
        if args.format == TextFormat::Text {
            document.print();
        }
        all.extend(document.diagnostics);
    }
    match args.format {
        TextFormat::Json => println!("{}", serde_json::to_string_pretty(&all)?),
        TextFormat::Text if all.is_empty() => {
            println!("{} right", if args.files.len() == 1 { "the pipeline is" } else { "the pipelines are" });
        }
        TextFormat::Text => {}
    }
    Ok(if wrong { ExitCode::from(exit::INVALID) } else { ExitCode::SUCCESS })
}
