//! Who may write next: callers queue here while memory is full, in the order in which they came.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Poll, Waker},
};

use parking_lot::{Mutex, MutexGuard};

/// The queue before the store.
#[derive(Debug)]
pub(crate) struct Admission {
    /// Bytes of rows in memory.
    used: AtomicUsize,
    budget: usize,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<(u64, Waker)>,
    next: u64,
}

/// The right to write; others wait behind it until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    // Held until the store's own lock is: so the order of turns is that of writes.
    _queue: MutexGuard<'a, Queue>,
}

impl Admission {
    pub(crate) fn new(budget: usize) -> Self {
        Self { used: AtomicUsize::new(0), budget, queue: Mutex::default() }
    }

    pub(crate) fn take(&self, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Gives memory back; [`Admission::wake`] must follow.
    pub(crate) fn give(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether memory is free.
    pub(crate) fn has_room(&self) -> bool {
        self.used.load(Ordering::Relaxed) < self.budget
    }

    /// Wakes who is first in the queue. Must not be called with the store's lock held.
    pub(crate) fn wake(&self) {
        let first = self.queue.lock().waiting.front().map(|(_, waker)| waker.clone());
        if let Some(waker) = first {
            waker.wake();
        }
    }

    /// A turn, where nobody waits and `room` says there is room.
    pub(crate) fn try_turn(&self, room: impl FnOnce() -> bool) -> Option<Turn<'_>> {
        let queue = self.queue.lock();
        (queue.waiting.is_empty() && room()).then_some(Turn { _queue: queue })
    }

    /// A turn, once it has come and `room` says there is room; `ticket` keeps the place in the queue.
    pub(crate) fn poll_turn(
        &self,
        ticket: &mut Option<u64>,
        room: impl FnOnce() -> bool,
        context: &Context<'_>,
    ) -> Poll<Turn<'_>> {
        let mut queue = self.queue.lock();
        let first = match ticket {
            None => queue.waiting.is_empty(),
            Some(ticket) => queue.waiting.front().is_some_and(|(first, _)| first == ticket),
        };
        if first && room() {
            if ticket.take().is_some() {
                queue.waiting.pop_front();
                if let Some((_, next)) = queue.waiting.front() {
                    next.wake_by_ref();
                }
            }
            return Poll::Ready(Turn { _queue: queue });
        }
        match ticket {
            None => {
                queue.next += 1;
                let number = queue.next;
                queue.waiting.push_back((number, context.waker().clone()));
                *ticket = Some(number);
            }
            Some(ticket) => {
                if let Some((_, waker)) = queue.waiting.iter_mut().find(|(number, _)| number == ticket) {
                    waker.clone_from(context.waker());
                }
            }
        }
        Poll::Pending
    }

    /// Leaves the queue.
    pub(crate) fn leave(&self, ticket: u64) {
        let mut queue = self.queue.lock();
        queue.waiting.retain(|(number, _)| *number != ticket);
        if let Some((_, next)) = queue.waiting.front() {
            next.wake_by_ref();
        }
    }
}
