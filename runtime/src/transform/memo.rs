//! What was found out about a name, for the next time it comes.

use std::{collections::HashMap, sync::Arc};

use foldhash::fast::RandomState;

/// Names that are remembered: enough for the devices of a large plant, bounded for those who make up names.
const MAX_NAMES: usize = 50_000;

/// Answers by name.
#[derive(Debug)]
pub(super) struct Memo<V>(HashMap<Arc<str>, V, RandomState>);

impl<V: Clone> Memo<V> {
    pub(super) fn new() -> Self {
        Self(HashMap::default())
    }

    /// The answer for a name, found now if it is not known.
    pub(super) fn get_or(&mut self, name: &Arc<str>, find: impl FnOnce() -> V) -> V {
        if let Some(known) = self.0.get(name) {
            return known.clone();
        }
        if self.0.len() >= MAX_NAMES {
            self.0.clear();
        }
        let found = find();
        self.0.insert(Arc::clone(name), found.clone());
        found
    }
}
