//! A module of a project in JavaScript: the engine and the project's files in a component.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;

use super::{ask, declared, run};
use crate::{commands::udf::new::javascript::SDK, exit::Failure};

/// What the component exports.
const WIT: &str = include_str!("../../../../../../engine/udf/wit/udf.wit");

/// The tool, and where a project has it that installed it for itself.
const TOOL: &str = "componentize-js";
const OF_THE_PROJECT: &str = "node_modules/.bin/componentize-js";

/// What is said where the tool is missing.
const MISSING: &str = "componentize-js is missing, which makes components of JavaScript: npm install -g @bytecodealliance/componentize-js \
     (or without -g in the project's folder); it needs Node.js 20 or later";

/// What functions do not have: the system.
const WITHOUT: [&str; 5] = ["stdio", "random", "clocks", "http", "fetch-event"];

/// Makes the module; where it is.
pub(super) fn build(project: &Path) -> anyhow::Result<PathBuf> {
    let functions = declared::functions(project)?;
    let project = &project.canonicalize().with_context(|| format!("cannot find {}", project.display()))?;
    let own = project.join(OF_THE_PROJECT);
    let tools = [own, PathBuf::from(TOOL)];
    let tool = tools.iter().find(|tool| ask(tool, &["--version"]).is_some());
    let tool = tool.ok_or_else(|| Failure::invalid(MISSING))?;
    let folder = declared::target(project)?;
    let (wit, made) = (folder.join("udf.wit"), folder.join("made.wasm"));
    fs::write(&wit, WIT).with_context(|| format!("cannot write {}", wit.display()))?;
    let mut command = Command::new(tool);
    // Files are found below the folder that it is started in.
    command.current_dir(root(project, &folder)?).arg("sdk/levada_border.js");
    command.arg("--wit").arg(&wit).args(["-n", "library", "-o"]).arg(&made);
    for each in WITHOUT {
        command.args(["-d", each]);
    }
    run(&mut command)?;
    let component = fs::read(&made).context("componentize-js gave no component")?;
    declared::write(project, component, &functions)
}

/// A folder with the project's files and those of the SDK: the project's own, or one with copies.
fn root(project: &Path, target: &Path) -> anyhow::Result<PathBuf> {
    if project.join("sdk").is_dir() {
        return Ok(project.to_owned());
    }
    let root = target.join("module");
    let sdk = root.join("sdk");
    fs::create_dir_all(&sdk).with_context(|| format!("cannot make {}", sdk.display()))?;
    for (file, text) in SDK {
        let file = sdk.join(file);
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    for file in declared::files_in(project, "js")? {
        let copy = root.join(file.file_name().context("a file has a name")?);
        fs::copy(&file, &copy).with_context(|| format!("cannot write {}", copy.display()))?;
    }
    Ok(root)
}
