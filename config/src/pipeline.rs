//! A pipeline as understood: everything checked, defaults filled in, no YAML left.

use std::{fmt, path::PathBuf};

use levada_connector_api::{BatchLimits, Interval};
use serde_json::Value;

use crate::settings::{ErrorSettings, LogSettings, QueueLimits, RetryPolicy, TestCase};

/// A pipeline document that was read without errors.
///
/// Every name in `inputs` is that of a node or of an output of one (`NODE.OUTPUT`), every name in `order` that of a node; `order` has each node once, after all its inputs; every
/// `component` is in the registry the document was read with, and `options` fit its schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// Its name; the file's stem if the document gives none.
    pub name: String,
    /// Its sources, as written.
    pub sources: Vec<SourceNode>,
    /// Its transforms, as written.
    pub transforms: Vec<TransformNode>,
    /// Its sinks, as written.
    pub sinks: Vec<SinkNode>,
    /// What happens to readings that cannot be decoded or stored.
    pub errors: ErrorSettings,
    /// The folder for the pipeline's state, if the document names one.
    pub state_dir: Option<PathBuf>,
    /// How long stopping waits for work in progress.
    pub grace: Interval,
    /// `host:port` of `/metrics`, `/ready` and `/ping`, if the document gives it.
    pub http: Option<String>,
    /// How much is logged and in which form.
    pub log: LogSettings,
    /// The pipeline's own tests.
    pub tests: Vec<TestCase>,
    /// Every node's name, inputs before those they feed.
    pub order: Vec<String>,
}

/// A component and its options: the arguments of [`Component::source`](levada_connector_api::Component::source) and its like.
#[derive(Clone, PartialEq)]
pub struct ComponentRef {
    /// The component's name.
    pub name: String,
    /// Its options, as its schema requires; secrets in clear.
    pub options: Value,
}

/// A source as the document declares it.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceNode {
    /// The node's name.
    pub name: String,
    /// Its component.
    pub component: ComponentRef,
    /// How its records become rows; present exactly if the component decodes.
    pub decode: Option<ComponentRef>,
    /// The limits of the queue behind it.
    pub queue: QueueLimits,
}

/// A transform as the document declares it.
#[derive(Clone, Debug, PartialEq)]
pub struct TransformNode {
    /// The node's name.
    pub name: String,
    /// Sources, transforms and outputs of transforms that it reads; at least one, none twice.
    pub inputs: Vec<String>,
    /// Its component.
    pub component: ComponentRef,
    /// The limits of the queue behind it.
    pub queue: QueueLimits,
}

/// A sink as the document declares it.
#[derive(Clone, Debug, PartialEq)]
pub struct SinkNode {
    /// The node's name.
    pub name: String,
    /// Sources, transforms and outputs of transforms that it reads; at least one, none twice.
    pub inputs: Vec<String>,
    /// Its component.
    pub component: ComponentRef,
    /// How its rows become bytes, where the document says.
    pub encode: Option<ComponentRef>,
    /// When a batch is full.
    pub batch: BatchLimits,
    /// How a failed write is retried.
    pub retry: RetryPolicy,
}

// Options may hold secrets.
impl fmt::Debug for ComponentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ComponentRef").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The node that an input names, and which of its outputs; `None` for the node itself. No name of a node holds a dot.
pub fn input_parts(input: &str) -> (&str, Option<&str>) {
    match input.split_once('.') {
        Some((node, output)) => (node, Some(output)),
        None => (input, None),
    }
}

impl Pipeline {
    /// The inputs of a node; none for a source or an unknown name.
    pub fn inputs(&self, node: &str) -> &[String] {
        let transforms = self.transforms.iter().map(|each| (&each.name, &each.inputs));
        let mut sinks = self.sinks.iter().map(|each| (&each.name, &each.inputs));
        transforms.chain(&mut sinks).find(|(name, _)| *name == node).map_or(&[], |(_, inputs)| inputs)
    }

    /// The nodes that read a node or one of its outputs, in the order in which the document has them.
    pub fn consumers<'a>(&'a self, node: &'a str) -> impl Iterator<Item = &'a str> {
        let transforms = self.transforms.iter().map(|each| (&each.name, &each.inputs));
        let sinks = self.sinks.iter().map(|each| (&each.name, &each.inputs));
        transforms
            .chain(sinks)
            .filter(move |(_, inputs)| inputs.iter().any(|input| input_parts(input).0 == node))
            .map(|(name, _)| name.as_str())
    }
}
