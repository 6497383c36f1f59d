//! What was answered is there after the folder was opened again.

use levada_model::{Session, SplitName, SplitRange, Write};

use crate::store::{Store, done, rows};

async fn fill(session: &dyn Session) {
    done(session, "create database root.a.plant with ttl=9000000000000").await;
    done(
        session,
        "create timeseries root.a.plant.d1.s(alias1) FLOAT encoding=RLE tags(unit=c) attributes(owner=amy)",
    )
    .await;
    done(session, "create aligned timeseries root.a.plant.ga(lat FLOAT, lon DOUBLE)").await;
    done(session, "insert into root.a.plant.d1(time, s) values (1, 1.5), (2, 2.5), (3, 3.5)").await;
    done(session, "insert into root.a.plant.ga(time, lat, lon) values (1, 1, 2), (2, null, 4)").await;
    done(session, "delete from root.a.plant.d1.s where time = 2").await;
    done(session, "create timeseries root.a.plant.gone.s INT32").await;
    done(session, "delete timeseries root.a.plant.gone.s").await;
    let positions = vec![SplitRange { split: SplitName::new("split"), range: 0..7 }];
    session
        .insert_tablets(Write { positions, owner: Some("owner".into()), ..Write::default() })
        .await
        .expect("stored");
}

const QUESTIONS: [&str; 6] = [
    "show databases root.a.**",
    "show timeseries root.a.**",
    "show devices root.a.**",
    "select * from root.a.plant.d1",
    "select lat, lon from root.a.plant.ga",
    "count timeseries root.a.**",
];

async fn answers(session: &dyn Session) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for question in QUESTIONS {
        all.push(rows(session, question).await);
    }
    let checkpoint = session.checkpoint("owner").await.expect("read");
    all.push(checkpoint.into_iter().map(|(split, position)| format!("{split} {position}")).collect());
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_store_opens_with_all_that_it_held() {
    let mut store = Store::open();
    fill(&store.session()).await;
    let before = answers(&store.session()).await;
    assert_eq!(before[3], ["1,1.5", "3,3.5"]);
    assert_eq!(before[6], ["split 7"]);
    for _ in 0..3 {
        store.engine().close().await.expect("closed");
        store.reopen();
        assert_eq!(answers(&store.session()).await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_store_opens_with_all_that_it_held() {
    let mut store = Store::open();
    fill(&store.session()).await;
    let before = answers(&store.session()).await;
    store.reopen();
    assert_eq!(answers(&store.session()).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn flushed_rows_and_later_ones_are_one_after_opening() {
    let mut store = Store::open();
    let session = store.session();
    done(&session, "insert into root.a.d(time, s) values (1, 1), (2, 2)").await;
    done(&session, "flush").await;
    done(&session, "insert into root.a.d(time, s) values (2, 20), (3, 30)").await;
    drop(session);
    store.engine().close().await.expect("closed");
    store.reopen();
    assert_eq!(rows(&store.session(), "select s from root.a.d").await, ["1,1.0", "2,20.0", "3,30.0"]);
}
