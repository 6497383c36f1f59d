//! `levada list`: the connectors there are.

use std::process::ExitCode;

use levada_connector_api::{ComponentKind, Registry};
use serde_json::json;

use crate::{
    args::{KindArg, ListArgs, ListFormat},
    registry,
};

pub(super) fn list(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let registry = registry::all();
    let kinds: Vec<ComponentKind> = match args.kind {
        None => ComponentKind::ALL.to_vec(),
        Some(KindArg::Sources) => vec![ComponentKind::Source],
        Some(KindArg::Decoders) => vec![ComponentKind::Decoder],
        Some(KindArg::Transforms) => vec![ComponentKind::Transform],
        Some(KindArg::Sinks) => vec![ComponentKind::Sink],
        Some(KindArg::Encoders) => vec![ComponentKind::Encoder],
    };
    let components = || kinds.iter().flat_map(|&kind| registry.all(kind));
    match args.format {
        ListFormat::Text => print_components(&registry, &kinds),
        ListFormat::Json => {
            let list: Vec<_> = components()
                .map(|each| json!({"kind": each.kind.name(), "name": each.name, "summary": each.summary}))
                .collect();
            println!("{}", serde_json::to_string_pretty(&list)?);
        }
        ListFormat::Jsonschema => {
            println!("{}", serde_json::to_string_pretty(&levada_config::document_schema(&registry))?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The components of some kinds, a line each.
pub(super) fn print_components(registry: &Registry, kinds: &[ComponentKind]) {
    for &kind in kinds {
        let mut of_kind = registry.all(kind).peekable();
        if of_kind.peek().is_some() {
            println!("{}s:", kind.name());
        }
        for component in of_kind {
            println!("  {:<12} {}", component.name, component.summary);
        }
    }
}
