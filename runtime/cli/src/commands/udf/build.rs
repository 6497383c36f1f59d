//! `levada udf build`: a module of a project.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use anyhow::Context;
use levada_udf::UdfLoader;
use serde_json::Value;

use crate::{exit::Failure, modules};

/// What Rust calls components.
const TARGET: &str = "wasm32-wasip2";

/// Options of `udf build`.
#[derive(Debug, clap::Args)]
pub(crate) struct BuildArgs {
    /// The project's folder
    #[arg(value_name = "DIR")]
    project: PathBuf,
}

pub(super) fn build(args: &BuildArgs) -> anyhow::Result<ExitCode> {
    let project = &args.project;
    if !project.join("Cargo.toml").is_file() {
        let message = format!(
            "{} has no Cargo.toml: a Rust project is built here (`levada udf new` makes one); what other languages' own tools \
             make is used as it is",
            project.display()
        );
        return Err(Failure::invalid(message).into());
    }
    check_tools()?;
    let mut command = Command::new("cargo");
    command.args(["build", "--release", "--target", TARGET, "--message-format", "json-render-diagnostics"]);
    let output =
        command.current_dir(project).stderr(Stdio::inherit()).output().context("cargo cannot be started")?;
    if !output.status.success() {
        return Err(Failure::told(crate::exit::FAILED).into());
    }
    let made: Vec<PathBuf> = String::from_utf8_lossy(&output.stdout).lines().flat_map(artifacts).collect();
    let [made] = made.as_slice() else {
        let message = format!(
            "{} makes {} modules, one is expected: `crate-type = [\"cdylib\"]` under `[lib]` makes it one",
            project.display(),
            made.len()
        );
        return Err(Failure::invalid(message).into());
    };
    let module = project.join(made.file_name().context("a module has a name")?);
    fs::copy(made, &module).with_context(|| format!("cannot write {}", module.display()))?;
    for function in modules::host()?.load(&module)? {
        println!("{}  {}  {}", function.id(), function.kind(), module.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Says what is missing, and how to get it.
fn check_tools() -> anyhow::Result<()> {
    let ask = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).stderr(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let missing = |what: &str| anyhow::Error::from(Failure::invalid(what));
    ask("cargo", &["--version"]).ok_or_else(|| {
        missing("cargo is missing: install Rust, with rustup or from your system's packages")
    })?;
    let sysroot = ask("rustc", &["--print", "sysroot"]).ok_or_else(|| {
        missing("rustc is missing: install Rust, with rustup or from your system's packages")
    })?;
    if !Path::new(&sysroot).join("lib/rustlib").join(TARGET).is_dir() {
        return Err(missing(&format!("the target {TARGET} is missing: rustup target add {TARGET}")));
    }
    Ok(())
}

/// The modules that a line of cargo's messages names.
fn artifacts(line: &str) -> Vec<PathBuf> {
    let Ok(message) = serde_json::from_str::<Value>(line) else { return Vec::new() };
    let files =
        message["filenames"].as_array().into_iter().flatten().filter_map(Value::as_str).map(PathBuf::from);
    files.filter(|file| file.extension().is_some_and(|extension| extension == "wasm")).collect()
}
