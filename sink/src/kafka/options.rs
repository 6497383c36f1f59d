//! The options of the sink.

use std::{collections::BTreeMap, time::Duration};

use levada_connector_api::{ByteSize, Interval, Problem, TextList};
use levada_kafka::{Properties, brokers, properties};
use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, DefaultProducerContext},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::address::Addresses;

/// Where messages go, and how.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KafkaOptions {
    /// Brokers to begin with, `host:port`, in one text with commas or as a list.
    #[schemars(example = "127.0.0.1:9092")]
    pub brokers: TextList,
    /// The topic. `{device}`, `{date}`, `{year}`, `{month}`, `{day}` and `{hour}` stand for a row's device and time (in UTC); `{{` is a
    /// brace.
    #[schemars(example = &"readings")]
    pub topic: String,
    /// The key of messages, with places as in `topic`. Messages of one key stay in order. Empty for messages without a key.
    #[serde(default = "default_key")]
    #[schemars(example = &"{device}")]
    pub key: String,
    /// Headers by name, with places as in `topic`.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"device": "{device}"}))]
    pub headers: BTreeMap<String, String>,
    /// What a message holds.
    #[serde(default)]
    pub message: MessageOf,
    /// Whether brokers tell messages that are sent twice by librdkafka, and keep one. Needs the right to write with idempotence where
    /// brokers are older than 2.8.
    #[serde(default = "yes")]
    pub idempotent_write: bool,
    /// How messages are compressed on their way and in the topic.
    #[serde(default)]
    pub compression: Compression,
    /// How long messages wait for others that go along with them.
    #[serde(default = "default_linger")]
    pub linger: Interval,
    /// The largest message, key and headers included, before it is compressed. A larger one is rejected.
    #[serde(default = "default_max_message_bytes")]
    pub max_message_bytes: ByteSize,
    /// Memory for messages that are on their way.
    #[serde(default = "default_queue")]
    pub queue: ByteSize,
    /// How long a message may be on its way until its batch has failed, and is tried again.
    #[serde(default = "default_timeout")]
    pub timeout: Interval,
    /// Properties passed to librdkafka as they are: TLS, SASL, and whatever else it knows. `sasl.mechanism` is `PLAIN`,
    /// `SCRAM-SHA-256` or `SCRAM-SHA-512`. Certificates of authorities are searched for where the system keeps them, unless
    /// `ssl.ca.location` names a file.
    #[serde(default)]
    pub properties: Properties,
}

/// What a message holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MessageOf {
    /// A row.
    #[default]
    Row,
    /// Rows of a batch that follow each other and have one topic, one key and the same headers, a line each, up to
    /// `max_message_bytes`.
    Rows,
}

/// How messages are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all.
    None,
    /// The smallest that brokers of every version take.
    Gzip,
    /// Fast.
    Snappy,
    /// Fast.
    #[default]
    Lz4,
    /// The smallest; brokers from 2.1 on.
    Zstd,
}

impl Compression {
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

fn default_key() -> String {
    "{device}".to_owned()
}

fn yes() -> bool {
    true
}

fn default_linger() -> Interval {
    Interval(Duration::from_millis(5))
}

fn default_max_message_bytes() -> ByteSize {
    ByteSize(1 << 20)
}

fn default_queue() -> ByteSize {
    ByteSize(32 << 20)
}

fn default_timeout() -> Interval {
    Interval(Duration::from_secs(30))
}

/// Properties that the sink depends on.
const FIXED: [(&str, &str); 18] = [
    ("bootstrap.servers", "use `brokers`"),
    ("metadata.broker.list", "use `brokers`"),
    ("acks", "messages are acknowledged by all replicas in sync"),
    ("request.required.acks", "messages are acknowledged by all replicas in sync"),
    ("enable.idempotence", "use `idempotent_write`"),
    ("compression.codec", "use `compression`"),
    ("compression.type", "use `compression`"),
    ("linger.ms", "use `linger`"),
    ("queue.buffering.max.ms", "use `linger`"),
    ("message.max.bytes", "use `max_message_bytes`"),
    ("queue.buffering.max.kbytes", "use `queue`"),
    ("message.timeout.ms", "use `timeout`"),
    ("delivery.timeout.ms", "use `timeout`"),
    ("transactional.id", "the sink has no transactions"),
    ("enable.gapless.guarantee", "the sink tries again by itself"),
    ("delivery.report.only.error", "the sink waits for every report"),
    ("retries", "the sink keeps messages in order with its own"),
    ("message.send.max.retries", "the sink keeps messages in order with its own"),
];

impl KafkaOptions {
    /// All properties but those that say where the brokers are.
    pub(super) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (name, value) in [
            ("client.id", "levada"),
            // Where Java's client puts a key.
            ("partitioner", "murmur2_random"),
            ("reconnect.backoff.max.ms", "2000"),
            // How long a topic that is not there may take to appear.
            ("topic.metadata.propagation.max.ms", "5000"),
            ("queue.buffering.max.messages", "200000"),
        ] {
            config.set(name, value);
        }
        if !self.idempotent_write {
            config.set("max.in.flight.requests.per.connection", "1");
        }
        properties::apply(&self.properties, &mut config);
        config
            .set("acks", "all")
            .set("enable.idempotence", self.idempotent_write.to_string())
            .set("compression.codec", self.compression.name())
            .set("linger.ms", self.linger.0.as_millis().to_string())
            .set("message.max.bytes", self.max_message_bytes.0.to_string())
            .set("queue.buffering.max.kbytes", (self.queue.0 >> 10).to_string())
            .set("message.timeout.ms", self.timeout.0.as_millis().to_string());
        config
    }

    /// Where rows go.
    ///
    /// # Errors
    /// One of the templates is none.
    pub(super) fn addresses(&self) -> Result<Addresses, Problem> {
        Addresses::new(&self.topic, &self.key, &self.headers)
    }

    /// What cannot work.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = brokers::problems(&self.brokers);
        problems.extend(self.addresses().err());
        // The bounds are librdkafka's.
        let (size, queue) = (self.max_message_bytes, self.queue);
        if !(1_000..=1_000_000_000).contains(&size.0) {
            problems.push(Problem::new("max_message_bytes", "a message has from 1000B to 1GB"));
        } else if queue.0 < size.0.saturating_mul(2) || queue.0 >> 10 > 2_097_151 {
            let message =
                "the queue has room for two of the largest messages at least, and for less than 2GiB";
            problems.push(Problem::new("queue", message));
        }
        let (linger, timeout) = (self.linger.0, self.timeout.0);
        if linger > Duration::from_secs(900) {
            problems.push(Problem::new("linger", "messages wait for others 15m at most"));
        }
        if timeout < Duration::from_millis(100) || timeout > Duration::from_secs(86_400) || timeout <= linger
        {
            let message = "a message is on its way from 100ms to 1d, and longer than `linger`";
            problems.push(Problem::new("timeout", message));
        }
        if problems.is_empty() {
            problems = properties::problems(&self.properties, &FIXED, |given| {
                let options = Self { properties: given.clone(), ..self.clone() };
                options.client().create::<BaseProducer<DefaultProducerContext>>().map(drop)
            });
        }
        problems
    }
}
