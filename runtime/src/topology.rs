//! From a pipeline's document to tasks and the edges between them. Touches nothing outside yet.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicUsize},
};

use levada_config::{QueueLimits, input_parts};
use levada_connector_api::{ComponentKind, DecoderFactory, Error, Holds, Result};

use crate::{
    batcher::Batcher,
    confluence::Confluence,
    frontier::Frontier,
    ledger::Ledger,
    metrics::{EdgeMetrics, Metrics},
    node::{Node, NodeKind},
    outlets::{Outlet, Outlets},
    parcel::Parcel,
    parts::{Parts, at},
    queue::{Budget, Inlet, Receiver, Sender, queue},
    shared::Shared,
    task::{
        holding::Keeping,
        sink::{SinkTask, Writer},
        source::SourceTask,
        transform::TransformTask,
        worker::Worker,
    },
};

mod ways;

use self::ways::Ways;

/// A pipeline's tasks, not started.
pub(crate) struct Topology {
    pub(crate) sources: Vec<SourceTask>,
    pub(crate) transforms: Vec<TransformTask>,
    pub(crate) sinks: Vec<SinkTask>,
    /// Every node, in the document's order.
    pub(crate) nodes: Vec<Arc<Node>>,
    pub(crate) ledgers: Vec<Arc<Ledger>>,
    pub(crate) edges: Vec<Edge>,
}

/// What is known of an edge from outside.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) budget: Budget,
    pub(crate) metrics: EdgeMetrics,
}

/// What nodes are built with.
pub(crate) struct Builder<'a> {
    pub(crate) parts: Parts<'a>,
    pub(crate) metrics: &'a Metrics,
    pub(crate) shared: &'a Arc<Shared>,
}

/// The queue in front of each transform and sink, while edges are being drawn.
struct Queues<'p> {
    ways: Ways<'p>,
    inlets: BTreeMap<String, Inlet<Parcel>>,
    receivers: BTreeMap<String, Receiver<Parcel>>,
    edges: Vec<Edge>,
}

impl<'a> Builder<'a> {
    /// Builds every node and draws every edge.
    ///
    /// # Errors
    /// A component is not there or rejects its options, or a node feeds nothing.
    pub(crate) fn build(&self) -> Result<Topology> {
        let mut queues = Queues::new(&self.parts)?;
        let mut sources = self.sources(&mut queues)?;
        let transforms = self.transforms(&mut queues)?;
        let sinks = self.sinks(&mut queues)?;
        for source in &mut sources {
            let reached = self.parts.reach(&source.node.name).into_iter().map(|at| &sinks[at].writer);
            let sinks = reached.map(|writer| (&*writer.node.name, writer.capabilities));
            source.memory = self.parts.memory(&source.node.name, source.source.capabilities(), sinks);
        }
        let nodes = (sources.iter().map(|each| &each.node))
            .chain(transforms.iter().map(|each| &each.worker.node))
            .chain(sinks.iter().map(|each| &each.writer.node))
            .map(Arc::clone)
            .collect();
        let ledgers = sources.iter().map(|each| Arc::clone(&each.ledger)).collect();
        Ok(Topology { sources, transforms, sinks, nodes, ledgers, edges: queues.edges })
    }

    fn sources(&self, queues: &mut Queues<'a>) -> Result<Vec<SourceTask>> {
        let build = |node: &levada_config::SourceNode| {
            let (source, decoder) = self.parts.source(node)?;
            Ok(SourceTask {
                node: Node::new(&node.name, NodeKind::Source),
                noticed: decoder.as_ref().and_then(DecoderFactory::noticed),
                source,
                metrics: self.metrics.source(&self.parts.pipeline.name, &node.name),
                outlets: self.outlets(&node.name, &[], node.queue, queues)?,
                ledger: Ledger::new(),
                memory: None,
                forgotten: None,
                shared: Arc::clone(self.shared),
            })
        };
        self.parts.pipeline.sources.iter().map(build).collect()
    }

    fn transforms(&self, queues: &mut Queues<'a>) -> Result<Vec<TransformTask>> {
        let build = |node: &levada_config::TransformNode| {
            let component = self.parts.component(ComponentKind::Transform, &node.component)?;
            let context = self.parts.context(&node.name);
            let options = &node.component.options;
            let transform = component.transform(options.clone(), &context).map_err(at(&node.name))?;
            let outputs = component.outputs(options).map_err(|problem| Error::config(problem.message));
            let worker = Worker::new(
                Node::new(&node.name, NodeKind::Transform),
                transform,
                self.metrics.transform(&self.parts.pipeline.name, &node.name),
                self.outlets(&node.name, &outputs.map_err(at(&node.name))?, node.queue, queues)?,
                Arc::clone(self.shared),
            );
            let holds = component.holds(options);
            let keeping = (holds != Holds::Nothing).then(|| Keeping::of(&node.name));
            let confluence = match holds {
                Holds::State => Confluence::new(queues.ways.origins(&node.name)),
                _ => Confluence::default(),
            };
            Ok(TransformTask { worker, inlet: queues.receiver(&node.name)?, keeping, confluence })
        };
        self.parts.pipeline.transforms.iter().map(build).collect()
    }

    fn sinks(&self, queues: &mut Queues<'a>) -> Result<Vec<SinkTask>> {
        let build = |node: &levada_config::SinkNode| {
            let sink = self.parts.sink(node)?;
            let writer = Writer {
                node: Node::new(&node.name, NodeKind::Sink),
                capabilities: sink.capabilities(),
                sink,
                metrics: self.metrics.sink(&self.parts.pipeline.name, &node.name),
                retry: node.retry,
                shared: Arc::clone(self.shared),
                troubled: AtomicUsize::new(0),
            };
            let inlet = queues.receiver(&node.name)?;
            let confluence = match writer.capabilities.checkpoints {
                true => Confluence::new(queues.ways.origins(&node.name)),
                false => Confluence::default(),
            };
            Ok(SinkTask {
                writer: Arc::new(writer),
                inlet,
                batcher: Batcher::new(node.batch),
                frontier: Frontier::default(),
                confluence,
            })
        };
        self.parts.pipeline.sinks.iter().map(build).collect()
    }

    /// The edges from a node to all that read it or one of its outputs.
    fn outlets(
        &self,
        node: &str,
        outputs: &[String],
        limits: QueueLimits,
        queues: &mut Queues<'a>,
    ) -> Result<Outlets> {
        let pipeline = self.parts.pipeline;
        let edges: Vec<_> = pipeline
            .consumers(node)
            .map(|consumer| {
                let edge = queues.edge(consumer, limits)?;
                let metrics = self.metrics.edge(&pipeline.name, node, consumer);
                let (from, to) = (node.to_owned(), consumer.to_owned());
                queues.edges.push(Edge { from, to, budget: edge.budget(), metrics });
                let read = pipeline.inputs(consumer).iter().filter_map(|input| read_of(input, node));
                let outputs = read.map(|output| number_of(output, outputs).map_err(at(consumer)));
                let first_way = queues.ways.first(node, consumer);
                Ok(Outlet { outputs: outputs.collect::<Result<_>>()?, edge, first_way })
            })
            .collect::<Result<_>>()?;
        if edges.is_empty() {
            return Err(Error::config(format!("`{node}` is no node's input: its rows go nowhere")));
        }
        Ok(Outlets::new(edges))
    }
}

/// Which output of a node an input names, if it is of that node; `None` for the node itself.
fn read_of<'i>(input: &'i str, node: &str) -> Option<Option<&'i str>> {
    let (name, output) = input_parts(input);
    (name == node).then_some(output)
}

/// The number of an output; that of the node itself is 0.
fn number_of(output: Option<&str>, outputs: &[String]) -> Result<usize> {
    let Some(name) = output else { return Ok(0) };
    let known = outputs.iter().position(|each| each == name);
    known.map(|at| at + 1).ok_or_else(|| Error::config(format!("there is no output `{name}`")))
}

impl<'p> Queues<'p> {
    fn new(parts: &Parts<'p>) -> Result<Self> {
        let (pipeline, ways) = (parts.pipeline, Ways::new(parts)?);
        let transforms = pipeline.transforms.iter().map(|node| &node.name);
        let names = transforms.chain(pipeline.sinks.iter().map(|node| &node.name));
        let (inlets, receivers) = (BTreeMap::new(), BTreeMap::new());
        let mut queues = Self { ways, inlets, receivers, edges: Vec::new() };
        for name in names {
            let (inlet, receiver) = queue();
            queues.inlets.insert(name.clone(), inlet);
            queues.receivers.insert(name.clone(), receiver);
        }
        Ok(queues)
    }

    fn edge(&self, to: &str, limits: QueueLimits) -> Result<Sender<Parcel>> {
        let inlet = self.inlets.get(to).ok_or_else(|| Error::bug(format!("no queue in front of `{to}`")))?;
        Ok(inlet.edge(limits))
    }

    fn receiver(&mut self, node: &str) -> Result<Receiver<Parcel>> {
        self.receivers.remove(node).ok_or_else(|| Error::bug(format!("two nodes are named `{node}`")))
    }
}
