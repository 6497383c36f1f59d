//! Queries that nobody waits for any more.

use std::{future::Future, time::Duration};

use futures::StreamExt;
use levada_model::{Outcome, Session};

use crate::store::{Store, done, rows};

/// A window in which the condition holds is found in each of the first batches, and then never again.
const ENDLESS: &str = "group by ([0, 9000000000000000000), 1ms) having count(s)";

/// The runtime has one thread that may block, so what is asked for behind a query waits for the query to end.
fn with_one_blocking_thread(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(60), test).await.expect("the query never ended");
    });
    runtime.shutdown_background();
}

#[test]
fn a_query_dropped_before_its_first_rows_gives_its_thread_back() {
    with_one_blocking_thread(async {
        let store = Store::open();
        let session = store.session();
        done(&session, "insert into root.a.d(time, s) values (1, 1.0)").await;
        for from in ["root.a.d", "root.a.d where s > 0"] {
            let sql = format!("select count(s) from {from} {ENDLESS} > 1");
            // Long enough for it to run, and however long it runs, it has nothing to say.
            let asked = tokio::time::timeout(Duration::from_millis(100), session.execute(&sql)).await;
            assert!(asked.is_err(), "{sql} answers");
            assert_eq!(rows(&session, "select s from root.a.d").await, ["1,1.0"]);
        }
    });
}

#[test]
fn rows_dropped_while_more_are_computed_give_their_thread_back() {
    with_one_blocking_thread(async {
        let store = Store::open();
        let session = store.session();
        for time in [0, 2_000, 4_000, 6_000] {
            done(&session, &format!("insert into root.a.d(time, s) values ({time}, 1.0)")).await;
        }
        let sql = format!("select count(s) from root.a.d {ENDLESS} > 0");
        let Outcome::Rows(mut answer) = session.execute(&sql).await.expect("the first rows are there") else {
            panic!("a query has rows");
        };
        // The rows behind are asked for with the first.
        assert_eq!(answer.batches.next().await.expect("a batch").expect("rows").num_rows(), 1);
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(answer);
        assert_eq!(rows(&session, "select count(s) from root.a.d").await, ["4"]);
    });
}
