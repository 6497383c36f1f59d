//! `levada lint`: pipeline files, checked without running them.

use std::process::ExitCode;

use crate::{
    args::{LintArgs, TextFormat},
    exit, registry,
};

use super::Document;

pub(super) fn lint(args: &LintArgs) -> anyhow::Result<ExitCode> {
    let registry = registry::all();
    let mut wrong = false;
    let mut all = Vec::new();
    for path in &args.files {
        let document = Document::read(path, &registry)?;
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
