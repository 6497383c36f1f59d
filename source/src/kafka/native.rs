//! The few calls of librdkafka that `rdkafka` does not wrap: many messages in one call, and partitions whose messages
//! go to a queue of their own, apart from events. The ids of topics are asked for in [`describe`].

#![allow(unsafe_code, reason = "calls of a C library; nothing else in this crate is unsafe")]

use std::{collections::VecDeque, ffi::CString, ptr, slice, sync::Arc};

mod describe;
mod envelope;

pub(super) use self::{describe::describe, envelope::Envelope};

use rdkafka::{
    bindings as rd,
    consumer::Consumer,
    error::RDKafkaErrorCode,
    types::{RDKafkaMessage, RDKafkaQueue},
};

use super::listener::Client;

/// A queue that the messages of chosen partitions go to.
pub(super) struct MessageQueue {
    queue: *mut RDKafkaQueue,
    taken: Vec<*mut RDKafkaMessage>,
    /// Messages that were taken and are held back, in their order.
    back: VecDeque<Held>,
    /// The queue is of this client and must not outlive it.
    client: Arc<Client>,
}

/// The queue of one partition, which leads into a [`MessageQueue`] as long as the partition is assigned.
pub(super) struct Forwarded {
    queue: *mut RDKafkaQueue,
    _client: Arc<Client>,
}

/// What came out of a queue; borrowed until the next call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    /// Tells topics apart as long as the message lives.
    pub(super) topic: Topic<'a>,
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) content: Content<'a>,
    /// Key, time and headers.
    pub(super) envelope: Envelope<'a>,
}

/// What a message holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content<'a> {
    Value(&'a [u8]),
    /// A message without a value.
    Nothing,
    /// No message: something to know of the partition.
    Error(RDKafkaErrorCode),
}

/// A topic, as librdkafka holds it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Topic<'a> {
    handle: *mut rd::rd_kafka_topic_t,
    _message: std::marker::PhantomData<&'a ()>,
}

impl Topic<'_> {
    /// A number that no other topic has while this one lives.
    pub(super) fn id(&self) -> usize {
        self.handle as usize
    }

    pub(super) fn name(&self) -> String {
        if self.handle.is_null() {
            return String::new();
        }
        // SAFETY: the handle is alive as long as the message it came with; the name is a C string that lives as long.
        unsafe { std::ffi::CStr::from_ptr(rd::rd_kafka_topic_name(self.handle)) }
            .to_string_lossy()
            .into_owned()
    }
}

// SAFETY: librdkafka's handles may be used from any thread; `taken` is only touched through `&mut self`.
unsafe impl Send for MessageQueue {}

// SAFETY: as for `MessageQueue`.
unsafe impl Send for Forwarded {}

impl MessageQueue {
    /// A queue that gives at most that many messages at once.
    pub(super) fn new(client: Arc<Client>, most: usize) -> Self {
        // SAFETY: the client is alive; the queue is destroyed in `drop`.
        let queue = unsafe { rd::rd_kafka_queue_new(client.client().native_ptr()) };
        Self { queue, taken: vec![ptr::null_mut(); most], back: VecDeque::new(), client }
    }

    /// The most messages that it gives at once.
    pub(super) fn most(&self) -> usize {
        self.taken.len()
    }

    /// Leads the messages of a partition here; to be called before it is assigned. `None` where the name is no topic's.
    pub(super) fn forward(&self, topic: &str, partition: i32) -> Option<Forwarded> {
        let name = CString::new(topic).ok()?;
        // SAFETY: client and name are alive; the queue that is given is ours to destroy, which `Forwarded` does.
        let queue = unsafe {
            rd::rd_kafka_queue_get_partition(self.client.client().native_ptr(), name.as_ptr(), partition)
        };
        if queue.is_null() {
            return None;
        }
        // SAFETY: both queues are alive; librdkafka counts the reference to the target.
        unsafe { rd::rd_kafka_queue_forward(queue, self.queue) };
        Some(Forwarded { queue, _client: Arc::clone(&self.client) })
    }

    /// Takes messages until there is a full batch or the time is over, and shows each to `see`. Gives the number of those that it
    /// took. From the first on that `see` does not take they are held back, and shown before all others at the next call.
    ///
    /// `taken` is called in between, and `see` is given what it found out: what is not true then was not true of any message
    /// that was taken.
    pub(super) fn take<T>(
        &mut self,
        wait_millis: i32,
        taken: impl FnOnce() -> T,
        mut see: impl FnMut(Message<'_>, &T) -> bool,
    ) -> usize {
        if !self.back.is_empty() {
            let known = taken();
            let before = self.back.len();
            while let Some(held) = self.back.front()
                && see(held.view(), &known)
            {
                self.back.pop_front();
            }
            return before - self.back.len();
        }
        // SAFETY: the queue is alive, and `taken` has room for as many pointers as its length says.
        let count = unsafe {
            rd::rd_kafka_consume_batch_queue(
                self.queue,
                wait_millis,
                self.taken.as_mut_ptr(),
                self.taken.len(),
            )
        };
        let count = usize::try_from(count).unwrap_or(0);
        let known = taken();
        let mut seen = 0;
        for &message in self.taken.iter().take(count) {
            // Librdkafka filled `count` pointers with messages that are ours until they are destroyed.
            let held = Held(message);
            if self.back.is_empty() && see(held.view(), &known) {
                seen += 1;
            } else {
                self.back.push_back(held);
            }
        }
        seen
    }

    /// Whether messages are held back.
    pub(super) fn holds_back(&self) -> bool {
        !self.back.is_empty()
    }

    /// Forgets messages that are held back, of partitions that go.
    pub(super) fn forget(&mut self, goes: impl Fn(Topic<'_>, i32) -> bool) {
        self.back.retain(|held| {
            let message = held.view();
            !goes(message.topic, message.partition)
        });
    }
}

impl Drop for MessageQueue {
    fn drop(&mut self) {
        // Messages go before their queue.
        self.back.clear();
        // SAFETY: the queue was made by `new`, is destroyed once, and its client is still alive.
        unsafe { rd::rd_kafka_queue_destroy(self.queue) };
    }
}

impl Drop for Forwarded {
    fn drop(&mut self) {
        // SAFETY: the reference was given by `rd_kafka_queue_get_partition`, and is dropped once.
        unsafe { rd::rd_kafka_queue_destroy(self.queue) };
    }
}

/// A message that is destroyed when it goes.
struct Held(*mut RDKafkaMessage);

impl Held {
    fn view(&self) -> Message<'_> {
        // SAFETY: the pointer came from librdkafka and is not destroyed before `drop`.
        let message = unsafe { &*self.0 };
        let content = match RDKafkaErrorCode::from(message.err) {
            RDKafkaErrorCode::NoError if message.payload.is_null() => Content::Nothing,
            // SAFETY: payload and length belong together and live as long as the message.
            RDKafkaErrorCode::NoError => {
                Content::Value(unsafe { slice::from_raw_parts(message.payload.cast::<u8>(), message.len) })
            }
            error => Content::Error(error),
        };
        Message {
            topic: Topic { handle: message.rkt, _message: std::marker::PhantomData },
            partition: message.partition,
            offset: message.offset,
            content,
            envelope: Envelope::new(message),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: the message is ours and is destroyed once.
        unsafe { rd::rd_kafka_message_destroy(self.0) };
    }
}

/// Lets the C library keep what librdkafka frees: it takes a piece for every message and for every fetch, and frees it a
/// moment later. By itself glibc gives the end of its heaps back to the kernel beyond 128 KiB and maps large pieces one by
/// one, so that nearly every fetch is written into pages that the kernel has to clear first. Called once or often, it is
/// the same; it holds for the whole process.
pub(super) fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    for (setting, mebibytes) in
        [(libc::M_TOP_PAD, 4), (libc::M_TRIM_THRESHOLD, 64), (libc::M_MMAP_THRESHOLD, 64)]
    {
        // SAFETY: the call sets a number under the allocator's own lock; a setting that is rejected stays as it was.
        unsafe { libc::mallopt(setting, mebibytes << 20) };
    }
}

/// The first offset and the one behind the last, as of the last answer to a fetch; nothing is sent.
pub(super) fn known_watermarks(client: &Client, topic: &str, partition: i32) -> Option<(i64, i64)> {
    let name = CString::new(topic).ok()?;
    let (mut low, mut high) = (-1, -1);
    // SAFETY: client and name are alive; both results are written before the call returns.
    let error = unsafe {
        rd::rd_kafka_get_watermark_offsets(
            client.client().native_ptr(),
            name.as_ptr(),
            partition,
            &raw mut low,
            &raw mut high,
        )
    };
    (RDKafkaErrorCode::from(error) == RDKafkaErrorCode::NoError && high >= 0).then_some((low, high))
}
