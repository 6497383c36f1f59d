//! Where rows of one origin come by several ways, and what comes by all of them is taken in as one.
//!
//! ```text
//!   source ─┬─▶ celsius ──▶ sink        the range [0,10) comes twice, once by each way; stored behind the rows of one
//!           └─▶ alarms ───▶             way alone, it would say that those of the other are there, too
//! ```
//!
//! Every way passes on the same batches in the same order, each with its positions, whatever becomes of its rows. So the n-th
//! batch with positions of one way waits for the n-th of every other way of its origin. A sink that stores positions stores
//! them with the rows of all ways in one write; a transform with saved state takes all of them in before it saves. What waits
//! is bounded by the queues of the ways that are behind, as the source feeds no way faster than the slowest.

use std::collections::{BTreeSet, VecDeque};

use crate::parcel::Parcel;

/// Batches of one origin that stand for the same positions, one of each way. Nothing may come between them.
pub(crate) type Together = Vec<Parcel>;

/// What waits in front of a node for what comes by other ways.
#[derive(Debug, Default)]
pub(crate) struct Confluence {
    /// By way, the group of those that have its origin; `None` for the only way of its origin.
    groups: Vec<Option<usize>>,
    /// The ways of each group.
    members: Vec<Vec<usize>>,
    /// By way. The first that waits has positions.
    waiting: Vec<VecDeque<Parcel>>,
    /// The ways by which rows came whose positions come with a later batch.
    early: BTreeSet<usize>,
}

impl Confluence {
    /// In front of a node to which rows come by these ways, each given by its origin.
    pub(crate) fn new(origins: &[&str]) -> Self {
        let mut distinct: Vec<&str> = Vec::new();
        let mut members: Vec<Vec<usize>> = Vec::new();
        for (way, origin) in origins.iter().enumerate() {
            match distinct.iter().position(|each| each == origin) {
                Some(at) => members[at].push(way),
                None => {
                    distinct.push(origin);
                    members.push(vec![way]);
                }
            }
        }
        members.retain(|ways| ways.len() > 1);
        let mut groups = vec![None; origins.len()];
        for (group, ways) in members.iter().enumerate() {
            ways.iter().for_each(|&way| groups[way] = Some(group));
        }
        let waiting = origins.iter().map(|_| VecDeque::new()).collect();
        Self { groups, members, waiting, early: BTreeSet::new() }
    }

    /// Takes what came, and gives what may be taken in now, in this order.
    pub(crate) fn arrive(&mut self, parcel: Parcel) -> Vec<Together> {
        let way = parcel.way;
        let group = self.groups.get(way).copied().flatten();
        let mut ready = Vec::with_capacity(1);
        match group {
            Some(group) if !self.waiting[way].is_empty() || !parcel.batch.positions.is_empty() => {
                self.waiting[way].push_back(parcel);
                self.join(group, &mut ready);
            }
            _ => ready.push(vec![parcel]),
        }
        for each in ready.iter().flatten() {
            match each.early {
                true => drop(self.early.insert(each.way)),
                false => drop(self.early.remove(&each.way)),
            }
        }
        ready
    }

    /// Whether rows that were given have positions that come with a later batch.
    pub(crate) fn is_early(&self) -> bool {
        !self.early.is_empty()
    }

    fn join(&mut self, group: usize, ready: &mut Vec<Together>) {
        let ways = &self.members[group];
        while ways.iter().all(|&way| !self.waiting[way].is_empty()) {
            ready.push(ways.iter().filter_map(|&way| self.waiting[way].pop_front()).collect());
            for &way in ways {
                let waiting = &mut self.waiting[way];
                while let Some(rows) = waiting.pop_front_if(|next| next.batch.positions.is_empty()) {
                    ready.push(vec![rows]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
