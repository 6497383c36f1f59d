//! Templates, as statements and rows meet them.

use levada_model::Session;

use crate::store::{Store, ask, done, rows};

async fn code(session: &dyn Session, sql: &str) -> i32 {
    ask(session, sql).await.map_or_else(|error| error.code.0, |_| 200)
}

async fn set(store: &Store) {
    let session = store.session();
    for sql in [
        "create database root.t",
        "create device template flat (temp FLOAT encoding=RLE, n INT64)",
        "create schema template wide aligned (lat FLOAT, lon DOUBLE)",
        "set device template flat to root.t.flat",
        "set device template wide to root.t.wide",
    ] {
        done(&session, sql).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_row_takes_its_types_and_alignment_from_the_template() {
    let store = Store::open();
    set(&store).await;
    let session = store.session();
    // As a column of integers it would be DOUBLE, and plain.
    done(&session, "insert into root.t.flat.d(time, n) values (1, 9007199254740993)").await;
    done(&session, "insert into root.t.wide.d(time, lat) values (1, 1.5)").await;
    done(&session, "insert into root.t.flat.e(time, temp) aligned values (1, 2.5)").await;
    assert_eq!(rows(&session, "select n from root.t.flat.d").await, ["1,9007199254740993"]);
    let mut devices = rows(&session, "show devices root.t.**").await;
    devices.sort();
    assert_eq!(
        devices,
        ["root.t.flat.d,false,flat,INF", "root.t.flat.e,false,flat,INF", "root.t.wide.d,true,wide,INF"]
    );
    assert_eq!(rows(&session, "show devices root.t.** where template = 'wide'").await.len(), 1);
    assert_eq!(rows(&session, "show devices root.t.** where template is not null").await.len(), 3);
    assert_eq!(code(&session, "insert into root.t.flat.d(time, n) values (2, 'text')").await, 507);
    // What a template has not is added to it.
    done(&session, "insert into root.t.flat.d(time, more) values (2, true)").await;
    assert_eq!(rows(&session, "select count(more) from root.t.flat.*").await, ["1,0"]);
    assert_eq!(
        rows(&session, "show nodes in device template flat").await,
        ["temp,FLOAT,RLE,LZ4", "n,INT64,TS_2DIFF,LZ4", "more,BOOLEAN,RLE,LZ4"]
    );
    assert_eq!(
        rows(&session, "show paths using device template flat").await,
        ["root.t.flat.d", "root.t.flat.e"]
    );
    for (sql, expected) in [
        ("create timeseries root.t.flat.d.own INT32", 516),
        ("create timeseries root.t.flat.new.own INT32", 516),
        ("alter timeseries root.t.flat.d.n add tags a=b", 516),
        ("delete timeseries root.t.flat.d.n", 508),
        ("delete timeseries root.t.**", 508),
        ("show paths set device template nope", 507),
    ] {
        assert_eq!(code(&session, sql).await, expected, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_write_needs_a_privilege_to_make_a_template_larger() {
    let store = Store::open();
    set(&store).await;
    let root = store.session();
    done(&root, "create user amyuser 'secret12'").await;
    done(&root, "grant write_data, write_schema on root.t.** to user amyuser").await;
    let login = levada_model::Login { user: "amyuser".to_owned(), password: "secret12".to_owned() };
    let options = levada_model::SessionOptions { login: Some(login), ..Default::default() };
    let amy = store.engine().open_session(options).await.expect("a user");
    done(&amy, "insert into root.t.flat.d(time, n) values (1, 1)").await;
    assert_eq!(code(&amy, "insert into root.t.flat.d(time, more) values (1, 1)").await, 803);
    assert_eq!(code(&amy, "alter device template flat add (more INT32)").await, 803);
    done(&root, "grant extend_template on root.** to user amyuser").await;
    done(&amy, "insert into root.t.flat.d(time, more) values (1, 1)").await;
}
