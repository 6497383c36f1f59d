//! Rows through a pool, there and back; order; permits.

use std::{sync::Arc, time::Duration};

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray,
};
use futures::{StreamExt, TryStreamExt};
use levada_model::{Column, DataType, Outcome, Path, Session, StatusCode, Tablet, Value, Write};
use levada_rpc::{ClientOptions, Pool, PoolOptions};

use crate::server::{Server, Trouble};

pub(crate) fn options(servers: &[&Server]) -> PoolOptions {
    let nodes = servers.iter().map(|server| server.address.clone()).collect();
    let client = ClientOptions { fetch_size: 3, ..ClientOptions::default() };
    PoolOptions { left_out: Duration::ZERO, patience: Duration::ZERO, ..PoolOptions::new(nodes, client) }
}

pub(crate) fn pool(servers: &[&Server]) -> Pool {
    Pool::new(options(servers))
}

pub(crate) fn tablet(device: &str, times: Vec<i64>, columns: Vec<(&str, DataType, ArrayRef)>) -> Tablet {
    let columns =
        columns.into_iter().map(|(name, data_type, values)| Column { name: name.into(), data_type, values });
    let device = Path::parse(device).expect("legal");
    Tablet::try_new(device, false, Int64Array::from(times), columns.collect()).expect("fits")
}

pub(crate) fn numbers(device: &str, from: i64, count: i64) -> Tablet {
    let times: Vec<_> = (from..from + count).collect();
    tablet(device, times.clone(), vec![("n", DataType::Int64, Arc::new(Int64Array::from(times)))])
}

pub(crate) fn write(tablets: Vec<Tablet>) -> Write {
    Write { tablets, coerce: true, ..Write::default() }
}

fn every_type() -> Vec<(&'static str, DataType, ArrayRef)> {
    vec![
        ("b", DataType::Boolean, Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("i", DataType::Int32, Arc::new(Int32Array::from(vec![Some(i32::MIN), None]))),
        ("l", DataType::Int64, Arc::new(Int64Array::from(vec![Some(i64::MAX), None]))),
        ("f", DataType::Float, Arc::new(Float32Array::from(vec![Some(f32::NAN), None]))),
        ("d", DataType::Double, Arc::new(Float64Array::from(vec![Some(-0.0), None]))),
        ("t", DataType::Text, Arc::new(StringArray::from(vec![Some("ä\n'\""), None]))),
        ("s", DataType::String, Arc::new(StringArray::from(vec![Some(""), None]))),
        ("ts", DataType::Timestamp, Arc::new(Int64Array::from(vec![Some(-1), None]))),
        ("dt", DataType::Date, Arc::new(Int32Array::from(vec![Some(20_240_229), None]))),
        ("bl", DataType::Blob, Arc::new(BinaryArray::from(vec![Some(&[0, 255][..]), None]))),
    ]
}

async fn rows(pool: &Pool, sql: &str) -> Vec<RecordBatch> {
    let rows = pool.query(sql).await.expect("a query");
    rows.batches.try_collect().await.expect("rows")
}

#[tokio::test]
async fn every_type_comes_back_as_it_was_written() {
    for compact in [false, true] {
        let server = Server::start().await;
        let mut options = options(&[&server]);
        options.client.compact = compact;
        let pool = Pool::new(options);
        let report = pool.insert_tablets(write(vec![tablet("root.d", vec![1, 2], every_type())])).await;
        assert!(report.expect("written").rejected.is_empty());
        for (name, data_type, values) in every_type() {
            let batches = rows(&pool, &format!("select {name} from root.d")).await;
            assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 1, "nulls are no rows");
            let (read, written) = (batches[0].column(1), &values);
            let value = |array: &ArrayRef| Value::at(array, data_type, 0).expect("a value").to_string();
            assert_eq!(value(read), value(written), "{name}");
        }
        pool.close().await.expect("closed");
    }
}

#[tokio::test]
async fn a_server_of_0_12_is_understood() {
    let server = Server::of_version("0.12.0").await;
    let pool = pool(&[&server]);
    let report = pool.insert_tablets(write(vec![tablet("root.d", vec![1, 2], every_type())])).await;
    let mut rejected: Vec<_> = report.expect("written").rejected;
    rejected.sort_by(|a, b| a.measurement.cmp(&b.measurement));
    let told: Vec<_> =
        rejected.iter().map(|each| (each.measurement.as_deref(), each.message.as_str())).collect();
    let (blob, date) = ("IoTDB 0.12.0 has no type BLOB", "IoTDB 0.12.0 has no type DATE");
    assert_eq!(told, [(Some("bl"), blob), (Some("dt"), date)]);
    assert_eq!(server.values("root.d", "s")[&1], Value::Text(String::new()));
    assert_eq!(server.values("root.d", "ts")[&1], Value::Int64(-1));
    assert_eq!(server.values("root.d", "i").len(), 1, "a null is no 0");
    let some = |values: [Option<i64>; 3]| -> ArrayRef { Arc::new(Int64Array::from(values.to_vec())) };
    let columns = vec![
        ("x", DataType::Int64, some([Some(1), None, Some(3)])),
        ("y", DataType::Int64, some([None, Some(2), Some(3)])),
        ("z", DataType::Int64, some([Some(1), None, Some(3)])),
        ("w", DataType::Int64, some([Some(1), Some(2), Some(3)])),
    ];
    pool.insert_tablets(write(vec![tablet("root.n", vec![7, 8, 9], columns)])).await.expect("written");
    let times = |name| server.values("root.n", name).into_keys().collect::<Vec<_>>();
    assert_eq!(["x", "y", "z", "w"].map(times), [vec![7, 9], vec![8, 9], vec![7, 9], vec![7, 8, 9]]);
    let more: Vec<_> = (0..8).map(|part| numbers("root.e", part * 2, 2)).collect();
    pool.insert_tablets(write(more)).await.expect("written");
    let batches = rows(&pool, "select n from root.e").await;
    assert_eq!(batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [3, 3, 3, 3, 3, 1]);
    // In its own numbers 502 is "read-only", and 606 nothing.
    server.trouble.send_replace(Trouble::Rejects(502));
    let error = pool.insert_tablets(write(vec![numbers("root.e", 0, 1)])).await.expect_err("rejected");
    assert_eq!((error.code, error.transient), (StatusCode::SYSTEM_READ_ONLY, true));
}

#[tokio::test]
async fn a_query_is_fetched_page_by_page_and_closed_at_its_end() {
    let server = Server::start().await;
    let pool = pool(&[&server]);
    pool.insert_tablets(write(vec![numbers("root.d", 0, 10)])).await.expect("written");
    let batches = rows(&pool, "select n from root.d").await;
    assert_eq!(batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [3, 3, 3, 1]);
    assert_eq!(server.state.lock().closed_queries, 1);
    assert_eq!(pool.idle_permits(), 3);
    let outcome = pool.execute("create database root.x").await.expect("done");
    assert!(matches!(outcome, Outcome::Done(_)));
    let error = pool.query("delete from root.d.n").await.expect_err("no query");
    assert_eq!(error.code, StatusCode::QUERY_NOT_ALLOWED);
    assert_eq!(server.state.lock().statements.last().map(String::as_str), Some("create database root.x"));
}

#[tokio::test]
async fn large_tablets_are_split_and_small_ones_sent_together() {
    let server = Server::start().await;
    let pool = Pool::new(PoolOptions { sessions: 1, request_bytes: 4_000, ..options(&[&server]) });
    pool.insert_tablets(write(vec![numbers("root.d", 0, 1_000)])).await.expect("written");
    let requests = std::mem::take(&mut server.state.lock().requests);
    assert!(requests.len() >= 4 && requests.iter().all(|tablets| *tablets == 1), "{requests:?}");
    assert_eq!(server.values("root.d", "n").len(), 1_000);
    let small: Vec<_> = (0..20).map(|device| numbers(&format!("root.d{device}"), 0, 5)).collect();
    pool.insert_tablets(write(small)).await.expect("written");
    assert_eq!(server.state.lock().requests, [20]);
}

#[tokio::test]
async fn a_row_that_no_request_can_hold_is_rejected_and_the_others_stored() {
    let server = Server::start().await;
    let pool = pool(&[&server]);
    let texts: ArrayRef =
        Arc::new(StringArray::from(vec!["a".to_owned(), "b".repeat(2 << 20), "c".to_owned()]));
    let written = tablet("root.d", vec![1, 2, 3], vec![("t", DataType::Text, texts)]);
    let report = pool.insert_tablets(write(vec![written])).await.expect("written");
    assert_eq!(report.rejected.len(), 1);
    assert_eq!(report.rejected[0].rows, Some(vec![1]));
    assert_eq!(server.values("root.d", "t").len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_of_one_device_arrive_in_the_order_in_which_they_were_begun() {
    let server = Server::start().await;
    let pool = pool(&[&server]);
    let writes: Vec<_> = (0..40)
        .map(|part| {
            let devices = (0..7).map(|device| numbers(&format!("root.d{device}"), part * 10, 10));
            pool.insert_tablets(write(devices.collect()))
        })
        .collect();
    futures::future::try_join_all(writes).await.expect("written");
    let arrivals = server.state.lock().arrivals.clone();
    assert_eq!(arrivals.len(), 40 * 70);
    for device in 0..7 {
        let device = format!("root.d{device}");
        let times: Vec<_> =
            arrivals.iter().filter(|(each, _)| *each == device).map(|(_, time)| *time).collect();
        assert!(times.is_sorted(), "{device}");
    }
}

#[tokio::test]
async fn permits_come_back_however_a_request_ends() {
    let server = Server::start().await;
    let pool = pool(&[&server]);
    pool.insert_tablets(write(vec![numbers("root.d", 0, 10)])).await.expect("written");
    // A query that is dropped before its end.
    let mut rows = pool.query("select n from root.d").await.expect("a query");
    rows.batches.next().await.expect("a page").expect("rows");
    assert_eq!(pool.idle_permits(), 2);
    drop(rows);
    // A write that is dropped while the server does not answer.
    server.trouble.send_replace(Trouble::Stalls);
    for _ in 0..20 {
        let mut stalled = Box::pin(pool.insert_tablets(write(vec![numbers("root.d", 0, 10)])));
        let poll = futures::future::poll_immediate(&mut stalled).await;
        assert!(poll.is_none());
        tokio::task::yield_now().await;
        drop(stalled);
    }
    server.trouble.send_replace(Trouble::None);
    // A panic while a query is under way.
    let other = pool.clone();
    let panics = tokio::spawn(async move {
        let _rows = other.query("select n from root.d").await.expect("a query");
        panic!("on purpose");
    });
    assert!(panics.await.is_err());
    let all: Vec<_> = (0..3).map(|_| pool.query("select n from root.d")).collect();
    let all = futures::future::try_join_all(all).await.expect("all permits are there");
    drop(all);
    pool.insert_tablets(write(vec![numbers("root.d", 0, 10)])).await.expect("written");
}

#[tokio::test]
async fn a_server_that_does_not_answer_costs_a_time_and_no_more() {
    let server = Server::start().await;
    let mut options = options(&[&server]);
    options.client.call_timeout = Duration::from_secs(2);
    let pool = Pool::new(options);
    pool.insert_tablets(write(vec![numbers("root.d", 0, 1)])).await.expect("written");
    server.trouble.send_replace(Trouble::Stalls);
    let error = pool.insert_tablets(write(vec![numbers("root.d", 1, 1)])).await.expect_err("no answer");
    assert!(error.transient && error.message.contains("no answer to insertTablet within 2s"), "{error}");
    assert_eq!(pool.idle_permits(), 3);
    server.trouble.send_replace(Trouble::None);
    pool.insert_tablets(write(vec![numbers("root.d", 1, 1)])).await.expect("written");
    assert_eq!(server.values("root.d", "n").len(), 2);
}

#[tokio::test]
async fn a_database_that_exists_is_fine_on_servers_of_all_times() {
    for version in ["0.12.0", "0.13.4", "2.0.1-beta"] {
        let server = Server::of_version(version).await;
        let pool = pool(&[&server]);
        let database = levada_model::Path::parse("root.x").expect("a path");
        for _ in 0..2 {
            pool.create_database(&database).await.expect(version);
        }
        assert_eq!(server.state.lock().databases, ["root.x"; 2], "{version}");
    }
}

/// Waits until a server has rejected so many requests.
async fn rejected(server: &Server, times: usize) {
    while server.state.lock().attempts < times {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_statement_that_reads_waits_for_a_server_that_is_not_ready_and_no_other_does() {
    let server = Server::start().await;
    let pool = pool(&[&server]);
    pool.insert_tablets(write(vec![numbers("root.d", 0, 5)])).await.expect("written");
    let not_ready = StatusCode::NOT_READY.0;
    for queried in [true, false] {
        server.trouble.send_replace(Trouble::Rejects(not_ready));
        server.state.lock().attempts = 0;
        let asking = pool.clone();
        let asked = tokio::spawn(async move {
            match queried {
                true => asking.query("select n from root.d").await,
                false => match asking.execute("select n from root.d").await? {
                    Outcome::Rows(rows) => Ok(rows),
                    Outcome::Done(message) => panic!("{message:?}"),
                },
            }
        });
        rejected(&server, 2).await;
        server.trouble.send_replace(Trouble::None);
        let rows = asked.await.expect("no panic").expect("ready by then");
        let batches: Vec<_> = rows.batches.try_collect().await.expect("rows");
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 5);
    }
    server.trouble.send_replace(Trouble::Rejects(not_ready));
    server.state.lock().attempts = 0;
    let error = pool.execute("delete from root.d.n").await.map(drop).expect_err("not ready");
    assert_eq!((error.code, server.state.lock().attempts), (StatusCode::NOT_READY, 1));
}

#[tokio::test]
async fn a_server_that_stays_not_ready_is_told_in_its_words() {
    let server = Server::start().await;
    server.trouble.send_replace(Trouble::Rejects(StatusCode::NOT_READY.0));
    let pool = Pool::new(PoolOptions { ready_within: Duration::from_millis(1), ..options(&[&server]) });
    let error = pool.query("select n from root.d").await.map(drop).expect_err("not ready");
    assert_eq!(error.code, StatusCode::NOT_READY);
    assert!(error.message.contains("injected") && error.message.contains("has said so for"), "{error}");
}
