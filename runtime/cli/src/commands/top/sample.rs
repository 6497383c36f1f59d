//! What a process tells of its pipelines and pipes.

use std::time::Instant;

use serde::Deserialize;

use crate::client::ClientArgs;

/// A pipeline's status.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Stream {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) error: Option<String>,
    #[serde(default)]
    pub(super) rows_in_flight: u64,
    #[serde(default)]
    pub(super) rows_sent: u64,
    #[serde(default)]
    pub(super) dead: u64,
    pub(super) lag: Option<u64>,
    #[serde(default)]
    pub(super) nodes: Vec<Node>,
    #[serde(default)]
    pub(super) queues: Vec<Queue>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) state: String,
    pub(super) error: Option<String>,
    pub(super) counts: Counts,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Counts {
    pub(super) rows_in: u64,
    pub(super) rows_out: u64,
    pub(super) dead: u64,
    pub(super) retries: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Queue {
    pub(super) to: String,
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

/// What was told at a moment.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) at: Instant,
    pub(super) streams: Vec<Stream>,
    /// The metrics of the process, as text.
    pub(super) metrics: String,
}

impl Sample {
    pub(super) fn take(process: &ClientArgs) -> anyhow::Result<Self> {
        let streams = serde_json::from_str(&process.text("/streams")?)?;
        Ok(Self { at: Instant::now(), streams, metrics: process.text("/metrics")? })
    }
}
