//! `levada docs`: what there is to read, a topic's page, the functions of SQL, or a connector's page.

use std::process::ExitCode;

use levada_config::{Topic, topics};
use levada_connector_api::{Component, ComponentKind, Registry};

use crate::{exit::Failure, registry};

/// Options of `docs`.
#[derive(Debug, clap::Args)]
pub(crate) struct DocsArgs {
    /// A topic (`variables`, `records`, …), `functions`, `udf`, or a connector: `mqtt`, or `sink/file` where a source and a sink share a name.
    /// All there are are listed if not given
    #[arg(value_name = "NAME")]
    page: Option<String>,
}

/// The page of the registry of functions.
const FUNCTIONS: &str = "functions";

/// The page for authors of functions.
const AUTHORS: &str = "udf";

pub(super) fn docs(args: &DocsArgs) -> anyhow::Result<ExitCode> {
    let registry = registry::all();
    let Some(wanted) = &args.page else {
        print_contents(&registry);
        return Ok(ExitCode::SUCCESS);
    };
    if let Some(topic) = topics().iter().find(|topic| topic.name == wanted) {
        println!("{}", topic.page());
        return Ok(ExitCode::SUCCESS);
    }
    if wanted == FUNCTIONS {
        println!("{}", levada_engine::functions::reference());
        return Ok(ExitCode::SUCCESS);
    }
    if wanted == AUTHORS {
        println!("{}", include_str!("../../../../examples/udf/README.md"));
        return Ok(ExitCode::SUCCESS);
    }
    let (kind, name) = match wanted.split_once('/') {
        Some((kind, name)) => (Some(kind), name),
        None => (None, wanted.as_str()),
    };
    let found: Vec<&Component> = ComponentKind::ALL
        .into_iter()
        .filter(|each| kind.is_none_or(|kind| kind == each.name()))
        .filter_map(|each| registry.get(each, name))
        .collect();
    if found.is_empty() {
        let connectors = ComponentKind::ALL.into_iter().flat_map(|kind| registry.all(kind));
        let connectors = connectors.map(|each| format!("{}/{}", each.kind.name(), each.name));
        let all: Vec<String> = pages().map(str::to_owned).chain(connectors).collect();
        let message = format!("there is no page `{wanted}`; there are {}", all.join(", "));
        return Err(Failure::invalid(message).into());
    }
    for component in found {
        println!("{}", levada_config::reference(&registry, component));
    }
    Ok(ExitCode::SUCCESS)
}

/// The names of pages that are not a connector's.
fn pages() -> impl Iterator<Item = &'static str> {
    topics().iter().map(|topic| topic.name).chain([FUNCTIONS, AUTHORS])
}

/// The topics and the connectors, with a sentence on each.
fn print_contents(registry: &Registry) {
    println!("topics:");
    for Topic { name, summary, .. } in topics() {
        println!("  {name:<12} {summary}");
    }
    println!("  {FUNCTIONS:<12} what SQL and the `sql` transform can call");
    println!("  {AUTHORS:<12} How functions of your own are written, built, tested and used.");
    super::list::print_components(registry, &ComponentKind::ALL);
    println!("\n`levada docs NAME` prints a page; `sink/file` where a source and a sink share a name.");
}
