//! The `iotdb` sink against a store in memory.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use levada_connector_api::{
    Batch, BuildContext, ErrorKind, Interval, Rejection, Result, Secret, Sink, SinkType, StoreTarget,
    model::{Compressor, DataType, Encoding, Path, StatusCode},
};
use levada_sink::iotdb::{Iotdb, IotdbOptions, IotdbSink};
use levada_testkit::{BadRows, Fault, Row, SimulatedStore, SinkHarness, Trouble, numbered, sink_contract};
use serde_json::{Value, json};

struct Harness {
    options: Value,
    make: fn() -> SimulatedStore,
    store: SimulatedStore,
}

impl Harness {
    fn new(options: Value, make: fn() -> SimulatedStore) -> Self {
        Self { options, make, store: make() }
    }
}

fn built(options: Value, store: &SimulatedStore) -> Arc<IotdbSink> {
    let options: IotdbOptions = serde_json::from_value(options).expect("well formed");
    let context = BuildContext { stores: Arc::new(store.clone()), ..BuildContext::new("plant", "store") };
    Arc::new(IotdbSink::new(options, &context).expect("options without problems"))
}

#[async_trait]
impl SinkHarness for Harness {
    async fn fresh(&mut self) {
        self.store = (self.make)();
    }

    fn sink(&mut self) -> Arc<dyn Sink> {
        built(self.options.clone(), &self.store)
    }

    async fn stored(&mut self) -> Option<Vec<Row>> {
        Some(self.store.rows())
    }

    fn trouble(&mut self, trouble: Trouble) -> bool {
        match trouble {
            Trouble::Fails => self.store.fail(StatusCode::NOT_READY),
            Trouble::Stalls => self.store.stall(),
        }
        true
    }

    fn heal(&mut self) {
        self.store.heal();
    }

    fn bad_rows(&mut self) -> Option<BadRows> {
        self.store =
            (self.make)().rejecting(|_, time| (time >= 100 && time % 5 == 3).then(|| "too old".to_owned()));
        let batch = numbered("bad", 100..120, 3);
        let rejected = batch.readings.iter().enumerate().flat_map(|(index, readings)| {
            let times: Vec<_> = readings.tablet.times().values().to_vec();
            (0u32..).zip(times).filter(|(_, time)| time % 5 == 3).map(move |(row, _)| (index, row))
        });
        Some(BadRows { rejected: rejected.collect(), batch: batch.clone() })
    }
}

#[tokio::test(start_paused = true)]
async fn the_embedded_store_passes_the_contract() {
    sink_contract(&mut Harness::new(json!({"embedded": "data"}), SimulatedStore::embedded)).await;
    let options = json!({"embedded": "data", "sessions": 1, "aligned": true, "database": "root.contract"});
    sink_contract(&mut Harness::new(options, SimulatedStore::embedded)).await;
}

#[tokio::test(start_paused = true)]
async fn a_remote_store_passes_the_contract() {
    let options = json!({"nodes": ["h:6667"], "sessions": 4, "database": "root.contract"});
    sink_contract(&mut Harness::new(options, SimulatedStore::remote)).await;
}

fn renamed(batch: Batch, device: &str) -> Batch {
    let device = Path::parse(device).expect("legal");
    let mut batch = batch;
    for readings in &mut batch.readings {
        readings.tablet = readings.tablet.clone().with_device(device.clone());
    }
    batch
}

#[tokio::test]
async fn database_and_series_are_created_first() -> Result<()> {
    let store = SimulatedStore::remote();
    let options = json!({
        "nodes": ["h:6667"], "user": "me", "password": "secret", "database": "root.plant", "sessions": 2,
        "timeout": "5s",
        "timeseries": [
            {"path": "root.plant.d1.n", "type": "INT64", "encoding": "RLE", "compression": "SNAPPY"},
            {"path": "d1.temperature", "type": "FLOAT"},
        ],
    });
    for _ in 0..2 {
        let sink = built(options.clone(), &store);
        sink.connect().await?;
        sink.write(&renamed(numbered("s", 0..7, 1), "d1")).await?;
        sink.close().await?;
    }
    assert_eq!(store.databases(), ["root.plant"]);
    let schema =
        |measurement| store.schema("root.plant.d1", measurement).map(|(schema, _)| schema).expect("there");
    assert_eq!(
        (schema("n").data_type, schema("n").encoding, schema("n").compressor),
        (DataType::Int64, Encoding::Rle, Compressor::Snappy)
    );
    assert_eq!(
        (schema("temperature").data_type, schema("temperature").encoding),
        (DataType::Float, Encoding::Gorilla)
    );
    assert_eq!(store.rows().len(), 7);
    let target = StoreTarget::Nodes {
        nodes: vec!["h:6667".to_owned()],
        user: "me".to_owned(),
        password: Secret::new("secret"),
        sessions: 2,
        timeout: Some(Interval(Duration::from_secs(5))),
        zone: None,
        tls: None,
        fetch_size: None,
    };
    assert_eq!(store.opened(), vec![target; 2]);
    assert_eq!(store.open_sessions(), 0);
    Ok(())
}

#[tokio::test]
async fn a_series_of_another_type_is_an_error_that_says_both() {
    let store = SimulatedStore::embedded();
    let options = |data_type: &str| json!({"embedded": "data", "timeseries": [{"path": "root.plant.d1.n", "type": data_type}]});
    built(options("INT64"), &store).connect().await.expect("created");
    let error = built(options("DOUBLE"), &store).connect().await.expect_err("another type");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(
        error.to_string(),
        "series root.plant.d1.n exists with the type INT64, but `timeseries` says DOUBLE"
    );
}

#[tokio::test]
async fn a_database_above_another_is_an_error_and_one_below_is_fine() {
    let store = SimulatedStore::embedded();
    let of = |database: &str| built(json!({"embedded": "data", "database": database}), &store);
    of("root.plant.hall").connect().await.expect("created");
    of("root.plant.hall.east").connect().await.expect("it lies within one");
    let error = of("root.plant").connect().await.expect_err("a conflict");
    assert!(!error.is_transient());
    assert!(error.to_string().contains("database: root.plant"), "{error}");
}

#[tokio::test]
async fn who_may_not_create_databases_writes_into_one_that_exists() -> Result<()> {
    let store = SimulatedStore::remote();
    let options = json!({"nodes": ["h:6667"], "database": "root.plant"});
    built(options.clone(), &store).connect().await?;
    store.fail_databases(StatusCode::NO_PERMISSION);
    let sink = built(options.clone(), &store);
    sink.connect().await?;
    sink.write(&renamed(numbered("s", 0..7, 1), "d1")).await?;
    assert_eq!((store.databases(), store.rows().len()), (vec!["root.plant".to_owned()], 7));
    // All else that keeps a database from being created is an error, as before.
    store.fail_databases(StatusCode::DATABASE_CONFLICT);
    let error = built(options, &store).connect().await.expect_err("no database");
    assert!(error.to_string().contains("database: root.plant"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_device_without_root_needs_a_database() -> Result<()> {
    let store = SimulatedStore::embedded();
    let sink = built(json!({"embedded": "data"}), &store);
    sink.connect().await?;
    let mut batch = renamed(numbered("s", 0..7, 1), "d1");
    batch.append(numbered("s", 7..14, 1));
    let delivery = sink.write(&batch).await?;
    let error = "device `d1` does not start with `root`, and there is no `database` to put it under";
    assert_eq!(delivery.rejected, [Rejection { readings: 0, rows: None, error: error.to_owned() }]);
    assert_eq!(store.rows().len(), 7);
    assert_eq!(sink.checkpoint().await?.get(&"s".into()), Some(&14));
    Ok(())
}

#[tokio::test]
async fn a_batch_without_rows_still_stores_its_positions() -> Result<()> {
    let store = SimulatedStore::embedded();
    let sink = built(json!({"embedded": "data"}), &store);
    sink.connect().await?;
    let batch = Batch { readings: Vec::new(), ..numbered("s", 3..9, 1) };
    sink.write(&batch).await?;
    assert_eq!(store.stored("plant/store").get(&"s".into()), Some(&9));
    Ok(())
}

#[tokio::test]
async fn values_that_do_not_fit_are_rejected_with_their_reason() -> Result<()> {
    let store = SimulatedStore::embedded();
    let options = json!({
        "embedded": "data",
        "timeseries": [{"path": "root.contract.d0.temperature", "type": "INT32"}],
    });
    let sink = built(options, &store);
    sink.connect().await?;
    // Halves of odd numbers are no whole numbers; 6 has none.
    let delivery = sink.write(&numbered("s", 0..8, 1)).await?;
    assert_eq!(delivery.rejected.len(), 1);
    assert_eq!(delivery.rejected[0].rows, Some(vec![1, 3, 5, 7]));
    assert!(delivery.rejected[0].error.starts_with("temperature: "), "{}", delivery.rejected[0].error);
    assert_eq!(store.values("root.contract.d0", "temperature").len(), 3);
    assert_eq!(store.values("root.contract.d0", "n").len(), 8);
    Ok(())
}

#[tokio::test]
async fn a_lost_answer_is_made_good_by_writing_again() -> Result<()> {
    let store = SimulatedStore::embedded();
    let sink = built(json!({"embedded": "data"}), &store);
    sink.connect().await?;
    store.fail_next_write(StatusCode::WRITE_PROCESS_REJECT, true);
    let batch = numbered("s", 0..8, 2);
    assert!(sink.write(&batch).await.expect_err("the answer is lost").is_transient());
    sink.write(&batch).await?;
    assert_eq!((store.rows().len(), store.arrivals().len()), (8, 16));
    Ok(())
}

#[tokio::test]
async fn an_error_that_stays_is_not_tried_again() -> Result<()> {
    let store = SimulatedStore::remote();
    let sink = built(json!({"nodes": ["h:6667"]}), &store);
    sink.connect().await?;
    store.fail_next_write(StatusCode::NO_PERMISSION, false);
    let error = sink.write(&numbered("s", 0..8, 2)).await.expect_err("rejected");
    assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Auth, false));
    assert!(error.to_string().contains("store: h:6667"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_session_that_was_lost_is_opened_again() -> Result<()> {
    let store = SimulatedStore::remote();
    let sink = built(json!({"nodes": ["h:6667"], "sessions": 1}), &store);
    sink.connect().await?;
    store.fail_next_write(StatusCode::NOT_LOGIN, false);
    let batch = numbered("s", 0..8, 2);
    let error = sink.write(&batch).await.expect_err("the session is gone");
    assert!(error.is_transient(), "{error}");
    store.fail_next_open(Fault::transient("no node answers"));
    assert!(sink.write(&batch).await.expect_err("no node answers").is_transient());
    sink.write(&batch).await?;
    assert_eq!(store.opened().len(), 3);
    Ok(())
}

#[tokio::test]
async fn one_session_takes_all_writes() -> Result<()> {
    let (remote, embedded) = (SimulatedStore::remote(), SimulatedStore::embedded());
    let sink = built(json!({"nodes": ["h:6667"]}), &remote);
    sink.connect().await?;
    assert_eq!((remote.open_sessions(), sink.capabilities().max_in_flight), (1, 3));
    let sink = built(json!({"embedded": "data"}), &embedded);
    sink.connect().await?;
    assert_eq!((embedded.open_sessions(), sink.capabilities().max_in_flight), (1, 3));
    Ok(())
}

#[tokio::test]
async fn embedded_writes_arrive_in_the_order_in_which_they_were_begun() -> Result<()> {
    let store = SimulatedStore::embedded();
    let sink = built(json!({"embedded": "data", "sessions": 8}), &store);
    sink.connect().await?;
    let batches: Vec<_> = (0..8).map(|batch| numbered("s", batch * 10..(batch + 1) * 10, 1)).collect();
    futures::future::try_join_all(batches.iter().map(|batch| sink.write(batch))).await?;
    let times: Vec<_> = store.arrivals().into_iter().map(|row| row.time).collect();
    assert_eq!(times, (0..80).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn a_timeout_is_for_nodes_and_longer_than_nothing() {
    let problems = |options| {
        let options: IotdbOptions = serde_json::from_value(options).expect("well formed");
        Iotdb::check(&options).into_iter().map(|problem| problem.path).collect::<Vec<_>>()
    };
    assert_eq!(problems(json!({"embedded": "data", "timeout": "5s"})), ["timeout"]);
    assert_eq!(problems(json!({"nodes": ["h:6667"], "timeout": "0s"})), ["timeout"]);
    assert!(problems(json!({"nodes": ["h:6667"], "timeout": "5s"})).is_empty());
}

#[test]
fn options_that_cannot_work_are_rejected_by_name() {
    let options = json!({"nodes": ["h:6667"], "database": "plant"});
    let options: IotdbOptions = serde_json::from_value(options).expect("well formed");
    let paths: BTreeSet<_> = Iotdb::check(&options).into_iter().map(|problem| problem.path).collect();
    assert_eq!(paths, BTreeSet::from(["database".to_owned()]));
    let error = IotdbSink::new(options, &BuildContext::new("p", "n")).expect_err("rejected");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("option: database"), "{error}");
}
