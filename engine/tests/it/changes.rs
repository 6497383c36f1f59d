//! An engine that is followed.

use std::{sync::Arc, time::Duration};

use futures::FutureExt;
use levada_engine::{Change, ChangeFeed, ChangeKind, ChangesFrom, Engine, EngineOptions};
use levada_model::Session;
use tokio::{
    task::{spawn_blocking, yield_now},
    time::timeout,
};

use crate::disk::ToldDisk;

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

/// Nothing that a test waits for takes so long.
const LONG: Duration = Duration::from_secs(60);

/// An engine, and a feed of it that has given the first row.
async fn followed(disk: &ToldDisk) -> (tempfile::TempDir, Engine, ChangeFeed, u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = EngineOptions::new(folder.path());
    options.storage.disk = Arc::new(disk.clone());
    let engine = Engine::open(options).expect("the folder opens");
    let mut feed = engine.changes(Some("pipe"), ChangesFrom::Now).await.expect("begins");
    insert(&engine, 1).await;
    let mut given = Vec::new();
    while times(&given) != [1] {
        given.extend(feed.next(1).await.expect("read"));
    }
    let position = given.last().expect("a change").position;
    (folder, engine, feed, position)
}

/// Begins a read that waits for the disk, and goes away.
async fn leave_a_read(disk: &ToldDisk, engine: &Engine, feed: &mut ChangeFeed) {
    insert(engine, 2).await;
    let is_held = async {
        while disk.held() == 0 {
            yield_now().await;
        }
    };
    tokio::select! {
        biased;
        read = feed.next(1) => panic!("reads wait: {read:?}"),
        () = is_held => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_delivered_is_said_while_a_read_waits_for_the_disk() {
    let disk = ToldDisk::default();
    let (_folder, engine, mut feed, position) = followed(&disk).await;
    let held = disk.hold_reads();
    leave_a_read(&disk, &engine, &mut feed).await;
    let said = spawn_blocking(move || {
        assert_eq!(feed.position(), position);
        feed.marker().settle(position);
        feed.settle(position);
        // Whoever asks for more waits for the same read, and holds no thread meanwhile.
        assert!(feed.next(1).now_or_never().is_none());
        feed
    });
    let mut feed = timeout(LONG, said).await.expect("nothing waits for the disk").expect("said");
    assert_eq!(engine.change_readers()[0].position, position);
    drop(held);
    assert_eq!(times(&feed.next(1).await.expect("read")), [2]);
    engine.close().await.expect("closes");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_by_the_name_of_a_feed_that_ends_waits_for_its_end() {
    let disk = ToldDisk::default();
    let (_folder, engine, mut feed, position) = followed(&disk).await;
    let held = disk.hold_reads();
    leave_a_read(&disk, &engine, &mut feed).await;
    drop(feed);
    // Each time that it is begun, what is in memory is flushed first.
    let before = engine.stats().flushes;
    let tried = async {
        for flushes in 1..=2 {
            insert(&engine, 2 + flushes).await;
            while engine.stats().flushes < before + u64::try_from(flushes).expect("few") {
                yield_now().await;
            }
        }
    };
    let begin = engine.changes(Some("pipe"), ChangesFrom::History { after: position });
    tokio::pin!(begin);
    tokio::select! {
        biased;
        begun = &mut begin => panic!("the other reads: {begun:?}"),
        () = tried => {}
    }
    drop(held);
    let mut again = timeout(LONG, begin).await.expect("the other ends").expect("begins");
    let mut found = Vec::new();
    while !times(&found).contains(&4) {
        found.extend(again.next(1).await.expect("read"));
    }
    engine.close().await.expect("closes");
}
