//! The order in which names come out of the catalog.
//!
//! Apache IoTDB keeps the children of a path's node in a Java `HashMap`, so that `select *` gives `bb` before `a` where
//! both lie below one device. Users' tools that look at columns by their place, and `limit`, depend on it. A map of n
//! entries has a table of 16 places or, from 13 entries on, of the next power of two that n fills to three quarters;
//! names come by `hash ^ hash >>> 16` modulo the table's size.
//! Names in one place come in the order they were created in, which the catalog does not tell; here they come by name.

use std::{
    cmp::Ordering,
    collections::{HashMap, HashSet},
};

use levada_model::{Path, unquote_node};

use crate::context::SchemaOrder;

/// Sorts things by their path, in the order asked for.
pub(crate) fn sort<T>(things: &mut [T], order: SchemaOrder, path: impl Fn(&T) -> &Path) {
    match order {
        SchemaOrder::Path => things.sort_by(|a, b| path(a).cmp(path(b))),
        SchemaOrder::Peer => {
            let sizes = table_sizes(things.iter().map(&path));
            things.sort_by_cached_key(|thing| Key::new(path(thing), &sizes));
        }
    }
}

/// Sorts the entries of one map by their names, in the peer's order.
pub(crate) fn sort_names<T>(entries: &mut [T], name: impl Fn(&T) -> &str) {
    let size = table_size(entries.len());
    entries.sort_by_cached_key(|entry| (spread(name(entry)) & (size - 1), name(entry).to_owned()));
}

/// How many places the table of each inner node's children has, by the node's path.
fn table_sizes<'a>(paths: impl Iterator<Item = &'a Path>) -> HashMap<String, u32> {
    let mut children: HashMap<String, HashSet<String>> = HashMap::new();
    for path in paths {
        let mut above = String::new();
        for node in path.nodes() {
            if let Some(set) = children.get_mut(above.as_str()) {
                if !set.contains(node) {
                    set.insert(node.to_owned());
                }
            } else {
                children.insert(above.clone(), [node.to_owned()].into_iter().collect());
            }
            above.push('.');
            above.push_str(node);
        }
    }
    children.into_iter().map(|(above, set)| (above, table_size(set.len()))).collect()
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
#[derive(PartialEq, Eq)]
struct Key(Vec<(u32, String)>);

impl Key {
    fn new(path: &Path, sizes: &HashMap<String, u32>) -> Self {
        let mut above = String::new();
        let mut key = Vec::new();
        for node in path.nodes() {
            let size = sizes.get(above.as_str()).copied().unwrap_or(16);
            key.push((spread(&unquote_node(node)) & (size - 1), node.to_owned()));
            above.push('.');
            above.push_str(node);
        }
        Self(key)
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(names: &[&str]) -> Vec<String> {
        let mut paths: Vec<Path> =
            names.iter().map(|name| Path::parse(&format!("root.c.{name}")).expect("legal")).collect();
        sort(&mut paths, SchemaOrder::Peer, |path| path);
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
