//! A module of a project in Python: the interpreter and the project's files in a component.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;

use super::{ask, declared, run};
use crate::{commands::udf::new::python::SDK, exit::Failure};

/// What the component exports.
const WIT: &str = include_str!("../../../../../../engine/udf/wit/udf.wit");

/// What is said where the tool is missing.
const MISSING: &str = "componentize-py is missing, which makes components of Python: pip install componentize-py (in a virtual \
     environment that is active, where the system asks for one)";

/// Makes the module; where it is.
pub(super) fn build(project: &Path) -> anyhow::Result<PathBuf> {
    let functions = declared::functions(project)?;
    let tool = Path::new("componentize-py");
    ask(tool, &["--version"]).ok_or_else(|| Failure::invalid(MISSING))?;
    let (sdk, folder) = (declared::sdk(project, &SDK)?, declared::target(project)?);
    let (wit, made) = (folder.join("udf.wit"), folder.join("made.wasm"));
    fs::write(&wit, WIT).with_context(|| format!("cannot write {}", wit.display()))?;
    let mut command = Command::new(tool);
    // An SDK that a project has had for long may have no aggregates.
    let world = if sdk.join("udaf.py").is_file() { "library" } else { "series" };
    command.arg("-d").arg(&wit).args(["-w", world, "componentize", "functions"]);
    command.arg("-p").arg(project).arg("-p").arg(&sdk).arg("-o").arg(&made);
    run(&mut command)?;
    let component = fs::read(&made).context("componentize-py gave no component")?;
    declared::write(project, component, &functions)
}
