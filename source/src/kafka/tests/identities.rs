//! Positions belong to topics, not to their names.

use levada_connector_api::model::SplitName;
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer},
    types::RDKafkaApiKey,
};

use super::*;

const OTHER: &str = "b8tRS7h4TJ2Vt43Dp85v2A";

/// Commits an offset as another process of the group would have.
fn commit(broker: &Broker, (topic, partition): (&str, i32), offset: i64, metadata: &str) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker.0.address())
        .set("group.id", "g")
        .create()
        .expect("a consumer");
    let mut list = TopicPartitionList::new();
    let mut each = list.add_partition(topic, partition);
    each.set_offset(Offset::Offset(offset)).expect("an offset");
    each.set_metadata(metadata);
    consumer.commit(&list, CommitMode::Sync).expect("committed");
}

async fn numbers(broker: &Broker, stored: &Checkpoint, options: serde_json::Value) -> Result<Vec<u64>> {
    let mut source = broker.source(&folder(), options);
    let mut seen = Seen::default();
    source.connect(stored).await?;
    let mut outcome = Ok(());
    loop {
        match tokio::time::timeout(LONG, source.next()).await.expect("in time") {
            Ok(Some(batch)) => drop(seen.add(&batch)),
            Ok(None) => break,
            Err(error) => {
                outcome = Err(error);
                break;
            }
        }
    }
    source.close().await?;
    outcome.map(|()| seen.times.into_keys().collect())
}

#[tokio::test]
async fn a_topic_made_anew_is_an_error_or_read_from_its_start() {
    // The old one was longer, as long, and shorter.
    tokio::join!(made_anew(10_000), made_anew(10), made_anew(4));
}

async fn made_anew(stored: u64) {
    let broker = Broker::new(&[("t", 1)]);
    broker.send_numbers("t", 0, 0..10);
    let stored = Checkpoint::from([(SplitName::new(format!("in/t@{OTHER}/0")), stored)]);
    let error = numbers(&broker, &stored, json!({"end": "latest"})).await.expect_err("another topic");
    assert!(error.message().contains("was deleted and made anew") && error.message().contains(OTHER));
    assert!(!error.is_transient());
    for start in ["earliest", "latest"] {
        let options = json!({"end": "latest", "recreated": "earliest", "start": start});
        let read = numbers(&broker, &stored, options).await.expect("read");
        assert_eq!(read, (0..10).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn an_offset_committed_of_a_topic_made_anew_counts_for_nothing() {
    let broker = Broker::new(&[("t", 1)]);
    broker.send_numbers("t", 0, 0..10);
    commit(&broker, ("t", 0), 7, &format!("levada topic={OTHER} partitions=1"));
    let error =
        numbers(&broker, &Checkpoint::new(), json!({"end": "latest"})).await.expect_err("another topic");
    assert!(error.message().contains("was deleted and made anew"), "{error}");
    let options = json!({"end": "latest", "recreated": "earliest"});
    assert_eq!(numbers(&broker, &Checkpoint::new(), options).await.expect("read").len(), 10);
}

#[tokio::test]
async fn an_offset_that_another_program_committed_counts() {
    let broker = Broker::new(&[("t", 1)]);
    broker.send_numbers("t", 0, 0..10);
    commit(&broker, ("t", 0), 7, "");
    let read = numbers(&broker, &Checkpoint::new(), json!({"end": "latest"})).await.expect("read");
    assert_eq!(read, [7, 8, 9]);
}

#[tokio::test]
async fn a_partition_that_was_added_since_the_last_commit_is_read_from_its_beginning() {
    let broker = Broker::new(&[("t", 3)]);
    for partition in 0..3 {
        let from = partition as u64 * 10;
        broker.send_numbers("t", partition, from..from + 10);
    }
    let id = own_id(&broker).await;
    // The topic had two partitions then. Of the second nothing was committed, and yet it was there.
    commit(&broker, ("t", 0), 8, &format!("levada topic={id} partitions=2"));
    let options = json!({"end": "latest", "start": "latest"});
    let read = numbers(&broker, &Checkpoint::new(), options).await.expect("read");
    assert_eq!(read, (8..10).chain(20..30).collect::<Vec<_>>());
    let options = json!({"end": "latest", "start": "latest", "group": "without-a-past"});
    assert_eq!(numbers(&broker, &Checkpoint::new(), options).await.expect("read"), Vec::<u64>::new());
}

#[tokio::test]
async fn a_broker_that_gives_topics_no_ids_is_read_by_their_names() {
    let broker = Broker::new(&[("t", 1)]);
    // As Kafka before 2.8.
    for (api, newest) in [(RDKafkaApiKey::Metadata, 9), (RDKafkaApiKey::Fetch, 11)] {
        broker.0.cluster().apiversion(api, Some(0), Some(newest)).expect("versions there are");
    }
    broker.send_numbers("t", 0, 0..10);
    let mut source = broker.source(&folder(), json!({"end": "latest"}));
    source.connect(&Checkpoint::new()).await.expect("connected");
    let mut seen = Seen::default();
    read_to_end(&mut source, &mut seen).await;
    source.close().await.expect("closed");
    seen.assert_once(0..10);
    assert_eq!(seen.splits["in/t/0"].as_str(), "in/t/0");
    // Positions of a time with ids, and those of the group, count as they are.
    broker.send_numbers("t", 0, 10..30);
    let stored = Checkpoint::from([(SplitName::new(format!("in/t@{OTHER}/0")), 20)]);
    let read = numbers(&broker, &stored, json!({"end": "latest"})).await.expect("read");
    assert_eq!(read, (20..30).collect::<Vec<_>>());
}

/// The id of the topic, as a split's name has it.
async fn own_id(broker: &Broker) -> String {
    let mut source = broker.source(&folder(), json!({"end": "latest", "group": "asks"}));
    source.connect(&Checkpoint::new()).await.expect("connected");
    let mut seen = Seen::default();
    read_to_end(&mut source, &mut seen).await;
    source.close().await.expect("closed");
    let split = seen.splits["in/t/0"].to_string();
    let (_, id) = split.split_once('@').expect("an id");
    id.trim_end_matches("/0").to_owned()
}

/// Positions by split.
type Positions<'a> = &'a [(&'a SplitName, u64)];

/// Reads a topic of one partition to its end, settles up to a position, and gives what was read and what is committed after it.
async fn go_on(
    broker: &Broker,
    folder: &TempDir,
    (stored, limits): (Positions<'_>, Positions<'_>),
    settle: Option<u64>,
) -> (Vec<u64>, Option<u64>) {
    let checkpoint = |all: &[(&SplitName, u64)]| all.iter().map(|&(split, at)| (split.clone(), at)).collect();
    let mut source = broker.source(folder, json!({"end": "latest"}));
    let mut seen = Seen::default();
    source.limit(&checkpoint(limits));
    source.connect(&checkpoint(stored)).await.expect("connected");
    while let Some(batch) =
        tokio::time::timeout(LONG, source.next()).await.expect("in time").expect("a batch")
    {
        seen.add(&batch);
        if let Some(position) = settle {
            let split = seen.splits["in/t/0"].clone();
            source.settle(&[SplitPosition { split, position }]).await.expect("taken note of");
        }
    }
    source.close().await.expect("closed");
    let splits = source.splits(&checkpoint(stored)).await.expect("an answer");
    (seen.times.into_keys().collect(), splits[0].committed)
}

#[tokio::test]
async fn a_sink_that_has_less_than_was_committed_gets_it_again_and_nothing_is_committed_backwards() {
    let broker = Broker::new(&[("t", 1)]);
    broker.send_numbers("t", 0, 0..1_000);
    let split = SplitName::new(format!("in/t@{}/0", own_id(&broker).await));
    let folder = folder();
    let all: Vec<_> = (0..1_000).collect();
    assert_eq!(go_on(&broker, &folder, (&[], &[]), Some(1_000)).await, (all.clone(), Some(1_000)));
    // The data folder comes from a backup; what is read again is not settled at once.
    for settle in [None, Some(500), Some(1_000)] {
        let read = go_on(&broker, &folder, (&[(&split, 300)], &[]), settle).await;
        assert_eq!(read, (all[300..].to_vec(), Some(1_000)));
    }
    // Beside it is a sink that stores no positions.
    let read = go_on(&broker, &folder, (&[], &[(&split, 400)]), Some(1_000)).await;
    assert_eq!(read, (all[400..].to_vec(), Some(1_000)));
    // Nothing is left of the state folder.
    let read = go_on(&broker, &super::folder(), (&[(&split, 300)], &[]), None).await;
    assert_eq!(read, (all[300..].to_vec(), Some(1_000)));
    // What comes then is committed.
    broker.send_numbers("t", 0, 1_000..1_010);
    let read = go_on(&broker, &folder, (&[(&split, 900)], &[]), Some(1_010)).await;
    assert_eq!(read, ((900..1_010).collect(), Some(1_010)));
}

#[tokio::test]
async fn a_partition_that_another_member_had_since_is_read_from_where_that_one_stopped() {
    // Of the second commit it is not known who made it.
    for (by, from) in [(" by=another", 70), ("", 30)] {
        let broker = Broker::new(&[("t", 1)]);
        broker.send_numbers("t", 0, 0..100);
        let id = own_id(&broker).await;
        let (split, folder) = (SplitName::new(format!("in/t@{id}/0")), folder());
        instance::id(folder.path(), "p", "in").expect("an id");
        commit(&broker, ("t", 0), 70, &format!("levada topic={id} partitions=1{by}"));
        let read = go_on(&broker, &folder, (&[(&split, 30)], &[]), None).await;
        assert_eq!(read, ((from..100).collect(), Some(70)));
    }
}

#[tokio::test]
async fn a_topic_that_appears_during_the_run_is_read_from_its_beginning() {
    let broker = Broker::new(&[("a-1", 1)]);
    broker.send_numbers("a-1", 0, 0..10);
    let options = json!({
        "topics": "^a-.*", "start": "latest", "properties": {"topic.metadata.refresh.interval.ms": 200},
    });
    let mut source = broker.source(&folder(), options);
    source.connect(&Checkpoint::new()).await.expect("connected");
    tokio::time::timeout(Duration::from_secs(5), source.next()).await.expect_err("nothing to read");
    broker.0.cluster().create_topic("a-2", 1, 1).expect("a topic");
    broker.send_numbers("a-2", 0, 10..20);
    let mut seen = Seen::default();
    while seen.times.len() < 10 {
        let batch = tokio::time::timeout(LONG, source.next()).await.expect("in time").expect("a batch");
        seen.add(&batch.expect("no end"));
    }
    source.close().await.expect("closed");
    seen.assert_once(10..20);
}
