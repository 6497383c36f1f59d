//! From a pipeline's document to tasks and the edges between them. Touches nothing outside yet.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, atomic::AtomicUsize},
};

use levada_config::{ComponentRef, Pipeline, QueueLimits};
use levada_connector_api::{
    BuildContext, Component, ComponentKind, DecoderFactory, Error, Registry, Result, Stores,
};

use crate::{
    batcher::Batcher,
    frontier::Frontier,
    ledger::Ledger,
    memory::Memory,
    metrics::{EdgeMetrics, Metrics},
    node::{Node, NodeKind},
    outlets::Outlets,
    parcel::Parcel,
    queue::{Budget, Inlet, Receiver, Sender, queue},
    shared::Shared,
    task::{
        sink::{SinkTask, Writer},
        source::SourceTask,
        transform::TransformTask,
    },
};

/// A pipeline's tasks, not started.
pub(crate) struct Topology {
    pub(crate) sources: Vec<SourceTask>,
    pub(crate) transforms: Vec<TransformTask>,
    pub(crate) sinks: Vec<SinkTask>,
    /// For every source, the indexes of the sinks its rows reach.
    pub(crate) reaches: Vec<Vec<usize>>,
    /// Every node, in the document's order.
    pub(crate) nodes: Vec<Arc<Node>>,
    pub(crate) ledgers: Vec<Arc<Ledger>>,
    pub(crate) edges: Vec<Edge>,
}

/// What is known of an edge from outside.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) budget: Budget,
    pub(crate) metrics: EdgeMetrics,
}

/// What nodes are built with.
pub(crate) struct Builder<'a> {
    pub(crate) pipeline: &'a Pipeline,
    pub(crate) registry: &'a Registry,
    pub(crate) stores: Arc<dyn Stores>,
    pub(crate) state_dir: PathBuf,
    pub(crate) metrics: &'a Metrics,
    pub(crate) shared: &'a Arc<Shared>,
}

/// The queue in front of each transform and sink, while edges are being drawn.
struct Queues {
    inlets: BTreeMap<String, Inlet<Parcel>>,
    receivers: BTreeMap<String, Receiver<Parcel>>,
    edges: Vec<Edge>,
}

impl Builder<'_> {
    /// Builds every node and draws every edge.
    ///
    /// # Errors
    /// A component is not there or refuses its options, or a node feeds nothing.
    pub(crate) fn build(&self) -> Result<Topology> {
        let mut queues = Queues::new(self.pipeline);
        let mut sources = self.sources(&mut queues)?;
        let transforms = self.transforms(&mut queues)?;
        let sinks = self.sinks(&mut queues)?;
        let reaches: Vec<_> = sources.iter().map(|source| self.reach(&source.node.name)).collect();
        for (source, reached) in sources.iter_mut().zip(&reaches) {
            source.memory = self.memory(source, reached.iter().map(|&at| &sinks[at]));
        }
        let nodes = (sources.iter().map(|each| &each.node))
            .chain(transforms.iter().map(|each| &each.node))
            .chain(sinks.iter().map(|each| &each.writer.node))
            .map(Arc::clone)
            .collect();
        let ledgers = sources.iter().map(|each| Arc::clone(&each.ledger)).collect();
        Ok(Topology { sources, transforms, sinks, reaches, nodes, ledgers, edges: queues.edges })
    }

    fn sources(&self, queues: &mut Queues) -> Result<Vec<SourceTask>> {
        let build = |node: &levada_config::SourceNode| {
            let mut context = self.context(&node.name);
            if let Some(decode) = &node.decode {
                let factory = self.component(ComponentKind::Decoder, decode)?;
                context.decoder =
                    Some(factory.decoder(decode.options.clone(), &context).map_err(at(&node.name))?);
            }
            let component = self.component(ComponentKind::Source, &node.component)?;
            Ok(SourceTask {
                node: Node::new(&node.name, NodeKind::Source),
                noticed: context.decoder.as_ref().and_then(DecoderFactory::noticed),
                source: component.source(node.component.options.clone(), &context).map_err(at(&node.name))?,
                metrics: self.metrics.source(&self.pipeline.name, &node.name),
                outlets: self.outlets(&node.name, node.queue, queues)?,
                ledger: Ledger::new(),
                memory: None,
                forgotten: None,
                shared: Arc::clone(self.shared),
            })
        };
        self.pipeline.sources.iter().map(build).collect()
    }

    fn transforms(&self, queues: &mut Queues) -> Result<Vec<TransformTask>> {
        let build = |node: &levada_config::TransformNode| {
            let component = self.component(ComponentKind::Transform, &node.component)?;
            let context = self.context(&node.name);
            Ok(TransformTask {
                node: Node::new(&node.name, NodeKind::Transform),
                transform: component
                    .transform(node.component.options.clone(), &context)
                    .map_err(at(&node.name))?,
                metrics: self.metrics.transform(&self.pipeline.name, &node.name),
                inlet: queues.receiver(&node.name)?,
                outlets: self.outlets(&node.name, node.queue, queues)?,
                shared: Arc::clone(self.shared),
            })
        };
        self.pipeline.transforms.iter().map(build).collect()
    }

    fn sinks(&self, queues: &mut Queues) -> Result<Vec<SinkTask>> {
        let build = |node: &levada_config::SinkNode| {
            let component = self.component(ComponentKind::Sink, &node.component)?;
            let context = self.context(&node.name);
            let sink = component.sink(node.component.options.clone(), &context).map_err(at(&node.name))?;
            let writer = Writer {
                node: Node::new(&node.name, NodeKind::Sink),
                capabilities: sink.capabilities(),
                sink,
                metrics: self.metrics.sink(&self.pipeline.name, &node.name),
                retry: node.retry,
                shared: Arc::clone(self.shared),
                troubled: AtomicUsize::new(0),
            };
            let inlet = queues.receiver(&node.name)?;
            Ok(SinkTask {
                writer: Arc::new(writer),
                inlet,
                batcher: Batcher::new(node.batch),
                frontier: Frontier::default(),
            })
        };
        self.pipeline.sinks.iter().map(build).collect()
    }

    /// What is remembered of a source, where it or its sinks do not do so themselves.
    fn memory<'s>(&self, source: &SourceTask, sinks: impl Iterator<Item = &'s SinkTask>) -> Option<Memory> {
        let capabilities = source.source.capabilities();
        if !capabilities.replayable || capabilities.remembers {
            return None;
        }
        let forgetful = sinks.map(|sink| &sink.writer).filter(|writer| {
            let capabilities = writer.capabilities;
            capabilities.lasting && !capabilities.checkpoints
        });
        let sinks: BTreeMap<_, _> =
            forgetful.map(|writer| (writer.node.name.to_string(), self.target(&writer.node.name))).collect();
        (!sinks.is_empty()).then(|| Memory::new(&self.state_dir, &source.node.name, sinks))
    }

    /// What a sink writes to: what it claims for itself, and what kind it is.
    fn target(&self, name: &str) -> Vec<String> {
        let Some(node) = self.pipeline.sinks.iter().find(|node| node.name == name) else { return Vec::new() };
        let component = self.registry.get(ComponentKind::Sink, &node.component.name);
        let claims = component.and_then(|component| component.inspect(&node.component.options).ok());
        let claims = claims.map(|(_, claims)| claims).unwrap_or_default();
        std::iter::once(node.component.name.clone()).chain(claims).collect()
    }

    fn component(&self, kind: ComponentKind, wanted: &ComponentRef) -> Result<&Component> {
        self.registry.get(kind, &wanted.name).ok_or_else(|| {
            Error::config(format!("there is no {} named `{}` in this build", kind.name(), wanted.name))
        })
    }

    fn context(&self, node: &str) -> BuildContext {
        BuildContext {
            state_dir: self.state_dir.clone(),
            stores: Arc::clone(&self.stores),
            ..BuildContext::new(self.pipeline.name.clone(), node)
        }
    }

    /// The edges from a node to all that read it.
    fn outlets(&self, node: &str, limits: QueueLimits, queues: &mut Queues) -> Result<Outlets> {
        let edges: Vec<_> = self
            .pipeline
            .consumers(node)
            .map(|consumer| {
                let edge = queues.edge(consumer, limits)?;
                let metrics = self.metrics.edge(&self.pipeline.name, node, consumer);
                queues.edges.push(Edge { budget: edge.budget(), metrics });
                Ok(edge)
            })
            .collect::<Result<_>>()?;
        if edges.is_empty() {
            return Err(Error::config(format!("`{node}` is no node's input: its rows go nowhere")));
        }
        Ok(Outlets::new(edges))
    }

    /// The sinks that a node's rows reach.
    fn reach(&self, node: &str) -> Vec<usize> {
        let mut reached = vec![node];
        let mut at = 0;
        while let Some(&next) = reached.get(at) {
            for consumer in self.pipeline.consumers(next) {
                if !reached.contains(&consumer) {
                    reached.push(consumer);
                }
            }
            at += 1;
        }
        let is_reached =
            |(_, sink): &(usize, &levada_config::SinkNode)| reached.contains(&sink.name.as_str());
        self.pipeline.sinks.iter().enumerate().filter(is_reached).map(|(index, _)| index).collect()
    }
}

impl Queues {
    fn new(pipeline: &Pipeline) -> Self {
        let transforms = pipeline.transforms.iter().map(|node| &node.name);
        let names = transforms.chain(pipeline.sinks.iter().map(|node| &node.name));
        let mut queues = Self { inlets: BTreeMap::new(), receivers: BTreeMap::new(), edges: Vec::new() };
        for name in names {
            let (inlet, receiver) = queue();
            queues.inlets.insert(name.clone(), inlet);
            queues.receivers.insert(name.clone(), receiver);
        }
        queues
    }

    fn edge(&self, to: &str, limits: QueueLimits) -> Result<Sender<Parcel>> {
        let inlet = self.inlets.get(to).ok_or_else(|| Error::bug(format!("no queue in front of `{to}`")))?;
        Ok(inlet.edge(limits))
    }

    fn receiver(&mut self, node: &str) -> Result<Receiver<Parcel>> {
        self.receivers.remove(node).ok_or_else(|| Error::bug(format!("two nodes are named `{node}`")))
    }
}

fn at(node: &str) -> impl Fn(Error) -> Error + '_ {
    move |error| error.with("node", node)
}
