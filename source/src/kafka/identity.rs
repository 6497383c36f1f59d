//! Which topic a position belongs to.
//!
//! A topic that was deleted and made anew has the same name and other messages. What tells the two apart is the id that a
//! broker (Kafka 2.8 or later) gives each topic when it is made. It is part of a split's name,
//! `<node>/<topic>@<id>/<partition>`, and stands beside each offset that is committed to the group. Where the broker gives
//! no ids, a split is `<node>/<topic>/<partition>`.

use std::{fmt, sync::Arc};

use levada_connector_api::model::{Checkpoint, SplitName};

/// The id of a topic, as Kafka's own tools print it: 16 bytes in base64 for URLs, 22 characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TopicId(Arc<str>);

impl TopicId {
    /// An id from librdkafka's text; `None` for the id that stands for none.
    pub(super) fn new(text: &str) -> Option<Self> {
        let text: String = text
            .trim_end_matches('=')
            .chars()
            .map(|c| match c {
                '+' => '-',
                '/' => '_',
                other => other,
            })
            .collect();
        text.chars().any(|c| c != 'A').then(|| Self(text.into()))
    }
}

impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a partition's split.
pub(super) fn split(node: &str, topic: &str, id: Option<&TopicId>, partition: i32) -> SplitName {
    SplitName::new(match id {
        Some(id) => format!("{node}/{topic}@{id}/{partition}"),
        None => format!("{node}/{topic}/{partition}"),
    })
}

/// Topic, id and partition of a split of this node; `None` where it is none.
pub(super) fn parts<'a>(node: &str, split: &'a SplitName) -> Option<(&'a str, Option<&'a str>, i32)> {
    let (topic, partition) = split.as_str().strip_prefix(node)?.strip_prefix('/')?.rsplit_once('/')?;
    let partition = partition.parse().ok()?;
    Some(match topic.split_once('@') {
        Some((topic, id)) => (topic, Some(id), partition),
        None => (topic, None, partition),
    })
}

/// What stands beside a committed offset: the topic's id, how many partitions it had, and which member of the group committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) id: Option<TopicId>,
    pub(super) partitions: i32,
    /// The id of the member, which a state folder keeps; none in commits of earlier versions.
    pub(super) by: Option<Arc<str>>,
}

impl Mark {
    /// The mark in a commit's text; `None` where it is of another program.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (id, rest) = text.strip_prefix("levada topic=")?.split_once(" partitions=")?;
        let (partitions, by) =
            rest.split_once(" by=").map_or((rest, None), |(rest, by)| (rest, Some(by.into())));
        Some(Self { id: TopicId::new(id), partitions: partitions.parse().ok()?, by })
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.id.as_ref().map_or("", |id| &id.0);
        write!(f, "levada topic={id} partitions={}", self.partitions)?;
        self.by.iter().try_for_each(|by| write!(f, " by={by}"))
    }
}

/// An offset that the group has committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Commit {
    pub(super) offset: i64,
    /// `None` where another program committed it: it counts for the topic that is there.
    pub(super) mark: Option<Mark>,
}

impl Commit {
    pub(super) fn is_of(&self, id: Option<&TopicId>) -> bool {
        match (id, self.mark.as_ref().and_then(|mark| mark.id.as_ref())) {
            (Some(id), Some(marked)) => id == marked,
            _ => true,
        }
    }
}

/// What is known of a partition from before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing.
    Nothing,
    /// The first offset that is not settled.
    At(i64),
    /// Nothing of this topic, but of another of its name.
    OtherTopic(String),
}

/// What decides where a partition is read from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sources<'a> {
    /// What all sinks that keep positions have, and what was settled here since.
    pub(super) stored: &'a Checkpoint,
    /// What some of them have, where others know nothing.
    pub(super) limits: &'a Checkpoint,
    /// What the group has committed.
    pub(super) commit: Option<&'a Commit>,
    /// Which member of the group this is; `None` where nothing is left of an earlier start.
    pub(super) member: Option<&'a str>,
}

/// What is known of a partition of a topic with this id.
///
/// - What the sinks have counts: they keep it with the rows. A commit of this member that is further on means that they lost rows, as
///   where a data folder was restored from a backup. Reading from the smaller position is the safe side, as a row read twice
///   replaces itself. The same goes for a commit of which it is not known who made it.
/// - A commit of another member counts where it is further on: it had the partition since.
/// - Where some sinks know nothing of the partition, the commit counts, and no more than the others have.
pub(super) fn known(sources: Sources<'_>, place: (&str, &str, i32), id: Option<&TopicId>) -> Known {
    let Sources { stored, limits, commit, member } = sources;
    let Position { at: stored, other, of_this } = position_in(stored, place, id);
    let limit = position_in(limits, place, id).at;
    let committed = commit.filter(|commit| commit.is_of(id));
    let by_other = committed.is_some_and(|commit| {
        let by = commit.mark.as_ref().and_then(|mark| mark.by.as_deref());
        member.zip(by).is_some_and(|(member, by)| member != by)
    });
    let committed = committed.map(|commit| commit.offset);
    let at = match (stored, committed) {
        (Some(stored), Some(committed)) if by_other => Some(stored.max(committed)),
        (Some(stored), _) => Some(stored),
        (None, Some(committed)) if !by_other => Some(limit.map_or(committed, |limit| limit.min(committed))),
        (None, committed) => committed,
    };
    if let Some(at) = at {
        return Known::At(at);
    }
    let committed = commit.and_then(|commit| commit.mark.as_ref()?.id.as_ref()).map(ToString::to_string);
    match other.filter(|_| !of_this).or(committed) {
        Some(other) => Known::OtherTopic(other),
        None => Known::Nothing,
    }
}

/// What a checkpoint says of a partition.
#[derive(Debug, Default)]
struct Position {
    at: Option<i64>,
    /// The id of another topic of its name.
    other: Option<String>,
    /// It knows the topic.
    of_this: bool,
}

fn position_in(
    checkpoint: &Checkpoint,
    (node, topic, partition): (&str, &str, i32),
    id: Option<&TopicId>,
) -> Position {
    let prefix = SplitName::new(format!("{node}/{topic}"));
    let (mut here, mut plain, mut latest, mut of_this, mut other) = (None, None, None, false, None);
    // `@` is behind `/`: the names of one topic stand together, and at most some of longer topics between them.
    for (split, &position) in
        checkpoint.range(&prefix..).take_while(|(split, _)| split.as_str().starts_with(prefix.as_str()))
    {
        let Some((name, of, number)) = parts(node, split) else { continue };
        if name != topic {
            continue;
        }
        let position = (number == partition).then(|| position.cast_signed());
        match (of, id) {
            (None, _) => plain = position.or(plain),
            (Some(of), Some(id)) if *of == *id.0 => {
                of_this = true;
                here = position.or(here);
            }
            (Some(_), None) => latest = latest.max(position),
            (Some(of), Some(_)) => other = Some(of.to_owned()),
        }
    }
    // A position without an id is from before there were any: it counts until there is one with.
    let at = match id {
        Some(_) if of_this || other.is_some() => here,
        Some(_) => plain,
        None => plain.or(latest),
    };
    Position { at, other, of_this }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THIS: &str = "lYxWcQ0dSeuZ2Tpqzv0W4A";
    const OLD: &str = "b8tRS7h4TJ2Vt43Dp85v2A";

    fn stored(positions: &[(&str, u64)]) -> Checkpoint {
        positions.iter().map(|&(split, position)| (split.into(), position)).collect()
    }

    fn commit(offset: i64, id: Option<&str>) -> Commit {
        Commit { offset, mark: id.map(|id| Mark { id: TopicId::new(id), partitions: 2, by: None }) }
    }

    fn by(offset: i64, member: &str) -> Option<Commit> {
        let mark = Mark { id: TopicId::new(THIS), partitions: 2, by: Some(member.into()) };
        Some(Commit { offset, mark: Some(mark) })
    }

    fn ask(positions: &[(&str, u64)], commit: Option<Commit>) -> Known {
        ask_with(positions, &[], commit, Some("me"))
    }

    fn ask_with(
        positions: &[(&str, u64)],
        limits: &[(&str, u64)],
        commit: Option<Commit>,
        member: Option<&str>,
    ) -> Known {
        let (stored, limits) = (stored(positions), stored(limits));
        let sources = Sources { stored: &stored, limits: &limits, commit: commit.as_ref(), member };
        known(sources, ("in", "t", 0), TopicId::new(THIS).as_ref())
    }

    #[test]
    fn what_is_stored_counts_unless_another_member_went_on_from_there() {
        let this = format!("in/t@{THIS}/0");
        let stored = [(this.as_str(), 5)];
        for (offset, at_own, at_others) in [(9, 5, 9), (3, 5, 5)] {
            assert_eq!(ask(&stored, by(offset, "me")), Known::At(at_own));
            assert_eq!(ask(&stored, Some(commit(offset, None))), Known::At(at_own), "another program's");
            assert_eq!(ask(&stored, by(offset, "other")), Known::At(at_others));
            // Nothing is left by which to know whose it is.
            assert_eq!(ask_with(&stored, &[], by(offset, "other"), None), Known::At(at_own));
        }
    }

    #[test]
    fn where_some_sinks_know_nothing_the_commit_counts_and_no_more_than_others_have() {
        let this = format!("in/t@{THIS}/0");
        let limits = [(this.as_str(), 5)];
        assert_eq!(ask_with(&[], &limits, by(9, "me"), Some("me")), Known::At(5));
        assert_eq!(ask_with(&[], &limits, by(3, "me"), Some("me")), Known::At(3));
        assert_eq!(ask_with(&[], &limits, by(9, "other"), Some("me")), Known::At(9));
        assert_eq!(ask_with(&[], &limits, None, Some("me")), Known::Nothing);
        let old = format!("in/t@{OLD}/0");
        assert_eq!(ask_with(&[], &[(&old, 2)], by(9, "me"), Some("me")), Known::At(9));
    }

    #[test]
    fn a_position_counts_for_its_topic_alone() {
        let (this, old) = (format!("in/t@{THIS}/0"), format!("in/t@{OLD}/0"));
        assert_eq!(ask(&[], None), Known::Nothing);
        assert_eq!(ask(&[(&this, 5)], None), Known::At(5));
        assert_eq!(ask(&[(&old, 5)], None), Known::OtherTopic(OLD.to_owned()));
        assert_eq!(ask(&[(&old, 9), (&this, 5)], None), Known::At(5));
        assert_eq!(ask(&[], Some(commit(4, Some(OLD)))), Known::OtherTopic(OLD.to_owned()));
        assert_eq!(ask(&[(&this, 5)], Some(commit(9, Some(OLD)))), Known::At(5));
        assert_eq!(ask(&[], Some(commit(9, Some(THIS)))), Known::At(9));
    }

    #[test]
    fn a_topic_is_another_also_for_partitions_that_the_old_one_did_not_have() {
        let old = format!("in/t@{OLD}/1");
        assert_eq!(ask(&[(&old, 5)], None), Known::OtherTopic(OLD.to_owned()));
        let this = format!("in/t@{THIS}/1");
        assert_eq!(ask(&[(&old, 5), (&this, 1)], None), Known::Nothing);
    }

    #[test]
    fn what_has_no_id_counts_until_there_is_one() {
        let this = format!("in/t@{THIS}/0");
        assert_eq!(ask(&[("in/t/0", 7)], None), Known::At(7));
        assert_eq!(ask(&[("in/t/0", 7), (&this, 5)], None), Known::At(5));
        assert_eq!(ask(&[], Some(commit(3, None))), Known::At(3));
        let old = format!("in/t@{OLD}/0");
        assert_eq!(ask(&[("in/t/0", 7), (&old, 9)], None), Known::OtherTopic(OLD.to_owned()));
        // A broker without ids: offsets are all there is.
        let (positions, limits) = (stored(&[(&old, 9)]), Checkpoint::new());
        let without_ids = Sources { stored: &positions, limits: &limits, commit: None, member: None };
        assert_eq!(known(without_ids, ("in", "t", 0), None), Known::At(9));
    }

    #[test]
    fn other_topics_and_nodes_are_none_of_its_business() {
        let foreign = [format!("in/t-2@{OLD}/0"), format!("in2/t@{OLD}/0"), format!("in/t.x@{OLD}/0")];
        let positions: Vec<_> = foreign.iter().map(|split| (split.as_str(), 5)).collect();
        assert_eq!(ask(&positions, None), Known::Nothing);
    }

    #[test]
    fn a_mark_is_read_back_and_foreign_texts_are_none() {
        for by in [None, Some("levada-p-1".into())] {
            for id in [None, TopicId::new(THIS)] {
                let mark = Mark { id, partitions: 12, by: by.clone() };
                assert_eq!(Mark::parse(&mark.to_string()), Some(mark));
            }
        }
        for text in ["", "x", "levada topic=a", "levada topic=a partitions=x"] {
            assert_eq!(Mark::parse(text), None);
        }
        assert_eq!(TopicId::new("AAAAAAAAAAAAAAAAAAAAAA"), None);
        assert_eq!(TopicId::new("+/a").map(|id| id.to_string()).as_deref(), Some("-_a"));
    }
}
