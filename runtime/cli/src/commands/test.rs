//! `levada test`: the tests that a pipeline file holds.
//!
//! ```text
//!   input ──decoder──▶ rows ──transforms, in order──▶ rows at every node ◀──compared──▶ expect
//! ```
//!
//! Nothing is connected to, read or written: sources give what the test says, sinks only take.

mod compare;
mod rehearsal;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use levada_config::{Pipeline, TestCase};
use levada_connector_api::Registry;
use serde::Serialize;

use crate::{
    exit::{self, Failure},
    output::TextFormat,
    registry,
};

use super::Document;
use compare::{Difference, compare};

/// Options of `test`.
#[derive(Debug, clap::Args)]
pub(crate) struct TestArgs {
    /// Pipeline files
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Only tests whose names hold this text
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// How the outcome is printed
    #[arg(long, value_enum, default_value = "text")]
    format: TextFormat,
}

pub(super) fn test(args: &TestArgs) -> anyhow::Result<ExitCode> {
    let registry = registry::all();
    let mut outcomes = Vec::new();
    for path in &args.files {
        let document = Document::read(path, &registry)?;
        document.print();
        let Some(pipeline) = document.pipeline else { return Err(Failure::told(exit::INVALID).into()) };
        let wanted = |case: &&TestCase| args.only.as_ref().is_none_or(|text| case.name.contains(text));
        for case in pipeline.tests.iter().filter(wanted) {
            outcomes.push(outcome(path, &pipeline, &registry, case));
        }
    }
    let failed = outcomes.iter().filter(|outcome| !outcome.passed()).count();
    match args.format {
        TextFormat::Json => println!("{}", serde_json::to_string_pretty(&outcomes)?),
        TextFormat::Text => print(&outcomes, failed),
    }
    Ok(if failed > 0 { ExitCode::from(exit::FAILED) } else { ExitCode::SUCCESS })
}

/// How a test came out.
#[derive(Debug, Serialize)]
struct Outcome {
    file: String,
    test: String,
    /// What was not as expected.
    differences: Vec<Difference>,
    /// What kept it from being run to its end.
    error: Option<String>,
}

impl Outcome {
    fn passed(&self) -> bool {
        self.differences.is_empty() && self.error.is_none()
    }
}

fn outcome(path: &Path, pipeline: &Pipeline, registry: &Registry, case: &TestCase) -> Outcome {
    let compared = rehearsal::play(pipeline, registry, case)
        .context("the pipeline would have stopped")
        .and_then(|played| compare(case, &played));
    let (differences, error) = match compared {
        Ok(differences) => (differences, None),
        Err(error) => (Vec::new(), Some(format!("{error:#}"))),
    };
    Outcome { file: path.display().to_string(), test: case.name.clone(), differences, error }
}

fn print(outcomes: &[Outcome], failed: usize) {
    let mut file = "";
    for outcome in outcomes {
        if file != outcome.file {
            file = &outcome.file;
            println!("{file}");
        }
        println!("  {}  {}", if outcome.passed() { "ok    " } else { "FAILED" }, outcome.test);
        for line in outcome.error.iter().flat_map(|error| error.lines()) {
            println!("          {line}");
        }
        for difference in &outcome.differences {
            print!("{difference}");
        }
    }
    match (outcomes.len(), failed) {
        (0, _) => println!("there are no tests: a pipeline's own stand below `tests:`"),
        (all, 0) => println!("{all} {}", if all == 1 { "test, passed" } else { "tests, all passed" }),
        (all, _) => println!("{all} {}, {failed} failed", if all == 1 { "test" } else { "tests" }),
    }
}
