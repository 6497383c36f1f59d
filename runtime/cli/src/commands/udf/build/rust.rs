//! A module of a project in Rust.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Context;
use serde_json::Value;

use crate::exit::Failure;

/// What Rust calls components.
const TARGET: &str = "wasm32-wasip2";

/// Makes the module; where it is.
pub(super) fn build(project: &Path) -> anyhow::Result<PathBuf> {
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
    Ok(module)
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
