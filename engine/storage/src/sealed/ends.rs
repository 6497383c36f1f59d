//! Up to which time files hold rows of each device, so that a flush need not read indexes to know what is late.

use std::{collections::VecDeque, hash::BuildHasher as _, sync::Arc};

use hashbrown::HashMap;
use levada_tsfile::DeviceId;

/// Bytes of tables kept in memory, of all files together.
const BUDGET: usize = 16 << 20;

/// Bytes that a table takes beside its entries, about.
const TABLE_BYTES: usize = 200;

/// A device in a table. Two that share a number count as one, which makes rows late that are not: they are then stored as late
/// ones, and are none the worse for it.
pub(super) fn number(device: &DeviceId) -> u64 {
    foldhash::fast::FixedState::default().hash_one(device)
}

/// The last time of each device in a file, by [`number`].
#[derive(Debug)]
pub(super) struct Ends(Box<[(u64, i64)]>);

impl Ends {
    pub(super) fn new(mut found: Vec<(u64, i64)>) -> Self {
        // Of a number that stands twice the last time counts.
        found.sort_unstable_by_key(|&(number, end)| (number, std::cmp::Reverse(end)));
        found.dedup_by_key(|(number, _)| *number);
        Self(found.into())
    }

    pub(super) fn of(&self, device: &DeviceId) -> Option<i64> {
        let wanted = number(device);
        let found = self.0.binary_search_by_key(&wanted, |(number, _)| *number).ok()?;
        Some(self.0[found].1)
    }

    fn bytes(&self) -> usize {
        TABLE_BYTES + size_of_val(&*self.0)
    }
}

/// The tables of the files that were written or asked for last.
#[derive(Debug, Default)]
pub(super) struct KnownEnds {
    /// By number of the file.
    tables: HashMap<u64, Arc<Ends>, foldhash::fast::RandomState>,
    /// The one that came first in front.
    order: VecDeque<u64>,
    bytes: usize,
}

impl KnownEnds {
    pub(super) fn get(&self, file: u64) -> Option<Arc<Ends>> {
        self.tables.get(&file).map(Arc::clone)
    }

    pub(super) fn put(&mut self, file: u64, ends: Arc<Ends>) {
        self.bytes += ends.bytes();
        match self.tables.insert(file, ends) {
            Some(before) => self.bytes -= before.bytes(),
            None => self.order.push_back(file),
        }
        while self.bytes > BUDGET
            && let Some(oldest) = self.order.pop_front()
        {
            self.forget(oldest);
        }
    }

    /// Forgets a file that is gone.
    pub(super) fn forget(&mut self, file: u64) {
        self.bytes -= self.tables.remove(&file).map_or(0, |ends| ends.bytes());
        if self.order.len() > 2 * self.tables.len() + 64 {
            self.order.retain(|file| self.tables.contains_key(file));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(number: usize) -> DeviceId {
        DeviceId::from_segments([Some("root.a"), Some(&*format!("d{number}"))])
    }

    #[test]
    fn a_table_knows_the_last_time_of_each_device() {
        let found = (0..1000).flat_map(|at| [(number(&device(at)), at as i64), (number(&device(at)), 7)]);
        let ends = Ends::new(found.collect());
        assert!((0..1000).all(|at| ends.of(&device(at)) == Some((at as i64).max(7))));
        assert_eq!(ends.of(&device(1000)), None);
    }

    #[test]
    fn tables_are_kept_within_a_budget() {
        let mut known = KnownEnds::default();
        for file in 0..100 {
            known.put(file, Arc::new(Ends::new((0..100_000).map(|at| (at, 0)).collect())));
            known.put(file, Arc::new(Ends::new((0..50_000).map(|at| (at, 0)).collect())));
        }
        assert!(known.bytes <= BUDGET && known.bytes > BUDGET / 2);
        assert!(known.get(99).is_some() && known.get(0).is_none());
        known.forget(99);
        (0..100).for_each(|file| known.forget(file));
        assert_eq!(known.bytes, 0);
    }
}
