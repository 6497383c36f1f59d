//! An engine that is followed.

use futures::FutureExt;
use levada_engine::{Change, ChangeKind, ChangesFrom, Engine, EngineOptions};
use levada_model::Session;

fn open(folder: &tempfile::TempDir) -> Engine {
    Engine::open(EngineOptions::new(folder.path())).expect("the folder opens")
}

async fn insert(engine: &Engine, time: i64) {
    let statement = format!("insert into root.a.d(time, s) values ({time}, 1.5)");
    engine.session(None).expect("UTC").execute(&statement).await.expect("inserted");
}

fn times(changes: &[Change]) -> Vec<i64> {
    let tablets = changes.iter().flat_map(|change| match &change.kind {
        ChangeKind::Rows { tablets, .. } => tablets.as_slice(),
        _ => &[],
    });
    tablets.flat_map(|tablet| tablet.times().values().to_vec()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_comes_first_then_each_write_and_after_a_restart_what_is_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(&folder);
    insert(&engine, 1).await;
    let history = ChangesFrom::History { after: 0 };
    let mut feed = engine.changes(Some("pipe"), history).await.expect("begins");
    let mut found = Vec::new();
    while found.last().is_none_or(|change: &Change| change.kind != ChangeKind::HistoryEnd) {
        found.extend(feed.next(1).await.expect("read"));
    }
    assert_eq!(times(&found), [1]);
    // Nobody writes, so that this waits, and takes nothing away when it is given up.
    assert!(feed.next(1).now_or_never().is_none());
    let (waited, ()) = tokio::join!(feed.next(1), insert(&engine, 2));
    let waited = waited.expect("read");
    assert_eq!(times(&waited), [2]);
    let position = waited[0].position;
    feed.settle(position);
    insert(&engine, 3).await;
    engine.close().await.expect("closes");
    drop(feed);
    drop(engine);

    let engine = open(&folder);
    let mut feed = engine.changes(Some("pipe"), ChangesFrom::After(position)).await.expect("begins");
    assert_eq!(times(&feed.next(1).await.expect("read")), [3]);
    assert_eq!(engine.change_readers().len(), 1);
    engine.close().await.expect("closes");
    let closed = feed.next(1).await.expect_err("closed");
    assert!(closed.to_string().starts_with("the store is closed"), "{closed}");
}
