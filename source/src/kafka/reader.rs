//! The thread that reads.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use levada_connector_api::{Batch, Error, Result, Retry, model::Checkpoint};
use levada_kafka::fault::failure;
use rdkafka::{
    Message as _,
    consumer::{CommitMode, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
};
use tokio::sync::mpsc::{self, error::TrySendError};

mod assignment;
mod failing;
mod holding;
mod horizon;
mod intake;
mod places;
mod rejoin;
#[cfg(test)]
mod tests;

use self::intake::Intake;
use super::{
    Setup, client,
    instance::Member,
    listener::{Change, Client},
    native::MessageQueue,
    offsets::{self, Partition},
    partitions::Assigned,
    shared::Shared,
};

/// Messages taken in one call.
const TAKEN: usize = 4_096;
/// Settled positions are committed that often.
const COMMIT_EVERY: Duration = Duration::from_millis(500);
/// How often to look how far the other side, and a bounded run, are.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long to wait for the task before looking at events again.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// What the thread hands out.
#[derive(Debug)]
pub(super) enum Item {
    Batch(Batch),
    /// A bounded run is through.
    End,
    Failed(Error),
}

/// What the sinks have.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// What all that keep positions have.
    pub(super) stored: Checkpoint,
    /// What some of them have, where others know nothing.
    pub(super) limits: Checkpoint,
}

/// The state of the thread.
pub(super) struct Reader {
    setup: Arc<Setup>,
    shared: Arc<Shared>,
    told: Told,
    member: Member,
    items: mpsc::Sender<Item>,
    /// Faults that were handed out.
    faults: u64,
    client: Arc<Client>,
    queue: MessageQueue,
    intake: Intake,
    /// Where a bounded run ends, for every partition there was at its start.
    ends: Option<BTreeMap<Partition, i64>>,
    ended: bool,
    /// It has been told once which partitions are its own.
    joined: bool,
    began: Instant,
    /// The partitions there were when the run began.
    initial: BTreeSet<Partition>,
    /// Partitions that were given up, and why.
    rejected: BTreeMap<Partition, RDKafkaErrorCode>,
    /// The client works no more.
    fatal: Option<KafkaError>,
    /// When the group last took this member for the former of two.
    fenced: Option<Instant>,
    /// Messages wait for what it takes to read them: the number of the fault that the runtime was told of.
    held_back: Option<u64>,
    oldest: Option<Instant>,
    last_commit: Instant,
    last_look: Option<Instant>,
    /// How many messages had been read then.
    read_at_look: Option<u64>,
}

impl Reader {
    /// Makes the client, finds out whether a broker answers, and joins the group.
    pub(super) fn connect(
        setup: Arc<Setup>,
        shared: Arc<Shared>,
        told: Told,
        items: mpsc::Sender<Item>,
    ) -> Result<Self> {
        let member = Member::of(&setup)?;
        let client = Arc::new(client::make(&setup, member.id.to_string())?);
        let partitions = offsets::partitions(&client, &setup.options)?;
        let ends = match setup.options.end {
            Some(point) => Some(offsets::at(&client, &partitions, point)?.known),
            None => None,
        };
        subscribed(&client, &setup)?;
        let intake = Intake::new(&setup.options, &setup.decoder);
        let most = TAKEN.min(setup.options.batch.rows.max(1));
        Ok(Self {
            queue: MessageQueue::new(Arc::clone(&client), most),
            setup,
            shared,
            told,
            member,
            items,
            faults: 0,
            client,
            intake,
            ends,
            ended: false,
            joined: false,
            began: Instant::now(),
            initial: partitions.into_iter().collect(),
            rejected: BTreeMap::new(),
            fatal: None,
            fenced: None,
            held_back: None,
            oldest: None,
            last_commit: Instant::now(),
            last_look: None,
            read_at_look: None,
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
                self.look()?;
            }
            self.end_if_through();
        }
        Ok(())
    }

    /// Takes what messages there are, waiting for them no longer than the first may.
    fn take(&mut self) {
        if self.must_hold_back() {
            std::thread::park_timeout(POLL_INTERVAL);
            return;
        }
        let linger = self.setup.options.batch.linger.0;
        let wait = match self.oldest {
            Some(oldest) => linger.saturating_sub(oldest.elapsed()),
            None => linger.max(Duration::from_millis(5)),
        };
        // Events are looked at in between, so that a long linger does not hold up a rebalance.
        let wait = wait.min(Duration::from_millis(50));
        let wait = i32::try_from(wait.as_millis()).unwrap_or(50);
        let (intake, listener) = (&mut self.intake, self.client.context());
        let taken =
            self.queue.take(wait, || listener.remade(), |message, remade| intake.message(message, remade));
        for (name, code) in std::mem::take(&mut self.intake.failed) {
            self.failed(&name, code);
        }
        if taken > 0 {
            self.shared.read.store(self.intake.read, Ordering::Relaxed);
            self.oldest.get_or_insert_with(Instant::now);
        } else if self.ends.is_some() && self.intake.not_now.is_none() {
            self.pass_what_holds_no_message();
        }
        self.hold_back();
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
        self.faults += u64::from(matches!(item, Item::Failed(_)));
        loop {
            match self.items.try_send(item) {
                Ok(()) | Err(TrySendError::Closed(_)) => return,
                Err(TrySendError::Full(back)) => item = back,
            }
            if self.shared.stopped() {
                return;
            }
            self.serve();
            std::thread::park_timeout(POLL_INTERVAL);
        }
    }

    /// Serves the client; what it reports is taken note of, and acted on by `events`.
    fn serve(&mut self) {
        while let Some(event) = self.client.poll(Duration::ZERO) {
            match event {
                Err(error @ KafkaError::MessageConsumptionFatal(_)) => self.fatal = Some(error),
                Err(error @ KafkaError::MessageConsumption(RDKafkaErrorCode::GroupAuthorizationFailed)) => {
                    self.fatal = Some(error);
                }
                Err(error) => {
                    let key = format!("{:?}", error.rdkafka_error_code());
                    self.client.context().warn(&key, &error.to_string());
                }
                // Every partition's messages go to the queue, from before it is taken on.
                Ok(message) => tracing::error!(offset = message.offset(), "a message went astray"),
            }
        }
    }

    /// Serves the client and acts on what it reports.
    fn events(&mut self) -> Result<()> {
        self.serve();
        if let Some(error) = self.fatal.take() {
            let fatal = self.client.client().fatal_error();
            let error = fatal.map_or(error, |(code, _)| KafkaError::MessageConsumptionFatal(code));
            if self.may_rejoin(&error) {
                return self.rejoin();
            }
            let ours = failure("the client has given up", &error);
            return Err(Error::new(ours.kind(), ours.domain(), Retry::Never, ours.message()));
        }
        for change in self.client.context().take_changes() {
            match change {
                Change::Assign(names) => {
                    self.joined = true;
                    if let Err(error) = self.assign(&names) {
                        self.acknowledge(&names);
                        return Err(error);
                    }
                }
                Change::Revoke(names) => self.revoke(&names),
            }
        }
        self.follow_recreated()?;
        if self.client.context().take_commit_failed() {
            self.intake.partitions.iter_mut().for_each(Assigned::commit_again);
        }
        Ok(())
    }

    /// Leaves the group, so that others need not wait until this member times out.
    fn leave(self) {
        self.answer_last();
        let Self { client, queue, intake, .. } = self;
        client.unsubscribe();
        // The queue and the partitions' go before their client, which waits for the group's answer when it is dropped.
        drop(queue);
        drop(intake);
        until_let_go(&client);
    }
}

/// Asks for partitions of the topics.
fn subscribed(client: &Client, setup: &Setup) -> Result<()> {
    let topics: Vec<_> = setup.options.topics.as_slice().iter().map(String::as_str).collect();
    client.subscribe(&topics).map_err(|error| Error::config(format!("cannot subscribe: {error}")))
}

/// Waits for a moment until a client has no partitions any more.
fn until_let_go(client: &Client) {
    let until = Instant::now() + Duration::from_secs(2);
    while Instant::now() < until && client.assignment().is_ok_and(|list| list.count() > 0) {
        if let Some(Err(error)) = client.poll(POLL_INTERVAL) {
            tracing::debug!(%error, "leaving the group");
        }
    }
}
