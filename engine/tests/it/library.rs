//! The functions for data quality, as queries call them.

use levada_model::Session;

use crate::store::{Store, ask, done, rejection, rows};

async fn store() -> Store {
    let store = Store::open();
    let session = store.session();
    for statement in [
        "create timeseries root.q.d1.s1 DOUBLE",
        "create timeseries root.q.d1.s2 INT64",
        "create timeseries root.q.d1.t TEXT",
        "create timeseries root.q.d2.s1 DOUBLE",
        "insert into root.q.d1(time, s1, s2) values (1, 1.0, 10), (2, 2.0, 30), (3, 3.0, 20), (4, 2.0, 40), (5, 100.0, 50)",
        "insert into root.q.d1(time, t) values (1, 'a,b'), (3, 'c')",
        "insert into root.q.d2(time, s1) values (1, 5.0), (2, 7.0)",
    ] {
        done(&session, statement).await;
    }
    store
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_called_without_being_made() {
    let store = store().await;
    let session = store.session();
    let answer = done(&session, "select median(s1) from root.q.d1").await;
    assert_eq!(answer.columns, ["Time", "median(root.q.d1.s1)"]);
    assert_eq!(answer.types, ["INT64", "DOUBLE"]);
    let cases = [
        ("select median(s1) from root.q.d1", vec!["0,2.0"]),
        ("select MEDIAN(s1, 'error'='0.01') from root.q.d1", vec!["0,2.0"]),
        ("select spread(s2) from root.q.d1", vec!["0,40"]),
        (
            "select range(s1, 'lower_bound'='1.5', \"upper_bound\"=\"50\") from root.q.d1",
            vec!["1,1.0", "5,100.0"],
        ),
        ("select percentile(s2, 'rank'='0.5') from root.q.d1 where time < 5", vec!["3,20"]),
        ("select cov(s1, s2) from root.q.d1", vec!["0,394.0"]),
        ("select strreplace(t, 'target'='a', 'replace'='z') from root.q.d1", vec!["1,z,b", "3,c"]),
        ("select strsplit(t) from root.q.d1", vec!["1,2", "3,1"]),
        // In expressions, in aggregates and in each other.
        ("select minmax(s2) * 4 + 1 from root.q.d1", vec!["1,1.0", "2,3.0", "3,2.0", "4,4.0", "5,5.0"]),
        ("select count(iqr(s1)) from root.q.d1", vec!["1"]),
        ("select median(zscore(s2)) from root.q.d1", vec!["0,0.0"]),
        ("select mvavg(s2, 'window'='2') from root.q.d1 limit 2 offset 1", vec!["3,25.0", "4,30.0"]),
        ("select median(s1) from root.q.* align by device", vec!["0,root.q.d1,2.0", "0,root.q.d2,6.0"]),
        // Of these names there are aggregates, which go before.
        ("select stddev(s2) from root.q.d1", vec!["15.811388300841896"]),
        ("select mode(s1) from root.q.d1", vec!["2.0"]),
    ];
    for (statement, expected) in cases {
        assert_eq!(rows(&session, statement).await, expected, "{statement}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_call_is_told() {
    let store = store().await;
    let session = store.session();
    for (statement, expected) in [
        ("select median(t) from root.q.d1", "expected: [INT32, INT64, FLOAT, DOUBLE]. actual: TEXT."),
        (
            "select cov(s1) from root.q.d1",
            "the number of the input series is not valid. expected: 2. actual: 1.",
        ),
        (
            "select range(s1, 'lower_bound'='1') from root.q.d1",
            "attribute \"upper_bound\" is required but was not provided.",
        ),
        (
            "select dwt(s1, 'method'='haar') from root.q.d1",
            "the length of the series should be a power of 2: 5 is not",
        ),
    ] {
        let (_, message) = rejection(&session, statement).await;
        assert!(message.contains(expected), "{statement}: {message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_that_register_them_go_on_working() {
    let mut store = store().await;
    let session = store.session();
    for statement in [
        "create function median as 'org.apache.iotdb.library.dprofile.UDAFMedian'",
        "create function my_deviation as 'org.apache.iotdb.library.dprofile.UDAFStddev'",
    ] {
        done(&session, statement).await;
    }
    assert_eq!(rows(&session, "select my_deviation(s2) from root.q.d1").await, ["0,14.142135623730951"]);
    let listed = rows(&session, "show functions").await;
    let line = "MEDIAN,external UDTF,org.apache.iotdb.library.dprofile.UDAFMedian,AVAILABLE";
    assert_eq!(listed.iter().filter(|each| each.starts_with("MEDIAN,")).collect::<Vec<_>>(), [line]);
    drop(session);
    store.reopen();
    let session = store.session();
    assert_eq!(
        rows(&session, "select median(s1), my_deviation(s2) from root.q.d1").await,
        ["0,2.0,14.142135623730951"]
    );
    // What was made is dropped, and what is built in stays.
    done(&session, "drop function median").await;
    assert_eq!(rows(&session, "select median(s1) from root.q.d1").await, ["0,2.0"]);
    assert_eq!(rejection(&session, "drop function median").await.0, 1205);
    let listed = rows(&session, "show functions").await;
    assert!(
        listed.contains(
            &"MEDIAN,built-in UDTF,org.apache.iotdb.library.dprofile.UDAFMedian,AVAILABLE".to_owned()
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_series_that_is_too_long_for_a_function_ends_the_query_and_nothing_else() {
    let mut store = store().await;
    for block in 0..20 {
        let values: Vec<String> = (0..1000).map(|at| format!("({},{at})", 10 + 1000 * block + at)).collect();
        let statement = format!("insert into root.q.d1(time, s1) values {}", values.join(","));
        store.session().execute(&statement).await.expect("inserted");
    }
    store.reopen_with(|options| options.udf_memory = 100_000);
    let session = store.session();
    let (_, message) = rejection(&session, "select median(s1) from root.q.d1").await;
    assert!(message.contains("median"), "{message}");
    // A sketch has no need of the whole series, and a moving average of its window.
    assert!(ask(&session, "select median(s1, 'error'='0.05') from root.q.d1").await.is_ok());
    let moving = ask(&session, "select mvavg(s1) from root.q.d1").await.expect("it is short");
    assert_eq!(moving.rows.len(), 20_005 - 9);
}
