//! How a request went.

use bytes::Bytes;

use crate::thrift::structures;

structures! {
    /// The address of a node.
    EndPoint {
        1 required ip: String,
        2 required port: i32,
    }

    /// How a request went.
    Status {
        /// A code of the server's generation: the numbers differed before 1.0.
        1 required code: i32,
        2 optional message: String,
        /// For a request of several parts, how each went.
        3 optional sub_status: Vec<Status>,
        /// The node that is closer to the device.
        4 optional redirect_node: EndPoint,
        /// Whether the same request may work later.
        5 optional need_retry: bool,
        6 optional response_data: Bytes,
    }
}

impl std::fmt::Display for EndPoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (open, close) = if self.ip.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{open}{}{close}:{}", self.ip, self.port)
    }
}
