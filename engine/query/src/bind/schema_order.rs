//! The order in which names come out of the catalog.
//!
//! Apache IoTDB keeps the children of a path's node in a Java `HashMap`, so that `select *` gives `bb` before `a` where
//! both lie below one device. Users' tools that look at columns by their place, and `limit`, depend on it. A map of n
//! entries has a table of 16 places or, from 13 entries on, of the next power of two that n fills to three quarters;
//! names, quotes included, come by `hash ^ hash >>> 16` modulo the size of the table.
//! Names in one place come in the order they were created in for `SHOW`, and in the reverse for `SELECT` (its map is
//! filled from the catalog's backwards). The catalog does not tell when a name was created; names are taken to have been
//! created in their order, those that need quotes last.

mod series;

use std::{
    cmp::{Ordering, Reverse},
    ops::Range,
};

use levada_model::Path;

pub(crate) use series::{Place, places};

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
    if !things.is_sorted_by_key(&path) {
        things.sort_by(|a, b| path(a).cmp(path(b)));
    }
    if order == SchemaOrder::Path {
        return things;
    }
    let places = {
        let paths: Vec<&str> = things.iter().map(|thing| path(thing).as_str()).collect();
        arrange(&paths, purpose)
    };
    let mut things: Vec<Option<T>> = things.into_iter().map(Some).collect();
    places.into_iter().filter_map(|place| things[place].take()).collect()
}

/// Paths that begin with the same nodes, by their places in the sorted list.
enum Step {
    /// They end there.
    Whole(Range<usize>),
    /// They go on, and the next node begins at this byte.
    Below(Range<usize>, usize),
}

/// The peer's order of paths that are sorted by their text, where paths of one beginning lie side by side: level by
/// level, the children of a node as its map has them.
fn arrange(paths: &[&str], purpose: Purpose) -> Vec<usize> {
    let mut arranged = Vec::with_capacity(paths.len());
    let mut ahead = vec![Step::Below(0..paths.len(), 0)];
    let mut children: Vec<(&str, Range<usize>)> = Vec::new();
    while let Some(step) = ahead.pop() {
        let (range, start) = match step {
            Step::Whole(range) => {
                arranged.extend(range);
                continue;
            }
            Step::Below(range, start) => (range, start),
        };
        children.clear();
        for at in range {
            let node = node_at(paths[at], start);
            match children.last_mut() {
                Some((last, places)) if *last == node => places.end = at + 1,
                _ => children.push((node, at..at + 1)),
            }
        }
        let size = table_size(children.len());
        children.sort_by_cached_key(|(name, _)| (spread(name) & (size - 1), Age { name, purpose }));
        for (node, places) in children.drain(..).rev() {
            let end = start + node.len();
            let first_below = places.start + paths[places.clone()].partition_point(|path| path.len() == end);
            if first_below < places.end {
                ahead.push(Step::Below(first_below..places.end, end + 1));
            }
            if places.start < first_below {
                ahead.push(Step::Whole(places.start..first_below));
            }
        }
    }
    arranged
}

/// The node of a path that begins at a byte.
fn node_at(path: &str, start: usize) -> &str {
    let rest = path.get(start..).unwrap_or_default();
    if !rest.starts_with('`') {
        return rest.split_once('.').map_or(rest, |(node, _)| node);
    }
    let mut end = 1;
    while let Some(quote) = rest[end..].find('`') {
        end += quote + 1;
        if !rest[end..].starts_with('`') {
            break;
        }
        end += 1;
    }
    &rest[..end]
}

/// When a name is taken to have been made.
#[derive(PartialEq, Eq)]
struct Age<'a> {
    name: &'a str,
    purpose: Purpose,
}

impl Ord for Age<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = (self.name.starts_with('`'), self.name).cmp(&(other.name.starts_with('`'), other.name));
        if self.purpose == Purpose::Show { order } else { order.reverse() }
    }
}

impl PartialOrd for Age<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Sorts the entries of one map by their names, in the peer's order.
pub(crate) fn sort_names<T>(entries: &mut [T], name: impl Fn(&T) -> &str) {
    let size = table_size(entries.len());
    entries.sort_by_cached_key(|entry| (spread(name(entry)) & (size - 1), Reverse(name(entry).to_owned())));
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

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

    /// Compares nodes from the top; the siblings of each are counted anew.
    fn naive(paths: &[Path], a: &Path, b: &Path, purpose: Purpose) -> Ordering {
        let nodes = |path: &Path| -> Vec<String> { path.nodes().map(str::to_owned).collect() };
        let (a, b) = (nodes(a), nodes(b));
        for at in 0..a.len().min(b.len()) {
            let siblings = paths.iter().map(nodes).filter(|other| other.len() > at && other[..at] == a[..at]);
            let siblings: BTreeSet<String> = siblings.map(|other| other[at].clone()).collect();
            let size = table_size(siblings.len());
            let key = |name: &String| spread(name) & (size - 1);
            let age = |a: &String, b: &String| (a.starts_with('`'), a).cmp(&(b.starts_with('`'), b));
            let age = age(&a[at], &b[at]);
            let age = if purpose == Purpose::Show { age } else { age.reverse() };
            let order = key(&a[at]).cmp(&key(&b[at])).then(age);
            if order.is_ne() {
                return order;
            }
        }
        a.len().cmp(&b.len())
    }

    proptest! {
        #[test]
        fn paths_come_level_by_level(
            paths in prop::collection::btree_set(prop::collection::vec("[a-c`. ]{1,2}|[a-z]", 1..4), 1..40),
            show in any::<bool>(),
        ) {
            let paths: Vec<Path> = paths
                .iter()
                .map(|nodes| {
                    Path::from_raw_nodes(std::iter::once("root").chain(nodes.iter().map(String::as_str)))
                })
                .collect();
            let purpose = if show { Purpose::Show } else { Purpose::Select };
            let mut wanted = paths.clone();
            wanted.sort_by(|a, b| naive(&paths, a, b, purpose));
            prop_assert_eq!(sort(paths, SchemaOrder::Peer, purpose, |path| path), wanted);
        }
    }
}
