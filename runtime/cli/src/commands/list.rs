//! `levada list`: the connectors there are.

use std::process::ExitCode;

use levada_connector_api::{ComponentKind, Registry};
use serde_json::json;

use crate::registry;

/// Options of `list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Only this kind
    #[arg(value_enum)]
    kind: Option<KindArg>,
    /// How the list is printed
    #[arg(long, value_enum, default_value = "text")]
    format: ListFormat,
}

/// A kind of connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum KindArg {
    /// Where readings come from.
    Sources,
    /// What makes rows of bytes.
    Decoders,
    /// What changes readings.
    Transforms,
    /// Where readings go.
    Sinks,
    /// What makes bytes of rows.
    Encoders,
}

/// How `list` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ListFormat {
    /// For people.
    Text,
    /// Names and summaries, for programs.
    Json,
    /// The JSON Schema of a pipeline file, for editors.
    Jsonschema,
}

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
