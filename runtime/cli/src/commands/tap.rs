//! `levada tap`: rows in flight of a process that runs.

use std::{
    io::{BufRead, Write},
    process::ExitCode,
};

use anyhow::bail;
use serde::Deserialize;

use crate::{
    client::{ClientArgs, part},
    exit::Failure,
};

/// Options of `tap`.
#[derive(Debug, clap::Args)]
pub(crate) struct TapArgs {
    /// The node; `PIPELINE/NODE` where several pipelines have one of this name
    node: String,
    /// The process.
    #[command(flatten)]
    process: ClientArgs,
    /// So many rows, and end; until it is interrupted, or the pipeline ends, if not given
    #[arg(long, value_name = "ROWS")]
    limit: Option<u64>,
}

/// What is needed of a pipeline's status.
#[derive(Debug, Deserialize)]
struct Stream {
    id: String,
    #[serde(default)]
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    name: String,
}

pub(super) fn tap(args: &TapArgs) -> anyhow::Result<ExitCode> {
    let (pipeline, node) = match args.node.rsplit_once('/') {
        Some((pipeline, node)) => (pipeline.to_owned(), node),
        None => (pipeline_of(&args.node, &args.process)?, args.node.as_str()),
    };
    let mut path = format!("/streams/{}/tap/{}", part(&pipeline), part(node));
    if let Some(limit) = args.limit {
        path.push_str(&format!("?limit={limit}"));
    }
    let mut rows = args.process.get(&path)?;
    let mut out = std::io::stdout().lock();
    let mut row = Vec::new();
    while rows.read_until(b'\n', &mut row)? > 0 {
        // A row is of use when it passes, also for who reads through a pipe.
        out.write_all(&row)?;
        out.flush()?;
        row.clear();
    }
    Ok(ExitCode::SUCCESS)
}

/// The pipeline that has a node of this name.
fn pipeline_of(node: &str, process: &ClientArgs) -> anyhow::Result<String> {
    let streams: Vec<Stream> = serde_json::from_str(&process.text("/streams")?)?;
    let mut of = streams.iter().filter(|stream| stream.nodes.iter().any(|each| each.name == node));
    match (of.next(), of.next()) {
        (Some(one), None) => Ok(one.id.clone()),
        (Some(one), Some(other)) => {
            let message =
                format!("both `{}` and `{}` have a node `{node}`: say PIPELINE/NODE", one.id, other.id);
            Err(Failure::invalid(message).into())
        }
        (None, _) => {
            let known: Vec<_> = streams
                .iter()
                .flat_map(|stream| stream.nodes.iter().map(|each| format!("{}/{}", stream.id, each.name)))
                .collect();
            bail!("no pipeline has a node `{node}`; there are {}", known.join(", "))
        }
    }
}
