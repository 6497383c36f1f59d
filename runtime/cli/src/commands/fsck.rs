//! `levada fsck`: what is wrong with a data folder or a TsFile, where, and what can be kept.

mod folder;
mod tsfile;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use serde::Serialize;

use crate::{args::TextFormat, exit};

/// Options of `fsck`.
#[derive(Debug, clap::Args)]
pub(crate) struct FsckArgs {
    /// A data folder that nobody has open, or a TsFile
    #[arg(value_name = "DIR|FILE")]
    path: PathBuf,
    /// Keep all that is readable and move the rest aside, into a folder `lost` that is named
    #[arg(long)]
    repair: bool,
    /// How findings are printed
    #[arg(long, value_enum, default_value = "text")]
    format: TextFormat,
}

/// Something wrong, and where; or, with `--repair`, what was done about it.
#[derive(Debug, Serialize)]
struct Found {
    file: PathBuf,
    /// Where in the file, where that is known.
    offset: Option<u64>,
    /// What is wrong, and what it means for the data.
    what: String,
}

/// How a check came out.
#[derive(Debug, Serialize)]
struct Outcome {
    path: PathBuf,
    findings: Vec<Found>,
    /// Whether nothing is wrong any more.
    clean: bool,
    /// Where the unreadable was moved, where any was.
    lost: Option<PathBuf>,
}

pub(super) fn fsck(args: &FsckArgs) -> anyhow::Result<ExitCode> {
    let kind =
        std::fs::metadata(&args.path).with_context(|| format!("cannot read {}", args.path.display()))?;
    let outcome = if kind.is_dir() {
        folder::run(&args.path, args.repair)
    } else {
        tsfile::run(&args.path, args.repair)
    }?;
    match args.format {
        TextFormat::Json => println!("{}", serde_json::to_string_pretty(&outcome)?),
        TextFormat::Text => print(&outcome, args.repair),
    }
    Ok(if outcome.clean { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) })
}

fn print(outcome: &Outcome, repair: bool) {
    for Found { file, offset, what } in &outcome.findings {
        match offset {
            Some(offset) => println!("{}, byte {offset}: {what}", file.display()),
            None => println!("{}: {what}", file.display()),
        }
    }
    let path = outcome.path.display();
    match (outcome.findings.len(), repair, outcome.clean) {
        (0, ..) => println!("{path} is sound"),
        (_, true, true) => println!("{path} is repaired"),
        (_, true, false) => println!("{path} could not be repaired"),
        (1, false, _) => println!("1 finding in {path}; `--repair` keeps what is readable"),
        (count, false, _) => println!("{count} findings in {path}; `--repair` keeps what is readable"),
    }
    if let Some(lost) = &outcome.lost {
        println!("what is not readable is in {}", lost.display());
    }
}

/// The folder that a file's unreadable rest goes to: `lost` beside it.
fn lost_beside(path: &Path) -> PathBuf {
    path.with_file_name("lost")
}
