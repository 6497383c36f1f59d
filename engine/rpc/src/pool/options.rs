//! How a pool works.

use std::time::Duration;

use crate::client::ClientOptions;

/// Which nodes, and how.
#[derive(Clone, Debug)]
pub struct PoolOptions {
    /// `host:port` of each node.
    pub nodes: Vec<String>,
    /// How each client connects.
    pub client: ClientOptions,
    /// How many sessions may be open at once, over all nodes.
    pub sessions: usize,
    /// Write to the node that the server recommends for a device.
    pub redirect: bool,
    /// How long a node is left out the first time; doubled each further time.
    pub left_out: Duration,
    /// The longest time a node is left out.
    pub left_out_most: Duration,
    /// How long a write is repeated unchanged while servers hang up, or fail and do not say that its rows are why, before the rows
    /// that cause it are looked for and rejected. A server in temporary trouble has to recover within that time. Time in which it
    /// cannot be reached does not count, see [`Trouble`](super::Trouble).
    pub patience: Duration,
    /// How long a statement that only reads waits for a server that answers that it is not ready (602), as while it recovers its
    /// files. Other statements are not repeated.
    pub ready_within: Duration,
    /// The most bytes of a request, roughly; more rows are split over several requests.
    pub request_bytes: usize,
}

impl PoolOptions {
    /// A pool of three sessions with these nodes.
    pub fn new(nodes: Vec<String>, client: ClientOptions) -> Self {
        Self {
            nodes,
            client,
            sessions: 3,
            redirect: true,
            left_out: Duration::from_secs(1),
            left_out_most: Duration::from_secs(30),
            patience: Duration::from_secs(60),
            ready_within: Duration::from_secs(30),
            request_bytes: 16 << 20,
        }
    }
}
