//! `kafka`: rows as messages of Kafka topics.
//!
//! ```text
//!   batch ─ encoder ─▶ lines ─ topic, key, headers ─▶ messages ─▶ librdkafka's queue ─▶ brokers (acks=all)
//!     ▲                                                                                   │
//!     └── delivered when every message was acknowledged ◀── reports, one for each message ┘
//! ```
//!
//! A message is one row, or as many rows of a batch as go to one place (`message: rows`). Its key is the device unless `key` says
//! otherwise: messages of one key go to one partition (by the murmur2 hash of Java's client), so rows of a device stay in their order.
//!
//! # Delivery
//!
//! At least once. A batch counts as delivered when all replicas in sync have all its messages. Within librdkafka nothing is doubled or
//! reordered (idempotent producer); a batch that fails as a whole, or whose process is killed before it is acknowledged, is sent again
//! from its beginning, so that the last that a partition has of a device is in order. Proven by `kafka_passes_the_contract`.
//!
//! A message that brokers reject for good (it is too large, the topic's name is not legal) makes its rows rejected ones, with the
//! brokers' words. Where brokers reject messages together, what follows the first of them is sent again in ever smaller parts
//! until it is known which is to blame.

mod address;
mod messages;
mod options;
mod producer;
mod reports;
mod sink;
#[cfg(test)]
mod tests;

pub use options::{Compression, KafkaOptions, MessageOf};
pub use sink::{Kafka, KafkaSink};
