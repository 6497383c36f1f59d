//! By which ways rows come to each node.
//!
//! A way begins at an origin (a source, or a transform with saved state, which gives positions of its own) and leads through
//! transforms that pass positions on. A node numbers the ways that lead to it: first those by its first input, then those by
//! its second.

use std::collections::BTreeMap;

use levada_config::input_parts;
use levada_connector_api::{Error, Holds, Result};

use crate::parts::{Parts, at};

/// No node is reached by more ways: each of them carries all rows once more.
const MAX_WAYS: usize = 4_096;

/// The ways of a pipeline.
#[derive(Debug, Default)]
pub(crate) struct Ways<'p> {
    /// The nodes that a node reads, each once.
    read: BTreeMap<&'p str, Vec<&'p str>>,
    /// The origin of each way that leads to a node.
    into: BTreeMap<&'p str, Vec<&'p str>>,
    /// The origin of each way that leads out of a node.
    out: BTreeMap<&'p str, Vec<&'p str>>,
}

impl<'p> Ways<'p> {
    /// Follows them.
    ///
    /// # Errors
    /// A node is reached by too many.
    pub(crate) fn new(parts: &Parts<'p>) -> Result<Self> {
        let pipeline = parts.pipeline;
        let mut ways = Self::default();
        for name in &pipeline.order {
            let name = name.as_str();
            let mut read: Vec<&str> = Vec::new();
            for (node, _) in pipeline.inputs(name).iter().map(|input| input_parts(input)) {
                if !read.contains(&node) {
                    read.push(node);
                }
            }
            let into: Vec<_> = read
                .iter()
                .filter_map(|node| ways.out.get(node))
                .flatten()
                .copied()
                .take(MAX_WAYS + 1)
                .collect();
            if into.len() > MAX_WAYS {
                let message = format!(
                    "rows come here by more than {MAX_WAYS} ways, as nodes in front of it read the same rows again and again"
                );
                return Err(at(name)(Error::config(message)));
            }
            let transform = pipeline.transforms.iter().position(|node| node.name == name);
            let begins = transform.is_none_or(|index| parts.holds(index) == Holds::State);
            ways.out.insert(name, if begins { vec![name] } else { into.clone() });
            ways.read.insert(name, read);
            ways.into.insert(name, into);
        }
        Ok(ways)
    }

    /// The origins of the ways that lead to a node.
    pub(crate) fn origins(&self, node: &str) -> &[&'p str] {
        self.into.get(node).map_or(&[], Vec::as_slice)
    }

    /// The number that the first way out of a node has where it leads into another.
    pub(crate) fn first(&self, from: &str, into: &str) -> usize {
        let read = self.read.get(into).map_or(&[][..], Vec::as_slice);
        let before = read.iter().take_while(|node| **node != from);
        before.filter_map(|node| self.out.get(node)).map(Vec::len).sum()
    }
}
