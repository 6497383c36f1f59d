//! A file for each subcommand.

mod create;
mod docs;
mod echo;
mod export;
mod fsck;
mod graph;
mod import;
mod lint;
mod list;
mod offsets;
mod quickstart;
mod run;
mod serve;
mod sql;
mod test;
mod udf;

pub(crate) use export::ExportArgs;
pub(crate) use fsck::FsckArgs;
pub(crate) use import::ImportArgs;
pub(crate) use offsets::OffsetsArgs;
pub(crate) use sql::{is_missing, no_folder};
pub(crate) use udf::UdfCommand;

use std::{fs, io::IsTerminal, path::Path, process::ExitCode};

use clap::CommandFactory;
use levada_config::{Diagnostic, Pipeline};
use levada_connector_api::Registry;

use crate::{
    args::{Args, Command},
    bench, exit,
};

/// Does what was asked.
///
/// # Errors
/// It failed; nothing was printed of the error yet.
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Run(args) => run::run(&args),
        Command::Serve(args) => serve::serve(&args),
        Command::Lint(args) => lint::lint(&args),
        Command::Test(args) => test::test(&args),
        Command::Create(args) => create::create(&args),
        Command::List(args) => list::list(&args),
        Command::Docs(args) => docs::docs(&args),
        Command::Echo(args) => echo::echo(&args),
        Command::Graph(args) => graph::graph(&args),
        Command::Sql(args) => sql::sql(&args),
        Command::Import(args) => import::import(&args),
        Command::Export(args) => export::export(&args),
        Command::Fsck(args) => fsck::fsck(&args),
        Command::Offsets(args) => offsets::offsets(&args),
        Command::Quickstart(args) => quickstart::quickstart(&args),
        Command::Udf(command) => udf::run(command),
        Command::Bench(args) => bench::run(args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Args::command(), "levada", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// A pipeline file, read.
struct Document {
    text: String,
    pipeline: Option<Pipeline>,
    diagnostics: Vec<Diagnostic>,
}

impl Document {
    /// Reads a file and interpolates this process's environment.
    fn read(path: &Path, registry: &Registry) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path)
            .map_err(|error| exit::Failure::invalid(format!("cannot read {}: {error}", path.display())))?;
        Ok(Self::parse(text, &path.display().to_string(), registry, &|variable| std::env::var(variable).ok()))
    }

    /// Understands a text, with an environment of its own.
    fn parse(
        text: String,
        name: &str,
        registry: &Registry,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Self {
        let (pipeline, diagnostics) = levada_config::load(&text, name, registry, environment);
        Self { text, pipeline, diagnostics }
    }

    /// Prints what is wrong, if anything, to standard error.
    fn print(&self) {
        if !self.diagnostics.is_empty() {
            eprint!(
                "{}",
                levada_config::render(&self.diagnostics, &self.text, std::io::stderr().is_terminal())
            );
        }
    }
}
