//! Rows live as long as what is most specific says, wherever they are and however they are asked for.

use levada_model::Session;

use crate::store::{RECORDED, Store, done, rejection, rows};

/// Three rows of three devices: a minute ago, a second ago, now.
async fn fill(session: &dyn Session) {
    for device in ["root.a.d1", "root.a.d2", "root.a.x.d3"] {
        let (minute, second) = (RECORDED - 60_000, RECORDED - 1_000);
        let sql =
            format!("insert into {device}(time, s) values ({minute}, 1), ({second}, 2), ({RECORDED}, 3)");
        done(session, &sql).await;
    }
}

async fn counts(session: &dyn Session) -> Vec<String> {
    rows(session, "select count(s) from root.a.** align by device").await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_most_specific_counts_in_memory_in_files_and_after_compaction() {
    let mut store = Store::open();
    fill(&store.session()).await;
    for sql in ["set ttl to root.a 30000", "set ttl to root.a.d1 500", "set ttl to root.a.x.** inf"] {
        done(&store.session(), sql).await;
    }
    let wanted = ["root.a.d1,1", "root.a.d2,2", "root.a.x.d3,3"];
    assert_eq!(counts(&store.session()).await, wanted);
    done(&store.session(), "flush").await;
    assert_eq!(counts(&store.session()).await, wanted);
    done(&store.session(), "merge").await;
    for _ in 0..2 {
        let session = store.session();
        assert_eq!(counts(&session).await, wanted);
        assert_eq!(rows(&session, "select s from root.a.d1").await, [format!("{RECORDED},3.0")]);
        let ttls = ["root.**,INF", "root.a,30000", "root.a.**,30000", "root.a.d1,500", "root.a.x.**,INF"];
        assert_eq!(rows(&session, "show all ttl").await, ttls);
        drop(session);
        store.engine().close().await.expect("closed");
        store.reopen();
    }
    // What had ended went with the compaction.
    for device in ["root.a", "root.a.d1", "root.a.x.**"] {
        done(&store.session(), &format!("unset ttl from {device}")).await;
    }
    done(&store.session(), "merge").await;
    assert_eq!(rows(&store.session(), "show all ttl").await, ["root.**,INF"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_when_all_their_rows_have_ended() {
    let store = Store::open();
    let session = store.session();
    done(&session, "insert into root.a.d1(time, s) values (1, 1)").await;
    done(&session, "insert into root.a.d2(time, s) values (1, 1)").await;
    done(&session, "flush").await;
    // In this order, as files may go at any time.
    done(&session, "set ttl to root.a.d2 inf").await;
    done(&session, "set ttl to root.** 1000").await;
    done(&session, "merge").await;
    assert_eq!(counts(&session).await, ["root.a.d1,0", "root.a.d2,1"]);
    assert_eq!(store.engine().stats().files, 1);
    done(&session, "unset ttl from root.a.d2").await;
    done(&session, "merge").await;
    assert_eq!(store.engine().stats().files, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn late_rows_of_a_device_are_rejected_and_the_newest_value_ends_too() {
    let store = Store::open();
    let session = store.session();
    fill(&session).await;
    done(&session, "insert into root.a.old(time, s) values (5, 1)").await;
    assert_eq!(rows(&session, "select last s from root.a.old").await, ["5,root.a.old.s,1.0,DOUBLE"]);
    done(&session, "set ttl to root.a.old 1000").await;
    assert_eq!(rows(&session, "select last s from root.a.old").await.len(), 0);
    let (code, message) = rejection(&session, "insert into root.a.old(time, s) values (6, 1)").await;
    assert_eq!(code, 607, "{message}");
    done(&session, "insert into root.a.d1(time, s) values (6, 1)").await;
    done(&session, "unset ttl from root.a.old").await;
    assert_eq!(rows(&session, "select last s from root.a.old").await, ["5,root.a.old.s,1.0,DOUBLE"]);
    // Of a device that is not there yet.
    done(&session, "set ttl to root.new.d 1000").await;
    assert_eq!(rejection(&session, "insert into root.new.d(time, s) values (6, 1)").await.0, 607);
    assert_eq!(rows(&session, "show devices root.a.old").await, ["root.a.old,false,-,INF"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_set_for_a_database_goes_with_it() {
    let store = Store::open();
    let session = store.session();
    done(&session, "create database root.a with ttl=5").await;
    done(&session, "set ttl to root.a.d 7").await;
    done(&session, "delete database root.a").await;
    assert_eq!(rows(&session, "show all ttl").await, ["root.**,INF", "root.a.d,7"]);
    assert_eq!(store.engine().stats().databases, 0);
}
