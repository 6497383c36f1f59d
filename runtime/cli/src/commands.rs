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
mod pipelines;
mod quickstart;
mod replay;
mod run;
mod serve;
mod sql;
mod tap;
mod test;
mod told;
mod top;
mod udf;

use std::{fs, io::IsTerminal, path::Path, process::ExitCode};

use clap::Subcommand;
use clap_complete::Shell;
use levada_config::{Diagnostic, Pipeline};
use levada_connector_api::Registry;

use crate::{bench, exit};

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run pipelines until they end or are stopped
    Run(run::RunArgs),
    /// Serve a data folder to clients of IoTDB
    Serve(serve::ServeArgs),
    /// Check pipeline files without running them
    Lint(lint::LintArgs),
    /// Run the tests that pipeline files hold, without touching the world
    Test(test::TestArgs),
    /// Print a pipeline file to start from
    Create(create::CreateArgs),
    /// List the connectors there are
    List(list::ListArgs),
    /// Print the page of a topic or a connector, or the list of them
    Docs(docs::DocsArgs),
    /// Print a pipeline file as it is understood, secrets masked
    Echo(echo::EchoArgs),
    /// Draw the graph of a pipeline file
    Graph(graph::GraphArgs),
    /// A SQL shell on a data folder or a running IoTDB
    Sql(sql::SqlArgs),
    /// Store TsFiles, Parquet, CSV and JSON lines in a data folder
    Import(import::ImportArgs),
    /// Write rows of a data folder to files
    Export(export::ExportArgs),
    /// Check a data folder or a TsFile, and repair it
    Fsck(fsck::FsckArgs),
    /// Show how far the sources of a pipeline are, and set where the next run begins
    Offsets(offsets::OffsetsArgs),
    /// Send dead letters through their pipeline again
    Replay(replay::ReplayArgs),
    /// Show rows that pass a node of a pipeline that runs, sampled
    Tap(tap::TapArgs),
    /// Show rates, queues, lag and errors of the pipelines and pipes of a process that runs
    Top(top::TopArgs),
    /// The main job on simulated sensors: sensors, a mock Kafka, a pipeline, the embedded engine, a query
    Quickstart(quickstart::QuickstartArgs),
    /// Functions of your own: make, build, list, test and measure modules
    #[command(subcommand)]
    Udf(udf::UdfCommand),
    /// Measure this machine
    Bench(bench::BenchArgs),
    /// Print a completion script for a shell
    Completions {
        /// For which shell
        shell: Shell,
    },
}

impl Command {
    /// Does what was asked; `all` is the whole command line.
    ///
    /// # Errors
    /// It failed; nothing was printed of the error yet.
    pub(crate) fn run(self, mut all: clap::Command) -> anyhow::Result<ExitCode> {
        match self {
            Self::Run(args) => run::run(&args),
            Self::Serve(args) => serve::serve(&args),
            Self::Lint(args) => lint::lint(&args),
            Self::Test(args) => test::test(&args),
            Self::Create(args) => create::create(&args),
            Self::List(args) => list::list(&args),
            Self::Docs(args) => docs::docs(&args),
            Self::Echo(args) => echo::echo(&args),
            Self::Graph(args) => graph::graph(&args),
            Self::Sql(args) => sql::sql(&args),
            Self::Import(args) => import::import(&args),
            Self::Export(args) => export::export(&args),
            Self::Fsck(args) => fsck::fsck(&args),
            Self::Offsets(args) => offsets::offsets(&args),
            Self::Replay(args) => replay::replay(&args),
            Self::Tap(args) => tap::tap(&args),
            Self::Top(args) => top::top(&args),
            Self::Quickstart(args) => quickstart::quickstart(&args),
            Self::Udf(command) => udf::run(command),
            Self::Bench(args) => bench::run(args),
            Self::Completions { shell } => {
                clap_complete::generate(shell, &mut all, "levada", &mut std::io::stdout());
                Ok(ExitCode::SUCCESS)
            }
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
        let text = Self::text_of(path)?;
        Ok(Self::parse(text, &path.display().to_string(), registry, &|variable| std::env::var(variable).ok()))
    }

    /// As [`Document::read`]; components look at the files that it names.
    fn read_and_look(path: &Path, registry: &Registry) -> anyhow::Result<Self> {
        let text = Self::text_of(path)?;
        let name = path.display().to_string();
        let (pipeline, diagnostics) =
            levada_config::load_and_look(&text, &name, registry, &|variable| std::env::var(variable).ok());
        Ok(Self { text, pipeline, diagnostics })
    }

    fn text_of(path: &Path) -> anyhow::Result<String> {
        let text = fs::read_to_string(path);
        Ok(text.map_err(|error| exit::Failure::invalid(format!("cannot read {}: {error}", path.display())))?)
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

    /// What is wrong with it, as it is printed; `None` where nothing is.
    fn report(&self) -> Option<String> {
        let wrong = self.diagnostics.iter().any(Diagnostic::is_error);
        wrong.then(|| levada_config::render(&self.diagnostics, &self.text, false))
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
