//! `levada fsck`: what is wrong with a data folder or a TsFile, where, and what can be kept.
//!
//! A finding is a *note* where work or a crash leaves such a thing behind and opening the folder puts it right, and an *error*
//! where something that was stored cannot be had any more. Exit codes, for scripts: 0 nothing is wrong, or notes only, or all is
//! repaired; 1 errors (with `--repair`: some are left); 3 the path is neither a data folder nor a file.

mod folder;
mod tsfile;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use levada_engine::{Action, Finding, Severity};
use serde::Serialize;

use crate::{exit, output::TextFormat};

const CHECKS: &str = "Of a folder are checked: the manifest and the log, every record by its checksum; every sealed file by its \
checksums, and then as a TsFile. Of a TsFile are checked: head and foot, every node of the index, the bloom filter, that each \
chunk of the index is where it should be and the other way round, every page decoded, times in order, and the statistics of \
pages, chunks and series compared with the values (count, first and last time, least, greatest, first and last value, sum). The \
format has no checksums: a changed text in the middle of a page without compression, for one, does not show.

A finding is a note where a crash may leave such a thing behind and nothing is lost, an error where something is.

Exit codes: 0 no errors, or all repaired; 1 errors; 2 the command line is wrong; 3 neither a data folder nor a file";

/// Options of `fsck`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = CHECKS)]
pub(crate) struct FsckArgs {
    /// A data folder that nobody has open, or a TsFile
    #[arg(value_name = "DIR|FILE")]
    path: PathBuf,
    /// Keep all that is readable and move the rest aside, into a folder `lost` that is named; nothing is deleted
    #[arg(long)]
    repair: bool,
    /// How findings are printed
    #[arg(long, value_enum, default_value = "text")]
    format: TextFormat,
}

/// Something wrong, and where.
#[derive(Debug, Serialize)]
struct Found {
    /// `note` or `error`.
    severity: &'static str,
    file: PathBuf,
    /// Where in the file, where that is known.
    offset: Option<u64>,
    /// How many bytes from there on, where that is known.
    bytes: Option<u64>,
    /// Of which series, or device, where that is known.
    series: Option<String>,
    /// What is wrong.
    what: String,
    /// What it means for the data.
    means: String,
    /// What `--repair` does about it.
    repair: String,
}

/// Something that `--repair` has done.
#[derive(Debug, Serialize)]
struct Done {
    file: PathBuf,
    what: String,
}

/// How a check came out.
#[derive(Debug, Serialize)]
struct Outcome {
    path: PathBuf,
    errors: usize,
    notes: usize,
    findings: Vec<Found>,
    /// What was done about it.
    done: Vec<Done>,
    /// Whether there are no errors any more.
    clean: bool,
    /// Where the unreadable was moved, where any was.
    lost: Option<PathBuf>,
}

impl Outcome {
    /// What was found in `path`, before anything is done about it.
    fn new(path: &Path, findings: Vec<Found>) -> Self {
        let errors = findings.iter().filter(|found| found.severity == ERROR).count();
        Self {
            path: path.to_owned(),
            errors,
            notes: findings.len() - errors,
            findings,
            done: Vec::new(),
            clean: errors == 0,
            lost: None,
        }
    }
}

const ERROR: &str = "error";
const NOTE: &str = "note";

impl From<Finding> for Found {
    fn from(finding: Finding) -> Self {
        Self {
            severity: if finding.severity == Severity::Error { ERROR } else { NOTE },
            file: finding.path,
            offset: finding.offset,
            bytes: finding.bytes,
            series: finding.series,
            what: finding.what,
            means: finding.means.into_owned(),
            repair: finding.repair.into_owned(),
        }
    }
}

impl From<Action> for Done {
    fn from(Action { path, what }: Action) -> Self {
        Self { file: path, what }
    }
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
    for Found { severity, file, offset, bytes, series, what, means, repair: remedy } in &outcome.findings {
        let place = match (offset, bytes) {
            (Some(offset), Some(bytes)) => format!(", byte {offset} to {}", offset + bytes),
            (Some(offset), None) => format!(", byte {offset}"),
            (None, _) => String::new(),
        };
        let series = series.as_ref().map(|series| format!(", {series}")).unwrap_or_default();
        println!("{severity}: {}{place}{series}: {what}", file.display());
        if !means.is_empty() {
            println!("  means: {means}");
        }
        if !repair && !remedy.is_empty() {
            println!("  --repair: {remedy}");
        }
    }
    for Done { file, what } in &outcome.done {
        println!("done: {}: {what}", file.display());
    }
    let path = outcome.path.display();
    let counted = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    match (outcome.errors, outcome.notes, repair, outcome.clean) {
        (0, 0, ..) => println!("{path} is sound"),
        (0, notes, ..) => println!("{path} is sound, with {}", counted(notes, "note")),
        (_, _, true, true) => println!("{path} is repaired"),
        (_, _, true, false) => println!("{path} could not be repaired"),
        (errors, notes, false, _) => {
            let notes = if notes == 0 { String::new() } else { format!(" and {}", counted(notes, "note")) };
            println!("{}{notes} in {path}; `--repair` keeps what is readable", counted(errors, "error"));
        }
    }
    if let Some(lost) = &outcome.lost {
        println!("what is not readable is in {}", lost.display());
    }
}

/// The folder that a file's unreadable rest goes to: `lost` beside it.
fn lost_beside(path: &Path) -> PathBuf {
    path.with_file_name("lost")
}
