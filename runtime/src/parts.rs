//! Sources and sinks of a pipeline's document. Touches nothing outside yet.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use levada_config::{ComponentRef, Pipeline, SinkNode, SourceNode};
use levada_connector_api::{
    BuildContext, Component, ComponentKind, DecoderFactory, Error, Holds, Registry, Result, Sink,
    SinkCapabilities, Source, SourceCapabilities, Stores,
};

use levada_model::Checkpoint;

use crate::{disk::Disk, memory::Memory, state::Targets};

/// Makes a source that stands for another, whose component is given where there is one: dead letters of its records.
pub(crate) type Instead =
    Arc<dyn Fn(Option<&Component>, &ComponentRef, &BuildContext) -> Result<Box<dyn Source>> + Send + Sync>;

/// What sources and sinks are made of.
pub(crate) struct Parts<'a> {
    pub(crate) pipeline: &'a Pipeline,
    pub(crate) registry: &'a Registry,
    pub(crate) stores: Arc<dyn Stores>,
    pub(crate) state_dir: PathBuf,
    /// Asked before a state is written.
    pub(crate) disk: Disk,
    /// What is read in the place of what the sources read.
    pub(crate) instead: Option<Instead>,
}

impl<'a> Parts<'a> {
    /// A source, and its decoder.
    pub(crate) fn source(&self, node: &SourceNode) -> Result<(Box<dyn Source>, Option<DecoderFactory>)> {
        let mut context = self.context(&node.name);
        if let Some(decode) = &node.decode {
            let factory = self.component(ComponentKind::Decoder, decode)?;
            context.decoder =
                Some(factory.decoder(decode.options.clone(), &context).map_err(at(&node.name))?);
        }
        if let Some(instead) = &self.instead {
            let component = self.registry.get(ComponentKind::Source, &node.component.name);
            let source = instead(component, &node.component, &context).map_err(at(&node.name))?;
            return Ok((source, context.decoder));
        }
        let component = self.component(ComponentKind::Source, &node.component)?;
        let source = component.source(node.component.options.clone(), &context).map_err(at(&node.name))?;
        Ok((source, context.decoder))
    }

    /// A sink.
    pub(crate) fn sink(&self, node: &SinkNode) -> Result<Arc<dyn Sink>> {
        let component = self.component(ComponentKind::Sink, &node.component)?;
        let mut context = self.context(&node.name);
        if let Some(encode) = &node.encode {
            let factory = self.component(ComponentKind::Encoder, encode)?;
            context.encoder =
                Some(factory.encoder(encode.options.clone(), &context).map_err(at(&node.name))?);
        }
        component.sink(node.component.options.clone(), &context).map_err(at(&node.name))
    }

    pub(crate) fn component(&self, kind: ComponentKind, wanted: &ComponentRef) -> Result<&'a Component> {
        self.registry.get(kind, &wanted.name).ok_or_else(|| {
            Error::config(format!("there is no {} named `{}` in this build", kind.name(), wanted.name))
        })
    }

    pub(crate) fn context(&self, node: &str) -> BuildContext {
        BuildContext {
            state_dir: self.state_dir.clone(),
            stores: Arc::clone(&self.stores),
            facilities: self.registry.facilities().clone(),
            ..BuildContext::new(self.owner(), node)
        }
    }

    /// In whose name sinks keep positions: those of dead letters are not the pipeline's own.
    fn owner(&self) -> String {
        match self.instead {
            Some(_) => format!("{} (replay)", self.pipeline.name),
            None => self.pipeline.name.clone(),
        }
    }

    /// What is remembered of a source, where neither it nor the sinks that its rows reach do so themselves.
    pub(crate) fn memory<'s>(
        &self,
        source: &str,
        capabilities: SourceCapabilities,
        sinks: impl Iterator<Item = (&'s str, SinkCapabilities)>,
    ) -> Option<Memory> {
        if !capabilities.replayable || capabilities.remembers {
            return None;
        }
        let forgetful = sinks.filter(|(_, sink)| sink.lasting && !sink.checkpoints);
        let sinks: BTreeMap<_, _> = forgetful.map(|(name, _)| (name.to_owned(), self.target(name))).collect();
        (!sinks.is_empty()).then(|| Memory::new(&self.state_dir, source, sinks))
    }

    /// What a sink writes to: what it claims for itself, and what kind it is.
    pub(crate) fn target(&self, name: &str) -> Vec<String> {
        let Some(node) = self.pipeline.sinks.iter().find(|node| node.name == name) else { return Vec::new() };
        let component = self.registry.get(ComponentKind::Sink, &node.component.name);
        let claims = component.and_then(|component| component.inspect(&node.component.options).ok());
        let claims = claims.map(|(_, claims)| claims).unwrap_or_default();
        std::iter::once(node.component.name.clone()).chain(claims).collect()
    }

    /// What a transform keeps from one batch to the next, by its place among the transforms.
    pub(crate) fn holds(&self, transform: usize) -> Holds {
        let node = self.pipeline.transforms.get(transform);
        let component =
            node.and_then(|node| self.registry.get(ComponentKind::Transform, &node.component.name));
        node.zip(component)
            .map_or(Holds::Nothing, |(node, component)| component.holds(&node.component.options))
    }

    /// Who keeps positions for a node: what its rows reach first of sinks and transforms with saved state.
    pub(crate) fn keepers(&self, node: &str) -> Vec<Keeper> {
        let mut keepers = Vec::new();
        let mut reached = vec![node];
        let mut at = 0;
        while let Some(&next) = reached.get(at) {
            at += 1;
            for consumer in self.pipeline.consumers(next) {
                if reached.contains(&consumer) {
                    continue;
                }
                let transform = self.pipeline.transforms.iter().position(|node| node.name == consumer);
                let sink = self.pipeline.sinks.iter().position(|node| node.name == consumer);
                let keeper = match (transform, sink) {
                    (Some(index), _) if self.holds(index) == Holds::State => Some(Keeper::State(index)),
                    (_, Some(index)) => Some(Keeper::Sink(index)),
                    _ => None,
                };
                match keeper {
                    Some(keeper) if keepers.contains(&keeper) => {}
                    Some(keeper) => keepers.push(keeper),
                    None => reached.push(consumer),
                }
            }
        }
        keepers
    }

    /// The sinks that a node's rows reach before anything else that keeps positions.
    pub(crate) fn reach(&self, node: &str) -> Vec<usize> {
        let sink = |keeper| if let Keeper::Sink(index) = keeper { Some(index) } else { None };
        self.keepers(node).into_iter().filter_map(sink).collect()
    }

    /// The nodes behind a node, all the way.
    pub(crate) fn behind<'n>(&'n self, node: &'n str) -> Vec<&'n str> {
        let mut reached = vec![node];
        let mut at = 0;
        while let Some(&next) = reached.get(at) {
            at += 1;
            for consumer in self.pipeline.consumers(next) {
                if !reached.contains(&consumer) {
                    reached.push(consumer);
                }
            }
        }
        reached
    }

    /// The sources whose rows reach a node.
    pub(crate) fn sources_of(&self, node: &str) -> Vec<usize> {
        let sources = self.pipeline.sources.iter().enumerate();
        sources
            .filter(|(_, source)| self.behind(&source.name).contains(&node))
            .map(|(index, _)| index)
            .collect()
    }

    /// The sinks that keep positions for a node and store none with the rows, and what they write to.
    pub(crate) fn targets_without_positions(&self, node: &str, sinks: &[Kept]) -> Targets {
        let reached = self.reach(node).into_iter();
        let forgetful = reached.filter(|&index| sinks.get(index).is_some_and(|sink| sink.stored.is_none()));
        let names = forgetful.filter_map(|index| self.pipeline.sinks.get(index)).map(|node| &node.name);
        names.map(|name| (name.clone(), self.target(name))).collect()
    }
}

/// What a pipeline is made of, for as long as it runs.
pub(crate) struct Origin {
    pub(crate) pipeline: Pipeline,
    /// The components there are.
    pub(crate) registry: Arc<Registry>,
    pub(crate) stores: Arc<dyn Stores>,
    pub(crate) state_dir: PathBuf,
    pub(crate) disk: Disk,
    /// What is read in the place of what the sources read.
    pub(crate) instead: Option<Instead>,
}

impl Origin {
    pub(crate) fn parts(&self) -> Parts<'_> {
        Parts {
            pipeline: &self.pipeline,
            registry: &self.registry,
            stores: Arc::clone(&self.stores),
            state_dir: self.state_dir.clone(),
            disk: self.disk.clone(),
            instead: self.instead.clone(),
        }
    }
}

/// What a sink says of itself.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) lasting: bool,
    /// The positions it stores, where it stores any.
    pub(crate) stored: Option<Checkpoint>,
}

/// Who keeps positions for a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeper {
    /// A sink, by its place among the sinks.
    Sink(usize),
    /// A transform with saved state, by its place among the transforms.
    State(usize),
}

/// Says at which node something went wrong.
pub(crate) fn at(node: &str) -> impl Fn(Error) -> Error + '_ {
    move |error| error.with("node", node)
}
