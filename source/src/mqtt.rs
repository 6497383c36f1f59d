//! MQTT topics, read in a session that the broker keeps: at least once.
//!
//! ```text
//!   broker ── PUBLISH ──▶ next: decode ─▶ BatchBuilder ─▶ batches ─▶ the runtime
//!          ◀── PUBACK ─── settle: all before these positions is settled
//!          ◀── PINGREQ ── a task that writes, so that a slow sink does not cost the connection
//! ```
//!
//! A message is acknowledged when its rows are settled, and not before: the broker keeps it until then, and sends it again in
//! the session's next connection, be it of this process or of another with the same client id. A position is a running number of
//! messages. What the broker sends again within one run, and is under way already, is recognised and not read twice.
//!
//! The source asks for QoS 1. What a publisher sends with QoS 0 is not kept by anybody: such messages may be lost.
//!
//! Nothing more is read while the pipeline has no room; the broker holds at most `in_flight` messages that are not acknowledged.
//! A broker that speaks MQTT 3.1.1 alone is spoken to in that, and then its own limit counts (mosquitto's `max_inflight_messages`,
//! 20 unless set).

mod connection;
mod options;
mod packet;
mod source;
mod topic;

pub use options::MqttOptions;
pub use source::MqttSource;
