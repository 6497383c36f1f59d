//! Full names of devices.

use std::collections::HashMap;

use levada_connector_api::model::Path;
use parking_lot::Mutex;

use super::options::starts_with_root;

/// More names than this are not kept at once: some 20 MiB.
const MAX_NAMES: usize = 100_000;

/// Puts devices under the database, and remembers the names it made: one look-up for each tablet.
#[derive(Debug)]
pub(super) struct Devices {
    database: Option<Path>,
    known: Mutex<HashMap<Path, Path>>,
}

impl Devices {
    pub(super) fn new(database: Option<Path>) -> Self {
        Self { database, known: Mutex::default() }
    }

    /// The full path of a device or series; `None` where it is not full and there is no database.
    pub(super) fn full(&self, path: &Path) -> Option<Path> {
        if starts_with_root(path) {
            return Some(path.clone());
        }
        let database = self.database.as_ref()?;
        let mut known = self.known.lock();
        if let Some(full) = known.get(path) {
            return Some(full.clone());
        }
        // Canonical below canonical is canonical.
        let full = database.child(path.as_str());
        if known.len() >= MAX_NAMES {
            known.clear();
        }
        known.insert(path.clone(), full.clone());
        Some(full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_put_under_the_database_unless_it_is_full() {
        let path = |text| Path::parse(text).expect("legal");
        let devices = Devices::new(Some(path("root.plant")));
        for _ in 0..2 {
            assert_eq!(devices.full(&path("hall.`d 1`")), Some(path("root.plant.hall.`d 1`")));
        }
        assert_eq!(devices.full(&path("root.other.d1")), Some(path("root.other.d1")));
        assert_eq!(devices.full(&path("rooted")), Some(path("root.plant.rooted")));
        assert_eq!(Devices::new(None).full(&path("d1")), None);
    }
}
