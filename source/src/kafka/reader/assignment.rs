//! Partitions taken on and given back, and what is committed of them.

use std::{
    collections::BTreeMap,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use levada_connector_api::{Error, Result, model::SplitName};
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{CommitMode, Consumer},
};

use super::{NAP, Reader};
use crate::kafka::{
    client::{self, failure},
    offsets::{self, Partition},
    options::KafkaPoint,
    partitions::{Assigned, position},
    shared::lock,
};

/// How long the commit at the end is tried.
const LAST_COMMIT: Duration = Duration::from_secs(5);

impl Reader {
    /// Takes partitions on, each from where it was left.
    pub(super) fn assign(&mut self, names: &[Partition]) -> Result<()> {
        let found = loop {
            if self.shared.stopped() {
                self.acknowledge(names);
                return Ok(());
            }
            match self.positions(names) {
                Ok(found) => break found,
                Err(error) if !error.is_transient() => return Err(error),
                Err(error) => tracing::warn!(%error, "asking where to go on; trying again"),
            }
            std::thread::park_timeout(Duration::from_millis(200));
        };
        let mut list = TopicPartitionList::with_capacity(names.len());
        for (name, from) in found {
            let Some(queue) = self.queue.forward(&name.0, name.1) else { continue };
            list.add_partition_offset(&name.0, name.1, Offset::Offset(from))
                .map_err(|error| failure("taking partitions on", &error))?;
            let end = self.ends.as_ref().map(|ends| ends.get(&name).copied().unwrap_or(from));
            if let Some(end) = end {
                self.shared.total.fetch_add(position(end - from), Ordering::Relaxed);
            }
            self.intake.partitions.add(Assigned {
                split: self.split(&name),
                name,
                from,
                next: from,
                emitted: from,
                committed: 0,
                end,
                backward: false,
                paused: false,
                _queue: queue,
            });
        }
        client::take_on(&self.client, &list).map_err(|error| failure("taking partitions on", &error))?;
        tracing::info!(node = self.setup.node, partitions = names.len(), "partitions assigned");
        Ok(())
    }

    /// Takes partitions on that will not be read: the group waits for it.
    pub(super) fn acknowledge(&self, names: &[Partition]) {
        let mut list = TopicPartitionList::with_capacity(names.len());
        for (topic, partition) in names {
            list.add_partition(topic, *partition);
        }
        if let Err(error) = client::take_on(&self.client, &list) {
            tracing::debug!(%error, "taking partitions on while ending");
        }
    }

    /// Where each partition is read from.
    pub(super) fn positions(&self, names: &[Partition]) -> Result<BTreeMap<Partition, i64>> {
        let committed = offsets::committed(&self.client, names)?;
        let lowest = offsets::at(&self.client, names, KafkaPoint::Earliest)?;
        let highest = offsets::at(&self.client, names, KafkaPoint::Latest)?;
        let mut found = BTreeMap::new();
        let mut fresh = Vec::new();
        for name in names {
            let stored =
                lock(&self.shared.settled).get(&self.split(name)).map(|&stored| stored.cast_signed());
            let from = stored.max(committed.get(name).copied());
            let (low, high) =
                (lowest.get(name).copied().unwrap_or(0), highest.get(name).copied().unwrap_or(i64::MAX));
            match from {
                None => fresh.push(name.clone()),
                Some(from) if from > high => {
                    let message = format!(
                        "{}/{} ends at offset {high}, but {from} was stored or committed before: was the topic made anew? \
                         If so, read it with another group into a sink without its positions",
                        name.0, name.1
                    );
                    return Err(Error::data(message));
                }
                Some(from) => {
                    if from < low {
                        let (topic, partition) = name;
                        tracing::warn!(
                            topic,
                            partition,
                            from,
                            low,
                            "messages were deleted before they were read"
                        );
                    }
                    found.insert(name.clone(), from);
                }
            }
        }
        if !fresh.is_empty() {
            let start = self.setup.options.start;
            let starts = offsets::at(&self.client, &fresh, start)?;
            if start != KafkaPoint::Earliest {
                // What comes after this moment belongs to the run, also if it is killed before its first commit.
                self.commit_offsets(starts.iter().map(|(name, &from)| (name, from)), CommitMode::Sync)?;
            }
            found.extend(starts);
        }
        Ok(found)
    }

    /// Gives partitions back: hands out what was read of them, waits until it is settled, commits, lets go.
    pub(super) fn revoke(&mut self, names: &[Partition]) {
        let lost = self.client.assignment_lost();
        self.flush_all();
        if !lost {
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
                std::thread::park_timeout(NAP);
            }
            if let Err(error) = self.commit(CommitMode::Sync) {
                tracing::warn!(%error, "the commit before partitions are given back failed");
            }
        }
        self.intake.partitions.remove(names);
        self.intake.current = None;
        self.give_back(names);
        tracing::info!(node = self.setup.node, partitions = names.len(), lost, "partitions revoked");
    }

    pub(super) fn give_back(&self, names: &[Partition]) {
        let mut list = TopicPartitionList::with_capacity(names.len());
        for (topic, partition) in names {
            list.add_partition(topic, *partition);
        }
        if let Err(error) = client::let_go(&self.client, &list) {
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

    /// Commits what was settled since the last commit.
    pub(super) fn commit(&mut self, mode: CommitMode) -> Result<()> {
        let mut due = Vec::new();
        {
            let settled = lock(&self.shared.settled);
            for each in self.intake.partitions.iter_mut() {
                let at =
                    settled.get(&each.split).map_or(0, |&settled| settled.cast_signed()).min(each.emitted);
                if at > each.committed {
                    each.committed = at;
                    due.push((each.name.clone(), at));
                }
            }
        }
        let result = self.commit_offsets(due.iter().map(|(name, at)| (name, *at)), mode);
        if result.is_err() {
            self.intake.partitions.iter_mut().for_each(|each| each.committed = 0);
        }
        result
    }

    pub(super) fn commit_offsets<'n>(
        &self,
        due: impl Iterator<Item = (&'n Partition, i64)>,
        mode: CommitMode,
    ) -> Result<()> {
        let mut list = TopicPartitionList::new();
        for ((topic, partition), at) in due {
            list.add_partition_offset(topic, *partition, Offset::Offset(at))
                .map_err(|error| failure("committing", &error))?;
        }
        if list.count() == 0 {
            return Ok(());
        }
        self.client.commit(&list, mode).map_err(|error| failure("committing", &error))
    }

    /// The last commit. While the group is changing it is refused: it is tried again for some seconds.
    pub(super) fn commit_at_last(&mut self) -> Result<()> {
        let until = Instant::now() + LAST_COMMIT;
        loop {
            let result = self.commit(CommitMode::Sync);
            match &result {
                Err(error) if error.is_transient() && Instant::now() < until => {
                    tracing::debug!(%error, "the last commit; trying again");
                    // What the group asks of this member has to be answered before it is in order again.
                    self.events()?;
                    std::thread::park_timeout(NAP);
                }
                _ => return result,
            }
        }
    }

    pub(super) fn split(&self, (topic, partition): &Partition) -> SplitName {
        SplitName::new(format!("{}/{topic}/{partition}", self.setup.node))
    }
}
