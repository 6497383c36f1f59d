//! A node: its idle clients, and whether it is left out.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::client::Client;

/// A node of the pool.
#[derive(Debug)]
pub(super) struct Node {
    /// `host:port`.
    pub(super) address: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Client>,
    /// Leases in use.
    busy: usize,
    left_out: Option<LeftOut>,
}

#[derive(Debug)]
struct LeftOut {
    until: Instant,
    /// How long it is left out the next time.
    next: Duration,
}

/// How a node may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It is available; this many leases are in use.
    Now(usize),
    /// It is left out.
    Not,
    /// It was left out, and its time is over: the caller must try it.
    Probe,
}

impl Node {
    pub(super) fn new(address: String) -> Self {
        Self { address, state: Mutex::default() }
    }

    /// How it may be used at a time.
    pub(super) fn how(&self, now: Instant) -> Use {
        let mut state = self.state.lock();
        match &mut state.left_out {
            None => Use::Now(state.busy),
            Some(out) if out.until > now => Use::Not,
            Some(out) => {
                // If the caller's attempt fails, the next caller tries after that time.
                out.until = now + out.next;
                Use::Probe
            }
        }
    }

    /// Begins a lease, with an idle client if there is one. The caller ends it.
    pub(super) fn begin(&self) -> Option<Client> {
        let mut state = self.state.lock();
        state.busy += 1;
        state.idle.pop()
    }

    /// Ends a lease; a usable client is kept.
    pub(super) fn end(&self, client: Option<Client>) {
        let mut state = self.state.lock();
        state.busy -= 1;
        if state.left_out.is_none() {
            state.idle.extend(client);
        }
    }

    /// It answered: it is used like the others again. Whether it was left out before.
    pub(super) fn answered(&self, client: Option<Client>) -> bool {
        let mut state = self.state.lock();
        state.idle.extend(client);
        state.left_out.take().is_some()
    }

    /// It did not answer: it is left out, and its idle clients are dropped. Whether it was used before.
    pub(super) fn failed(&self, now: Instant, first: Duration, most: Duration) -> bool {
        let mut state = self.state.lock();
        state.idle.clear();
        let was_used = state.left_out.is_none();
        let wait = state.left_out.as_ref().map_or(first, |out| out.next).min(most);
        state.left_out = Some(LeftOut { until: now + wait, next: (wait * 2).min(most) });
        was_used
    }

    /// Drops idle clients: one of them was dead, and all may be.
    pub(super) fn forget_idle(&self) {
        self.state.lock().idle.clear();
    }

    /// All idle clients.
    pub(super) fn take_idle(&self) -> Vec<Client> {
        std::mem::take(&mut self.state.lock().idle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_left_out_once_and_back_once() {
        let node = Node::new("a:6667".to_owned());
        let (now, wait) = (Instant::now(), Duration::from_secs(1));
        assert!(!node.answered(None), "it never was left out");
        assert!(node.failed(now, wait, wait), "it is left out from now on");
        assert_eq!(node.how(now), Use::Not);
        assert!(!node.failed(now, wait, wait), "it still is");
        assert!(node.answered(None));
        assert!(!node.answered(None));
        assert_eq!(node.how(now), Use::Now(0));
    }
}
