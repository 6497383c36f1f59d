//! More is written than fits into memory.

use std::{sync::Arc, time::Duration};

use arrow_array::{Float64Array, Int64Array};
use futures::{StreamExt, stream::FuturesUnordered};
use levada_engine::{Engine, EngineOptions};
use levada_model::{Column, DataType, Path, Session, Tablet, Write};

const ROWS: i64 = 2_000;
const TABLETS: i64 = 200;

fn write(at: i64) -> Write {
    let times = Int64Array::from_iter_values(at * ROWS..(at + 1) * ROWS);
    let values = Float64Array::from_iter_values((0..ROWS).map(|row| row as f64));
    let column = Column { name: "s".into(), data_type: DataType::Double, values: Arc::new(values) };
    let device = Path::parse("root.a.d").expect("legal");
    let tablet = Tablet::try_new(device, false, times, vec![column]).expect("columns fit");
    Write { tablets: vec![tablet], ..Write::default() }
}

/// On one thread, that must not be blocked: while writers wait for room, a timer goes on and a query is answered.
#[tokio::test(flavor = "current_thread")]
async fn writers_wait_for_room_without_holding_a_thread() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let mut options = EngineOptions::new(folder.path());
    options.storage.memtable_bytes = 1 << 20;
    let engine = Engine::open(options).expect("the folder opens");
    let session = engine.session(None).expect("UTC exists");
    let mut writes: FuturesUnordered<_> = (0..TABLETS).map(|at| session.insert_tablets(write(at))).collect();
    let mut ticks = 0;
    let mut timer = tokio::time::interval(Duration::from_micros(200));
    loop {
        tokio::select! {
            biased;
            _ = timer.tick() => ticks += 1,
            written = writes.next() => match written {
                Some(written) => assert!(written.expect("stored").rejected.is_empty()),
                None => break,
            },
        }
    }
    assert!(ticks > 2, "the thread was blocked");
    let count = crate::store::rows(&session, "select count(s) from root.a.d").await;
    assert_eq!(count, [(ROWS * TABLETS).to_string()]);
    assert!(engine.stats().flushes > 0);
    engine.close().await.expect("closed");
}

#[tokio::test]
async fn a_folder_has_one_engine() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let engine = Engine::open(EngineOptions::new(folder.path())).expect("the folder opens");
    let error = Engine::open(EngineOptions::new(folder.path())).expect_err("it is taken").to_string();
    assert!(error.contains("in use"), "{error}");
    engine.close().await.expect("closed");
    let again = Engine::open(EngineOptions::new(folder.path())).expect("it is free");
    engine.close().await.expect("a second call does nothing");
    again.close().await.expect("closed");
}

#[tokio::test]
async fn zones_have_names_or_offsets() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let engine = Engine::open(EngineOptions::new(folder.path())).expect("the folder opens");
    for zone in ["UTC", "Z", "+08:00", "-0330", "GMT+8", "Europe/Berlin"] {
        engine.session(Some(zone)).unwrap_or_else(|error| panic!("{zone}: {error}"));
    }
    assert!(engine.session(Some("Mars/Olympus")).is_err());
    let session = engine.session(Some("+01:00")).expect("an offset");
    crate::store::done(&session, "insert into root.a.d(time, s) values (1970-01-01T01:00:01, 1)").await;
    assert_eq!(crate::store::rows(&session, "select s from root.a.d").await, ["1000,1.0"]);
}
