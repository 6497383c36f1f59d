//! Which functions a project has that is not in Rust: the lines of `functions.txt`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use levada_udf_host::{Declaration, with_declarations};

use crate::exit::Failure;

const FILE: &str = "functions.txt";

/// The functions that a project declares.
pub(super) fn functions(project: &Path) -> anyhow::Result<Vec<Declaration>> {
    let path = project.join(FILE);
    let text = fs::read_to_string(&path).map_err(|error| {
        let help = "it names the module's functions, one in a line: `udtf org.example.Adder`";
        Failure::invalid(format!("cannot read {}: {error}; {help}", path.display()))
    })?;
    let mut functions = Vec::new();
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let read = line.parse::<Declaration>();
        functions
            .push(read.map_err(|error| Failure::invalid(format!("{}:{number}: {error}", path.display())))?);
    }
    if functions.is_empty() {
        return Err(Failure::invalid(format!("{} names no function", path.display())).into());
    }
    Ok(functions)
}

/// Writes a component as the project's module, with its functions declared; where it is.
pub(super) fn write(
    project: &Path,
    component: Vec<u8>,
    functions: &[Declaration],
) -> anyhow::Result<PathBuf> {
    let whole = project.canonicalize().with_context(|| format!("cannot find {}", project.display()))?;
    let name = whole.file_name().context("the project's folder has a name")?;
    let module = project.join(name).with_extension("wasm");
    let declared = with_declarations(component, functions)
        .map_err(|error| Failure::invalid(format!("{}: {error}", project.display())))?;
    fs::write(&module, declared).with_context(|| format!("cannot write {}", module.display()))?;
    Ok(module)
}

/// The folder of what is made on the way.
pub(super) fn target(project: &Path) -> anyhow::Result<PathBuf> {
    let target = project.join("target");
    fs::create_dir_all(&target).with_context(|| format!("cannot make {}", target.display()))?;
    Ok(target)
}

/// The folder of the SDK: the project's own, or one with these files.
pub(super) fn sdk(project: &Path, files: &[(&str, &str)]) -> anyhow::Result<PathBuf> {
    let own = project.join("sdk");
    if own.is_dir() {
        return Ok(own);
    }
    let made = target(project)?.join("sdk");
    fs::create_dir_all(&made).with_context(|| format!("cannot make {}", made.display()))?;
    for (file, text) in files {
        let file = made.join(file);
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(made)
}

/// The files of a folder with an extension, in order.
pub(super) fn files_in(folder: &Path, extension: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_file() && path.extension().is_some_and(|each| each == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
