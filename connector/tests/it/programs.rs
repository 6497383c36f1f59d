//! The programs in `examples/` do what they say.

use std::{sync::Arc, time::Duration};

use levada_connector::model::Value;
use parking_lot::Mutex;

use crate::{query_source, sensor_sink, server::Served};

#[tokio::test(flavor = "multi_thread")]
async fn a_sensor_is_stored_reading_by_reading() {
    let served = Served::new().await;
    sensor_sink::run(&served.address, 25, Duration::from_millis(2)).await.expect("it runs");
    assert_eq!(served.values("select count(s1) from root.sg.d1").await, [Value::Int64(25)]);
    let encodings = served.values("show timeseries root.sg.d1.s1").await;
    assert_eq!(encodings, [Value::Text("root.sg.d1.s1".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_printed_by_two() {
    let served = Served::new().await;
    query_source::prepare(&served.address).await.expect("prepared");
    let printed = Arc::new(Mutex::new(Vec::new()));
    let print = Arc::clone(&printed);
    let lines = move |_, row: &levada_connector::Row| print.lock().push(row.to_string());
    query_source::print(&served.address, lines).await.expect("it runs");
    let mut printed = printed.lock().clone();
    printed.sort_by_key(|line| line.split('\t').next().and_then(|time| time.parse::<i64>().ok()));
    assert_eq!(printed.len(), 100);
    assert_eq!((printed[0].as_str(), printed[99].as_str()), ("0\troot.sg1.d1\t1", "99\troot.sg1.d1\t1"));
}
