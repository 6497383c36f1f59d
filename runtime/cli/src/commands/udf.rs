//! `levada udf`: what authors of functions need, from a new project to its figures.

mod bench;
mod build;
mod columns;
mod list;
mod new;
mod rows;
mod test;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::Subcommand;
use levada_udf::{UdfFactory, UdfLoader, UdfParameters};

use crate::{exit::Failure, modules};

/// What to do with functions.
#[derive(Debug, Subcommand)]
pub(crate) enum UdfCommand {
    /// Make a project of functions to start from
    New(new::NewArgs),
    /// Make a module of a project
    Build(build::BuildArgs),
    /// List the functions of modules
    List(list::ListArgs),
    /// Run a function over the rows of a CSV file
    Test(test::TestArgs),
    /// Measure a function
    Bench(bench::BenchArgs),
}

/// Which function of which module, and what its call is given.
#[derive(Debug, clap::Args)]
pub(crate) struct CallArgs {
    /// A module, or a folder with one
    #[arg(value_name = "FILE|DIR")]
    module: PathBuf,
    /// The function's id; not needed where there is one only
    #[arg(long, value_name = "ID")]
    function: Option<String>,
    /// An attribute of the call; again for each
    #[arg(long = "attribute", value_name = "KEY=VALUE", value_parser = attribute)]
    attributes: Vec<(String, String)>,
}

/// Does what was asked.
///
/// # Errors
/// It failed.
pub(super) fn run(command: UdfCommand) -> anyhow::Result<ExitCode> {
    match command {
        UdfCommand::New(args) => new::new(&args),
        UdfCommand::Build(args) => build::build(&args),
        UdfCommand::List(args) => list::list(&args),
        UdfCommand::Test(args) => test::test(&args),
        UdfCommand::Bench(args) => bench::bench(&args),
    }
}

fn attribute(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("an attribute is KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl CallArgs {
    /// The function that is meant.
    fn factory(&self) -> anyhow::Result<Arc<dyn UdfFactory>> {
        let host = modules::host()?;
        let files = if self.module.is_dir() { modules_in(&self.module)? } else { vec![self.module.clone()] };
        if files.is_empty() {
            let message = format!(
                "{} holds no module (*.wasm): make one with `levada udf build`",
                self.module.display()
            );
            return Err(Failure::invalid(message).into());
        }
        let mut functions = Vec::new();
        for file in files {
            functions.extend(host.load(&file)?);
        }
        let ids: Vec<String> = functions.iter().map(|each| each.id().to_owned()).collect();
        let mut wanted =
            functions.into_iter().filter(|each| self.function.as_ref().is_none_or(|id| each.id() == id));
        match (wanted.next(), wanted.next()) {
            (Some(one), None) => Ok(one),
            _ => {
                let message = format!("say which function with --function: {}", ids.join(", "));
                Err(Failure::invalid(message).into())
            }
        }
    }

    /// The call's parameters, for inputs of these names and types.
    fn parameters(&self, inputs: &[(String, levada_model::DataType)]) -> UdfParameters {
        levada_udf::parameters(inputs.iter().cloned(), self.attributes.iter().cloned())
    }
}

/// The modules in a folder, without those of its sub-folders.
fn modules_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let host = modules::host()?;
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() && host.reads(&path) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
