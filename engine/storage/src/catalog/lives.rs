//! How long rows live, by path.
//!
//! ```text
//!   root.a.d1      the device of that path
//!   root.a.**      all devices below root.a
//!   root.a         of a database: both root.a and root.a.**
//! ```
//! Of what concerns a device, the most specific counts: its own path, then the longest pattern. That is the peer's
//! rule. Looking a device up costs a probe for each of its nodes, however many lives are set.

use std::sync::Arc;

use hashbrown::HashMap;
use levada_model::{Path, PathPattern};

/// A life that never ends: it is set, and says that what is less specific does not count.
const FOR_EVER: i64 = i64::MAX;

type Map = HashMap<Arc<str>, i64, foldhash::fast::RandomState>;

/// All lives that are set, in milliseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lives {
    /// Of single devices.
    devices: Map,
    /// Of the devices below a path.
    below: Map,
    /// By other patterns, which SQL rejects.
    others: Vec<(PathPattern, i64)>,
}

/// What a pattern speaks of.
enum Scope {
    Device(Path),
    Below(Path),
    Other,
}

impl Scope {
    fn of(pattern: &PathPattern) -> Self {
        if let Some(path) = pattern.as_path() {
            return Self::Device(path);
        }
        let above = pattern.split_last().filter(|(_, last)| last.nodes().eq(["**"]));
        match above.and_then(|(above, _)| above.as_path()) {
            Some(above) => Self::Below(above),
            None => Self::Other,
        }
    }
}

/// A path and those above it, the nearest first. What a cut inside a quoted node leaves is no path that anything has.
fn upward(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |at| at.rfind('.').map(|dot| &at[..dot]))
}

impl Lives {
    /// Sets the life of what a pattern matches, or takes it back; says whether anything changed.
    pub(super) fn set(&mut self, pattern: &PathPattern, ttl: Option<i64>) -> bool {
        let put = |map: &mut Map, path: Path| match ttl {
            Some(ttl) => map.insert(path.shared(), ttl) != Some(ttl),
            None => map.remove(path.as_str()).is_some(),
        };
        match Scope::of(pattern) {
            Scope::Device(path) => put(&mut self.devices, path),
            Scope::Below(path) => put(&mut self.below, path),
            Scope::Other => {
                let before = self.others.len();
                self.others.retain(|(other, _)| other != pattern);
                let taken = self.others.len() < before;
                self.others.extend(ttl.map(|ttl| (pattern.clone(), ttl)));
                taken || ttl.is_some()
            }
        }
    }

    /// Sets the life of all rows of a database.
    pub(super) fn set_database(&mut self, path: &Path, ttl: Option<i64>) {
        for map in [&mut self.devices, &mut self.below] {
            match ttl {
                Some(ttl) => drop(map.insert(path.shared(), ttl)),
                None => drop(map.remove(path.as_str())),
            }
        }
    }

    /// Whether a life is set for exactly this pattern.
    pub(crate) fn is_set(&self, pattern: &PathPattern) -> bool {
        match Scope::of(pattern) {
            Scope::Device(path) => self.devices.contains_key(path.as_str()),
            Scope::Below(path) => self.below.contains_key(path.as_str()),
            Scope::Other => self.others.iter().any(|(other, _)| other == pattern),
        }
    }

    /// Whether a life is set for a database, or for all that is below it.
    pub(crate) fn is_set_for_database(&self, path: &Path) -> bool {
        self.devices.contains_key(path.as_str()) || self.below.contains_key(path.as_str())
    }

    /// How long rows of a device live; for ever where `None`.
    pub(crate) fn of(&self, device: &Path) -> Option<i64> {
        if self.devices.is_empty() && self.below.is_empty() && self.others.is_empty() {
            return None;
        }
        let own = self.devices.get(device.as_str()).copied();
        own.or_else(|| self.by_pattern(device)).filter(|&ttl| ttl != FOR_EVER)
    }

    /// How long rows of devices below a path live that have no more specific life.
    pub(crate) fn below(&self, path: &Path) -> Option<i64> {
        self.nearest(path.as_str()).map(|(_, ttl)| ttl).filter(|&ttl| ttl != FOR_EVER)
    }

    /// The life set for all below the nearest path at or above one, and that path.
    fn nearest<'a>(&self, path: &'a str) -> Option<(&'a str, i64)> {
        if self.below.is_empty() {
            return None;
        }
        upward(path).find_map(|at| self.below.get(at).map(|ttl| (at, *ttl)))
    }

    fn by_pattern(&self, device: &Path) -> Option<i64> {
        let above = device.as_str().rfind('.').map(|dot| &device.as_str()[..dot]);
        let nearest = above.and_then(|above| self.nearest(above));
        let other = self.others.iter().filter(|(pattern, _)| pattern.matches(device));
        let other = other.max_by_key(|(pattern, _)| pattern.len());
        match (nearest, other) {
            (Some((path, ttl)), Some((pattern, other))) => {
                // Of equal length the other names more nodes.
                let length = Path::parse(path).map_or(0, |path| path.nodes().count() + 1);
                Some(if pattern.len() >= length { *other } else { ttl })
            }
            (nearest, other) => nearest.map(|(_, ttl)| ttl).or(other.map(|(_, ttl)| *ttl)),
        }
    }

    /// The longest that a row of some database may live.
    pub(crate) fn longest(&self, database: &Path) -> Option<i64> {
        // All its devices must have a life before rows can be said to have ended.
        let base = self.below(database)?.max(self.of(database)?);
        let inside = |path: &str| {
            path.strip_prefix(database.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let named = self.devices.iter().chain(&self.below).filter(|(path, _)| inside(path));
        let named = named.map(|(_, ttl)| *ttl);
        let longest = named.chain(self.others.iter().map(|(_, ttl)| *ttl)).fold(base, i64::max);
        (longest != FOR_EVER).then_some(longest)
    }

    /// The shortest that a row of some database may live; for ever where `None`.
    pub(crate) fn shortest(&self, database: &Path) -> Option<i64> {
        let inside = |path: &str| {
            path.strip_prefix(database.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let named = self.devices.iter().chain(&self.below).filter(|(path, _)| inside(path));
        let above = [self.below(database), self.of(database)].into_iter().flatten();
        let all = named.map(|(_, ttl)| *ttl).chain(self.others.iter().map(|(_, ttl)| *ttl)).chain(above);
        all.min().filter(|&ttl| ttl != FOR_EVER)
    }

    /// All that is set, by the text of the pattern.
    pub(crate) fn all(&self) -> Vec<(PathPattern, i64)> {
        let path = |path: &str| Path::parse(path).ok().map(|path| PathPattern::from(&path));
        let many = PathPattern::parse("**").ok();
        let devices = self.devices.iter().filter_map(|(device, ttl)| Some((path(device)?, *ttl)));
        let below = self.below.iter().filter_map(|(above, ttl)| {
            let pattern = path(above)?.join(many.as_ref()?);
            Some((pattern, *ttl))
        });
        let mut all: Vec<_> = devices.chain(below).chain(self.others.iter().cloned()).collect();
        all.sort_by_cached_key(|(pattern, _)| pattern.to_string());
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalog::Catalog, catalog_op::CatalogOp};

    fn lives(all: &[(&str, i64)]) -> Lives {
        let mut lives = Lives::default();
        for (pattern, ttl) in all {
            assert!(lives.set(&PathPattern::parse(pattern).expect("pattern"), Some(*ttl)), "{pattern}");
        }
        lives
    }

    fn of(lives: &Lives, device: &str) -> Option<i64> {
        lives.of(&Path::parse(device).expect("path"))
    }

    #[test]
    fn the_most_specific_pattern_counts() {
        let lives = lives(&[
            ("root.**", 1),
            ("root.a.**", 2),
            ("root.a.b", 3),
            ("root.a.b.**", 4),
            ("root.a.c.**", FOR_EVER),
        ]);
        let found = ["root.x", "root.a", "root.a.x.y", "root.a.b", "root.a.b.d", "root.a.c", "root.a.c.d"];
        let ttls = [Some(1), Some(1), Some(2), Some(3), Some(4), Some(2), None];
        assert_eq!(found.map(|device| of(&lives, device)), ttls);
        assert_eq!(of(&Lives::default(), "root.a"), None);
    }

    #[test]
    fn quoted_nodes_are_one_node() {
        let lives = lives(&[("root.`a.b`.**", 5), ("root.`a.b`", 6)]);
        assert_eq!(
            ["root.`a.b`.d", "root.`a.b`", "root.a.b", "root.`a.c`"].map(|d| of(&lives, d)),
            [Some(5), Some(6), None, None]
        );
    }

    #[test]
    fn other_patterns_count_by_their_length() {
        let lives = lives(&[("root.a.**", 1), ("root.*.b", 2), ("root.a.b.c.**", 3), ("root.**.d", 4)]);
        let found = ["root.a.b", "root.a.x", "root.a.b.c.d", "root.x.d"];
        assert_eq!(found.map(|device| of(&lives, device)), [Some(2), Some(1), Some(3), Some(4)]);
    }

    #[test]
    fn rows_of_a_database_have_all_ended_when_the_longest_life_has() {
        let database = Path::parse("root.a").expect("path");
        let longest = |all: &[(&str, i64)]| lives(all).longest(&database);
        assert_eq!(longest(&[("root.a.**", 5)]), None, "a device root.a lives for ever");
        assert_eq!(longest(&[("root.**", 5)]), Some(5));
        assert_eq!(longest(&[("root.**", 5), ("root.a.d", 9), ("root.ab.d", 99)]), Some(9));
        assert_eq!(longest(&[("root.**", 5), ("root.a.d.**", FOR_EVER)]), None);
        assert_eq!(longest(&[("root.**", 5), ("root.a.**", 3), ("root.a", 2)]), Some(3));
        assert_eq!(longest(&[("root.b.**", 5)]), None);
    }

    #[test]
    fn records_of_older_folders_set_what_they_did() {
        let path = Path::parse("root.a").expect("path");
        let pattern = |text| PathPattern::parse(text).expect("pattern");
        let mut catalog = Catalog::default();
        let ops = [
            CatalogOp::CreateDatabase { id: 7, path: path.clone(), ttl: Some(5), partition: None },
            CatalogOp::SetPathTtl { pattern: pattern("root.a.d"), ttl: Some(9) },
            CatalogOp::SetTtl { id: 7, path: None, ttl: Some(6) },
            CatalogOp::SetPathTtl { pattern: pattern("root.*.e"), ttl: Some(8) },
        ];
        for (op, seq) in ops.iter().zip(1..) {
            catalog.apply(op, seq);
        }
        let found = ["root.a", "root.a.x", "root.a.d", "root.a.e", "root.b.d"];
        let ttls = [Some(6), Some(6), Some(9), Some(8), None];
        assert_eq!(found.map(|device| of(catalog.lives(), device)), ttls);
        assert_eq!(catalog.longest_ttl(7), Some(9));
        catalog.apply(&CatalogOp::DeleteDatabase { id: 7, path: None, owner: None }, 9);
        assert_eq!(catalog.lives().all(), [(pattern("root.*.e"), 8), (pattern("root.a.d"), 9)]);
    }

    #[test]
    fn what_is_taken_back_is_gone() {
        let mut lives = lives(&[("root.a.**", 5), ("root.*.b", 2)]);
        let pattern = |text| PathPattern::parse(text).expect("pattern");
        assert!(lives.is_set(&pattern("root.a.**")) && !lives.is_set(&pattern("root.a")));
        assert!(lives.set(&pattern("root.a.**"), None) && lives.set(&pattern("root.*.b"), None));
        assert!(!lives.set(&pattern("root.a.**"), None));
        assert_eq!(lives.all(), []);
    }
}
