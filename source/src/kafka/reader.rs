//! The thread that reads.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use levada_connector_api::{Batch, BatchBuilder, Decoder, Error, Result, model::SplitName};
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{CommitMode, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
};
use tokio::sync::mpsc::{self, error::TrySendError};

use super::{
    Setup,
    client::{self, Change, Client, failure},
    native::{Content, Message, MessageQueue, known_watermarks},
    offsets::{self, Partition},
    options::KafkaPoint,
    partitions::{Assigned, Partitions, position},
    shared::{Shared, lock},
};

/// Messages taken in one call.
const TAKEN: usize = 4_096;
/// Settled positions are committed that often.
const COMMIT_EVERY: Duration = Duration::from_millis(500);
/// How long the commit at the end is tried.
const LAST_COMMIT: Duration = Duration::from_secs(5);
/// How often to look how far the other side, and a bounded run, are.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long to wait for the task before looking at events again.
const NAP: Duration = Duration::from_millis(10);

/// What the thread hands out.
#[derive(Debug)]
pub(super) enum Item {
    Batch(Batch),
    /// A bounded run is through.
    End,
    Failed(Error),
}

/// The state of the thread.
pub(super) struct Reader {
    setup: Arc<Setup>,
    shared: Arc<Shared>,
    items: mpsc::Sender<Item>,
    client: Arc<Client>,
    queue: MessageQueue,
    intake: Intake,
    /// Where a bounded run ends, for every partition there was at its start.
    ends: Option<BTreeMap<Partition, i64>>,
    ended: bool,
    oldest: Option<Instant>,
    last_commit: Instant,
    last_look: Option<Instant>,
}

/// What messages go through; apart from the queue, so that both can be borrowed at once.
struct Intake {
    partitions: Partitions,
    decoder: Box<dyn Decoder>,
    rows: BatchBuilder,
    current: Option<SplitName>,
    read: u64,
    most_rows: usize,
    most_bytes: usize,
    /// Full batches that could not wait until the messages at hand were through.
    full: Vec<Batch>,
}

impl Reader {
    /// Makes the client, finds out whether a broker answers, and joins the group.
    pub(super) fn connect(setup: Arc<Setup>, shared: Arc<Shared>, items: mpsc::Sender<Item>) -> Result<Self> {
        let client = Arc::new(client::make(&setup)?);
        let partitions = offsets::partitions(&client, &setup.options)?;
        let ends = match setup.options.end {
            Some(point) => Some(offsets::at(&client, &partitions, point)?),
            None => None,
        };
        let topics: Vec<_> = setup.options.topics.as_slice().iter().map(String::as_str).collect();
        client.subscribe(&topics).map_err(|error| Error::config(format!("cannot subscribe: {error}")))?;
        let limits = setup.options.batch;
        let intake = Intake {
            partitions: Partitions::default(),
            decoder: setup.decoder.make(),
            rows: BatchBuilder::new(),
            current: None,
            read: 0,
            most_rows: limits.rows.max(1),
            most_bytes: usize::try_from(limits.bytes.0).unwrap_or(usize::MAX).max(1),
            full: Vec::new(),
        };
        Ok(Self {
            queue: MessageQueue::new(Arc::clone(&client), TAKEN.min(limits.rows.max(1))),
            setup,
            shared,
            items,
            client,
            intake,
            ends,
            ended: false,
            oldest: None,
            last_commit: Instant::now(),
            last_look: None,
        })
    }

    /// Reads until it is told to stop.
    ///
    /// # Errors
    /// The last commit failed.
    pub(super) fn run(mut self) -> Result<()> {
        if let Err(error) = self.read() {
            tracing::debug!(%error, "reading from kafka ends");
            // Nobody may be listening any more, and then nobody wants to know.
            self.hand_out(Item::Failed(error));
        }
        let committed = self.commit_at_last();
        self.leave();
        committed
    }

    /// The last commit. While the group is changing it is refused: it is tried again for some seconds.
    fn commit_at_last(&mut self) -> Result<()> {
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

    fn read(&mut self) -> Result<()> {
        while !self.shared.stopped() {
            self.events()?;
            self.take();
            self.flush();
            if self.last_commit.elapsed() >= COMMIT_EVERY {
                self.last_commit = Instant::now();
                // A failure was logged by the client, and the next commit makes up for it.
                self.commit(CommitMode::Async).ok();
            }
            if self.last_look.is_none_or(|last| last.elapsed() >= LOOK_EVERY) {
                self.last_look = Some(Instant::now());
                self.look();
            }
            self.end_if_through();
        }
        Ok(())
    }

    /// Takes what messages there are, waiting for them no longer than the first may.
    fn take(&mut self) {
        let linger = self.setup.options.batch.linger.0;
        let wait = match self.oldest {
            Some(oldest) => linger.saturating_sub(oldest.elapsed()),
            None => linger.max(Duration::from_millis(5)),
        };
        // Events are looked at in between, so that a long linger does not hold up a rebalance.
        let wait = wait.min(Duration::from_millis(50));
        let wait = i32::try_from(wait.as_millis()).unwrap_or(50);
        let intake = &mut self.intake;
        let taken = self.queue.take(wait, |message| intake.message(message));
        if taken > 0 {
            self.shared.read.store(intake.read, Ordering::Relaxed);
            self.oldest.get_or_insert_with(Instant::now);
        } else if self.ends.is_some() {
            self.pass_what_holds_no_message();
        }
    }

    /// Counts offsets as read that librdkafka went past without a message: marks of transactions, and what compaction
    /// took. To be called between two takes, when all that librdkafka gave has been seen.
    fn pass_what_holds_no_message(&mut self) {
        let Ok(reached) = self.client.position() else { return };
        for each in self.intake.partitions.iter_mut() {
            let known = reached.find_partition(&each.name.0, each.name.1).map(|found| found.offset());
            if let Some(Offset::Offset(reached)) = known {
                each.next = each.next.max(each.end.map_or(reached, |end| reached.min(end)));
            }
        }
    }

    /// Hands out full batches, and one that is not full when its time has come.
    fn flush(&mut self) {
        for batch in std::mem::take(&mut self.intake.full) {
            self.hand_out(Item::Batch(batch));
        }
        if self.oldest.is_some_and(|oldest| oldest.elapsed() >= self.setup.options.batch.linger.0) {
            self.flush_all();
        }
    }

    /// Hands out all that was read.
    fn flush_all(&mut self) {
        self.oldest = None;
        self.intake.cut();
        for batch in std::mem::take(&mut self.intake.full) {
            self.hand_out(Item::Batch(batch));
        }
    }

    /// Waits for room in the queue; meanwhile the client's events are taken note of, so that it stays in the group.
    fn hand_out(&mut self, mut item: Item) {
        loop {
            match self.items.try_send(item) {
                Ok(()) | Err(TrySendError::Closed(_)) => return,
                Err(TrySendError::Full(back)) => item = back,
            }
            if self.shared.stopped() {
                return;
            }
            self.serve();
            std::thread::park_timeout(NAP);
        }
    }

    /// Serves the client without acting on changes of the assignment; true where something fatal was met.
    fn serve(&self) -> Option<KafkaError> {
        loop {
            match self.client.poll(Duration::ZERO)? {
                Err(error @ KafkaError::MessageConsumptionFatal(_)) => return Some(error),
                Err(error) => tracing::warn!(%error, "kafka"),
                // Messages do not come this way; one that does would be read again.
                Ok(message) => drop(message),
            }
        }
    }

    /// Serves the client and acts on what it reports.
    fn events(&mut self) -> Result<()> {
        if let Some(error) = self.serve() {
            let fatal = self.client.client().fatal_error();
            let error = fatal.map_or(error, |(code, _)| KafkaError::MessageConsumptionFatal(code));
            let ours = failure("the client has given up", &error);
            return Err(Error::new(
                ours.kind(),
                ours.domain(),
                levada_connector_api::Retry::Never,
                ours.message(),
            ));
        }
        for change in self.client.context().take_changes() {
            match change {
                Change::Assign(names) => {
                    if let Err(error) = self.assign(&names) {
                        self.acknowledge(&names);
                        return Err(error);
                    }
                }
                Change::Revoke(names) => self.revoke(&names),
            }
        }
        if self.client.context().take_commit_failed() {
            for each in self.intake.partitions.iter_mut() {
                each.committed = 0;
            }
        }
        Ok(())
    }

    /// Takes partitions on, each from where it was left.
    fn assign(&mut self, names: &[Partition]) -> Result<()> {
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
    fn acknowledge(&self, names: &[Partition]) {
        let mut list = TopicPartitionList::with_capacity(names.len());
        for (topic, partition) in names {
            list.add_partition(topic, *partition);
        }
        if let Err(error) = client::take_on(&self.client, &list) {
            tracing::debug!(%error, "taking partitions on while ending");
        }
    }

    /// Where each partition is read from.
    fn positions(&self, names: &[Partition]) -> Result<BTreeMap<Partition, i64>> {
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
    fn revoke(&mut self, names: &[Partition]) {
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

    fn give_back(&self, names: &[Partition]) {
        let mut list = TopicPartitionList::with_capacity(names.len());
        for (topic, partition) in names {
            list.add_partition(topic, *partition);
        }
        if let Err(error) = client::let_go(&self.client, &list) {
            tracing::warn!(%error, "giving partitions back");
        }
    }

    fn is_settled(&self, names: &[Partition]) -> bool {
        let settled = lock(&self.shared.settled);
        let partitions = &self.intake.partitions;
        partitions.iter().filter(|each| names.contains(&each.name)).all(|each| {
            // What a run begins with need not be settled by it.
            let settled = settled.get(&each.split).copied().unwrap_or(0);
            each.emitted == each.from || settled >= position(each.emitted)
        })
    }

    /// Commits what was settled since the last commit.
    fn commit(&mut self, mode: CommitMode) -> Result<()> {
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

    fn commit_offsets<'n>(
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

    /// Looks how much is waiting at the other side.
    fn look(&mut self) {
        self.pass_what_holds_no_message();
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
            if !each.paused && each.end.is_some_and(|end| each.next >= end) {
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
    }

    /// Says that a bounded run is through once all partitions are, here or at other members of the group.
    fn end_if_through(&mut self) {
        let Some(ends) = &self.ends else { return };
        if self.ended || self.intake.partitions.iter().any(|each| each.end.is_some_and(|end| each.next < end))
        {
            return;
        }
        let elsewhere: Vec<_> =
            ends.keys().filter(|name| !self.intake.partitions.contains(name)).cloned().collect();
        if !elsewhere.is_empty() {
            // Asking costs a round trip: once a look.
            if self.last_look.is_some_and(|last| last.elapsed() > NAP) {
                return;
            }
            let low = offsets::at(&self.client, &elsewhere, KafkaPoint::Earliest);
            let (Ok(committed), Ok(low)) = (offsets::committed(&self.client, &elsewhere), low) else {
                return;
            };
            let is_through = |name: &Partition| {
                let end = ends.get(name).copied().unwrap_or(0);
                committed.get(name).or_else(|| low.get(name)).is_some_and(|&at| at >= end)
            };
            if !elsewhere.iter().all(is_through) {
                return;
            }
        }
        self.ended = true;
        self.flush_all();
        self.hand_out(Item::End);
    }

    /// Leaves the group, so that others need not wait until this member times out.
    fn leave(self) {
        // What was asked of this member and not answered yet would keep the client from closing.
        self.client.context().close();
        for change in self.client.context().take_changes() {
            match change {
                Change::Assign(names) => self.acknowledge(&names),
                Change::Revoke(names) => self.give_back(&names),
            }
        }
        let Self { client, queue, intake, .. } = self;
        client.unsubscribe();
        // The queue and the partitions' go before their client, which waits for the group's answer when it is dropped.
        drop(queue);
        drop(intake);
        let until = Instant::now() + Duration::from_secs(2);
        while Instant::now() < until && client.assignment().is_ok_and(|list| list.count() > 0) {
            if let Some(Err(error)) = client.poll(NAP) {
                tracing::debug!(%error, "leaving the group");
            }
        }
    }

    fn split(&self, (topic, partition): &Partition) -> SplitName {
        SplitName::new(format!("{}/{topic}/{partition}", self.setup.node))
    }
}

impl Intake {
    #[inline]
    fn message(&mut self, message: Message<'_>) {
        let Some(at) = self.partitions.find(message.topic, message.partition) else { return };
        let Some(partition) = self.partitions.get_mut(at) else { return };
        let value = match message.content {
            Content::Value(value) => Some(value),
            Content::Nothing => None,
            Content::Error(error) => {
                let (topic, partition) = &partition.name;
                tracing::warn!(%error, topic, partition, "kafka");
                return;
            }
        };
        if message.offset < partition.next {
            if !std::mem::replace(&mut partition.backward, true) {
                let ((topic, partition), offset) = (&partition.name, message.offset);
                tracing::warn!(
                    topic,
                    partition,
                    offset,
                    "offsets that were read before come again, and are left out"
                );
            }
            return;
        }
        if partition.end.is_some_and(|end| message.offset >= end) {
            partition.next = partition.end.unwrap_or(partition.next);
            return;
        }
        partition.next = message.offset + 1;
        if self.current.as_ref() != Some(&partition.split) {
            self.rows.split(&partition.split);
            self.current = Some(partition.split.clone());
        }
        let bytes = value.unwrap_or_default();
        self.rows.record(bytes, position(message.offset));
        let decoded = match value {
            Some(_) => self.decoder.decode(bytes, &mut self.rows).map_err(|error| error.message),
            None => Err("the message has no value".to_owned()),
        };
        if let Err(message) = decoded {
            self.rows.reject(message);
        }
        self.read += 1;
        if self.rows.rows() >= self.most_rows || self.rows.bytes() >= self.most_bytes {
            self.cut();
        }
    }

    /// Makes a batch of all that was read.
    fn cut(&mut self) {
        let ranges = self.partitions.take_ranges();
        if !ranges.is_empty() {
            self.full.push(self.rows.finish(ranges));
        }
    }
}
