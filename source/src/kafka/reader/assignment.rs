//! Partitions taken on and given back, and what is committed of them.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use levada_connector_api::Result;
use levada_kafka::fault::failure;
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{CommitMode, Consumer},
};

use super::{POLL_INTERVAL, Reader, places::Place};
use crate::kafka::{
    held::{let_go, take_on},
    identity::Mark,
    offsets::{self, Partition},
    partitions::{Assigned, position},
    shared::lock,
};

/// How long the commit at the end is tried: a group that is changing takes a heartbeat, three seconds, to tell a member so, and some
/// more until all have answered.
const LAST_COMMIT: Duration = Duration::from_secs(10);

impl Reader {
    /// Takes partitions on, each from where it was left.
    pub(super) fn assign(&mut self, names: &[Partition]) -> Result<()> {
        let places = loop {
            if self.shared.stopped() {
                self.acknowledge(names);
                return Ok(());
            }
            match self.places(names) {
                Ok(places) => break places,
                Err(error) if !error.is_transient() => return Err(error),
                Err(error) => self.client.context().warn("places", &format!("{error}; trying again")),
            }
            std::thread::park_timeout(Duration::from_millis(200));
        };
        let mut list = TopicPartitionList::with_capacity(names.len());
        for (name, Place { from, next, split, mark, committed }) in places {
            let Some(queue) = self.queue.forward(&name.0, name.1) else { continue };
            list.add_partition_offset(&name.0, name.1, Offset::Offset(next))
                .map_err(|error| failure("taking partitions on", &error))?;
            let end = self.ends.as_ref().map(|ends| ends.get(&name).copied().unwrap_or(from));
            if let Some(end) = end {
                self.shared.total.fetch_add(position(end - next), Ordering::Relaxed);
            }
            self.rejected.remove(&name);
            self.intake.partitions.add(Assigned {
                split,
                name,
                from,
                next,
                emitted: from,
                committed,
                floor: committed,
                end,
                backward: false,
                paused: false,
                given_up: false,
                failing: None,
                mark,
                _queue: queue,
            });
        }
        take_on(&self.client, &list).map_err(|error| failure("taking partitions on", &error))?;
        tracing::info!(node = self.setup.node, partitions = names.len(), "partitions assigned");
        Ok(())
    }

    /// Takes partitions on that will not be read: the group waits for it.
    pub(super) fn acknowledge(&self, names: &[Partition]) {
        let mut list = TopicPartitionList::with_capacity(names.len());
        for (topic, partition) in names {
            list.add_partition(topic, *partition);
        }
        if let Err(error) = take_on(&self.client, &list) {
            tracing::debug!(%error, "taking partitions on while ending");
        }
    }

    /// Gives partitions back: hands out what was read of them, waits until it is settled, commits, lets go.
    pub(super) fn revoke(&mut self, names: &[Partition]) {
        let lost = self.client.assignment_lost();
        self.flush_all();
        if !lost {
            self.until_settled(names);
            // What was read again and not to where the group stood: whoever has it next goes on with the rest.
            let taken = self.intake.partitions.iter_mut().filter(|each| names.contains(&each.name));
            taken.filter(|each| each.emitted < each.floor).for_each(|each| each.floor = 0);
            if let Err(error) = self.commit(CommitMode::Sync) {
                tracing::warn!(%error, "the commit before partitions are given back failed");
            }
        }
        self.forget(names);
        self.give_back(names);
        tracing::info!(node = self.setup.node, partitions = names.len(), lost, "partitions revoked");
    }

    /// Waits until what was read of partitions is settled, for as long as a handover may take.
    pub(super) fn until_settled(&mut self, names: &[Partition]) {
        let until = Instant::now() + self.setup.options.handover.0;
        while !self.is_settled(names) && !self.shared.stopped() {
            if Instant::now() >= until {
                tracing::warn!(
                    node = self.setup.node,
                    "partitions are taken away before all that was read of them is settled: the rest is read twice"
                );
                break;
            }
            self.serve();
            std::thread::park_timeout(POLL_INTERVAL);
        }
    }

    /// Knows nothing of partitions any more.
    pub(super) fn forget(&mut self, names: &[Partition]) {
        self.forget_held_back(names);
        self.intake.partitions.remove(names);
        self.intake.current = None;
    }

    pub(super) fn give_back(&self, names: &[Partition]) {
        let mut list = TopicPartitionList::with_capacity(names.len());
        for (topic, partition) in names {
            list.add_partition(topic, *partition);
        }
        if let Err(error) = let_go(&self.client, &list) {
            tracing::warn!(%error, "giving partitions back");
        }
    }

    pub(super) fn is_settled(&self, names: &[Partition]) -> bool {
        let settled = lock(&self.shared.settled);
        let partitions = &self.intake.partitions;
        partitions.iter().filter(|each| names.contains(&each.name)).all(|each| {
            // What a run begins with need not be settled by it.
            let settled = settled.get(&each.split).copied().unwrap_or(0);
            each.emitted == each.from || settled >= position(each.emitted)
        })
    }

    /// Commits what was settled since the last commit, or, where its answer is waited for, since the partitions were taken on: of
    /// a commit before that was not waited for nobody knows yet whether it arrived.
    pub(super) fn commit(&mut self, mode: CommitMode) -> Result<()> {
        if matches!(mode, CommitMode::Sync) {
            self.intake.partitions.iter_mut().for_each(Assigned::commit_again);
        }
        let mut due = Vec::new();
        {
            let settled = lock(&self.shared.settled);
            for each in self.intake.partitions.iter_mut() {
                let at =
                    settled.get(&each.split).map_or(0, |&settled| settled.cast_signed()).min(each.emitted);
                if at > each.committed {
                    each.committed = at;
                    due.push((each.name.clone(), at, each.mark.clone()));
                }
            }
        }
        let result = self.commit_offsets(due.iter().map(|(name, at, mark)| (name, *at, mark)), mode);
        if result.is_err() {
            self.intake.partitions.iter_mut().for_each(Assigned::commit_again);
        }
        result
    }

    pub(super) fn commit_offsets<'n>(
        &self,
        due: impl Iterator<Item = (&'n Partition, i64, &'n Mark)>,
        mode: CommitMode,
    ) -> Result<()> {
        offsets::commit(&self.client, due, mode)
    }

    /// The last commit. While the group is changing it is rejected: it is tried again for some seconds. Where the group has gone on
    /// without this member by then, its end is none the worse for it: others read again what was not committed.
    pub(super) fn commit_at_last(&mut self) -> Result<()> {
        let until = Instant::now() + LAST_COMMIT;
        loop {
            let result = self.commit(CommitMode::Sync);
            match &result {
                Err(error) if error.is_transient() && Instant::now() < until => {
                    tracing::debug!(%error, "the last commit; trying again");
                    // What the group asks of this member has to be answered before it is in order again.
                    self.events()?;
                    std::thread::park_timeout(POLL_INTERVAL);
                }
                Err(error) if offsets::has_gone_on(error) => {
                    tracing::warn!(
                        node = self.setup.node, %error,
                        "the group has gone on without this member before its last commit: others read again what came since the one before"
                    );
                    return Ok(());
                }
                _ => return result,
            }
        }
    }
}
