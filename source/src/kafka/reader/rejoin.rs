//! The group has taken a member for the former of two.
//!
//! A broker fences a member where another comes with its id. That may be this very member: its session was over while the broker
//! stopped or was slow, it joined again, and what it had sent before was answered last. Librdkafka's client works no more after that,
//! so another one joins. Where there are two processes of one id they fence each other in turn, and the first that is fenced a second
//! time within [`APART`] gives up.

use std::{
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use levada_connector_api::Result;
use rdkafka::{
    consumer::Consumer,
    error::{KafkaError, RDKafkaErrorCode},
};

use super::{Reader, subscribed, until_let_go};
use crate::kafka::{client, listener::Change, native::MessageQueue};

/// Fenced again within this time, a member has a second self.
const APART: Duration = Duration::from_secs(60);

impl Reader {
    /// Whether another client may do what this one cannot do any more. Notes that it was asked.
    pub(super) fn may_rejoin(&mut self, error: &KafkaError) -> bool {
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::FencedInstanceId) || self.shared.stopped() {
            return false;
        }
        let before = self.fenced.replace(Instant::now());
        before.is_none_or(|before| before.elapsed() >= APART)
    }

    /// Joins the group with a new client. What was read is settled first, as far as that comes about in time, so that it is not
    /// read again.
    pub(super) fn rejoin(&mut self) -> Result<()> {
        tracing::warn!(
            node = self.setup.node,
            "the group takes this member for the former of two: it joins anew, and gives up where that comes again at once"
        );
        self.flush_all();
        let names: Vec<_> = self.intake.partitions.iter().map(|each| each.name.clone()).collect();
        self.until_settled(&names);
        self.forget(&names);
        self.answer_last();
        let client = Arc::new(client::make(&self.setup, self.member.id.to_string())?);
        let queue = MessageQueue::new(Arc::clone(&client), self.queue.most());
        // The queue goes before its client.
        drop(mem::replace(&mut self.queue, queue));
        let former = mem::replace(&mut self.client, client);
        until_let_go(&former);
        drop(former);
        self.fatal = None;
        subscribed(&self.client, &self.setup)
    }

    /// Answers what was asked of this member and not answered yet, which would keep the client from closing.
    pub(super) fn answer_last(&self) {
        self.client.context().close();
        for change in self.client.context().take_changes() {
            match change {
                Change::Assign(names) => self.acknowledge(&names),
                Change::Revoke(names) => self.give_back(&names),
            }
        }
    }
}
