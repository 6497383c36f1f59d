//! Devices in the order of their paths, in leaves that clones share.

use std::sync::Arc;

use levada_model::Path;

use super::Device;

/// A leaf is split at so many devices.
const LEAF: usize = 512;

/// Some devices that follow each other, by path; not empty.
pub(super) type Leaf = Vec<Arc<Device>>;

/// Devices by path. A clone costs one reference count; a change of a clone copies the list of leaves and one leaf.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    leaves: Arc<Vec<Arc<Leaf>>>,
    len: usize,
}

impl Tree {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// A tree of leaves in the order of their paths.
    pub(super) fn of(leaves: Vec<Arc<Leaf>>) -> Self {
        Self { len: leaves.iter().map(|leaf| leaf.len()).sum(), leaves: Arc::new(leaves) }
    }

    pub(super) fn leaves(&self) -> &[Arc<Leaf>] {
        &self.leaves
    }

    /// The leaf in which a path is or would be, and its place there.
    pub(super) fn place(&self, path: &Path) -> (usize, usize) {
        let leaf = self.leaf_of(path);
        let before = |leaf: &Arc<Leaf>| leaf.partition_point(|device| device.path < *path);
        (leaf, self.leaves.get(leaf).map_or(0, before))
    }

    fn leaf_of(&self, path: &Path) -> usize {
        self.leaves
            .partition_point(|leaf| leaf.first().is_some_and(|first| first.path <= *path))
            .saturating_sub(1)
    }

    pub(crate) fn get(&self, path: &Path) -> Option<&Arc<Device>> {
        let leaf = self.leaves.get(self.leaf_of(path))?;
        leaf.binary_search_by(|device| device.path.cmp(path)).ok().and_then(|at| leaf.get(at))
    }

    /// Puts a device in, in place of one of the same path.
    pub(crate) fn put(&mut self, device: Device) {
        let at = self.leaf_of(&device.path);
        let leaves = Arc::make_mut(&mut self.leaves);
        if leaves.is_empty() {
            leaves.push(Arc::default());
        }
        let last = at + 1 == leaves.len();
        let leaf = Arc::make_mut(&mut leaves[at]);
        match leaf.binary_search_by(|other| other.path.cmp(&device.path)) {
            Ok(found) => leaf[found] = Arc::new(device),
            Err(place) => {
                self.len += 1;
                leaf.insert(place, Arc::new(device));
                if leaf.len() > LEAF {
                    // Devices that come in order fill their leaves.
                    let keep = if last && place + 1 == leaf.len() { LEAF } else { LEAF / 2 };
                    let upper = leaf.split_off(keep);
                    leaves.insert(at + 1, Arc::new(upper));
                }
            }
        }
    }

    /// A device, to be changed.
    pub(crate) fn get_mut(&mut self, path: &Path) -> Option<&mut Device> {
        let at = self.leaf_of(path);
        let found = self.leaves.get(at)?.binary_search_by(|device| device.path.cmp(path)).ok()?;
        let leaf = Arc::make_mut(&mut Arc::make_mut(&mut self.leaves)[at]);
        Some(Arc::make_mut(&mut leaf[found]))
    }

    /// Takes the devices at or below a path out; gives them, in leaves of which some are shared with the tree. A tree that is
    /// large, and not shared, is not let go of here.
    pub(super) fn take_below(&mut self, path: &Path) -> Vec<Arc<Leaf>> {
        let from = self.leaf_of(path);
        let (mut kept, mut taken) = (Vec::with_capacity(self.leaves.len()), Vec::new());
        let below = format!("{}.", path.as_str());
        let is_below = |device: Option<&Arc<Device>>| {
            device.is_some_and(|device| device.path.as_str().starts_with(&below))
        };
        // Others may stand between a path and what is below it.
        let begins =
            |leaf: &Leaf| leaf.first().is_some_and(|device| device.path.as_str().starts_with(path.as_str()));
        for (at, leaf) in self.leaves.iter().enumerate() {
            if is_below(leaf.first()) && is_below(leaf.last()) {
                self.len -= leaf.len();
                taken.push(Arc::clone(leaf));
            } else if at == from || begins(leaf) {
                let (out, rest): (Leaf, Leaf) =
                    leaf.iter().cloned().partition(|device| path.is_prefix_of(&device.path));
                self.len -= out.len();
                taken.push(Arc::new(out));
                kept.extend(Some(rest).filter(|rest| !rest.is_empty()).map(Arc::new));
            } else {
                kept.push(Arc::clone(leaf));
            }
        }
        self.leaves = Arc::new(kept);
        taken
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Device>> {
        self.leaves.iter().flat_map(|leaf| leaf.iter())
    }

    /// The devices at or below a path.
    pub(crate) fn below(&self, path: Path) -> impl Iterator<Item = &Arc<Device>> {
        let (at, before) = self.place(&path);
        // Between a path and what is below it stand others only where their next character comes before the full stop.
        let leaves = self.leaves.get(at..).unwrap_or_default();
        leaves
            .iter()
            .flat_map(|leaf| leaf.iter())
            .skip(before)
            .take_while({
                let path = path.clone();
                move |device| device.path.as_str().starts_with(path.as_str())
            })
            .filter(move |device| path.is_prefix_of(&device.path))
    }
}
