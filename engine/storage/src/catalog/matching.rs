//! What a deletion concerns, found while the catalog goes on changing.
//!
//! ```text
//!   a catalog  ─ find ─────► each leaf: what is left of it         long where it is many series; holds up nobody
//!   a later one ─ catch up ─► leaves that are the same: known
//!                             others: devices that are the same: known; the rest anew
//! ```
//! So the last step, for which the store's lock is held, costs what has changed since the one before. Whether leaves and devices
//! are the same shows in their addresses, as long as the catalog that was looked at is kept.

use std::sync::Arc;

use hashbrown::HashMap;
use levada_model::{Path, PathPattern};

use super::{Catalog, Device, Tree, find::Searched, tree::Leaf};

/// What is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deleted {
    /// Series, and devices that have no other.
    Series,
    /// Rows alone: the catalog stays as it is.
    Rows,
}

/// The series that some patterns match, in a catalog.
#[derive(Debug)]
pub(crate) struct Matching {
    searched: Searched,
    deleted: Deleted,
    seen: Catalog,
    leaves: Leaves,
    /// What was seen before. It is kept, so that who holds the store's lock meanwhile does not let go of much at once.
    past: Vec<(Catalog, Leaves)>,
}

/// Leaves that may have such series, by their addresses.
type Leaves = HashMap<usize, Left, foldhash::fast::RandomState>;

/// What a deletion leaves of a leaf.
#[derive(Debug, Default)]
struct Left {
    /// For each device of the leaf.
    devices: Vec<LeftOfDevice>,
    leaf: Arc<Leaf>,
    /// How many series are concerned.
    series: usize,
    /// Their databases.
    databases: Vec<u32>,
    /// Those that a pattern matches by an alias alone.
    aliased: Vec<Path>,
}

#[derive(Clone, Debug)]
struct LeftOfDevice {
    /// `None` where nothing is left.
    device: Option<Arc<Device>>,
    /// How many series are concerned.
    series: usize,
}

fn address(leaf: &Arc<Leaf>) -> usize {
    Arc::as_ptr(leaf).addr()
}

impl Matching {
    /// Looks for series in a catalog.
    pub(crate) fn find(catalog: Catalog, patterns: &[PathPattern], deleted: Deleted) -> Self {
        let mut found = Self {
            searched: Searched::new(patterns),
            deleted,
            seen: Catalog::default(),
            leaves: Leaves::default(),
            past: Vec::new(),
        };
        found.catch_up(catalog);
        found
    }

    /// Looks at what is otherwise in a later catalog. Gives how many devices that are.
    pub(crate) fn catch_up(&mut self, later: Catalog) -> usize {
        let mut before = std::mem::take(&mut self.leaves);
        let mut leaves = Leaves::default();
        let mut changed = 0;
        let all = later.devices.leaves();
        let concerned = self.searched.leaves(&later.devices);
        for leaf in all.iter().zip(concerned).filter_map(|(leaf, concerned)| concerned.then_some(leaf)) {
            let left = before.remove(&address(leaf)).unwrap_or_else(|| {
                let mut known = Known::new(&self.seen.devices, &before, leaf);
                self.left(leaf, |device| {
                    known.of(device).unwrap_or_else(|| {
                        changed += 1;
                        self.left_of(device)
                    })
                })
            });
            leaves.insert(address(leaf), left);
        }
        self.leaves = leaves;
        self.past.push((std::mem::replace(&mut self.seen, later), before));
        changed
    }

    fn left(&self, leaf: &Leaf, mut left_of: impl FnMut(&Arc<Device>) -> LeftOfDevice) -> Left {
        let mut left = Left::default();
        let mut kept = Vec::new();
        for device in leaf {
            let of_device = left_of(device);
            kept.extend(of_device.device.clone());
            if of_device.series > 0 {
                left.series += of_device.series;
                if !left.databases.contains(&device.database) {
                    left.databases.push(device.database);
                }
                left.aliased.extend(self.searched.aliased(device));
            }
            left.devices.push(of_device);
        }
        left.leaf = Arc::new(kept);
        left
    }

    fn left_of(&self, device: &Arc<Device>) -> LeftOfDevice {
        let places = self.searched.places(device);
        let series = places.len();
        let left = if series == 0 || self.deleted == Deleted::Rows {
            Some(Arc::clone(device))
        } else if series == device.all().len() {
            None
        } else {
            let mut left = Device::clone(device);
            left.remove(&places);
            Some(Arc::new(left))
        };
        LeftOfDevice { device: left, series }
    }

    /// How many series there are.
    pub(crate) fn count(&self) -> usize {
        self.leaves.values().map(|left| left.series).sum()
    }

    /// The databases that they are of.
    pub(crate) fn databases(&self) -> Vec<u32> {
        let mut all: Vec<u32> = self.leaves.values().flat_map(|left| &left.databases).copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The patterns, and the paths of the series that they match by an alias alone: rows know their series by its name.
    pub(crate) fn by_name(&self) -> Vec<PathPattern> {
        let mut aliased: Vec<&Path> = self.leaves.values().flat_map(|left| &left.aliased).collect();
        aliased.sort_unstable();
        aliased.dedup();
        self.searched.patterns().iter().cloned().chain(aliased.into_iter().map(PathPattern::from)).collect()
    }

    /// The catalog that was looked at last, without what is deleted.
    pub(crate) fn next(&self) -> Catalog {
        let mut next = self.seen.clone();
        let left = |leaf: &Arc<Leaf>| {
            let left = self.leaves.get(&address(leaf)).map_or(leaf, |left| &left.leaf);
            (!left.is_empty()).then(|| Arc::clone(left))
        };
        if self.deleted == Deleted::Series {
            next.devices = Tree::of(self.seen.devices.leaves().iter().filter_map(left).collect());
            next.series -= self.count();
        }
        next
    }
}

/// What is known of the devices of a leaf that changed, in their order.
struct Known<'a> {
    seen: &'a [Arc<Leaf>],
    before: &'a Leaves,
    /// A place among the devices that were seen.
    leaf: usize,
    at: usize,
}

impl<'a> Known<'a> {
    fn new(seen: &'a Tree, before: &'a Leaves, changed: &Leaf) -> Self {
        let first = changed.first().map(|device| &device.path);
        let (leaf, at) = first.map_or((usize::MAX, 0), |first| seen.place(first));
        Self { seen: seen.leaves(), before, leaf, at }
    }

    /// What was found out of a device; `None` where it was another, or none.
    fn of(&mut self, device: &Arc<Device>) -> Option<LeftOfDevice> {
        loop {
            let leaf = self.seen.get(self.leaf)?;
            let Some(seen) = leaf.get(self.at) else {
                (self.leaf, self.at) = (self.leaf + 1, 0);
                continue;
            };
            let same = Arc::ptr_eq(seen, device);
            if !same && seen.path > device.path {
                return None;
            }
            let at = self.at;
            self.at += 1;
            if same {
                return self.before.get(&address(leaf))?.devices.get(at).cloned();
            }
            if seen.path == device.path {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use levada_model::{DataType, SeriesSchema};

    use super::*;
    use crate::catalog_op::{CatalogOp, SeriesDef};

    fn pattern(text: &str) -> PathPattern {
        PathPattern::parse(text).expect("a pattern")
    }

    fn create(catalog: &mut Catalog, device: &str, names: &[&str], seq: u64) {
        let def = |name: &&str| {
            let plain = SeriesDef::plain((*name).into(), SeriesSchema::default_for(DataType::Double));
            SeriesDef { alias: name.strip_prefix("aliased").map(|rest| format!("nick{rest}")), ..plain }
        };
        let device = Path::parse(device).expect("a path");
        let series = names.iter().map(def).collect();
        catalog.apply(&CatalogOp::CreateSeries { device, aligned: false, series }, seq);
    }

    fn catalog() -> Catalog {
        let mut catalog = Catalog::default();
        for (id, path) in ["root.a", "root.b"].into_iter().enumerate() {
            let path = Path::parse(path).expect("a path");
            catalog.apply(&CatalogOp::CreateDatabase { id: id as u32, path, ttl: None, partition: None }, 1);
        }
        for device in 0..3000 {
            let device = format!("root.{}.d{device}", if device % 3 == 0 { "b" } else { "a" });
            create(&mut catalog, &device, &["s", "t", "aliased1"], 1);
        }
        catalog
    }

    fn names(catalog: &Catalog) -> BTreeSet<String> {
        catalog.series_infos(&pattern("root.**")).into_iter().map(|series| series.path.to_string()).collect()
    }

    #[test]
    fn what_is_left_is_what_no_pattern_matches() {
        for patterns in [
            &["root.**"][..],
            &["root.a.**.s"],
            &["root.b.d3.t", "root.b.d3.aliased1", "root.b.none.s"],
            &["root.*.d77*.nick1", "root.a.d1.s"],
            &["root.b.d3.nick1"],
            &["root.none.**"],
        ] {
            let patterns: Vec<_> = patterns.iter().map(|text| pattern(text)).collect();
            let catalog = catalog();
            let gone: BTreeSet<String> = patterns
                .iter()
                .flat_map(|pattern| catalog.series_infos(pattern))
                .map(|s| s.path.to_string())
                .collect();
            let found = Matching::find(catalog.clone(), &patterns, Deleted::Series);
            assert_eq!(found.count(), gone.len(), "{patterns:?}");
            let next = found.next();
            assert_eq!(names(&next), &names(&catalog) - &gone, "{patterns:?}");
            assert_eq!(next.series_count(), names(&next).len());
            assert_eq!(next.devices().len(), next.devices().iter().count());
            // By their names they are all found without an alias.
            let by_name = found.by_name();
            let named =
                |path: &String| by_name.iter().any(|p| p.matches(&Path::parse(path).expect("a path")));
            assert!(gone.iter().all(named), "{by_name:?}");
            let rows = Matching::find(catalog.clone(), &patterns, Deleted::Rows);
            assert_eq!((rows.count(), names(&rows.next())), (gone.len(), names(&catalog)));
        }
    }

    #[test]
    fn catching_up_finds_what_a_new_search_does() {
        let patterns = [pattern("root.a.**"), pattern("root.b.d9.s")];
        let mut catalog = catalog();
        let mut found = Matching::find(catalog.clone(), &patterns, Deleted::Series);
        for round in 0..40_u64 {
            let device = format!("root.a.new{}", round * 7 % 40);
            create(&mut catalog, &device, &["s", "aliased2"], 2 + round);
            create(&mut catalog, "root.b.d9", &[&*format!("more{round}")], 2 + round);
            let patterns = vec![pattern(&format!("root.*.d{round}.t"))];
            let delete = CatalogOp::DeleteSeries { patterns, owner: None };
            catalog.apply(&delete, 2 + round);
            if round % 3 == 0 {
                assert!(found.catch_up(catalog.clone()) <= 12);
            }
        }
        found.catch_up(catalog.clone());
        assert_eq!(found.catch_up(catalog.clone()), 0);
        let anew = Matching::find(catalog, &patterns, Deleted::Series);
        assert_eq!(found.count(), anew.count());
        assert_eq!(names(&found.next()), names(&anew.next()));
        assert_eq!((found.by_name(), found.databases()), (anew.by_name(), anew.databases()));
    }
}
