//! The part of a pipeline that letters have yet to go through.

use levada_config::{ComponentRef, Pipeline, QueueLimits, SourceNode, input_parts};
use levada_connector_api::{ComponentKind, Holds, Registry};

use super::Key;

/// The name of the source of rows that came from no record. No node of a document can have it.
const ROWS: &str = "(dead letters)";

/// What becomes of a transform on the way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// It is given the letters.
    Works,
    /// It remembers what it was given, and is left out.
    Remembers,
    /// It makes rows of several readings.
    Gathers,
}

/// Where rows may come from and go.
struct Ways<'p> {
    pipeline: &'p Pipeline,
    registry: &'p Registry,
    /// The source's name, or that of rows.
    from: &'p str,
    /// The node that rejected them.
    node: &'p str,
    /// What lies between the source and the node.
    before: Vec<&'p str>,
    /// What lies behind the node.
    after: Vec<&'p str>,
}

/// The part of a pipeline that the letters of a key go through.
///
/// # Errors
/// They cannot be sent; why, for people.
pub(super) fn way(pipeline: &Pipeline, registry: &Registry, key: &Key) -> Result<Pipeline, String> {
    let is_known = pipeline.order.contains(&key.node);
    if !is_known {
        return Err(format!("there is no node `{}` in this pipeline any more", key.node));
    }
    let Some(source) = &key.source else { return rows_to(pipeline, &key.node) };
    let Some(from) = pipeline.sources.iter().find(|each| each.name == *source) else {
        return Err(format!("there is no source `{source}` in this pipeline any more"));
    };
    if from.decode.is_none() {
        return Err(format!("the source `{source}` has no `decode` that could read its records again"));
    }
    let reached = behind(pipeline, &from.name);
    if !reached.contains(&key.node.as_str()) {
        return Err(format!("`{}` does not read the source `{source}` any more", key.node));
    }
    let after: Vec<_> = behind(pipeline, &key.node).into_iter().filter(|&node| node != key.node).collect();
    let before: Vec<_> = reached
        .into_iter()
        .filter(|&node| {
            node != from.name && node != key.node && behind(pipeline, node).contains(&key.node.as_str())
        })
        .collect();
    let ways = Ways { pipeline, registry, from: &from.name, node: &key.node, before, after };
    ways.check()?;
    let mut part = ways.part();
    part.sources = vec![from.clone()];
    match part.sinks.is_empty() {
        true => Err("nothing is left of the way that it took".to_owned()),
        false => Ok(part),
    }
}

/// A sink alone, which gets rows as they are.
fn rows_to(pipeline: &Pipeline, sink: &str) -> Result<Pipeline, String> {
    let sinks: Vec<_> = pipeline.sinks.iter().filter(|node| node.name == sink).cloned().collect();
    if sinks.is_empty() {
        return Err(format!("`{sink}` is no sink any more: a row without its record goes to a sink only"));
    }
    let component = ComponentRef { name: ROWS.to_owned(), options: serde_json::Value::Null };
    let source = SourceNode { name: ROWS.to_owned(), component, decode: None, queue: QueueLimits::default() };
    let order = vec![ROWS.to_owned(), sink.to_owned()];
    let mut part = Pipeline { sources: vec![source], transforms: Vec::new(), sinks, order, ..bare(pipeline) };
    part.sinks.iter_mut().for_each(|node| node.inputs = vec![ROWS.to_owned()]);
    Ok(part)
}

/// What a part has of its pipeline beside nodes.
fn bare(pipeline: &Pipeline) -> Pipeline {
    let mut bare = pipeline.clone();
    (bare.http, bare.tests) = (None, Vec::new());
    bare
}

/// A node and all behind it.
fn behind<'p>(pipeline: &'p Pipeline, node: &'p str) -> Vec<&'p str> {
    let mut reached = vec![node];
    let mut at = 0;
    while let Some(&next) = reached.get(at) {
        at += 1;
        for consumer in pipeline.consumers(next) {
            if !reached.contains(&consumer) {
                reached.push(consumer);
            }
        }
    }
    reached
}

impl<'p> Ways<'p> {
    fn role(&self, node: &str) -> Option<Role> {
        let transform = self.pipeline.transforms.iter().find(|each| each.name == node)?;
        let component = self.registry.get(ComponentKind::Transform, &transform.component.name)?;
        Some(match component.holds(&transform.component.options) {
            Holds::State if component.passes => Role::Remembers,
            Holds::State => Role::Gathers,
            Holds::Nothing | Holds::Rows => Role::Works,
        })
    }

    /// That no row would be made of letters alone.
    fn check(&self) -> Result<(), String> {
        let ahead = std::iter::once(self.node).chain(self.after.iter().copied());
        match ahead.into_iter().find(|node| self.role(node) == Some(Role::Gathers)) {
            Some(node) => Err(format!(
                "its way leads through `{node}`, which makes rows of several readings: an aggregate of dead letters alone \
                 would replace the right one; send its record to the source again"
            )),
            None => Ok(()),
        }
    }

    /// Whether rows go from one node to another on their way.
    fn leads(&self, from: &str, to: &str) -> bool {
        let (start, end) = (from == self.from, from == self.node);
        if self.after.contains(&to) {
            return end || self.after.contains(&from);
        }
        start || self.before.contains(&from)
    }

    /// The inputs of a node on the way, of those that are left of it.
    fn inputs(&self, node: &str, left: &[String]) -> Vec<String> {
        let mut inputs: Vec<String> = Vec::new();
        for input in self.pipeline.inputs(node) {
            let (from, output) = input_parts(input);
            if !self.leads(from, node) {
                continue;
            }
            let found = match (self.role(from), output) {
                (Some(Role::Remembers), None) => self.inputs(from, left),
                (Some(Role::Remembers | Role::Gathers), _) => Vec::new(),
                _ if from == self.from || left.iter().any(|each| each == from) => vec![input.clone()],
                _ => Vec::new(),
            };
            for each in found {
                if !inputs.contains(&each) {
                    inputs.push(each);
                }
            }
        }
        inputs
    }

    fn part(&self) -> Pipeline {
        let mut part = Pipeline { sources: Vec::new(), ..bare(self.pipeline) };
        let is_on_way =
            |node: &str| node == self.node || self.before.contains(&node) || self.after.contains(&node);
        let mut left: Vec<String> = Vec::new();
        for node in &self.pipeline.order {
            let works = self.role(node).is_none_or(|role| role == Role::Works);
            if is_on_way(node) && works && *node != self.from && !self.inputs(node, &left).is_empty() {
                left.push(node.clone());
            }
        }
        part.transforms.retain(|node| left.contains(&node.name));
        part.sinks.retain(|node| left.contains(&node.name));
        part.transforms.iter_mut().for_each(|node| node.inputs = self.inputs(&node.name, &left));
        part.sinks.iter_mut().for_each(|node| node.inputs = self.inputs(&node.name, &left));
        // What nobody reads any more has nothing to do.
        while let Some(idle) =
            part.transforms.iter().position(|node| part.consumers(&node.name).next().is_none())
        {
            part.transforms.remove(idle);
        }
        let names: Vec<String> = std::iter::once(self.from.to_owned())
            .chain(part.transforms.iter().map(|node| node.name.clone()))
            .chain(part.sinks.iter().map(|node| node.name.clone()))
            .collect();
        part.order.retain(|node| names.contains(node));
        part
    }
}
