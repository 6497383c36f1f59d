//! The partitions that are assigned, and how far each is.

use std::{collections::HashMap, time::Instant};

use levada_connector_api::model::{SplitName, SplitRange};
use rdkafka::error::RDKafkaErrorCode;

use super::{
    identity::Mark,
    native::{Forwarded, Topic},
    offsets::Partition,
};

/// One assigned partition.
pub(super) struct Assigned {
    pub(super) name: Partition,
    pub(super) split: SplitName,
    /// Where reading began.
    pub(super) from: i64,
    /// The offset behind all that was read.
    pub(super) next: i64,
    /// The offset behind all that was handed out.
    pub(super) emitted: i64,
    /// What was committed last, or is being committed.
    pub(super) committed: i64,
    /// What the group had committed when it was taken on. No less is committed.
    pub(super) floor: i64,
    /// Where a bounded run ends.
    pub(super) end: Option<i64>,
    /// Whether it was said that offsets come again.
    pub(super) backward: bool,
    /// Whether it is through and not fetched any more.
    pub(super) paused: bool,
    /// It will not be read any more.
    pub(super) given_up: bool,
    /// What reading it failed with since something was read of it.
    pub(super) failing: Option<Failing>,
    /// What is committed with its offsets.
    pub(super) mark: Mark,
    pub(super) _queue: Forwarded,
}

/// A fault that keeps a partition from being read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failing {
    pub(super) code: RDKafkaErrorCode,
    pub(super) since: Instant,
    pub(super) times: u32,
}

impl Assigned {
    /// What was committed last may not have arrived.
    pub(super) fn commit_again(&mut self) {
        self.committed = self.floor;
    }

    /// Whether nothing more is to be read of it in a bounded run.
    pub(super) fn is_through(&self) -> bool {
        self.given_up || self.end.is_some_and(|end| self.next >= end)
    }
}

/// The partitions that are assigned.
#[derive(Default)]
pub(super) struct Partitions {
    all: Vec<Assigned>,
    /// By the topic's number and the partition's; numbers hold as long as the assignment does.
    by_number: HashMap<(usize, i32), usize>,
    last: Option<((usize, i32), usize)>,
}

impl Partitions {
    pub(super) fn add(&mut self, assigned: Assigned) {
        self.forget_numbers();
        self.all.retain(|each| each.name != assigned.name);
        self.all.push(assigned);
    }

    /// Takes partitions out.
    pub(super) fn remove(&mut self, names: &[Partition]) {
        self.forget_numbers();
        self.all.retain(|each| !names.contains(&each.name));
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Assigned> {
        self.all.iter()
    }

    pub(super) fn iter_mut(&mut self) -> std::slice::IterMut<'_, Assigned> {
        self.all.iter_mut()
    }

    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut Assigned> {
        self.all.get_mut(at)
    }

    pub(super) fn contains(&self, name: &Partition) -> bool {
        self.all.iter().any(|each| each.name == *name)
    }

    /// Where the partition of a message is; `None` where it is not assigned any more.
    #[inline]
    pub(super) fn find(&mut self, topic: Topic<'_>, partition: i32) -> Option<usize> {
        let number = (topic.id(), partition);
        if let Some((last, at)) = self.last
            && last == number
        {
            return Some(at);
        }
        let at = match self.by_number.get(&number) {
            Some(&at) => at,
            None => {
                let name = topic.name();
                let at = self.all.iter().position(|each| each.name.1 == partition && each.name.0 == name)?;
                self.by_number.insert(number, at);
                at
            }
        };
        self.last = Some((number, at));
        Some(at)
    }

    /// The ranges that were read and not handed out, which from now on count as handed out.
    pub(super) fn take_ranges(&mut self) -> Vec<SplitRange> {
        let mut ranges = Vec::new();
        for each in &mut self.all {
            if each.next > each.emitted {
                ranges.push(SplitRange {
                    split: each.split.clone(),
                    range: position(each.emitted)..position(each.next),
                });
                each.emitted = each.next;
            }
        }
        ranges
    }

    fn forget_numbers(&mut self) {
        self.by_number.clear();
        self.last = None;
    }
}

/// An offset as a position; offsets are never negative.
pub(super) fn position(offset: i64) -> u64 {
    u64::try_from(offset).unwrap_or(0)
}
