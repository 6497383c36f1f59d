//! How far the other side is: what is waiting there, and whether a bounded run is through.

use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};

use levada_connector_api::Result;
use levada_kafka::fault::failure;
use rdkafka::{Offset, TopicPartitionList, consumer::Consumer, error::KafkaError};

use super::{Item, POLL_INTERVAL, Reader};
use crate::kafka::{
    identity::{Commit, Known},
    native::known_watermarks,
    offsets::{self, Partition},
    options::KafkaPoint,
    partitions::{Assigned, position},
};

/// How long a bounded run waits to be told which partitions are its own.
const JOIN: Duration = Duration::from_secs(60);

impl Reader {
    /// Counts offsets as read that librdkafka went past without a message: marks of transactions, and what compaction
    /// took. To be called between two takes, when all that librdkafka gave has been seen; where messages are held back, nothing is passed.
    pub(super) fn pass_what_holds_no_message(&mut self) {
        if self.queue.holds_back() {
            return;
        }
        let Ok(reached) = self.client.position() else { return };
        for each in self.intake.partitions.iter_mut() {
            let known = reached.find_partition(&each.name.0, each.name.1).map(|found| found.offset());
            if let Some(Offset::Offset(reached)) = known {
                each.next = each.next.max(each.end.map_or(reached, |end| reached.min(end)));
            }
        }
    }

    /// Looks how much is waiting at the other side.
    ///
    /// # Errors
    /// No broker is reached, for a reason that will not go away by itself.
    pub(super) fn look(&mut self) -> Result<()> {
        let listener = self.client.context();
        if let Some(trouble) = listener.trouble().filter(|trouble| trouble.all_down && trouble.is_lasting())
            && let Some(code) = trouble.code
        {
            let what = format!("no broker can be reached any more ({})", trouble.reason);
            return Err(failure(&what, &KafkaError::Global(code)));
        }
        self.pass_what_holds_no_message();
        if self.read_at_look == Some(self.intake.read) && !self.queue.holds_back() {
            self.pass_what_was_deleted();
        }
        self.read_at_look = Some(self.intake.read);
        let mut lag = 0;
        for each in self.intake.partitions.iter() {
            let high = each
                .end
                .or_else(|| known_watermarks(&self.client, &each.name.0, each.name.1).map(|(_, high)| high));
            lag += high.map_or(0, |high| position(high - each.next));
        }
        self.shared.lag.store(lag, Ordering::Relaxed);
        let mut through = TopicPartitionList::new();
        for each in self.intake.partitions.iter_mut() {
            if !each.paused && each.is_through() {
                each.paused = true;
                through.add_partition(&each.name.0, each.name.1);
            }
        }
        // What comes behind the end is left out in any case; not fetching it only saves work.
        if through.count() > 0
            && let Err(error) = self.client.pause(&through)
        {
            tracing::debug!(%error, "pausing partitions that are through");
        }
        Ok(())
    }

    /// Counts messages as read that were deleted since the run began, where a bounded run waits for them. To be called where
    /// nothing came for a while: asking costs a round trip.
    fn pass_what_was_deleted(&mut self) {
        let waits = |each: &&Assigned| each.end.is_some() && !each.is_through();
        let waiting: Vec<_> =
            self.intake.partitions.iter().filter(waits).map(|each| each.name.clone()).collect();
        // Where nobody answers now, somebody does at another look.
        let Ok(lowest) = offsets::at(&self.client, &waiting, KafkaPoint::Earliest) else { return };
        for each in self.intake.partitions.iter_mut() {
            let Some(low) = lowest.known.get(&each.name).copied().filter(|low| *low > each.next) else {
                continue;
            };
            let (topic, partition) = &each.name;
            tracing::warn!(
                topic,
                partition,
                from = each.next,
                low,
                "messages were deleted before they were read"
            );
            each.next = each.end.map_or(low, |end| low.min(end));
        }
    }

    /// Whether partitions that the group has committed to the end are still to be read here, as the sinks have less of them.
    fn has_yet_to_join(&self, names: &[Partition], committed: &BTreeMap<Partition, Commit>) -> bool {
        let lacks = |name: &Partition| {
            let Some((commit, mark)) = committed.get(name).and_then(|each| Some((each, each.mark.as_ref()?)))
            else {
                return false;
            };
            matches!(self.known(name, mark, Some(commit)), Known::At(at) if at < commit.offset)
        };
        !self.joined && self.began.elapsed() < JOIN && names.iter().any(lacks)
    }

    /// Says that a bounded run is through once all partitions are, here or at other members of the group.
    pub(super) fn end_if_through(&mut self) {
        let Some(ends) = &self.ends else { return };
        if self.ended || self.intake.partitions.iter().any(|each| !each.is_through()) {
            return;
        }
        let is_elsewhere =
            |name: &&Partition| !self.intake.partitions.contains(name) && !self.rejected.contains_key(*name);
        let elsewhere: Vec<_> = ends.keys().filter(is_elsewhere).cloned().collect();
        if !elsewhere.is_empty() {
            // Asking costs a round trip: once a look.
            if self.last_look.is_some_and(|last| last.elapsed() > POLL_INTERVAL) {
                return;
            }
            let low = offsets::at(&self.client, &elsewhere, KafkaPoint::Earliest);
            let (Ok(committed), Ok(low)) = (offsets::committed(&self.client, &elsewhere), low) else {
                return;
            };
            let is_through = |name: &Partition| {
                let end = ends.get(name).copied().unwrap_or(0);
                let committed = committed.get(name).map(|commit| commit.offset);
                let at = committed.or_else(|| low.known.get(name).copied());
                at.is_some_and(|at| at >= end) || low.rejected.contains_key(name)
            };
            if !elsewhere.iter().all(is_through) || self.has_yet_to_join(&elsewhere, &committed) {
                return;
            }
            // Nobody has them: what may not be read is not assigned.
            low.rejected.into_iter().for_each(|(name, code)| self.give_up(&name, code));
        }
        self.ended = true;
        self.flush_all();
        self.hand_out(Item::End);
    }
}
