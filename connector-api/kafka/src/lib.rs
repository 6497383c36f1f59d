//! What Kafka's source and sink share: where brokers are, what is said to librdkafka, what is understood of its errors.
//!
//! | module | |
//! | --- | --- |
//! | [`mod@brokers`] | the addresses to begin with |
//! | [`properties`] | properties passed to librdkafka as they are, TLS and SASL among them: which work |
//! | [`mock`] | a broker within the process, for `levada quickstart` and for tests |
//! | [`fault`] | error codes as errors of ours, and which stay until somebody changes something |
//! | [`reports`] | what a client reports from its own threads: told once in a while, the last of it kept |

pub mod brokers;
pub mod fault;
pub mod mock;
pub mod properties;
pub mod reports;

pub use properties::{Properties, Property};
