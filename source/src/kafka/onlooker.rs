//! Looks at a group's offsets, and sets them, while nothing is read.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use levada_connector_api::{
    Error, Point, Result, SplitState,
    model::{SplitName, SplitPosition},
};
use levada_kafka::fault::failure;
use rdkafka::{consumer::CommitMode, error::KafkaError};

use super::{
    Setup, client,
    identity::{self, Known, Mark, Sources, known},
    instance,
    listener::Client,
    native::describe,
    offsets::{self, Partition, REQUEST_TIMEOUT},
    options::KafkaPoint,
    partitions::position,
    reader::Told,
};

/// A client that is no member of the group, and the topics there are.
pub(super) struct Onlooker<'a> {
    setup: &'a Setup,
    client: Client,
    member: Option<String>,
    partitions: Vec<Partition>,
    marks: BTreeMap<String, Mark>,
}

impl<'a> Onlooker<'a> {
    /// Blocks until a broker has answered.
    pub(super) fn connect(setup: &'a Setup) -> Result<Self> {
        let client = client::make_onlooker(setup)?;
        let member = instance::known(&setup.state_dir, &setup.pipeline, &setup.node)?;
        let mut partitions = offsets::partitions(&client, &setup.options)?;
        let topics: BTreeSet<_> = partitions.iter().map(|(topic, _)| topic.as_str()).collect();
        let described = describe(&client, &topics.into_iter().collect::<Vec<_>>(), REQUEST_TIMEOUT)
            .map_err(|code| failure("asking for the ids of topics", &KafkaError::Global(code)))?;
        let by: Option<Arc<str>> = member.as_deref().map(Into::into);
        let marks: BTreeMap<_, _> = described
            .into_iter()
            .filter(|each| each.error.is_none())
            .map(|each| (each.topic, Mark { id: each.id, partitions: each.partitions, by: by.clone() }))
            .collect();
        partitions.retain(|(topic, _)| marks.contains_key(topic));
        Ok(Self { setup, client, member, partitions, marks })
    }

    fn split(&self, (topic, partition): &Partition) -> SplitName {
        let id = self.marks.get(topic).and_then(|mark| mark.id.as_ref());
        identity::split(&self.setup.node, topic, id, *partition)
    }

    /// All partitions there are.
    pub(super) fn states(&self, told: &Told) -> Result<Vec<SplitState>> {
        let first = offsets::at(&self.client, &self.partitions, KafkaPoint::Earliest)?;
        let end = offsets::at(&self.client, &self.partitions, KafkaPoint::Latest)?;
        let commits = offsets::committed(&self.client, &self.partitions)?;
        let state = |name: &Partition| {
            let id = self.marks.get(&name.0).and_then(|mark| mark.id.as_ref());
            let place = (self.setup.node.as_str(), name.0.as_str(), name.1);
            let Told { stored, limits } = told;
            let (commit, member) = (commits.get(name), self.member.as_deref());
            let next = match known(Sources { stored, limits, commit, member }, place, id) {
                Known::At(offset) => Some(position(offset)),
                Known::Nothing | Known::OtherTopic(_) => None,
            };
            let committed = commit.filter(|commit| commit.is_of(id)).map(|commit| position(commit.offset));
            SplitState {
                split: self.split(name),
                first: first.known.get(name).copied().map(position),
                end: end.known.get(name).copied().map(position),
                committed,
                next,
            }
        };
        Ok(self.partitions.iter().map(state).collect())
    }

    /// The offsets at a point of splits.
    pub(super) fn locate(&self, point: Point, splits: &[SplitName]) -> Result<Vec<SplitPosition>> {
        let point = match point {
            Point::Earliest => KafkaPoint::Earliest,
            Point::Latest => KafkaPoint::Latest,
            Point::Time(time) => KafkaPoint::Time(time),
        };
        let wanted: Vec<_> =
            self.partitions.iter().filter(|name| splits.contains(&self.split(name))).cloned().collect();
        let found = offsets::at(&self.client, &wanted, point)?;
        if let Some(((topic, partition), code)) = found.rejected.first_key_value() {
            let what = format!("asking for the offset of {topic}/{partition}");
            return Err(failure(&what, &KafkaError::Global(*code)));
        }
        let known = found.known.iter();
        Ok(known
            .map(|(name, &at)| SplitPosition { split: self.split(name), position: position(at) })
            .collect())
    }

    /// Commits offsets for the group.
    pub(super) fn reset(&self, positions: &[SplitPosition]) -> Result<()> {
        let mut due = Vec::with_capacity(positions.len());
        for SplitPosition { split, position } in positions {
            let name = self.partitions.iter().find(|name| self.split(name) == *split);
            let name = name.ok_or_else(|| Error::data(format!("there is no partition {split} any more")))?;
            let Some(mark) = self.marks.get(&name.0) else { continue };
            due.push((name, position.cast_signed(), mark));
        }
        offsets::commit(&self.client, due.into_iter(), CommitMode::Sync).map_err(|error| {
            Error::new(
                error.kind(),
                error.domain(),
                error.retry(),
                format!(
                    "{}; offsets can be set while no process reads as the group `{}`: stop them first, and wait for some seconds where \
                     one was killed",
                    error.message(),
                    self.setup.options.group
                ),
            )
        })
    }
}
