//! Statements that change something.

use crate::store::{Store, done, refusal, rows};

#[tokio::test]
async fn a_value_that_does_not_fit_leaves_the_rest_of_its_row() {
    let store = Store::open();
    let session = store.session();
    done(&session, "create timeseries root.a.d.b BOOLEAN").await;
    let (code, message) =
        refusal(&session, "insert into root.a.d(time,s,b) values(1,1,true),(2,2,'bad')").await;
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
    done(
        &session,
        "insert into root.a.d(time,i,b,t,x,n) values(1,null,true,'t',X'00',null),(2,1.5,null,null,null,null)",
    )
    .await;
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
        assert_eq!(refusal(&session, &alter(what)).await.0, code, "{what}");
    }
    assert_eq!(refusal(&session, "alter timeseries root.a.d.nope add tags a=b").await.0, 508);
}

#[tokio::test]
async fn a_read_only_store_still_answers() {
    let store = Store::open();
    let session = store.session();
    done(&session, "insert into root.a.d(time, s) values (1, 1)").await;
    done(&session, "set system to readonly").await;
    assert_eq!(refusal(&session, "insert into root.a.d(time, s) values (2, 2)").await.0, 507);
    assert_eq!(refusal(&session, "create database root.b").await.0, 507);
    assert_eq!(rows(&session, "select s from root.a.d").await, ["1,1.0"]);
    done(&session, "set system to running").await;
    done(&session, "insert into root.a.d(time, s) values (2, 2)").await;
}

#[tokio::test]
async fn without_automatic_schema_only_known_series_are_written() {
    let store = Store::open();
    let session = store.session();
    done(&session, "insert into root.a.d(time, s) values (1, 1)").await;
    done(&session, "set configuration 'enable_auto_create_schema'='false'").await;
    let (code, message) = refusal(&session, "insert into root.a.d(time, s, t) values (2, 2, 3)").await;
    assert_eq!(
        (code, message.as_str()),
        (507, "Fail to insert measurements [t] caused by [Path [root.a.d.t] does not exist]")
    );
    assert_eq!(rows(&session, "select s from root.a.d").await, ["1,1.0", "2,2.0"]);
    assert_eq!(refusal(&session, "insert into root.b.d(time, s) values (1, 1)").await.0, 500);
}

#[tokio::test]
async fn rows_older_than_their_time_to_live_are_gone() {
    let store = Store::open();
    let session = store.session();
    done(&session, "insert into root.a.d(time, s) values (1, 1)").await;
    done(&session, "set ttl to root.a.** 1000").await;
    assert!(rows(&session, "select s from root.a.d").await.is_empty());
    assert_eq!(refusal(&session, "insert into root.a.d(time, s) values (2, 2)").await.0, 607);
    done(&session, "unset ttl from root.a").await;
    assert_eq!(rows(&session, "select s from root.a.d").await, ["1,1.0"]);
}
