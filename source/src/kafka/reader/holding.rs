//! Messages that cannot be read for now.
//!
//! A decoder that asks somebody else (a schema registry) may find nobody there. The message and all behind it stay where they
//! are: what was read before goes out, the runtime is told why, and when it asks for more they are tried again. Meanwhile the client is served, so that
//! the member stays in its group.

use std::sync::atomic::Ordering;

use levada_connector_api::Error;

use super::{Item, Reader};
use crate::kafka::offsets::Partition;

impl Reader {
    /// Whether nothing is to be tried yet: the runtime has not asked again.
    pub(super) fn must_hold_back(&self) -> bool {
        self.held_back.is_some_and(|told| self.shared.asked.load(Ordering::Acquire) < told)
    }

    /// Tells the runtime where a message was not taken, and hands out what was read before it.
    pub(super) fn hold_back(&mut self) {
        let Some(reason) = self.intake.not_now.take() else {
            self.held_back = None;
            return;
        };
        self.flush_all();
        self.hand_out(Item::Failed(Error::connection(reason)));
        self.held_back = Some(self.faults);
    }

    /// Of partitions that go, messages that are held back go too: whoever has them next reads them again, unless they are of a topic that
    /// is no more.
    pub(super) fn forget_held_back(&mut self, names: &[Partition]) {
        self.queue.forget(|topic, partition| {
            names.iter().any(|name| name.1 == partition && name.0 == topic.name())
        });
    }
}
