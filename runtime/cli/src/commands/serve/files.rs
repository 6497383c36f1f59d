//! Which settings a server has: what its files name, and what the command line says.

use std::{fs, io::IsTerminal, path::Path};

use levada_config::load_options;
use levada_connector_api::Options;
use serde_json::{Map, Value};

use super::{ServeArgs, properties, settings::Settings};
use crate::exit::{self, Failure};

/// What the files of the command line say, and what it says itself. What is wrong with a YAML file is printed.
///
/// # Errors
/// A file cannot be read or is wrong, or the settings do not go together.
pub(super) fn settings(args: &ServeArgs) -> anyhow::Result<Settings> {
    let mut named = Map::new();
    for file in &args.config {
        named.extend(read(file)?);
    }
    let settings = Settings::read(Value::Object(named));
    let mut settings =
        settings.map_err(|problem| Failure::invalid(format!("{}: {}", problem.path, problem.message)))?;
    settings.overrule(args);
    settings.check()?;
    Ok(settings)
}

/// What a file names.
fn read(file: &Path) -> anyhow::Result<Map<String, Value>> {
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::invalid(format!("cannot read {}: {error}", file.display())))?;
    if file.extension().is_some_and(|extension| extension == "properties") {
        return properties::read(&text, file);
    }
    let environment = |variable: &str| std::env::var(variable).ok();
    let (given, found) = load_options::<Settings>(&text, &file.display().to_string(), &environment);
    eprint!("{}", levada_config::render(&found, &text, std::io::stderr().is_terminal()));
    match given {
        Some(given) => Ok(given.named),
        None => Err(Failure::told(exit::INVALID).into()),
    }
}
