//! `levada udf build`: a module of a project.

mod c;
mod declared;
mod javascript;
mod python;
mod rust;

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use levada_udf::UdfLoader;

use crate::{exit::Failure, modules};

/// Options of `udf build`.
#[derive(Debug, clap::Args)]
pub(crate) struct BuildArgs {
    /// The project's folder
    #[arg(value_name = "DIR")]
    project: PathBuf,
}

pub(super) fn build(args: &BuildArgs) -> anyhow::Result<ExitCode> {
    let project = &args.project;
    let has = |file: &str| project.join(file).is_file();
    let module = if has("Cargo.toml") {
        rust::build(project)?
    } else if has("functions.py") {
        python::build(project)?
    } else if has("functions.js") {
        javascript::build(project)?
    } else if !declared::files_in(project, "c")?.is_empty() {
        c::build(project)?
    } else {
        let message = format!(
            "{} has no Cargo.toml, no functions.py, no functions.js and no C file: no project that is built here (`levada udf new` makes one, with \
             --lang c, python or javascript too); what other languages' own tools make is used as it is",
            project.display()
        );
        return Err(Failure::invalid(message).into());
    };
    for function in modules::host()?.load(&module)? {
        println!("{}  {}  {}", function.id(), function.kind(), module.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether a program does as it is told, and what it says.
fn ask(program: &Path, arguments: &[&str]) -> Option<String> {
    let output =
        Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs a tool, whose messages are the user's to see.
fn run(command: &mut Command) -> anyhow::Result<()> {
    match command.stdin(Stdio::null()).status()?.success() {
        true => Ok(()),
        false => Err(Failure::told(crate::exit::FAILED).into()),
    }
}
