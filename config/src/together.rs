//! Checks pipelines that are valid alone but run in one process.

use std::collections::HashMap;

use levada_connector_api::{ComponentKind, Registry};

use crate::{
    code,
    diagnostic::{Diagnostic, Level},
    load::claims,
    pipeline::{ComponentRef, Pipeline},
};

/// The reasons why pipelines cannot run at the same time: two with one name, whose positions and metrics would mix, or nodes
/// that need the same file for themselves. The diagnostics have no place in a text, as each would have two.
pub fn check_together(pipelines: &[&Pipeline], registry: &Registry) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut names: HashMap<&str, usize> = HashMap::new();
    let mut claimed: HashMap<String, Claim> = HashMap::new();
    for (index, pipeline) in pipelines.iter().enumerate() {
        if names.insert(&pipeline.name, index).is_some() {
            let message = format!("two pipelines are called `{}`", pipeline.name);
            let help = "give each a `name` of its own: positions, metrics and the state folder go by it";
            found.push(problem(code::NAME, "name", message, help));
        }
        for claim in claims_of(index, pipeline, registry) {
            match claimed.get(&claims::plain(&claim.text)) {
                // Within one pipeline this was found when it was read; dead letters are only appended.
                Some(first) if first.pipeline == index || (first.dead_letters && claim.dead_letters) => {}
                Some(first) => {
                    let who =
                        |claim: &Claim| format!("{} of `{}`", claim.who, pipelines[claim.pipeline].name);
                    let thing = claims::shown(&claim.text);
                    let message =
                        format!("{} and {} both need {thing} for themselves", who(first), who(&claim));
                    found.push(problem(
                        code::CLAIMED_TWICE,
                        &claim.path,
                        message,
                        "give one of them another",
                    ));
                }
                None => drop(claimed.insert(claims::plain(&claim.text), claim)),
            }
        }
    }
    found
}

struct Claim {
    text: String,
    pipeline: usize,
    who: String,
    path: String,
    dead_letters: bool,
}

fn claims_of(index: usize, pipeline: &Pipeline, registry: &Registry) -> Vec<Claim> {
    let sources =
        pipeline.sources.iter().map(|node| (ComponentKind::Source, "sources", &node.name, &node.component));
    let transforms = pipeline
        .transforms
        .iter()
        .map(|node| (ComponentKind::Transform, "transforms", &node.name, &node.component));
    let sinks = pipeline.sinks.iter().map(|node| (ComponentKind::Sink, "sinks", &node.name, &node.component));
    let mut found = Vec::new();
    for (kind, section, name, component) in sources.chain(transforms).chain(sinks) {
        for text in claims_of_component(registry, kind, component) {
            let (who, path) = (format!("`{name}`"), format!("{section}.{name}"));
            found.push(Claim { text, pipeline: index, who, path, dead_letters: false });
        }
    }
    if let Some(file) = &pipeline.errors.dead_letter.file {
        let text = format!("file {}", file.display());
        let (who, path) = ("the dead letters".to_owned(), "errors.dead_letter.file".to_owned());
        found.push(Claim { text, pipeline: index, who, path, dead_letters: true });
    }
    found
}

fn claims_of_component(registry: &Registry, kind: ComponentKind, component: &ComponentRef) -> Vec<String> {
    let inspected = registry.get(kind, &component.name).map(|known| known.inspect(&component.options));
    match inspected {
        Some(Ok((_, claims))) => claims,
        // The pipeline was read with another registry: its claims are not known here.
        Some(Err(_)) | None => Vec::new(),
    }
}

fn problem(code: &'static str, path: &str, message: String, help: &str) -> Diagnostic {
    let (path, help) = (path.to_owned(), Some(help.to_owned()));
    Diagnostic { code, level: Level::Error, path, span: None, message, help, notes: Vec::new() }
}
