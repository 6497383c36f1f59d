//! What librdkafka reports on its own threads: the fate of each message, and what keeps brokers from being reached.
//!
//! Every message has a number, which goes with it and comes back with its report. Numbers of an attempt follow each other, so that a
//! report that comes late, of a message of an attempt that was given up, is told from those that are waited for.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use levada_kafka::reports::Reports;
use parking_lot::Mutex;
use rdkafka::{
    ClientContext, Message as _,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
    message::DeliveryResult,
    producer::{NoCustomPartitioner, ProducerContext},
};
use tokio::sync::Notify;

/// Messages that are on their way.
#[derive(Debug, Default)]
pub(super) struct Fates {
    /// The number of the first message of the attempt.
    first: AtomicUsize,
    /// Messages whose reports are awaited.
    open: AtomicUsize,
    /// Messages that failed, by their index in the attempt, and why.
    failed: Mutex<Vec<(usize, RDKafkaErrorCode)>>,
    /// All reports have come.
    settled: Notify,
    /// Somebody waits for room in the queue.
    crowded: AtomicBool,
    room: Notify,
}

impl Fates {
    /// Begins an attempt whose first message has a number. No other is under way.
    pub(super) fn begin(&self, first: usize) {
        self.first.store(first, Ordering::SeqCst);
        self.open.store(0, Ordering::SeqCst);
        self.failed.lock().clear();
    }

    /// A message is about to be sent.
    pub(super) fn sending(&self) {
        self.open.fetch_add(1, Ordering::SeqCst);
    }

    /// It was not sent.
    pub(super) fn not_sent(&self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }

    /// From now on a report wakes who waits for [`Fates::room`].
    pub(super) fn want_room(&self) {
        self.crowded.store(true, Ordering::SeqCst);
    }

    /// Waits for a report behind [`Fates::want_room`].
    pub(super) async fn room(&self) {
        self.room.notified().await;
    }

    /// Waits until all reports have come, and gives those of failure. Nothing is sent meanwhile.
    pub(super) async fn settled(&self) -> Vec<(usize, RDKafkaErrorCode)> {
        while self.open.load(Ordering::SeqCst) > 0 {
            self.settled.notified().await;
        }
        std::mem::take(&mut *self.failed.lock())
    }

    fn report(&self, number: usize, failed: Option<RDKafkaErrorCode>) {
        let index = number.wrapping_sub(self.first.load(Ordering::SeqCst));
        // Of an attempt that was given up.
        if index > usize::MAX / 2 {
            return;
        }
        if let Some(code) = failed {
            self.failed.lock().push((index, code));
        }
        if self.open.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.settled.notify_one();
        }
        if self.crowded.swap(false, Ordering::SeqCst) {
            self.room.notify_one();
        }
    }
}

/// What librdkafka calls.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) fates: Arc<Fates>,
    pub(super) reports: Arc<Reports>,
}

impl ClientContext for Listener {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.reports.log(level, facility, message);
    }

    fn stats_raw(&self, _: &[u8]) {}

    fn error(&self, error: KafkaError, reason: &str) {
        self.reports.error(&error, reason);
    }
}

impl ProducerContext<NoCustomPartitioner> for Listener {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        let failed = result.as_ref().err().map(|(error, message)| {
            tracing::debug!(topic = message.topic(), %error, "a message was not delivered");
            error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown)
        });
        self.fates.report(number, failed);
    }
}
