//! What databases, devices and series there are.
//!
//! ```text
//!   databases   path ─► number                        few
//!   lives       path or pattern ─► TTL                few
//!   templates   name ─► series; path ─► name          few
//!   views       path ─► series or expression          few
//!   devices     leaves of at most 512, by path        many; a clone shares them, a change copies the leaf it touches
//!                 └ device: aligned, database ─► series, by measurement: schema, since which write, [alias, tags, …]; [template]
//! ```
//!
//! A clone of the catalog is a snapshot. Names of measurements are shared over all devices. All changes go through
//! [`Catalog::apply`], with the number of the write they belong to, while writing as in recovery; what may be rejected is
//! checked before, in `rules`.

mod apply;
mod device;
mod find;
mod lives;
mod matching;
mod rules;
mod template;
mod tree;
mod views;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use hashbrown::HashSet;
use levada_model::Path;

pub(crate) use apply::Removed;
pub(crate) use device::{Device, Series};
pub(crate) use lives::Lives;
pub(crate) use matching::{Deleted, Matching};
pub(crate) use rules::{
    check_database, check_device, check_measurement, check_new_series, check_stored, database_for, misaligned,
};
pub(crate) use template::{Template, Templates};
pub(crate) use tree::Tree;
pub use views::{LogicalView, LogicalViews, ViewBase};

/// A database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Database {
    /// Never used again, also where a database of the same name comes later.
    pub(crate) id: u32,
    pub(crate) path: Path,
    /// How long its time partitions are said to be, in milliseconds, where that is said.
    pub(crate) partition: Option<i64>,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalog {
    databases: Arc<BTreeMap<Path, Database>>,
    by_id: Arc<HashMap<u32, Path>>,
    devices: Tree,
    series: usize,
    next_id: u32,
    lives: Arc<Lives>,
    templates: Arc<Templates>,
    views: Arc<LogicalViews>,
    /// The database of the device that was loaded last.
    loading: Option<u32>,
    names: Names,
}

/// Names of measurements, each once. A clone of the catalog leaves them behind: only the writer needs them.
#[derive(Debug, Default)]
struct Names(HashSet<Arc<str>, foldhash::fast::RandomState>);

impl Clone for Names {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Names {
    fn shared(&mut self, name: &Arc<str>) -> Arc<str> {
        Arc::clone(self.0.get_or_insert_with(&**name, |_| Arc::clone(name)))
    }
}

impl Catalog {
    pub(crate) fn databases(&self) -> impl Iterator<Item = &Database> {
        self.databases.values()
    }

    pub(crate) fn database(&self, id: u32) -> Option<&Database> {
        self.databases.get(self.by_id.get(&id)?)
    }

    /// The database that a path lies in, or is.
    pub(crate) fn database_of(&self, path: &Path) -> Option<&Database> {
        let mut at = path.clone();
        loop {
            if let Some(found) = self.databases.get(&at) {
                return Some(found);
            }
            at = at.parent()?;
        }
    }

    /// A database by its own path.
    pub(crate) fn database_at(&self, path: &Path) -> Option<&Database> {
        self.databases.get(path)
    }

    /// The longest that rows of a database live.
    pub(crate) fn longest_ttl(&self, database: u32) -> Option<i64> {
        self.lives.longest(&self.database(database)?.path)
    }

    /// How long rows live. As long as none of it changes, this is the same one.
    pub(crate) fn lives(&self) -> &Arc<Lives> {
        &self.lives
    }

    pub(crate) fn device(&self, path: &Path) -> Option<&Arc<Device>> {
        self.devices.get(path)
    }

    pub(crate) fn devices(&self) -> &Tree {
        &self.devices
    }

    pub(crate) fn series_count(&self) -> usize {
        self.series
    }

    /// The number for the next database.
    pub(crate) fn next_id(&self) -> u32 {
        self.next_id
    }
}

impl Catalog {
    /// Puts a changed copy in its place; gives what was there before.
    pub(crate) fn replace(&mut self, mut next: Self) -> Self {
        next.names = std::mem::take(&mut self.names);
        std::mem::replace(self, next)
    }
}

impl Catalog {
    /// Numbers below are taken, also where their database is gone.
    pub(crate) fn reserve_ids(&mut self, next: u32) {
        self.next_id = self.next_id.max(next);
    }
}
