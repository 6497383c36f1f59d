//! What every session promises, embedded or not.

use std::{future::Future, pin::pin, sync::Arc};

use arrow_array::{ArrayRef, BinaryArray, Float64Array, Int32Array, Int64Array, StringArray};
use futures::StreamExt;
use levada_model::{
    Column, DataType, Outcome, Path, Session, SplitName, SplitRange, StatusCode, Tablet, Write,
};

use crate::store::{Store, done, rejection, rows};

fn column(name: &str, data_type: DataType, values: ArrayRef) -> Column {
    Column { name: name.into(), data_type, values }
}

fn tablet(device: &str, times: Vec<i64>, columns: Vec<Column>) -> Tablet {
    let device = Path::parse(device).expect("legal");
    Tablet::try_new(device, false, Int64Array::from(times), columns).expect("columns fit")
}

fn doubles(device: &str, times: Vec<i64>, values: Vec<f64>) -> Tablet {
    let values = column("s", DataType::Double, Arc::new(Float64Array::from(values)));
    tablet(device, times, vec![values])
}

fn write(tablets: Vec<Tablet>) -> Write {
    Write { tablets, ..Write::default() }
}

#[tokio::test]
async fn rows_that_were_stored_are_found() {
    let store = Store::open();
    let session = store.session();
    let report = session.insert_tablets(write(vec![doubles("root.a.d1", vec![2, 1], vec![2.5, 1.5])])).await;
    assert!(report.expect("stored").rejected.is_empty());
    assert_eq!(rows(&session, "select s from root.a.d1").await, ["1,1.5", "2,2.5"]);
}

#[tokio::test]
async fn writes_are_applied_in_the_order_of_their_first_polls() {
    let store = Store::open();
    let session = store.session();
    for round in 0..50_i64 {
        let mut first =
            pin!(session.insert_tablets(write(vec![doubles("root.a.d1", vec![round], vec![1.0])])));
        let mut second =
            pin!(session.insert_tablets(write(vec![doubles("root.a.d1", vec![round], vec![2.0])])));
        let poll_once = |context: &mut std::task::Context<'_>| {
            let first = first.as_mut().poll(context);
            let second = second.as_mut().poll(context);
            std::task::Poll::Ready((first, second))
        };
        let (first_done, second_done) = std::future::poll_fn(poll_once).await;
        // Whichever is awaited first, the second was polled later and its row stands.
        if second_done.is_pending() {
            second.await.expect("stored");
        }
        if first_done.is_pending() {
            first.await.expect("stored");
        }
    }
    assert_eq!(rows(&session, "select count(s), sum(s) from root.a.d1").await, ["50,100.0"]);
}

#[tokio::test]
async fn positions_are_stored_with_the_rows() {
    let store = Store::open();
    let session = store.session();
    assert!(session.capabilities().checkpoints);
    for range in [0..10, 10..25] {
        let positions = vec![SplitRange { split: SplitName::new("readings/0"), range }];
        let tablets = vec![doubles("root.a.d1", vec![1], vec![1.0])];
        let write = Write { tablets, positions, owner: Some("plant".into()), ..Write::default() };
        session.insert_tablets(write).await.expect("stored");
    }
    let checkpoint = session.checkpoint("plant").await.expect("read");
    assert_eq!(checkpoint.into_iter().collect::<Vec<_>>(), [(SplitName::new("readings/0"), 25)]);
    assert!(session.checkpoint("another").await.expect("read").is_empty());
}

#[tokio::test]
async fn values_that_do_not_fit_are_reported_and_the_others_stored() {
    let store = Store::open();
    let session = store.session();
    done(&session, "create timeseries root.a.d1.n INT32").await;
    let mixed = tablet(
        "root.a.d1",
        vec![1],
        vec![
            column("n", DataType::Text, Arc::new(StringArray::from(vec!["x"]))),
            column("s", DataType::Double, Arc::new(Float64Array::from(vec![1.5]))),
        ],
    );
    let report = session.insert_tablets(write(vec![mixed])).await.expect("taken");
    assert_eq!(report.rejected.len(), 1);
    assert_eq!(report.rejected[0].measurement.as_deref(), Some("n"));
    assert_eq!(rows(&session, "select s from root.a.d1").await, ["1,1.5"]);
}

#[tokio::test]
async fn inferred_types_give_way_to_the_series_type() {
    let store = Store::open();
    let session = store.session();
    done(&session, "create timeseries root.a.d1.s INT32").await;
    let tablets = vec![doubles("root.a.d1", vec![1, 2], vec![21.0, 21.5])];
    let report =
        session.insert_tablets(Write { tablets, coerce: true, ..Write::default() }).await.expect("taken");
    assert_eq!(report.rejected.len(), 1, "21.5 is no INT32: {report:?}");
    assert_eq!(rows(&session, "select s from root.a.d1").await, ["1,21"]);
}

/// Values as they were written, each with its kind.
fn as_written(name: &str, data_type: DataType, values: Vec<Option<&[u8]>>) -> Column {
    column(name, data_type, Arc::new(BinaryArray::from(values)))
}

#[tokio::test]
async fn what_was_written_becomes_what_its_series_holds() {
    let store = Store::open();
    let session = store.session();
    done(&session, "create timeseries root.a.d1.n INT64").await;
    done(&session, "create timeseries root.a.d1.t TEXT").await;
    let values = |times: Vec<i64>, n: &[u8]| {
        let second: &[u8] = b"n5";
        tablet(
            "root.a.d1",
            times,
            vec![
                as_written("n", DataType::Double, vec![Some(n), Some(second), None]),
                as_written(
                    "new",
                    DataType::Double,
                    vec![Some(b"n21.50"), Some(b"n9007199254740993"), Some(b"toff")],
                ),
                as_written("t", DataType::Double, vec![Some(b"n1E5"), Some(b"bTRUE"), Some(b"t00123")]),
            ],
        )
    };
    let tablets = vec![values(vec![1, 2, 3], b"n9223372036854775807"), values(vec![4, 5, 6], b"n21.5")];
    // Values without a type are converted whether the others are or not.
    let report = session.insert_tablets(Write { tablets, ..Write::default() }).await.expect("taken");
    let rejected: Vec<_> = report
        .rejected
        .iter()
        .map(|each| (each.tablet, each.rows.clone().unwrap_or_default(), each.measurement.as_deref()))
        .collect();
    let new = Some("new");
    assert_eq!(
        rejected,
        [(0, vec![1], new), (0, vec![2], new), (1, vec![0], Some("n")), (1, vec![1], new), (1, vec![2], new),]
    );
    assert_eq!(
        report.rejected[2].message,
        "data type of root.a.d1.n is not consistent, registered type INT64, and `21.5` is not of type INT64: it is not a whole number"
    );
    assert_eq!(
        rows(&session, "select n, new, t from root.a.d1 where time < 4").await,
        ["1,9223372036854775807,21.5,1E5", "2,5,-,TRUE", "3,-,-,00123"]
    );
}

#[tokio::test]
async fn failures_have_their_codes() {
    let store = Store::open();
    let session = store.session();
    assert_eq!(rejection(&session, "selec s").await.0, StatusCode::SQL_PARSE_ERROR.0);
    assert_eq!(
        rejection(&session, "insert into root.a.d(time,s) values(1)").await.0,
        StatusCode::SEMANTIC_ERROR.0
    );
    assert_eq!(rejection(&session, "drop model m").await.0, StatusCode::UNSUPPORTED_OPERATION.0);
    let error = session.query("create database root.a").await.expect_err("gives no rows");
    assert_eq!(error.code, StatusCode::QUERY_NOT_ALLOWED);
    assert!(!error.transient);
}

#[tokio::test]
async fn a_query_changes_nothing() {
    let store = Store::open();
    let session = store.session();
    session.execute("insert into root.a.d1(time, s) values (1, 21)").await.expect("stored");
    for statement in [
        "delete from root.a.**",
        "delete timeseries root.a.**",
        "delete database root.a",
        "insert into root.a.d1(time, s) values (2, 22)",
        "create timeseries root.a.d1.t INT32",
        "set ttl to root.a 1",
        "set system to readonly",
        "flush",
        "select s into root.a.d2(s) from root.a.d1",
    ] {
        session.query(statement).await.expect_err(statement);
    }
    assert_eq!(rows(&session, "select * from root.**").await, ["1,21.0"]);
    assert_eq!(rows(&session, "count timeseries").await, ["1"]);
}

#[tokio::test]
async fn what_is_closed_answers_nothing() {
    let store = Store::open();
    let session = store.session();
    session.close().await.expect("closed");
    let error = session.query("show databases").await.expect_err("it is closed");
    assert_eq!(error.code, StatusCode::NOT_LOGIN);
}

#[tokio::test]
async fn long_results_come_in_batches_and_may_be_dropped() {
    let store = Store::open();
    let session = store.session();
    let total = 200_000_i64;
    for from in (0..total).step_by(50_000) {
        let times: Vec<i64> = (from..from + 50_000).collect();
        let values = Arc::new(Int32Array::from_iter_values(times.iter().map(|&time| (time % 100) as i32)));
        let tablet = tablet("root.a.d1", times, vec![column("n", DataType::Int32, values)]);
        session.insert_tablets(write(vec![tablet])).await.expect("stored");
    }
    let mut found = session.query("select n from root.a.d1").await.expect("rows").batches;
    let (mut count, mut batches) = (0, 0);
    while let Some(batch) = found.next().await {
        let batch = batch.expect("a batch");
        assert!(batch.num_rows() <= 10_000, "{} rows at once", batch.num_rows());
        count += batch.num_rows() as i64;
        batches += 1;
    }
    assert!(batches > 10);
    assert_eq!(count, total);
    for _ in 0..100 {
        let mut dropped = session.query("select n from root.a.d1").await.expect("rows").batches;
        assert!(dropped.next().await.is_some());
    }
    assert_eq!(rows(&session, "select count(n) from root.a.d1").await, ["200000"]);
}

#[tokio::test]
async fn a_query_sees_the_store_as_it_was_when_it_began() {
    let store = Store::open();
    let session = store.session();
    done(&session, "insert into root.a.d1(time, s) values (1, 1), (2, 2)").await;
    let Outcome::Rows(before) = session.execute("select s from root.a.d1").await.expect("rows") else {
        panic!("a query gives rows");
    };
    done(&session, "delete from root.a.d1.s").await;
    done(&session, "flush").await;
    let batches: Vec<_> = before.batches.collect().await;
    let count: usize = batches.into_iter().map(|batch| batch.expect("a batch").num_rows()).sum();
    assert_eq!(count, 2);
    assert!(rows(&session, "select s from root.a.d1").await.is_empty());
}

#[tokio::test]
async fn a_closed_session_rejects_and_others_go_on() {
    let store = Store::open();
    let (session, other) = (store.session(), store.session());
    session.close().await.expect("closed");
    assert_eq!(rejection(&session, "show version").await.0, StatusCode::NOT_LOGIN.0);
    assert!(session.insert_tablets(Write::default()).await.is_err());
    done(&other, "show version").await;
}
