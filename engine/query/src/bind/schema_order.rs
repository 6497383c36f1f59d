//! The order in which names come out of the catalog.
//!
//! Apache IoTDB keeps the children of a path's node in a Java `HashMap`, so that `select *` gives `bb` before `a` where
//! both lie below one device. Users' tools that look at columns by their place, and `limit`, depend on it. A map of n
//! entries has a table of 16 places or, from 13 entries on, of the next power of two that n fills to three quarters;
//! names, quotes included, come by `hash ^ hash >>> 16` modulo the size of the table.
//! Names in one place come in the order they were created in for `SHOW`, and in the reverse for `SELECT` (its map is
//! filled from the catalog's backwards). The catalog does not tell when a name was created; names are taken to have been
//! created in their order, those that need quotes last.

use std::{
    cmp::{Ordering, Reverse},
    collections::{HashMap, HashSet},
};

use levada_model::Path;

use crate::context::SchemaOrder;

/// For which statement names are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Show,
    Select,
}

/// Sorts things by their path, in the order asked for.
pub(crate) fn sort<T>(
    mut things: Vec<T>,
    order: SchemaOrder,
    purpose: Purpose,
    path: impl Fn(&T) -> &Path,
) -> Vec<T> {
    if order == SchemaOrder::Path {
        things.sort_by(|a, b| path(a).cmp(path(b)));
        return things;
    }
    let mut places: Vec<usize> = (0..things.len()).collect();
    {
        let paths: Vec<Vec<Step<'_>>> = things.iter().map(|thing| steps(path(thing))).collect();
        let sizes = table_sizes(&paths);
        let keys: Vec<Key<'_>> = paths.iter().map(|steps| Key::new(steps, &sizes, purpose)).collect();
        places.sort_by(|&a, &b| keys[a].cmp(&keys[b]));
    }
    let mut things: Vec<Option<T>> = things.into_iter().map(Some).collect();
    places.into_iter().filter_map(|place| things[place].take()).collect()
}

/// A node and what is written before it in its path.
type Step<'a> = (&'a str, &'a str);

fn steps(path: &Path) -> Vec<Step<'_>> {
    let text = path.as_str();
    let mut end = 0;
    path.nodes()
        .map(|node| {
            let above = &text[..end];
            // The full stop behind the node belongs to what is above the next one.
            end = (end + node.len() + 1).min(text.len());
            (above, node)
        })
        .collect()
}

/// Sorts the entries of one map by their names, in the peer's order.
pub(crate) fn sort_names<T>(entries: &mut [T], name: impl Fn(&T) -> &str) {
    let size = table_size(entries.len());
    entries.sort_by_cached_key(|entry| (spread(name(entry)) & (size - 1), Reverse(name(entry).to_owned())));
}

/// How many places the table of each inner node's children has, by what is above them.
fn table_sizes<'a>(paths: &[Vec<Step<'a>>]) -> HashMap<&'a str, u32> {
    let mut children: HashMap<&str, HashSet<&str>> = HashMap::new();
    for (above, node) in paths.iter().flatten() {
        children.entry(above).or_default().insert(node);
    }
    children.into_iter().map(|(above, nodes)| (above, table_size(nodes.len()))).collect()
}

fn table_size(entries: usize) -> u32 {
    let mut size = 16;
    while entries > size / 4 * 3 {
        size *= 2;
    }
    u32::try_from(size).unwrap_or(1 << 30)
}

/// `String.hashCode`, spread as `HashMap` does.
fn spread(name: &str) -> u32 {
    let hash =
        name.encode_utf16().fold(0u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)));
    hash ^ (hash >> 16)
}

/// A path's place among its siblings, from the top node on.
struct Key<'a> {
    nodes: Vec<(u32, &'a str)>,
    purpose: Purpose,
}

impl<'a> Key<'a> {
    fn new(steps: &[Step<'a>], sizes: &HashMap<&str, u32>, purpose: Purpose) -> Self {
        let place = |&(above, node): &Step<'a>| {
            let size = sizes.get(above).copied().unwrap_or(16);
            (spread(node) & (size - 1), node)
        };
        Self { nodes: steps.iter().map(place).collect(), purpose }
    }
}

impl Ord for Key<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        for ((place, name), (other_place, other_name)) in self.nodes.iter().zip(&other.nodes) {
            let by_age = || (name.starts_with('`'), name).cmp(&(other_name.starts_with('`'), other_name));
            let by_age = || if self.purpose == Purpose::Show { by_age() } else { by_age().reverse() };
            let order = place.cmp(other_place).then_with(by_age);
            if order.is_ne() {
                return order;
            }
        }
        self.nodes.len().cmp(&other.nodes.len())
    }
}

impl PartialOrd for Key<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Key<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(names: &[&str]) -> Vec<String> {
        let paths: Vec<Path> =
            names.iter().map(|name| Path::parse(&format!("root.c.{name}")).expect("legal")).collect();
        let paths = sort(paths, SchemaOrder::Peer, Purpose::Select, |path| path);
        paths.iter().filter_map(|path| path.nodes().next_back().map(str::to_owned)).collect()
    }

    #[test]
    fn siblings_come_as_the_peer_gives_them() {
        assert_eq!(sorted(&["a", "bb"]), ["bb", "a"]);
        assert_eq!(sorted(&["alt", "lat", "lon"]), ["alt", "lon", "lat"]);
        assert_eq!(sorted(&["b", "d", "f", "i", "l", "t"]), ["b", "t", "d", "f", "i", "l"]);
        assert_eq!(sorted(&["s1", "s2", "s3", "`s 1`", "`a.b`"]), ["s3", "`s 1`", "`a.b`", "s1", "s2"]);
    }
}
