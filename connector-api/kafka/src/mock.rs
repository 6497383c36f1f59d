//! A broker within the process, librdkafka's: it speaks the real protocol and keeps messages for a while, in memory.

use std::fmt;

use rdkafka::{
    ClientConfig,
    bindings::{rd_kafka_handle_mock_cluster, rd_kafka_mock_group_initial_rebalance_delay_ms},
    error::KafkaResult,
    mocking::MockCluster,
    producer::{BaseProducer, DefaultProducerContext, Producer},
};

/// How long a group that has no members waits for more once one has come, in milliseconds. Unless told, the broker waits for three
/// seconds.
const JOIN_DELAY: i32 = 50;

/// A broker, and a producer that it lives as long as.
pub struct MockBroker(BaseProducer);

impl MockBroker {
    /// Starts a broker. The properties are those of the producer.
    ///
    /// # Errors
    /// No port can be taken, or a property is wrong.
    pub fn start(properties: &[(&str, &str)]) -> KafkaResult<Self> {
        Self::gathering(JOIN_DELAY, properties)
    }

    /// Starts a broker whose groups wait for that many milliseconds once a first member has come: those that come meanwhile begin
    /// with it. One that comes later makes the group change, and until all members have answered the broker, unlike a real one,
    /// takes no commits.
    ///
    /// # Errors
    /// No port can be taken, or a property is wrong.
    pub fn gathering(delay_ms: i32, properties: &[(&str, &str)]) -> KafkaResult<Self> {
        let mut config = ClientConfig::new();
        config.extend(properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let producer: BaseProducer = config.set("test.mock.num.brokers", "1").create()?;
        let client = producer.client().native_ptr();
        // SAFETY: the client is alive, and has a cluster, which goes with it: see the property above.
        #[expect(unsafe_code, reason = "the safe interface does not have it")]
        unsafe {
            let cluster = rd_kafka_handle_mock_cluster(client);
            if !cluster.is_null() {
                rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, delay_ms);
            }
        }
        Ok(Self(producer))
    }

    /// Its address.
    pub fn address(&self) -> String {
        self.cluster().bootstrap_servers()
    }

    /// The cluster that the broker is alone in.
    pub fn cluster(&self) -> MockCluster<'_, DefaultProducerContext> {
        self.0.client().mock_cluster().expect("it was started with one")
    }

    /// A producer that is connected with it.
    pub fn producer(&self) -> &BaseProducer {
        &self.0
    }
}

impl fmt::Debug for MockBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MockBroker")
    }
}
