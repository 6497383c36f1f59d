//! Logical views, as statements and rows meet them.

use std::sync::Arc;

use arrow_array::{Float64Array, Int64Array};
use levada_model::{Column, DataType, Login, Path, Session, SessionOptions, StatusCode, Tablet, Write};

use crate::store::{Store, ask, done, rejection, rows};

async fn all(session: &dyn Session, statements: &[&str]) {
    for sql in statements {
        done(session, sql).await;
    }
}

/// Two devices, one of them aligned, and views of all kinds of them.
async fn filled() -> Store {
    let store = Store::open();
    let session = store.session();
    all(
        &session,
        &[
            "create timeseries root.db.d1.s1 with datatype=INT32, encoding=RLE, compressor=SNAPPY",
            "create timeseries root.db.d1.s2 DOUBLE",
            "create aligned timeseries root.db.d2(s1 INT64, s2 TEXT)",
            "insert into root.db.d1(time, s1, s2) values (1, 10, 1.5), (2, 20, 2.5), (4, 40, null)",
            "insert into root.db.d2(time, s1, s2) values (1, 100, 'a'), (3, 300, 'c')",
            "create view root.v.d.one as root.db.d1.s1",
            "create view root.v.d(two, deep.three) as select s2, s1 from root.db.d1",
            "create view root.v.d.text, root.v.d.long as root.db.d2(s2, s1)",
            "create view root.v.d.sum as select d1.s1 + d2.s1 from root.db",
            "create view root.db.d1.own as (select s1 * 2 from root.db.d1)",
            "create view root.copy.${2}(${3}_c) as select s1 from root.db.*",
        ],
    )
    .await;
    store
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_views_are_those_of_what_they_stand_for() {
    let store = filled().await;
    let session = store.session();
    for (of_view, of_series) in [
        ("select one from root.v.d", "select s1 from root.db.d1"),
        ("select one, two from root.v.d where one > 10", "select s1, s2 from root.db.d1 where s1 > 10"),
        ("select sum from root.v.d", "select d1.s1 + d2.s1 from root.db"),
        (
            "select one, long, sum, text from root.v.d",
            "select d1.s1, d2.s1, d1.s1 + d2.s1, d2.s2 from root.db",
        ),
        (
            "select one from root.v.d order by time desc limit 2",
            "select s1 from root.db.d1 order by time desc limit 2",
        ),
        (
            "select own, s1 from root.db.d1 where own >= 40",
            "select s1 * 2, s1 from root.db.d1 where s1 * 2 >= 40",
        ),
        ("select count(*), max_value(one), avg(own) from root.v.d, root.db.d1", ""),
        ("select count(one), sum(sum) from root.v.d", "select count(d1.s1), sum(d1.s1 + d2.s1) from root.db"),
        (
            "select avg(one), count(sum) from root.v.d group by ([0, 6), 2ms)",
            "select avg(d1.s1), count(d1.s1 + d2.s1) from root.db group by ([0, 6), 2ms)",
        ),
        (
            "select one from root.v.d where time >= 2 and time < 4",
            "select s1 from root.db.d1 where time >= 2 and time < 4",
        ),
        ("select sum from root.v.d where time > -5", "select d1.s1 + d2.s1 from root.db"),
        ("select diff(one) from root.v.d", "select diff(s1) from root.db.d1"),
        (
            "select one + long from root.v.d where text = 'a'",
            "select d1.s1 + d2.s1 from root.db where d2.s2 = 'a'",
        ),
        ("select one from root.v.d fill(previous)", "select s1 from root.db.d1 fill(previous)"),
        ("select s1_c from root.copy.d1", "select s1 from root.db.d1"),
        ("select d2.s1_c from root.copy", "select s1 from root.db.d2"),
    ] {
        if !of_series.is_empty() {
            assert_eq!(rows(&session, of_view).await, rows(&session, of_series).await, "{of_view}");
        }
    }
    assert_eq!(rows(&session, "select sum from root.v.d").await, ["1,110.0", "2,-", "3,-", "4,-"]);
    assert_eq!(
        rows(&session, "select one, long from root.v.d").await,
        ["1,10,100", "2,20,-", "3,-,300", "4,40,-"]
    );
    assert_eq!(
        rows(&session, "select one, sum from root.v.d align by device").await,
        ["1,root.v.d,10,110.0", "2,root.v.d,20,-", "3,root.v.d,-,-", "4,root.v.d,40,-"]
    );
    assert_eq!(
        rows(&session, "select last one, sum, two from root.v.d order by timeseries").await,
        ["4,root.v.d.one,40,INT32", "1,root.v.d.sum,110.0,DOUBLE", "2,root.v.d.two,2.5,DOUBLE"]
    );
    let header = done(&session, "select * from root.v.d").await;
    let mut columns = header.columns;
    columns.sort();
    assert_eq!(
        columns,
        ["Time", "root.v.d.long", "root.v.d.one", "root.v.d.sum", "root.v.d.text", "root.v.d.two"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn views_are_shown_and_counted_among_series() {
    let mut store = filled().await;
    let session = store.session();
    let shown = |prefix: &'static str| {
        let session = store.session();
        async move {
            let mut found = rows(&session, &format!("show timeseries {prefix}")).await;
            found.sort();
            found
        }
    };
    assert_eq!(
        shown("root.db.d1.*").await,
        [
            "root.db.d1.own,-,root.db,DOUBLE,-,-,-,-,-,-,VIEW",
            "root.db.d1.s1,-,root.db,INT32,RLE,SNAPPY,-,-,-,-,BASE",
            "root.db.d1.s2,-,root.db,DOUBLE,GORILLA,LZ4,-,-,-,-,BASE",
        ]
    );
    assert_eq!(shown("root.v.d.one").await, ["root.v.d.one,-,root.v,INT32,-,-,-,-,-,-,VIEW"]);
    assert_eq!(rows(&session, "count timeseries root.v.**").await, ["6"]);
    assert_eq!(rows(&session, "count timeseries root.**").await, ["13"]);
    assert_eq!(rows(&session, "show devices root.v.**").await.len(), 2);
    done(&session, "alter view root.v.d.one upsert tags(unit=c) attributes(who=amy)").await;
    done(&session, "alter view root.v.d.one add tags site=x").await;
    assert_eq!(rows(&session, "show timeseries root.** where tags(unit)='c'").await.len(), 1);
    let views = || {
        let session = store.session();
        async move {
            let mut views = rows(&session, "show view root.v.**").await;
            views.sort();
            views
        }
    };
    let expected = [
        "root.v.d.deep.three,root.v,INT32,-,-,VIEW,root.db.d1.s1",
        "root.v.d.long,root.v,INT64,-,-,VIEW,root.db.d2.s1",
        "root.v.d.one,root.v,INT32,{\"site\":\"x\",\"unit\":\"c\"},{\"who\":\"amy\"},VIEW,root.db.d1.s1",
        "root.v.d.sum,root.v,DOUBLE,-,-,VIEW,root.db.d1.s1 + root.db.d2.s1",
        "root.v.d.text,root.v,TEXT,-,-,VIEW,root.db.d2.s2",
        "root.v.d.two,root.v,DOUBLE,-,-,VIEW,root.db.d1.s2",
    ];
    let sorted = |views: Vec<String>| -> Vec<String> {
        views
            .into_iter()
            .map(|view| view.replace("{\"unit\":\"c\",\"site\":\"x\"}", "{\"site\":\"x\",\"unit\":\"c\"}"))
            .collect()
    };
    assert_eq!(sorted(views().await), expected);
    assert_eq!(rows(&session, "show view root.** limit 1").await.len(), 1);
    assert_eq!(
        done(&session, "show view").await.columns,
        ["Timeseries", "Database", "DataType", "Tags", "Attributes", "ViewType", "Source"]
    );
    // They are kept: in the log, and in the manifest.
    drop(session);
    store.reopen();
    let session = store.session();
    let mut again = sorted(rows(&session, "show view root.v.**").await);
    again.sort();
    assert_eq!(again, expected);
    done(&session, "flush").await;
    store.engine().close().await.expect("closes");
    store.reopen();
    let session = store.session();
    let mut again = sorted(rows(&session, "show view root.v.**").await);
    again.sort();
    assert_eq!(again, expected);
    assert_eq!(rows(&session, "select sum from root.v.d").await, ["1,110.0", "2,-", "3,-", "4,-"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_to_another_name_of_a_series_is_written_to_that() {
    let store = filled().await;
    let session = store.session();
    // Of two devices, one of them aligned, and of types that are those of the series.
    done(&session, "insert into root.v.d(time, one, long, text) values (7, 70, 9007199254740993, 'g')").await;
    assert_eq!(rows(&session, "select s1 from root.db.d1 where time = 7").await, ["7,70"]);
    assert_eq!(
        rows(&session, "select s1, s2 from root.db.d2 where time = 7").await,
        ["7,9007199254740993,g"]
    );
    let (code, message) = rejection(&session, "insert into root.v.d(time, one) values (8, 'no')").await;
    assert!(code == 507 && message.contains("[one]"), "{code} {message}");
    let (_, message) = rejection(&session, "insert into root.v.d(time, one, sum) values (9, 90, 1)").await;
    assert!(
        message.contains("You can not insert into a logical view which is not alias series"),
        "{message}"
    );
    // What could be stored of it is.
    assert_eq!(rows(&session, "select s1 from root.db.d1 where time = 9").await, ["9,90"]);
    let device = Path::parse("root.v.d").expect("a path");
    let column = |name: &str, values: Vec<f64>| Column {
        name: name.into(),
        data_type: DataType::Double,
        values: Arc::new(Float64Array::from(values)) as _,
    };
    let columns = vec![column("two", vec![1.0, 2.0]), column("sum", vec![0.0, 0.0])];
    let tablet = Tablet::try_new(device, false, Int64Array::from(vec![20, 21]), columns).expect("a tablet");
    let report = session.insert_tablets(Write { tablets: vec![tablet], ..Write::default() }).await;
    let rejected = report.expect("an answer").rejected;
    assert_eq!((rejected.len(), rejected[0].tablet, rejected[0].rows.clone()), (1, 0, None));
    assert_eq!(rejected[0].measurement.as_deref(), Some("sum"));
    assert_eq!(rejected[0].code, StatusCode::UNSUPPORTED_OPERATION);
    assert_eq!(rows(&session, "select s2 from root.db.d1 where time >= 20").await, ["20,1.0", "21,2.0"]);
    assert_eq!(rows(&session, "count timeseries root.v.**").await, ["6"], "no series was made");
    done(&session, "select s1 into root.v.d(long) from root.db.d1 where time = 2").await;
    assert_eq!(rows(&session, "select s1 from root.db.d2 where time = 2").await, ["2,20"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_deleted_by_another_name_of_a_series_are_gone() {
    let store = filled().await;
    let session = store.session();
    done(&session, "delete from root.v.d.one where time <= 1").await;
    assert_eq!(rows(&session, "select s1 from root.db.d1").await, ["2,20", "4,40"]);
    let (_, message) = rejection(&session, "delete from root.v.d.sum").await;
    assert!(message.contains("computed from root.db.d1.s1 + root.db.d2.s1"), "{message}");
    // A wildcard takes the computed ones as they come.
    done(&session, "delete from root.v.**").await;
    assert_eq!(rows(&session, "select s1, s2 from root.db.d1").await, Vec::<String>::new());
    assert_eq!(rows(&session, "count timeseries root.v.**").await, ["6"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_altered_renamed_and_deleted() {
    let store = filled().await;
    let session = store.session();
    done(&session, "alter view root.v.d.one upsert tags(unit=c)").await;
    done(&session, "alter view root.v.d.one as select s1 * 3 from root.db.d1").await;
    assert_eq!(rows(&session, "select one from root.v.d").await, ["1,30.0", "2,60.0", "4,120.0"]);
    assert_eq!(
        rows(&session, "show view root.v.d.one").await,
        ["root.v.d.one,root.v,DOUBLE,{\"unit\":\"c\"},-,VIEW,root.db.d1.s1 * 3"]
    );
    assert_eq!(rejection(&session, "alter view root.v.d.none as root.db.d1.s1").await.0, 508);
    assert_eq!(
        rejection(&session, "alter view root.db.d1.s1 as root.db.d1.s2").await,
        (507, "[root.db.d1.s1] is no view.".to_owned())
    );
    done(&session, "rename view root.v.d.one to root.v.e.uno").await;
    assert_eq!(rows(&session, "select uno from root.v.e").await, ["1,30.0", "2,60.0", "4,120.0"]);
    assert_eq!(rows(&session, "show view root.v.d.one").await, Vec::<String>::new());
    done(&session, "delete view root.v.e.uno").await;
    assert_eq!(rejection(&session, "drop view root.v.e.uno").await.0, 508);
    assert_eq!(rejection(&session, "drop view root.db.d1.s1").await.0, 508);
    // By the statement for series, too.
    done(&session, "delete timeseries root.v.d.two").await;
    assert_eq!(rows(&session, "select s2 from root.db.d1 limit 1").await, ["1,1.5"]);
    done(&session, "drop view root.v.**, root.copy.**").await;
    assert_eq!(rows(&session, "show view").await.len(), 1);
    done(&session, "delete database root.db").await;
    assert_eq!(rows(&session, "show view").await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_of_a_series_that_is_gone_has_no_rows() {
    let store = filled().await;
    let session = store.session();
    done(&session, "delete timeseries root.db.d1.s1").await;
    let answer = done(&session, "select one, sum, long from root.v.d").await;
    assert_eq!(answer.columns, ["Time", "root.v.d.one", "root.v.d.sum", "root.v.d.long"]);
    assert_eq!(rows(&session, "select one, sum, long from root.v.d").await, ["1,-,-,100", "3,-,-,300"]);
    assert_eq!(rows(&session, "select count(one), count(sum) from root.v.d").await, ["0,0"]);
    assert_eq!(rows(&session, "select last one, sum from root.v.d").await, Vec::<String>::new());
    let (_, message) = rejection(&session, "insert into root.v.d(time, one) values (1, 1)").await;
    assert!(message.contains("Path [root.db.d1.s1], which the view root.v.d.one stands for"), "{message}");
    // A series of that name is what the view stands for again, of whatever type.
    done(&session, "create timeseries root.db.d1.s1 TEXT").await;
    done(&session, "insert into root.db.d1(time, s1) values (5, 'x')").await;
    assert_eq!(rows(&session, "select one from root.v.d").await, ["5,x"]);
    assert!(rows(&session, "show timeseries root.v.d.one").await[0].contains(",TEXT,"));
    assert!(ask(&session, "select sum from root.v.d").await.is_err(), "a text is not added");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_no_view_is_rejected_with_the_reason() {
    let store = filled().await;
    let session = store.session();
    let before = rows(&session, "show view").await;
    for (sql, code, words) in [
        ("create view root.v.d.n as root.v.d.one", 300, "Can not create a view based on existing views"),
        (
            "create view root.v.d.n as select one + 1 from root.v.d",
            300,
            "Can not create a view based on existing views",
        ),
        (
            "create view root.v.d.n as select avg(s1) from root.db.d1",
            300,
            "contains aggregation function(s) named [",
        ),
        (
            "create view root.v.d.n as select max_value(s1) + 1 from root.db.d1",
            300,
            "contains aggregation function(s) named [",
        ),
        ("create view root.v.d.n as select diff(s1) from root.db.d1", 300, "diff looks at other rows"),
        ("create view root.v.d.n as select 1 + top_k(s1, 'k'='2') from root.db.d1", 300, "top_k looks at"),
        ("create view root.v.d.n as select s1 from root.db.d1 where s1 > 5", 300, "WHERE"),
        ("create view root.v.d.n as select s1 from root.db.d1 limit 5", 300, "LIMIT"),
        ("create view root.v.d.n as select s1 from root.db.d1 align by device", 300, "ALIGN BY DEVICE"),
        ("create view root.v.d.n as root.v.d.one + 1", 700, ""),
        ("create view root.v.d($bad) as root.db.d1.s1", 701, ""),
        ("create view root.v.d.n as root.db.d1.missing", 300, "root.db.d1.missing"),
        ("create view root.v.d(n, m) as root.db.d1.s1", 300, "target paths (2) and sources (1)"),
        ("create view root.v.d(n) as select s1, s2 from root.db.d1", 300, "target paths (1) and sources (2)"),
        ("create view root.v.d.n as select none from root.db.d1", 300, "target paths (1) and sources (0)"),
        ("create view root.v.d(n, n) as select s1, s2 from root.db.d1", 300, "twice"),
        ("create view root.v.x(${3}) as select s1 from root.db.*", 300, "twice"),
        ("create view root.v.x(${9}) as select s1 from root.db.*", 701, "create view:"),
        ("create view root.v.x(${3}) as select s1 + 1 from root.db.*", 701, "create view:"),
        ("create view root.v.x(${3}.${2}) as select s1 from root.db.*", 701, "one node"),
        ("create view root.v.d.one as root.db.d1.s2", 503, "already exist"),
        ("create view root.db.d1.s1 as root.db.d1.s2", 503, "already exist"),
        ("create view root.db.d1.s1.deep as root.db.d1.s2", 506, "already exist"),
        ("create view root.v.d.one.deep as root.db.d1.s2", 506, "already exist"),
        ("create view root.v.d.deep as root.db.d1.s2", 506, "already exist"),
        ("create view root.z as root.db.d1.s2", 509, "legal path"),
        ("create timeseries root.v.d.one INT32", 503, "already exist"),
        ("create timeseries root.v.d.one.deep INT32", 506, "already exist"),
        ("insert into root.v.d.one(time, deep) values (1, 1)", 507, "already exist"),
        ("alter view root.v.d.one upsert alias=x", 300, "no alias"),
        ("create view root.v.d(fresh, one) as select s1, s2 from root.db.d1", 503, "already exist"),
    ] {
        let (found, message) = rejection(&session, sql).await;
        assert!(found == code && message.contains(words), "{sql}: {found} {message}");
    }
    assert_eq!(rows(&session, "show view").await, before, "of what is rejected nothing is made");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_shows_what_its_readers_may_not_see_by_its_own_name() {
    let store = filled().await;
    let root = store.session();
    all(
        &root,
        &[
            "create user amyuser 'secret12'",
            "grant read_data, read_schema, write_data on root.v.d.one to user amyuser",
        ],
    )
    .await;
    let login = Some(Login { user: "amyuser".to_owned(), password: "secret12".to_owned() });
    let amy = store.engine().open_session(SessionOptions { login, ..SessionOptions::default() }).await;
    let amy = amy.expect("a user");
    assert_eq!(rows(&amy, "select * from root.v.d").await, ["1,10", "2,20", "4,40"]);
    assert_eq!(rows(&amy, "select s1 from root.db.d1").await, Vec::<String>::new());
    assert_eq!(rows(&amy, "show view").await.len(), 1);
    done(&amy, "insert into root.v.d(time, one) values (8, 80)").await;
    assert_eq!(rejection(&amy, "insert into root.v.d(time, two) values (8, 80)").await.0, 803);
    let (code, message) = rejection(&amy, "create view root.w.d.s as root.db.d1.s1").await;
    assert!(code == 803 && message.contains("READ_SCHEMA on [root.db.d1.s1]"), "{message}");
    done(&root, "grant read_schema on root.db.d1.s1 to user amyuser").await;
    let (code, message) = rejection(&amy, "create view root.w.d.s as select s1 from root.db.d1").await;
    assert!(code == 803 && message.contains("READ_DATA on [root.db.d1.s1]"), "{message}");
    done(&root, "grant read_data on root.db.d1.s1 to user amyuser").await;
    let (code, message) = rejection(&amy, "create view root.w.d.s as select s1 from root.db.d1").await;
    assert!(code == 803 && message.contains("WRITE_SCHEMA on [root.w.d.s]"), "{message}");
    assert_eq!(rejection(&amy, "drop view root.v.d.one").await.0, 803);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_no_way_around_what_its_maker_may_not_read_or_write() {
    let store = filled().await;
    let root = store.session();
    all(
        &root,
        &[
            "create user amyuser 'secret12'",
            "grant write_schema, read_data, write_data on root.amy.** to user amyuser",
            "grant manage_database, read_schema on root.** to user amyuser",
            "create timeseries root.db.d1.s3(second) INT32",
            "insert into root.db.d1(time, s3) values (1, 7)",
            "grant read_data on root.db.d1.second to user amyuser",
            "grant write_schema on root.v.d.one to user amyuser",
        ],
    )
    .await;
    let login = Some(Login { user: "amyuser".to_owned(), password: "secret12".to_owned() });
    let amy = store.engine().open_session(SessionOptions { login, ..SessionOptions::default() }).await;
    let amy = amy.expect("a user");
    // What may be seen and not read is not read by another name.
    for (sql, words) in [
        ("create view root.amy.x(${2}_${3}) as select * from root.db.*", "READ_DATA on [root.db.*.*]"),
        ("create view root.amy.x as root.db.d1.s1", "READ_DATA on [root.db.d1.s1]"),
        ("create view root.amy.x as (select s1 * 2 from root.db.d1)", "READ_DATA on [root.db.d1.s1]"),
        ("create view root.amy.x as root.db.d1.second", "READ_DATA on [root.db.d1.s3]"),
        ("rename view root.v.d.one to root.amy.x", "READ_DATA on [root.v.d.one]"),
    ] {
        let (code, message) = rejection(&amy, sql).await;
        assert!(code == 803 && message.contains(words), "{sql}: {message}");
    }
    done(&root, "grant read_data on root.** to user amyuser").await;
    let (code, message) = rejection(&amy, "rename view root.v.d.one to root.amy.x").await;
    assert!(code == 803 && message.contains("WRITE_DATA on [root.v.d.one]"), "{message}");
    // What may be read and not written is not written by another name.
    done(&amy, "create view root.amy.x as root.db.d1.s1").await;
    let stored = ["1,10", "2,20", "4,40"];
    for (sql, code) in
        [("insert into root.amy(time, x) values (1, 11)", 507), ("delete from root.amy.x", 300)]
    {
        let (found, message) = rejection(&amy, sql).await;
        assert!(message.contains("root.db.d1.s1"), "{message}");
        assert_eq!(found, code, "{sql}: {message}");
    }
    done(&amy, "delete from root.amy.**").await;
    assert_eq!(rows(&amy, "select x from root.amy").await, stored);
    assert_eq!(rows(&root, "select s1 from root.db.d1").await, stored);
    // Who may write to a series may let others do so.
    done(&root, "grant write_data on root.db.d1.s1, root.v.d.one to user amyuser").await;
    done(&amy, "alter view root.amy.x as root.db.d1.s1").await;
    done(&amy, "insert into root.amy(time, x) values (1, 11)").await;
    done(&amy, "rename view root.v.d.one to root.amy.y").await;
    done(&amy, "delete from root.amy.y where time = 2").await;
    assert_eq!(rows(&root, "select s1 from root.db.d1").await, ["1,11", "4,40"]);
}
