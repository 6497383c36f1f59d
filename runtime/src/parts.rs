//! Sources and sinks of a pipeline's document. Touches nothing outside yet.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use levada_config::{ComponentRef, Pipeline, SinkNode, SourceNode};
use levada_connector_api::{
    BuildContext, Component, ComponentKind, DecoderFactory, Error, Registry, Result, Sink, SinkCapabilities,
    Source, SourceCapabilities, Stores,
};

use crate::memory::Memory;

/// What sources and sinks are made of.
pub(crate) struct Parts<'a> {
    pub(crate) pipeline: &'a Pipeline,
    pub(crate) registry: &'a Registry,
    pub(crate) stores: Arc<dyn Stores>,
    pub(crate) state_dir: PathBuf,
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
        let component = self.component(ComponentKind::Source, &node.component)?;
        let source = component.source(node.component.options.clone(), &context).map_err(at(&node.name))?;
        Ok((source, context.decoder))
    }

    /// A sink.
    pub(crate) fn sink(&self, node: &SinkNode) -> Result<Arc<dyn Sink>> {
        let component = self.component(ComponentKind::Sink, &node.component)?;
        let context = self.context(&node.name);
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
            ..BuildContext::new(self.pipeline.name.clone(), node)
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
    fn target(&self, name: &str) -> Vec<String> {
        let Some(node) = self.pipeline.sinks.iter().find(|node| node.name == name) else { return Vec::new() };
        let component = self.registry.get(ComponentKind::Sink, &node.component.name);
        let claims = component.and_then(|component| component.inspect(&node.component.options).ok());
        let claims = claims.map(|(_, claims)| claims).unwrap_or_default();
        std::iter::once(node.component.name.clone()).chain(claims).collect()
    }

    /// The sinks that a node's rows reach.
    pub(crate) fn reach(&self, node: &str) -> Vec<usize> {
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

/// Says at which node something went wrong.
pub(crate) fn at(node: &str) -> impl Fn(Error) -> Error + '_ {
    move |error| error.with("node", node)
}
