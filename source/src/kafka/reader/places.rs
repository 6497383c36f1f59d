//! Where partitions are read from when they are taken on.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use levada_connector_api::{Error, Result, model::SplitName};
use levada_kafka::fault::failure;
use rdkafka::{
    consumer::{CommitMode, Consumer, RebalanceProtocol},
    error::{KafkaError, RDKafkaErrorCode},
};

use super::Reader;
use crate::kafka::{
    identity::{self, Commit, Known, Mark, Sources, known},
    native::describe,
    offsets::{self, Found, Partition, REQUEST_TIMEOUT},
    options::{KafkaPoint, Recreated},
    shared::lock,
};

/// Where a partition is read from, and what its positions belong to.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) from: i64,
    /// The first message that is there: behind `from` where messages were deleted before they were read.
    pub(super) next: i64,
    pub(super) split: SplitName,
    pub(super) mark: Mark,
    /// What the group has committed of this topic; 0 where nothing.
    pub(super) committed: i64,
}

/// The offset that is committed of the topic that a mark is of.
fn committed_of(mark: &Mark, commit: Option<&Commit>) -> Option<i64> {
    commit.filter(|commit| commit.is_of(mark.id.as_ref())).map(|commit| commit.offset)
}

impl Reader {
    /// Where each partition is read from. One that is not there or may not be read is given up.
    pub(super) fn places(&mut self, names: &[Partition]) -> Result<BTreeMap<Partition, Place>> {
        let (marks, mut rejected) = self.marks(names)?;
        let there: Vec<_> = names.iter().filter(|name| marks.contains_key(&name.0)).cloned().collect();
        let lowest = offsets::at(&self.client, &there, KafkaPoint::Earliest)?;
        let highest = offsets::at(&self.client, &there, KafkaPoint::Latest)?;
        let all: Vec<_> = marks
            .iter()
            .flat_map(|(topic, mark)| (0..mark.partitions).map(|number| (topic.clone(), number)))
            .collect();
        let commits = offsets::committed(&self.client, &all)?;
        let (mut found, mut fresh, mut new) = (BTreeMap::new(), Vec::new(), Vec::new());
        for name in &there {
            let Some(mark) = marks.get(&name.0) else { continue };
            match self.known(name, mark, commits.get(name)) {
                Known::At(from) => {
                    self.check(name, from, &lowest, &highest)?;
                    self.say_behind(name, from, committed_of(mark, commits.get(name)));
                    found.insert(name.clone(), from);
                }
                Known::OtherTopic(other) => {
                    self.say_recreated(&name.0, &other)?;
                    new.push(name.clone());
                }
                Known::Nothing if self.has_appeared(name, mark, &commits) => new.push(name.clone()),
                Known::Nothing => fresh.push(name.clone()),
            }
        }
        let starts = self.starts(&fresh, &marks)?;
        let beginnings = offsets::at(&self.client, &new, KafkaPoint::Earliest)?;
        for more in [lowest.rejected, highest.rejected, starts.rejected, beginnings.rejected] {
            rejected.extend(more);
        }
        found.extend(starts.known);
        found.extend(beginnings.known);
        found.retain(|name, _| !rejected.contains_key(name));
        rejected.into_iter().for_each(|(name, code)| self.give_up(&name, code));
        let place = |(name, from): (Partition, i64)| {
            let mark = marks.get(&name.0)?.clone();
            let split = identity::split(&self.setup.node, &name.0, mark.id.as_ref(), name.1);
            let committed = committed_of(&mark, commits.get(&name)).unwrap_or(0);
            let next = lowest.known.get(&name).map_or(from, |low| from.max(*low));
            Some((name, Place { from, next, split, mark, committed }))
        };
        Ok(found.into_iter().filter_map(place).collect())
    }

    /// The ids and sizes of the topics of partitions, and the partitions that cannot be read.
    pub(super) fn marks(
        &self,
        names: &[Partition],
    ) -> Result<(BTreeMap<String, Mark>, BTreeMap<Partition, RDKafkaErrorCode>)> {
        let topics: BTreeSet<_> = names.iter().map(|name| name.0.as_str()).collect();
        let topics: Vec<_> = topics.into_iter().collect();
        let described = describe(&self.client, &topics, REQUEST_TIMEOUT)
            .map_err(|code| failure("asking for the ids of topics", &KafkaError::Global(code)))?;
        let (mut marks, mut rejected) = (BTreeMap::new(), BTreeMap::new());
        for each in described {
            match each.error {
                None => {
                    let by = Some(Arc::clone(&self.member.id));
                    marks.insert(each.topic, Mark { id: each.id, partitions: each.partitions, by });
                }
                Some(code) if offsets::is_rejection(code) => {
                    let of_topic = names.iter().filter(|name| name.0 == each.topic);
                    rejected.extend(of_topic.map(|name| (name.clone(), code)));
                }
                Some(code) => {
                    return Err(failure(
                        &format!("asking for the id of {}", each.topic),
                        &KafkaError::Global(code),
                    ));
                }
            }
        }
        Ok((marks, rejected))
    }

    pub(super) fn known(&self, name: &Partition, mark: &Mark, commit: Option<&Commit>) -> Known {
        let settled = lock(&self.shared.settled);
        let split = identity::split(&self.setup.node, &name.0, mark.id.as_ref(), name.1);
        // Of a commit from before the first start in this state folder nobody knows whose it is.
        let is_told = settled.get(&split) == self.told.stored.get(&split);
        let member = (self.member.before || !is_told).then_some(&*self.member.id);
        let sources = Sources { stored: &settled, limits: &self.told.limits, commit, member };
        known(sources, (&self.setup.node, &name.0, name.1), mark.id.as_ref())
    }

    /// Says that what sinks have is behind what was committed.
    fn say_behind(&self, (topic, partition): &Partition, stored: i64, committed: Option<i64>) {
        if let Some(committed) = committed.filter(|committed| *committed > stored) {
            tracing::warn!(
                node = self.setup.node,
                topic,
                partition,
                stored,
                committed,
                "the sink has less than the group has committed, as where its data comes from a backup: reading goes on at what is \
                 stored; `levada offsets FILE --reset` sets it elsewhere"
            );
        }
    }

    /// Whether a partition of which nothing is known came into being while the group read the topic: it was not there when
    /// this run began, or not yet when the group committed offsets of its neighbours. It has no past to leave out.
    fn has_appeared(&self, name: &Partition, mark: &Mark, commits: &BTreeMap<Partition, Commit>) -> bool {
        let of_topic = commits.range((name.0.clone(), 0)..).take_while(|((topic, _), _)| *topic == name.0);
        let sizes = of_topic
            .filter_map(|(_, commit)| commit.mark.as_ref())
            .filter(|known| known.id == mark.id)
            .map(|known| known.partitions);
        !self.initial.contains(name) || sizes.max().is_some_and(|size| name.1 >= size)
    }

    /// Whether an offset is still, or already, in a partition.
    fn check(&self, name: &Partition, from: i64, lowest: &Found<i64>, highest: &Found<i64>) -> Result<()> {
        let (topic, partition) = name;
        if let Some(high) = highest.known.get(name).copied().filter(|high| from > *high) {
            return Err(Error::data(format!(
                "{topic}/{partition} ends at offset {high}, but {from} was stored or committed before: was the topic made anew, \
                 or were messages lost? `levada offsets FILE --reset earliest` reads it from its start"
            )));
        }
        if let Some(low) = lowest.known.get(name).copied().filter(|low| from < *low) {
            tracing::warn!(topic, partition, from, low, "messages were deleted before they were read");
        }
        Ok(())
    }

    /// Where to begin in partitions of which nothing is known.
    fn starts(&self, fresh: &[Partition], marks: &BTreeMap<String, Mark>) -> Result<Found<i64>> {
        let start = self.setup.options.start;
        let starts = offsets::at(&self.client, fresh, start)?;
        if start != KafkaPoint::Earliest {
            // What comes after this moment belongs to the run, also if it is killed before its first commit.
            let due = starts.known.iter().filter_map(|(name, &from)| Some((name, from, marks.get(&name.0)?)));
            self.commit_offsets(due, CommitMode::Sync)?;
        }
        Ok(starts)
    }

    /// Says that a name stands for another topic than it did.
    ///
    /// # Errors
    /// The options do not say to read the new one.
    pub(super) fn say_recreated(&self, topic: &str, other: &str) -> Result<()> {
        if self.setup.options.recreated == Recreated::Error {
            return Err(Error::data(format!(
                "topic `{topic}` was deleted and made anew: what was stored or committed belongs to the topic with the id {other}. \
                 To read the new one from its start, say `recreated: earliest` or run `levada offsets FILE --reset earliest`"
            )));
        }
        let text = format!(
            "topic `{topic}` was deleted and made anew (its id was {other}); it is read from its start"
        );
        self.client.context().warn(&format!("recreated {topic} {other}"), &text);
        Ok(())
    }

    /// Reads topics from their start whose names came to stand for others while they were read.
    pub(super) fn follow_recreated(&mut self) -> Result<()> {
        let topics = self.client.context().take_remade();
        for topic in topics {
            let here = self.intake.partitions.iter().filter(|each| each.name.0 == topic);
            let names: Vec<_> = here.clone().map(|each| each.name.clone()).collect();
            let Some(old) = here.filter_map(|each| each.mark.id.clone()).next() else { continue };
            self.flush_all();
            self.say_recreated(&topic, &old.to_string())?;
            for name in &names {
                self.initial.remove(name);
            }
            // Without cooperation there is only all or nothing.
            let names = match self.client.rebalance_protocol() {
                RebalanceProtocol::Cooperative => names,
                _ => self.intake.partitions.iter().map(|each| each.name.clone()).collect(),
            };
            // They are of the old topic, or are read again.
            self.forget_held_back(&names);
            self.intake.partitions.remove(&names);
            self.intake.current = None;
            self.give_back(&names);
            if let Some(ends) = &mut self.ends {
                ends.extend(offsets::at(&self.client, &names, KafkaPoint::Latest)?.known);
            }
            self.assign(&names)?;
        }
        Ok(())
    }
}
