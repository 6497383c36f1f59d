//! What a server allows.

use std::time::Duration;

use crate::WhiteList;

/// What a server allows.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// How many connections there may be at once, and as many of the REST interface; one more is closed as soon as it is made.
    pub connections: usize,
    /// The longest request, in bytes.
    pub frame_bytes: usize,
    /// Bytes of all requests that are read or carried out at once. Who wants more waits. What a pipe's step is unpacked to counts too:
    /// where there is no room for that, the pipe is told to send it again later. Steps that have come in part may have a quarter of it
    /// besides.
    pub memory_bytes: usize,
    /// How many queries may be open at once.
    pub queries: usize,
    /// How long a query may compute, where its client does not say. What the client takes to fetch does not count.
    pub query_timeout: Duration,
    /// How long a request may take to arrive once it has begun, an answer to be read, and a connection to send something while
    /// nobody is logged in. The next slice of a pipe's step may take as long.
    pub stall: Duration,
    /// How long a connection of HTTP may be without a request.
    pub idle: Duration,
    /// How long a stop waits for calls under way.
    pub grace: Duration,
    /// Where pipes of others may come from.
    pub ip_white_list: WhiteList,
    /// How many bytes the files may have together that pipes of others have begun to send.
    pub pipe_received_bytes: u64,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            connections: 10_000,
            frame_bytes: 128 << 20,
            memory_bytes: 512 << 20,
            queries: 1_000,
            query_timeout: Duration::from_secs(60),
            stall: Duration::from_secs(60),
            idle: Duration::from_secs(60),
            grace: Duration::from_secs(10),
            ip_white_list: WhiteList::default(),
            pipe_received_bytes: 16 << 30,
        }
    }
}

impl ServerOptions {
    /// How many KiB all requests may have together that have come in part.
    pub(crate) fn parts_kib(&self) -> usize {
        (self.memory_kib() / 4).max(1)
    }

    /// How many KiB all requests may have together; no more than can be counted, and no less than one.
    pub(crate) fn memory_kib(&self) -> usize {
        (self.memory_bytes >> 10).clamp(1, tokio::sync::Semaphore::MAX_PERMITS.min(u32::MAX as usize))
    }
}
