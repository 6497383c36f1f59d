//! `levada udf list`: the functions of modules.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use levada_udf::UdfLoader;
use serde_json::json;

use crate::{exit, modules, output::TextFormat};

/// Options of `udf list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Modules, and folders that are looked through with their sub-folders
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    /// How they are printed
    #[arg(long, value_enum, default_value = "text")]
    format: TextFormat,
}

/// Lists them. A module that cannot be read is told of, and the others are listed.
pub(super) fn list(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let host = modules::host()?;
    let mut files = Vec::new();
    for path in &args.paths {
        if path.is_dir() {
            below(path, &|file| host.reads(file), &mut files)?
        } else {
            files.push(path.clone())
        }
    }
    let mut broken = false;
    let mut functions = Vec::new();
    for file in files {
        match host.load(&file) {
            Ok(of_file) => functions.extend(of_file),
            Err(error) => {
                broken = true;
                eprintln!("levada: {}: {}", error.function, error.fault);
            }
        }
    }
    match args.format {
        TextFormat::Text => {
            let width = functions.iter().map(|each| each.id().len()).max().unwrap_or(0);
            for each in &functions {
                println!("{:<width$}  {}  {}", each.id(), each.kind(), each.origin());
            }
        }
        TextFormat::Json => {
            let list: Vec<_> = functions
                .iter()
                .map(|each| json!({"id": each.id(), "kind": each.kind().to_string(), "file": each.origin()}))
                .collect();
            println!("{}", serde_json::to_string_pretty(&list)?);
        }
    }
    Ok(if broken { ExitCode::from(exit::FAILED) } else { ExitCode::SUCCESS })
}

/// The files below a folder that are meant, in order of their names. Links to folders are not followed: they may go in circles.
fn below(folder: &Path, is_meant: &dyn Fn(&Path) -> bool, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(|entry| entry.file_name());
    for entry in entries {
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            below(&path, is_meant, found)?;
        } else if path.is_file() && is_meant(&path) {
            found.push(path);
        }
    }
    Ok(())
}
