//! `show child paths` and `show child nodes`: what lies one level below.

use std::{borrow::Cow, collections::BTreeMap};

use levada_model::{Path, PathPattern};
use levada_sql::node_sql;
use levada_storage::Catalog;

use super::text_columns;
use crate::{chunk::texts, plan::Bound};

/// What a path is to the catalog, the most telling kind last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum NodeType {
    AboveDatabase,
    Internal,
    Device,
    Timeseries,
    Database,
}

impl NodeType {
    fn name(self) -> &'static str {
        match self {
            Self::AboveDatabase => "SG INTERNAL",
            Self::Internal => "INTERNAL",
            Self::Device => "DEVICE",
            Self::Timeseries => "TIMESERIES",
            Self::Database => "DATABASE",
        }
    }
}

pub(super) fn paths(pattern: &PathPattern, catalog: &dyn Catalog) -> Bound {
    let found = below(pattern, catalog);
    let values = vec![super::paths(found.keys()), texts(found.values().map(|kind| Some(kind.name())))];
    Bound::ready(text_columns(&["ChildPaths", "NodeTypes"]), values)
}

pub(super) fn nodes(pattern: &PathPattern, catalog: &dyn Catalog) -> Bound {
    let found = below(pattern, catalog);
    let mut nodes: Vec<Cow<'_, str>> =
        found.keys().filter_map(|path| path.nodes().next_back().map(node_sql)).collect();
    // A name is there once for each path it ends.
    nodes.sort_unstable();
    Bound::ready(text_columns(&["ChildNodes"]), vec![texts(nodes.iter().map(|node| Some(&**node)))])
}

/// The paths one level below those that fit, with what they are.
fn below(pattern: &PathPattern, catalog: &dyn Catalog) -> BTreeMap<Path, NodeType> {
    let mut found = BTreeMap::new();
    let direct = join(pattern, "*");
    for part in [direct.clone(), join(pattern, "*.**")] {
        for database in catalog.databases(&part) {
            let kind =
                if direct.matches(&database.path) { NodeType::Database } else { NodeType::AboveDatabase };
            note(&mut found, &direct, &database.path, kind);
        }
        for series in catalog.series(&part) {
            note(&mut found, &direct, &series.path, NodeType::Timeseries);
            note(&mut found, &direct, &series.device, NodeType::Device);
        }
    }
    // What lies above no database but on the way to a series is inside one.
    for (path, kind) in &mut found {
        if *kind == NodeType::Internal {
            let inside = catalog.databases(&join(&PathPattern::from(path), "**")).is_empty();
            *kind = if inside { NodeType::Internal } else { NodeType::AboveDatabase };
        }
    }
    found
}

fn join(pattern: &PathPattern, suffix: &str) -> PathPattern {
    pattern.join(&PathPattern::parse(suffix).expect("a pattern of wildcards"))
}

/// Notes the prefixes of a path that fit; the whole path is of the kind given, a shorter one is a node on the way.
fn note(found: &mut BTreeMap<Path, NodeType>, direct: &PathPattern, path: &Path, kind: NodeType) {
    let mut prefix = Some(path.clone());
    while let Some(here) = prefix {
        prefix = here.parent();
        if direct.matches(&here) {
            let kind = if here == *path { kind } else { kind.min(NodeType::Internal) };
            let entry = found.entry(here).or_insert(kind);
            *entry = (*entry).max(kind);
        }
    }
}
