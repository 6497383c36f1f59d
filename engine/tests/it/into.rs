//! `select … into`: what is written where, and what is said of it.

use levada_model::Session;

use crate::store::{Store, ask, done, rows};

async fn code(session: &dyn Session, sql: &str) -> i32 {
    ask(session, sql).await.map_or_else(|error| error.code.0, |_| 200)
}

async fn filled() -> Store {
    let store = Store::open();
    let session = store.session();
    for sql in [
        "create timeseries root.a.d1.i INT32",
        "create timeseries root.a.d1.t TEXT",
        "insert into root.a.d1(time, i, t) values (1, 1, 'x'), (2, null, 'y'), (3, 3, null)",
        "insert into root.a.d2(time, i, `s 1`) values (1, 10.5, true)",
        "create aligned timeseries root.a.al(x INT64, y DOUBLE)",
        "insert into root.a.al(time, x, y) values (1, 1, null), (2, null, 2.5), (3, null, null)",
    ] {
        done(&session, sql).await;
    }
    store
}

#[tokio::test(flavor = "multi_thread")]
async fn values_keep_their_types_and_nulls_stay_away() {
    let store = filled().await;
    let session = store.session();
    assert_eq!(
        rows(&session, "select i, t into root.out.::(::) from root.a.d1").await,
        ["root.a.d1.i,root.out.d1.i,2", "root.a.d1.t,root.out.d1.t,2"]
    );
    assert_eq!(rows(&session, "select i, t from root.out.d1").await, ["1,1,x", "2,-,y", "3,3,-"]);
    let types = rows(&session, "show timeseries root.out.d1.*").await.join(" ");
    assert!(
        types.contains("root.out.d1.i,-,root.out,INT32") && types.contains("root.out.d1.t,-,root.out,TEXT"),
        "{types}"
    );
    // Rows of which nothing is left are no rows of an aligned device, either.
    let sql = "select x, y into aligned root.out.al(::), aligned root.out.al(::) from root.a.al";
    assert_eq!(rows(&session, sql).await, ["root.a.al.x,root.out.al.x,1", "root.a.al.y,root.out.al.y,1"]);
    assert_eq!(rows(&session, "select x, y from root.out.al").await, ["1,1,-", "2,-,2.5"]);
    // What is of no time is written at the first.
    rows(&session, "select count(i), max_value(i) into root.out.agg(n, most) from root.a.d1").await;
    assert_eq!(rows(&session, "select most, n from root.out.agg").await, ["0,3,2"]);
    // Onto itself, and newest first: it reads what was there when it began.
    rows(&session, "select i + 1 into root.a.d1(j) from root.a.d1 order by time desc").await;
    assert_eq!(rows(&session, "select j from root.a.d1").await, ["1,2.0", "3,4.0"]);
    assert_eq!(rows(&session, "select nope into root.out.d9(x) from root.a.d1").await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_of_a_query_aligned_by_device_go_where_each_is_sent() {
    let store = filled().await;
    let session = store.session();
    // One item for all; columns that a device lacks are written nowhere.
    let sql = "select i, `s 1` into root.out.${2}_x(::) from root.a.d1, root.a.d2 align by device";
    let failed = ask(&session, sql).await.expect_err("two types of one column");
    assert_eq!(failed.code.0, 701);
    done(&session, "insert into root.a.d3(time, i) values (1, 7)").await;
    let sql =
        "select i, `s 1` into root.out.${2}_x(::) from root.a.d2, root.a.d3 order by time align by device";
    assert_eq!(
        rows(&session, sql).await,
        [
            "root.a.d2,i,root.out.d2_x.i,1",
            "root.a.d2,`s 1`,root.out.d2_x.`s 1`,1",
            "root.a.d3,i,root.out.d3_x.i,1",
            "root.a.d3,`s 1`,root.out.d3_x.`s 1`,0",
        ]
    );
    assert_eq!(rows(&session, "select i from root.out.d3_x").await, ["1,7.0"]);
    // An item for each device; aggregates have no source, but their device has.
    let sql =
        "select count(i) into root.out.a(n), aligned root.out.b(n) from root.a.d2, root.a.d3 align by device";
    assert_eq!(
        rows(&session, sql).await,
        ["root.a.d2,count(i),root.out.a.n,1", "root.a.d3,count(i),root.out.b.n,1"]
    );
    let sql = "select count(i), sum(i) into root.out.n_${2}(c, s) from root.a.d2, root.a.d3 group by ([0, 4), 2ms) align by device";
    assert_eq!(rows(&session, sql).await[3], "root.a.d3,sum(i),root.out.n_d3.s,1");
    assert_eq!(rows(&session, "select s from root.out.n_d3").await, ["0,7.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_correspond_is_rejected_and_nothing_is_written() {
    let store = filled().await;
    let session = store.session();
    for sql in [
        "select i, t into root.out.d(a) from root.a.d1",
        "select i into root.out.d(a, b) from root.a.d1",
        "select i, t into root.out.d(::, b) from root.a.d1",
        "select i, t into root.out.d(a, a) from root.a.d1",
        "select i, t into root.out.d(a), aligned root.out.d(b) from root.a.d1",
        "select i + 1 into root.out.d(::) from root.a.d1",
        "select count(i) into root.out.${2}(n) from root.a.d1",
        "select i into root.out.::.x(a) from root.a.d1",
        "select i into root.out.${9}(a) from root.a.d1",
        "select i into out.d(a) from root.a.d1",
        "select last i into root.out.d(a) from root.a.d1",
        "select * into root.out.d(::) from root.a.d1 slimit 1",
        "select i into root.out.a(x), root.out.b(x) from root.a.d1 align by device",
    ] {
        assert_eq!(code(&session, sql).await, 701, "{sql}");
    }
    assert_eq!(rows(&session, "show devices root.out.**").await, [""; 0]);
    // What is in the way of a value is said, and what was written before it.
    done(&session, "create timeseries root.out.d.a BOOLEAN").await;
    let error = ask(&session, "select t into root.out.d(a) from root.a.d1").await.expect_err("rejected");
    assert_eq!(error.code.0, 507);
    assert!(
        error.message.contains("SELECT INTO") && error.message.contains("nothing was written"),
        "{error}"
    );
    assert_eq!(code(&session, "explain select i into root.out.d(b) from root.a.d1").await, 200);
    assert_eq!(rows(&session, "select b from root.out.d").await, [""; 0]);
    done(&session, "set system to readonly").await;
    assert_eq!(code(&session, "select i into root.out.d(b) from root.a.d1").await, 600);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_rows_of_many_devices_are_all_written() {
    let store = Store::open();
    let session = store.session();
    for device in 0..5 {
        let rows: Vec<String> = (0..5_000).map(|time| format!("({time}, {time}, {device})")).collect();
        let sql = format!("insert into root.m.d{device}(time, a, b) values {}", rows.join(", "));
        done(&session, &sql).await;
    }
    let written =
        rows(&session, "select * into root.copy.::(::) from root.m.** order by time align by device").await;
    assert_eq!(written.len(), 10);
    assert!(written.iter().all(|row| row.ends_with(",5000")), "{written:?}");
    assert_eq!(
        rows(&session, "select count(a), sum(a), sum(b) from root.copy.**").await,
        rows(&session, "select count(a), sum(a), sum(b) from root.m.**").await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_by_a_query_reads_what_they_may_and_writes_where_they_may() {
    let store = filled().await;
    let root = store.session();
    for sql in [
        "create database root.out",
        "create user amyuser 'secret12'",
        "grant read_data on root.a.d1.i to user amyuser",
        "grant write_data, write_schema on root.out.** to user amyuser",
    ] {
        done(&root, sql).await;
    }
    let login = levada_model::Login { user: "amyuser".to_owned(), password: "secret12".to_owned() };
    let options = levada_model::SessionOptions { login: Some(login), ..Default::default() };
    let amy = store.engine().open_session(options).await.expect("a user");
    assert_eq!(
        rows(&amy, "select * into root.out.::(::) from root.a.**").await,
        ["root.a.d1.i,root.out.d1.i,2"]
    );
    for sql in [
        "select i into root.a.d1(k) from root.a.d1",
        "select i into root.${1}.x(k) from root.a.d1",
        "select i into ::(k) from root.a.d1",
    ] {
        assert_eq!(code(&amy, sql).await, 803, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_do_not_fit_are_left_out_and_the_others_are_written() {
    let store = filled().await;
    let session = store.session();
    done(&session, "insert into root.a.d1(time, i, t) values (4, 4, '40'), (5, null, 'fifty')").await;
    done(&session, "create timeseries root.out.d.number INT32").await;
    let report = done(&session, "select i, t into root.out.d(i, number) from root.a.d1").await;
    assert_eq!(report.columns, ["SourceColumn", "TargetTimeseries", "Written", "Rejected", "Reason"]);
    let cells = |row: &[Option<String>]| row[1..4].iter().flatten().cloned().collect::<Vec<_>>().join(",");
    assert_eq!(
        report.rows.iter().map(|row| cells(row)).collect::<Vec<_>>(),
        ["root.out.d.i,3,0", "root.out.d.number,1,3"]
    );
    assert_eq!(report.rows[0][4], None);
    let reason = report.rows[1][4].as_deref().expect("a reason");
    assert!(reason.contains("root.out.d.number") && reason.contains('x'), "{reason}");
    assert_eq!(rows(&session, "select i, number from root.out.d").await, ["1,1,-", "3,3,-", "4,4,40"]);
    // A device that cannot be keeps the rows of no other away.
    done(&session, "create timeseries root.out.whole.x INT32").await;
    let sql = "select i, i into root.out.whole.x(y), root.out.fine(y) from root.a.d1";
    let report = done(&session, sql).await;
    let counts: Vec<_> = report.rows.iter().map(|row| cells(row)).collect();
    assert_eq!(counts, ["root.out.whole.x.y,0,3", "root.out.fine.y,3,0"], "{report:?}");
}
