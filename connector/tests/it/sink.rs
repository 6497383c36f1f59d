//! What the sink promises.

use std::{sync::Arc, time::Duration};

use levada_connector::{
    Event, IotdbSink, Result, TimeseriesOption,
    model::{DataType, Session, Value},
};

use crate::server::Served;

/// An item: device, time, value.
type Item = (&'static str, i64, f64);

fn event((device, time, value): Item) -> Result<Option<Event>> {
    Ok((!value.is_nan()).then(|| Event::new(device, time).with("s", Value::Double(value))))
}

const COUNT: &str = "select count(s) from root.a.d1";

#[tokio::test(flavor = "multi_thread")]
async fn each_row_is_stored_when_send_returns_unless_batches_are_asked_for() {
    let served = Served::new().await;
    let builder = || IotdbSink::builder().nodes([&served.address]);
    let single = builder().open(event).await.expect("connected");
    assert_eq!(single.send(("root.a.d1", 1, 0.5)).await.expect("stored"), []);
    assert_eq!(served.values(COUNT).await, [Value::Int64(1)]);
    assert_eq!(single.send(("root.a.d1", 2, f64::NAN)).await.expect("left out"), []);
    single.close().await.expect("closed");
    let batches = builder().batch_size(3).open(event).await.expect("connected");
    for time in 2..4 {
        batches.send(("root.a.d1", time, 0.5)).await.expect("taken");
    }
    assert_eq!((served.values(COUNT).await, batches.waiting().await), (vec![Value::Int64(1)], 2));
    batches.send(("root.a.d1", 4, 0.5)).await.expect("stored");
    assert_eq!((served.values(COUNT).await, batches.waiting().await), (vec![Value::Int64(4)], 0));
    batches.send(("root.a.d1", 5, 0.5)).await.expect("taken");
    batches.close().await.expect("closed");
    assert_eq!(served.values(COUNT).await, [Value::Int64(5)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_rejected_come_back_and_hold_up_no_others() {
    let served = Served::new().await;
    let flag = TimeseriesOption {
        path: "d1.flag".parse().expect("legal"),
        data_type: DataType::Boolean,
        encoding: None,
        compression: None,
    };
    let builder = IotdbSink::builder().nodes([&served.address]).database("root.a").timeseries(flag);
    let sink =
        builder.batch_size(10).parallelism(3).open(|event: Event| Ok(Some(event))).await.expect("connected");
    let good = Event::new("d1", 1).with("flag", Value::Boolean(true));
    let unfit = Event::new("d1", 2).with("flag", Value::Double(12.5));
    let nothing = Event::new("d1", 3);
    let nobody = Event::new("d..1", 4).with("flag", Value::Boolean(true));
    for event in [&unfit, &good, &nothing, &nobody] {
        sink.send(event.clone()).await.expect("taken");
    }
    let mut rejected = sink.flush().await.expect("written");
    rejected.sort_by_key(|each| each.event.timestamp);
    let events: Vec<_> = rejected.iter().map(|each| each.event.clone()).collect();
    assert_eq!(events, [unfit, nothing, nobody], "{rejected:?}");
    assert!(rejected[0].reason.contains("BOOLEAN"), "{rejected:?}");
    assert_eq!(served.values("select flag from root.a.d1").await, [Value::Boolean(true)]);
    assert_eq!(sink.close().await.expect("closed"), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_written_waits_and_is_written_when_the_server_is_back() {
    let mut served = Served::new().await;
    let builder = IotdbSink::builder().nodes([&served.address]).timeout(Duration::from_secs(5));
    let sink = builder.batch_size(3).open(event).await.expect("connected");
    sink.send(("root.a.d1", 1, 0.5)).await.expect("taken");
    sink.send(("root.a.d1", 2, 0.5)).await.expect("taken");
    served.stop().await;
    sink.flush().await.expect_err("nobody is there");
    let error = sink.send(("root.a.d1", 3, 0.5)).await.expect_err("nobody is there");
    assert!(error.is_transient(), "{error}");
    assert_eq!(sink.waiting().await, 2, "the last was not taken");
    served.start().await;
    let mut written = sink.send(("root.a.d1", 3, 0.5)).await;
    while written.as_ref().is_err_and(levada_connector::Error::is_transient) {
        written = sink.send(("root.a.d1", 3, 0.5)).await;
    }
    written.expect("written");
    assert_eq!(served.values(COUNT).await, [Value::Int64(3)]);
    served.stop().await;
    sink.send(("root.a.d1", 4, 0.5)).await.expect("taken");
    let error = sink.close().await.expect_err("nobody is there");
    assert!(error.to_string().contains("rows_lost: 1"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn rows_are_written_after_the_interval_and_keep_their_order() {
    let served = Served::new().await;
    let session = Arc::clone(&served.session) as Arc<dyn Session>;
    let builder = IotdbSink::builder().session(session).flush_interval(Duration::from_secs(3));
    let sink = builder.batch_size(1_000).parallelism(4).open(event).await.expect("connected");
    for number in 0..50 {
        // A row of the same time takes the place of the one before.
        sink.send(("root.a.d1", 7, f64::from(number))).await.expect("taken");
        sink.send(("root.a.d2", 7, f64::from(number))).await.expect("taken");
    }
    assert_eq!(sink.waiting().await, 100);
    tokio::time::sleep(Duration::from_secs(5)).await;
    while sink.waiting().await > 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for device in ["d1", "d2"] {
        assert_eq!(served.values(&format!("select s from root.a.{device}")).await, [Value::Double(49.0)]);
    }
    assert!(sink.trouble().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn options_that_cannot_work_are_told_before_anybody_is_asked() {
    let open = |builder: levada_connector::IotdbSinkBuilder| async move {
        builder.open(event).await.expect_err("it cannot work").to_string()
    };
    let told = open(IotdbSink::builder().nodes(["nowhere"])).await;
    assert!(told.contains("nodes[0]"), "{told}");
    let told = open(IotdbSink::builder().database("root")).await;
    assert!(told.contains("is no database"), "{told}");
    let told = open(IotdbSink::builder().session_pool_size(0)).await;
    assert!(told.contains("is not from 1 to 64"), "{told}");
}
