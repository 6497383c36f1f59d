//! Codecs, messages without values, and partitions that cannot be read.

use rdkafka::{
    ClientConfig,
    producer::BaseProducer,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};

use super::*;

#[tokio::test]
async fn every_codec_is_read() {
    let broker = Broker::new(&[("t", 4)]);
    for (partition, codec) in (0..).zip(["gzip", "snappy", "lz4", "zstd"]) {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", broker.0.address())
            .set("compression.type", codec)
            .set("linger.ms", "20")
            .create()
            .expect("a producer that has the codec");
        for n in 0..500u64 {
            let payload = reading(partition as u64 * 500 + n);
            let record = BaseRecord::<(), _>::to("t").partition(partition).payload(payload.as_bytes());
            producer.send(record).map_err(|(error, _)| error).expect("queued");
        }
        producer.flush(LONG).expect("sent");
    }
    let mut source = broker.source(&folder(), json!({"end": "latest"}));
    let mut seen = Seen::default();
    source.connect(&Checkpoint::new()).await.expect("connected");
    read_to_end(&mut source, &mut seen).await;
    source.close().await.expect("closed");
    seen.assert_once(0..2_000);
}

#[tokio::test]
async fn messages_without_a_value_are_passed_over_where_the_options_say_so() {
    let broker = Broker::new(&[("t", 1)]);
    let send_nothing = || {
        let record = BaseRecord::<[u8], [u8]>::to("t").partition(0).key(b"gone".as_slice());
        broker.0.producer().send(record).map_err(|(error, _)| error).expect("queued");
    };
    send_nothing();
    broker.send_numbers("t", 0, 0..1);
    broker.send("t", 0, b"");
    send_nothing();
    broker.0.producer().flush(LONG).expect("sent");
    let mut source = broker.source(&folder(), json!({"end": "latest", "tombstones": "ignore"}));
    let mut seen = Seen::default();
    source.connect(&Checkpoint::new()).await.expect("connected");
    read_to_end(&mut source, &mut seen).await;
    source.close().await.expect("closed");
    seen.assert_once(0..1);
    assert_eq!(seen.rejected, [(Vec::new(), 2)], "an empty value is a value");
    assert_eq!(seen.ends["in/t/0"], 4, "what is passed over counts as read");
}

#[tokio::test]
async fn a_topic_that_may_not_be_read_is_given_up_and_the_others_go_on() {
    let broker = Broker::new(&[("closed", 2), ("open", 1)]);
    broker.send_numbers("closed", 0, 900..910);
    broker.send_numbers("open", 0, 0..100);
    let mut source = broker.source(&folder(), json!({"topics": ["closed", "open"], "end": "latest"}));
    source.connect(&Checkpoint::new()).await.expect("connected");
    let rejected = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    broker.0.cluster().topic_error("closed", rejected).expect("an error from now on");
    let (mut seen, mut given_up) = (Seen::default(), Vec::new());
    loop {
        match tokio::time::timeout(LONG, source.next()).await.expect("in time") {
            Ok(Some(batch)) => drop(seen.add(&batch)),
            Ok(None) => break,
            Err(error) => {
                assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Auth, false), "{error}");
                given_up.push(without_id(error.given_up().expect("a split").as_str()));
            }
        }
    }
    source.close().await.expect("closed");
    seen.assert_once(0..100);
    given_up.sort();
    assert_eq!(given_up, ["in/closed/0", "in/closed/1"]);
}

/// Fails the next heartbeat.
fn fence(broker: &Broker) {
    let fenced = RDKafkaRespErr::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
    broker.0.cluster().request_errors(RDKafkaApiKey::Heartbeat, &[fenced]);
}

#[tokio::test]
async fn a_member_that_is_taken_for_its_former_self_joins_anew_once_and_loses_nothing() {
    let broker = Broker::new(&[("t", 2)]);
    broker.send_numbers("t", 0, 0..1_000);
    broker.send_numbers("t", 1, 1_000..2_000);
    let mut source = broker.source(&folder(), json!({}));
    let mut seen = Seen::default();
    source.connect(&Checkpoint::new()).await.expect("connected");
    for all in [2_000, 3_000] {
        while seen.times.len() < all {
            let next = tokio::time::timeout(LONG, source.next()).await.expect("in time");
            let settled = seen.add(&next.expect("it goes on").expect("no end"));
            source.settle(&settled).await.expect("taken note of");
        }
        fence(&broker);
        if all == 2_000 {
            // Heartbeats are a second apart. Nothing is under way meanwhile, which might be read twice.
            tokio::time::sleep(Duration::from_secs(3)).await;
            broker.send_numbers("t", 0, 2_000..2_500);
            broker.send_numbers("t", 1, 2_500..3_000);
        }
    }
    seen.assert_once(0..3_000);
    let error = tokio::time::timeout(LONG, source.next()).await.expect("in time").expect_err("twice");
    assert!(!error.is_transient() && error.to_string().contains("the same member id"), "{error}");
    source.close().await.ok();
}

#[tokio::test]
async fn a_group_that_goes_on_without_a_member_that_ends_is_no_fault_of_its_end() {
    for (code, is_fault) in [
        (RDKafkaRespErr::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, false),
        (RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, false),
        (RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, true),
    ] {
        let broker = Broker::new(&[("t", 1)]);
        broker.send_numbers("t", 0, 0..100);
        let mut source = broker.source(&folder(), json!({}));
        let mut seen = Seen::default();
        source.connect(&Checkpoint::new()).await.expect("connected");
        // Each commit from now on, also those that are tried again.
        broker.0.cluster().request_errors(RDKafkaApiKey::OffsetCommit, &[code; 10_000]);
        while seen.times.len() < 100 {
            let next = tokio::time::timeout(LONG, source.next()).await.expect("in time");
            let settled = seen.add(&next.expect("it goes on").expect("no end"));
            source.settle(&settled).await.expect("taken note of");
        }
        let closed = tokio::time::timeout(LONG, source.close()).await.expect("in time");
        assert_eq!(closed.is_err(), is_fault, "{code:?}: {closed:?}");
    }
}

#[tokio::test]
async fn what_a_commit_under_way_at_the_end_was_to_commit_is_committed_though_it_is_rejected() {
    let broker = Broker::new(&[("t", 1)]);
    broker.send_numbers("t", 0, 0..100);
    let mut source = broker.source(&folder(), json!({}));
    let mut seen = Seen::default();
    source.connect(&Checkpoint::new()).await.expect("connected");
    let mut settled = Vec::new();
    while seen.times.len() < 100 {
        let next = tokio::time::timeout(LONG, source.next()).await.expect("in time");
        settled = seen.add(&next.expect("it goes on").expect("no end"));
    }
    let cluster = broker.0.cluster();
    let changing = RDKafkaRespErr::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
    cluster.request_errors(RDKafkaApiKey::OffsetCommit, &[changing]);
    cluster.broker_round_trip_time(1, Duration::from_secs(2)).expect("slow answers");
    source.settle(&settled).await.expect("taken note of");
    // A commit is made each half second: the end finds one whose answer has not come.
    tokio::time::sleep(Duration::from_secs(1)).await;
    source.close().await.expect("closed");
    cluster.broker_round_trip_time(1, Duration::ZERO).expect("fast answers");
    let splits = source.splits(&Checkpoint::new()).await.expect("an answer");
    assert_eq!(splits[0].committed, Some(100));
}
