//! Conditions on the time: of the newest points, of the catalog, and at a single time.

use crate::store::{Store, done, rejection, rows};

async fn store() -> Store {
    let store = Store::open();
    let session = store.session();
    done(&session, "create timeseries root.a.d.n INT32").await;
    done(&session, "create timeseries root.a.d.f DOUBLE").await;
    done(&session, "create timeseries root.a.d.t TEXT").await;
    done(&session, "insert into root.a.d(time, n, f, t) values(1, 1, 1.5, 'one'), (2, 2, 2.5, 'two')").await;
    done(&session, "insert into root.a.d(time, n, t) values(3, 3, 'three')").await;
    done(&session, "insert into root.a.d(time, f) values(10, 10.5)").await;
    store
}

#[tokio::test(flavor = "multi_thread")]
async fn last_takes_any_condition_on_the_time() {
    let store = store().await;
    let session = store.session();
    for (condition, newest) in [
        ("time != 3", Some(2)),
        ("time in (1, 5)", Some(1)),
        ("time not in (3, 2)", Some(1)),
        ("time < 2 or time > 100", Some(1)),
        ("not (time > 1)", Some(1)),
        ("time between 2 and 9", Some(3)),
        ("time not between 2 and 9", Some(1)),
        ("time > 0 and time != 3 and time != 2", Some(1)),
        ("time != 1 and time < 2", None),
    ] {
        let query = format!("select last n from root.a.d where {condition}");
        let expected: Vec<String> =
            newest.map(|time| format!("{time},root.a.d.n,{time},INT32")).into_iter().collect();
        assert_eq!(rows(&session, &query).await, expected, "{query}");
    }
    for condition in ["n > 1", "time > 1 or n > 1", "time + 1 > 2"] {
        let (code, message) =
            rejection(&session, &format!("select last n from root.a.d where {condition}")).await;
        assert_eq!((code, message.contains("Only time filters")), (701, true), "{condition}: {message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalog_is_asked_with_any_condition_on_the_time() {
    let store = store().await;
    let session = store.session();
    for (condition, count) in
        [("time in (10)", "1"), ("time != 10 and time > 2", "2"), ("time < 0 or time > 10", "0")]
    {
        let query = format!("count timeseries root.a.** where {condition}");
        assert_eq!(rows(&session, &query).await, [count], "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_at_a_single_time_are_filled_from_the_series() {
    let store = store().await;
    let session = store.session();
    for (query, row) in [
        ("select n from root.a.d where time = 4 fill(int32[previous, 5ms])", "4,3"),
        ("select n from root.a.d where time = 4 fill(int32[previous])", "4,3"),
        ("select n from root.a.d where time = 9 fill(int32[previous, 5ms])", "9,-"),
        ("select n from root.a.d where time = 8 fill(int32[previous, 5ms])", "8,3"),
        ("select n from root.a.d where time = 2 fill(int32[previous, 5ms])", "2,2"),
        ("select n from root.a.d where 4 = time fill(int32[previousUntilLast, 5ms])", "4,-"),
        ("select f from root.a.d where time = 4 fill(double[previousUntilLast, 5ms])", "4,2.5"),
        ("select f from root.a.d where time = 6 fill(double[linear, 5ms, 5ms])", "6,6.5"),
        ("select f from root.a.d where time = 6 fill(double[linear, 3ms, 5ms])", "6,-"),
        ("select f from root.a.d where time = 11 fill(double[linear])", "11,-"),
        ("select n, f, t from root.a.d where time = 5 fill(int32[7], text[previous])", "5,7,-,three"),
        ("select n, f, t from root.a.d where time = 5 fill(all[previous])", "5,3,2.5,three"),
        ("select n + 1 from root.a.d where time in (5) fill(all[previous])", "5,4.0"),
    ] {
        assert_eq!(rows(&session, query).await, [row], "{query}");
    }
    let by_device = "select n from root.a.* where time = 5 fill(int32[previous]) align by device";
    assert_eq!(rows(&session, by_device).await, ["5,root.a.d,3"]);
    // Rows of more than one time, and aggregates, are filled among themselves.
    let several = "select n, f from root.a.d where time > 2 fill(int32[previous])";
    assert_eq!(rows(&session, several).await, ["3,3,-", "10,3,10.5"]);
    assert_eq!(
        rows(&session, "select count(n) from root.a.d where time = 4 fill(int64[previous])").await,
        ["0"]
    );
}
