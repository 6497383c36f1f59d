//! Statements that change something.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use levada_engine::Clock;

use crate::store::{RECORDED, Store, done, rejection, rows};

/// A clock that goes on whenever somebody looks.
#[derive(Debug)]
struct BusyClock(AtomicI64);

impl Clock for BusyClock {
    fn now(&self) -> i64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

#[tokio::test]
async fn a_row_without_a_time_is_one_row_whatever_becomes_of_the_others_of_its_call() {
    let mut store = Store::open();
    store.reopen_with(|options| {
        options.storage.clock = Arc::new(BusyClock(AtomicI64::new(RECORDED)));
    });
    let session = store.session();
    let statements = [
        "insert into root.a.d(s) values (1)",
        "insert into root.a.e(s) values (2)",
        "insert into root.a.d(time, s) values (5, 3), (6, 4)",
        // The series is of another type by then.
        "insert into root.a.d(s, u) values ('x', 1)",
        "insert into root.a.d(time, s) values (7, 5)",
    ];
    let outcomes = session.execute_each(statements.map(|sql| Ok(Some(sql.to_owned()))).into()).await;
    let is_stored: Vec<_> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(is_stored, [true, true, true, false, true], "{outcomes:?}");
    assert_eq!(rows(&session, "select count(s), count(u) from root.a.d").await, ["4,1"]);
    assert_eq!(rows(&session, "select count(s) from root.a.e").await, ["1"]);
    assert_eq!(rows(&session, "select s from root.a.d where time < 8").await, ["5,3.0", "6,4.0", "7,5.0"]);
}

#[tokio::test]
async fn a_value_that_does_not_fit_leaves_the_rest_of_its_row() {
    let store = Store::open();
    let session = store.session();
    done(&session, "create timeseries root.a.d.b BOOLEAN").await;
    let (code, message) =
        rejection(&session, "insert into root.a.d(time,s,b) values(1,1,true),(2,2,'bad')").await;
    assert_eq!(code, 507);
    assert_eq!(
        message,
        "Fail to insert measurements [b] caused by [The BOOLEAN should be true/TRUE, false/FALSE or 0/1]"
    );
    assert_eq!(rows(&session, "select s, b from root.a.d").await, ["1,1.0,true", "2,2.0,-"]);
}

#[tokio::test]
async fn new_series_get_the_type_of_their_first_value() {
    let store = Store::open();
    let session = store.session();
    let insert =
        "insert into root.a.d(time,i,b,t,x,n) values(1,null,true,'t',X'00',null),(2,1.5,null,null,null,null)";
    let error = rejection(&session, insert).await;
    let reason = "Fail to insert measurements [n] caused by [Path [root.a.d.n] does not exist]";
    assert_eq!(error, (507, reason.to_owned()));
    let types = done(&session, "show timeseries root.a.d.*").await;
    let mut types: Vec<_> = types.rows.into_iter().map(|row| (row[0].clone(), row[3].clone())).collect();
    types.sort();
    let expected = [("b", "BOOLEAN"), ("i", "DOUBLE"), ("t", "TEXT"), ("x", "BLOB")];
    assert_eq!(
        types,
        expected.map(|(name, data_type)| (Some(format!("root.a.d.{name}")), Some(data_type.to_owned())))
    );
}

#[tokio::test]
async fn a_text_that_says_now_is_the_time_of_the_statement() {
    let store = Store::open();
    let session = store.session();
    done(&session, "create timeseries root.a.d.t TIMESTAMP").await;
    done(&session, "create timeseries root.a.d.n TIMESTAMP").await;
    done(
        &session,
        "insert into root.a.d(time, t, n) values (1, 'now()', now()), (2, 'now() - 1s', now() - 1s)",
    )
    .await;
    assert_eq!(
        rows(&session, "select t from root.a.d").await,
        rows(&session, "select n from root.a.d").await
    );
    let zero = "select t from root.a.d where t < 1971-01-01";
    assert_eq!(rows(&session, zero).await, Vec::<String>::new());
}

#[tokio::test]
async fn rows_may_be_written_by_alias() {
    let store = Store::open();
    let session = store.session();
    done(&session, "create timeseries root.a.d.s(other) INT32").await;
    done(&session, "insert into root.a.d(time, other) values (1, 7)").await;
    assert_eq!(rows(&session, "select s from root.a.d").await, ["1,7"]);
    assert_eq!(rows(&session, "count timeseries root.a.**").await, ["1"]);
}

#[tokio::test]
async fn tags_and_attributes_are_changed_one_by_one() {
    let store = Store::open();
    let session = store.session();
    done(&session, "create timeseries root.a.d.s INT32 tags(unit=c) attributes(owner=amy)").await;
    let alter = |what: &str| format!("alter timeseries root.a.d.s {what}");
    for what in [
        "add tags site=north",
        "set unit=k",
        "rename owner to keeper",
        "drop site",
        "upsert alias=x tags(a=b)",
    ] {
        done(&session, &alter(what)).await;
    }
    let shown = done(&session, "show timeseries root.a.d.s").await.rows.remove(0);
    assert_eq!(shown[1].as_deref(), Some("x"));
    let tags = shown[6].clone().expect("tags");
    assert!(
        tags.contains(r#""unit":"k""#) && tags.contains(r#""a":"b""#) && !tags.contains("site"),
        "{tags}"
    );
    assert_eq!(shown[7].as_deref(), Some(r#"{"keeper":"amy"}"#));
    for (what, code) in [("add tags unit=x", 507), ("set nope=1", 507), ("rename nope to x", 507)] {
        assert_eq!(rejection(&session, &alter(what)).await.0, code, "{what}");
    }
    assert_eq!(rejection(&session, "alter timeseries root.a.d.nope add tags a=b").await.0, 508);
}

#[tokio::test]
async fn a_read_only_store_still_answers() {
    let store = Store::open();
    let session = store.session();
    done(&session, "insert into root.a.d(time, s) values (1, 1)").await;
    done(&session, "set system to readonly").await;
    for (statement, code) in [
        ("insert into root.a.d(time, s) values (2, 2)", 600),
        ("insert into root.a.d(time, other) values (2, 2)", 507),
        ("insert into root.a.other(time, s) values (2, 2)", 507),
        ("delete from root.a.d.s where time < 5", 600),
        ("delete timeseries root.a.d.s", 507),
        ("create timeseries root.a.d.other INT32", 600),
        ("alter timeseries root.a.d.s add tags a=b", 600),
        ("create database root.b", 600),
    ] {
        assert_eq!(rejection(&session, statement).await.0, code, "{statement}");
    }
    assert_eq!(rows(&session, "select s from root.a.d").await, ["1,1.0"]);
    done(&session, "set system to running").await;
    done(&session, "insert into root.a.d(time, s) values (2, 2)").await;
}

#[tokio::test]
async fn databases_say_how_long_their_partitions_are_said_to_be() {
    let mut store = Store::open();
    let session = store.session();
    done(&session, "create database root.a with time_partition_interval=3600000").await;
    done(&session, "create database root.b with ttl=5").await;
    drop(session);
    let shown = ["root.a,1,1,0,3600000", "root.b,1,1,0,604800000"];
    // Once from the log, and once from what the first opening left.
    for _ in 0..2 {
        store.reopen();
        let session = store.session();
        assert_eq!(rows(&session, "show databases").await, shown);
        done(&session, "flush").await;
    }
    let session = store.session();
    for sql in ["time_partition_interval=0", "schema_region_group_num=0", "data_region_group_num=0"] {
        let (code, message) = rejection(&session, &format!("create database root.c with {sql}")).await;
        assert!(code == 525 && message.contains("should be positive"), "{code} {message}");
    }
}

#[tokio::test]
async fn what_there_is_none_of_is_an_empty_table() {
    let store = Store::open();
    let session = store.session();
    for sql in [
        "show topics",
        "show topic t",
        "show subscriptions",
        "show subscriptions on t",
        "show models",
        "show ainodes",
    ] {
        assert_eq!(rows(&session, sql).await, [""; 0], "{sql}");
    }
    let plugins = rows(&session, "show pipeplugins").await;
    assert!(plugins.contains(&"IOTDB-THRIFT-SINK,Builtin,,".to_owned()), "{plugins:?}");
    let (code, message) = rejection(&session, "show space quota").await;
    assert!(code == 701 && message.contains("no quotas"), "{code} {message}");
}

#[tokio::test]
async fn without_automatic_schema_only_known_series_are_written() {
    let store = Store::open();
    let session = store.session();
    done(&session, "insert into root.a.d(time, s) values (1, 1)").await;
    done(&session, "set configuration 'enable_auto_create_schema'='false'").await;
    let (code, message) = rejection(&session, "insert into root.a.d(time, s, t) values (2, 2, 3)").await;
    assert_eq!(
        (code, message.as_str()),
        (507, "Fail to insert measurements [t] caused by [Path [root.a.d.t] does not exist]")
    );
    assert_eq!(rows(&session, "select s from root.a.d").await, ["1,1.0", "2,2.0"]);
    assert_eq!(rejection(&session, "insert into root.b.d(time, s) values (1, 1)").await.0, 500);
}

#[tokio::test]
async fn rows_older_than_their_time_to_live_are_gone() {
    let store = Store::open();
    let session = store.session();
    done(&session, "insert into root.a.d(time, s) values (1, 1)").await;
    done(&session, "set ttl to root.a.** 1000").await;
    assert!(rows(&session, "select s from root.a.d").await.is_empty());
    assert_eq!(rejection(&session, "insert into root.a.d(time, s) values (2, 2)").await.0, 607);
    done(&session, "unset ttl from root.a").await;
    assert_eq!(rows(&session, "select s from root.a.d").await, ["1,1.0"]);
}

#[tokio::test]
async fn cells_are_filled_by_a_number_that_the_type_holds_and_stay_null_otherwise() {
    let store = Store::open();
    let session = store.session();
    done(&session, "create timeseries root.a.d.i INT32").await;
    for series in ["l INT64", "f FLOAT", "g DOUBLE", "b BOOLEAN", "t TEXT"] {
        done(&session, &format!("create timeseries root.a.d.{series}")).await;
    }
    done(&session, "insert into root.a.d(time, i, l, f, g, b) values (1, 1, 1, 1, 1, true)").await;
    done(&session, "insert into root.a.d(time, t) values (2, 'x')").await;
    let at_2 = |rows: Vec<String>| rows.into_iter().find(|row| row.starts_with("2,")).unwrap_or_default();
    for (query, expected) in [
        ("select i, t from root.a.d fill(7)", "2,7,x"),
        ("select i, l, t from root.a.d fill(7.0)", "2,-,-,x"),
        ("select i, t from root.a.d fill(-2147483648)", "2,-2147483648,x"),
        ("select f, g, t from root.a.d fill(1.5)", "2,1.5,1.5,x"),
        // A value of another kind fills nothing.
        ("select b, t from root.a.d fill(1.5)", "2,-,x"),
        ("select i, t from root.a.d fill(true)", "2,-,x"),
        // Nor does a number that the type does not hold.
        ("select i, l, g, t from root.a.d fill(1.5)", "2,-,-,1.5,x"),
        ("select i, l, t from root.a.d fill(2147483648)", "2,-,2147483648,x"),
        ("select l, g, t from root.a.d fill(9223372036854775808)", "2,-,9.223372036854776e18,x"),
    ] {
        assert_eq!(at_2(rows(&session, query).await), expected, "{query}");
    }
}

#[tokio::test]
async fn dates_are_days_of_the_years_1_to_9999_in_four_digits() {
    let store = Store::open();
    let session = store.session();
    done(&session, "create timeseries root.a.d.y DATE").await;
    for (time, text) in
        ["'0001-01-01'", "'0999-12-31'", "9999-12-31", "'9999-12-31'", "0500-02-28"].iter().enumerate()
    {
        done(&session, &format!("insert into root.a.d(time, y) values ({time}, {text})")).await;
    }
    let stored = ["0,0001-01-01", "1,0999-12-31", "2,9999-12-31", "3,9999-12-31", "4,0500-02-28"];
    assert_eq!(rows(&session, "select y from root.a.d").await, stored);
    assert_eq!(rows(&session, "select y from root.a.d where y = '0999-12-31'").await, [stored[1]]);
    assert_eq!(rows(&session, "select y from root.a.d where y < '0999-12-31'").await, [stored[0], stored[4]]);
    for text in ["'0000-12-31'", "'999-12-31'", "'10000-01-01'", "0000-01-01", "'-001-01-01'"] {
        rejection(&session, &format!("insert into root.a.d(time, y) values (9, {text})")).await;
    }
    assert_eq!(rows(&session, "select count(y) from root.a.d").await, ["5"]);
}

#[tokio::test]
async fn a_text_series_keeps_values_as_they_are_spelt() {
    let store = Store::open();
    let session = store.session();
    for data_type in ["TEXT", "STRING"] {
        let device = format!("root.spelt.{data_type}");
        done(&session, &format!("create timeseries {device}.t {data_type}")).await;
        let spelt = ["TRUE", "False", "+5", "+ 1.50", "-2", "1E5", "00123", "X'00fF'", "NaN", "'it''s'"];
        let values: Vec<String> = (1..).zip(spelt).map(|(time, text)| format!("({time}, {text})")).collect();
        done(&session, &format!("insert into {device}(time, t) values {}", values.join(", "))).await;
        assert_eq!(
            rows(&session, &format!("select t from {device}")).await,
            [
                "1,TRUE",
                "2,False",
                "3,+5",
                "4,+1.50",
                "5,-2",
                "6,1E5",
                "7,00123",
                "8,X'00fF'",
                "9,NaN",
                "10,it's"
            ]
        );
    }
}
