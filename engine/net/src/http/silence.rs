//! How long a connection has been silent.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Context,
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};

use super::Times;

/// No connection is silent for longer.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// The requests of a connection that are under way.
#[derive(Clone, Debug, Default)]
pub struct UnderWay(Arc<AtomicUsize>);

/// A request under way, until it is dropped.
#[derive(Debug)]
pub(super) struct Carried(UnderWay);

impl UnderWay {
    /// The head of a request is complete.
    pub(super) fn begin(&self) -> Carried {
        self.0.fetch_add(1, Ordering::AcqRel);
        Carried(self.clone())
    }

    fn is_any(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    /// The first byte of a request.
    Request,
    /// The rest of its head.
    Head,
    /// Whoever carries it out: the time is not running.
    Handler,
    /// The client, to take more of an answer.
    Reader,
}

/// Tells when a connection has been silent for too long.
#[derive(Debug)]
pub(super) struct Silence {
    waits: Waits,
    due: Pin<Box<Sleep>>,
    times: Times,
    pub(super) requests: UnderWay,
}

impl Silence {
    pub(super) fn new(times: Times) -> Self {
        let due = Box::pin(sleep(times.idle.min(LONGEST)));
        Self { waits: Waits::Request, due, times, requests: UnderWay::default() }
    }

    fn wait_for(&mut self, what: Waits) {
        let time = if what == Waits::Request { self.times.idle } else { self.times.stall };
        self.due.as_mut().reset(Instant::now() + time.min(LONGEST));
        self.waits = what;
    }

    /// A request may come from now on.
    pub(super) fn begins(&mut self) {
        self.wait_for(Waits::Request);
    }

    /// Something came. More of the same head does not give it more time.
    pub(super) fn came(&mut self) {
        if self.waits == Waits::Request && !self.requests.is_any() {
            self.wait_for(Waits::Head);
        }
    }

    /// Something went out.
    pub(super) fn went(&mut self) {
        self.wait_for(Waits::Request);
    }

    /// Whether nothing came for too long. To be asked where there is nothing to read.
    pub(super) fn is_too_long(&mut self, context: &mut Context<'_>) -> bool {
        if self.requests.is_any() {
            self.waits = Waits::Handler;
            return false;
        }
        if self.waits == Waits::Handler {
            self.wait_for(Waits::Reader);
        }
        self.due.as_mut().poll(context).is_ready()
    }

    /// Whether nothing was taken for too long. To be asked where nothing can be written.
    pub(super) fn is_unread_too_long(&mut self, context: &mut Context<'_>) -> bool {
        if self.waits != Waits::Reader && !self.requests.is_any() {
            self.wait_for(Waits::Reader);
        }
        self.is_too_long(context)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const TIMES: Times =
        Times { handshake: SECOND, idle: Duration::from_secs(60), stall: Duration::from_secs(10) };

    async fn lasts(silence: &mut Silence, time: Duration, ask: fn(&mut Silence, &mut Context<'_>) -> bool) {
        let mut context = Context::from_waker(Waker::noop());
        assert!(!ask(silence, &mut context));
        advance(time - SECOND).await;
        assert!(!ask(silence, &mut context), "{silence:?}");
        advance(SECOND).await;
        assert!(ask(silence, &mut context), "{silence:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_may_be_idle_longer_than_a_head_may_take() {
        let mut silence = Silence::new(TIMES);
        lasts(&mut silence, TIMES.idle, Silence::is_too_long).await;
        silence.went();
        lasts(&mut silence, TIMES.idle, Silence::is_too_long).await;
        silence.went();
        silence.came();
        // More of the head gives it no more time.
        advance(SECOND).await;
        silence.came();
        lasts(&mut silence, TIMES.stall - SECOND, Silence::is_too_long).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_under_way_takes_its_time_and_its_answer_has_to_be_read() {
        let mut silence = Silence::new(TIMES);
        silence.came();
        let request = silence.requests.begin();
        let mut context = Context::from_waker(Waker::noop());
        assert!(!silence.is_too_long(&mut context));
        advance(TIMES.idle * 10).await;
        assert!(!silence.is_too_long(&mut context));
        drop(request);
        lasts(&mut silence, TIMES.stall, Silence::is_unread_too_long).await;
        // Each byte that is taken gives the rest more time.
        silence.went();
        lasts(&mut silence, TIMES.stall, Silence::is_unread_too_long).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_beyond_all_clocks_is_a_long_one() {
        let mut silence = Silence::new(Times { idle: Duration::MAX, stall: Duration::MAX, ..TIMES });
        let mut context = Context::from_waker(Waker::noop());
        silence.came();
        silence.went();
        assert!(!silence.is_too_long(&mut context));
    }
}
