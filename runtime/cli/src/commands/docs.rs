//! `levada docs`: a connector's reference page.

use std::process::ExitCode;

use levada_connector_api::{Component, ComponentKind};

use crate::{args::DocsArgs, exit::Failure, registry};

pub(super) fn docs(args: &DocsArgs) -> anyhow::Result<ExitCode> {
    let registry = registry::all();
    if args.component == "pipeline" {
        println!("{}", levada_config::document_reference());
        return Ok(ExitCode::SUCCESS);
    }
    let (kind, name) = match args.component.split_once('/') {
        Some((kind, name)) => (Some(kind), name),
        None => (None, args.component.as_str()),
    };
    let found: Vec<&Component> = ComponentKind::ALL
        .into_iter()
        .filter(|each| kind.is_none_or(|kind| kind == each.name()))
        .filter_map(|each| registry.get(each, name))
        .collect();
    if found.is_empty() {
        let all: Vec<String> = ComponentKind::ALL
            .into_iter()
            .flat_map(|kind| registry.all(kind))
            .map(|each| format!("{}/{}", each.kind.name(), each.name))
            .collect();
        let message = format!("there is no connector `{}`; there are {}", args.component, all.join(", "));
        return Err(Failure::invalid(message).into());
    }
    for component in found {
        println!("{}", levada_config::reference(component));
    }
    Ok(ExitCode::SUCCESS)
}
