//! Sessions with embedded engines.

use levada_connector_api::{EngineTuning, ErrorKind, Secret, StoreTarget, Stores};
use levada_engine::{Engine, EngineOptions};
use levada_runtime::EngineStores;

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_one_folder_share_its_engine() {
    let folder = tempfile::tempdir().expect("a folder");
    let target =
        StoreTarget::Embedded { folder: folder.path().join("data"), tuning: EngineTuning::default() };
    let stores = EngineStores::new();
    let one = stores.open(&target).await.expect("opens");
    let other = stores.open(&target).await.expect("opens, though the folder is locked");
    one.execute("create database root.shared").await.expect("done");
    let rows = other.query("show databases").await.expect("rows");
    let batches: Vec<_> = futures::TryStreamExt::try_collect(rows.batches).await.expect("all of them");
    let count: usize = batches.iter().map(arrow_array::RecordBatch::num_rows).sum();
    assert_eq!(count, 1);
    let error = EngineStores::new().open(&target).await.expect_err("another owner");
    assert!(error.to_string().contains("lock") || error.to_string().contains("use"), "{error}");
    stores.close().await.expect("closed");
    EngineStores::new().open(&target).await.expect("free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_has_one_engine_however_it_is_spelled() {
    let folder = tempfile::tempdir().expect("a folder");
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(folder.path(), &link).expect("a link");
    let data = folder.path().join("data");
    let spellings = [link.join("data"), data.clone(), link.join("link/data")];
    let embedded = |folder: &std::path::PathBuf| StoreTarget::Embedded {
        folder: folder.clone(),
        tuning: EngineTuning::default(),
    };
    // Missing when it is first asked for, by way of the link.
    let stores = EngineStores::new();
    for spelling in &spellings {
        stores.open(&embedded(spelling)).await.expect("the same engine");
    }
    stores.close().await.expect("closed");
    // Opened elsewhere, and taken in.
    let engine = Engine::open(EngineOptions::new(&data)).expect("free again");
    stores.adopt(data.clone(), EngineTuning::default(), engine.clone()).await.expect("taken in");
    for spelling in &spellings {
        stores.open(&embedded(spelling)).await.expect("the same engine");
    }
    let error = stores.adopt(spellings[0].clone(), EngineTuning::default(), engine).await;
    assert!(error.is_err_and(|error| error.to_string().contains("two engines")));
    stores.close().await.expect("closed");
}

#[tokio::test]
async fn nodes_that_do_not_answer_are_told_by_name() {
    // Bound and let go: nobody listens there.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let node = listener.local_addr().expect("bound").to_string();
    drop(listener);
    let target = StoreTarget::Nodes {
        nodes: vec![node.clone()],
        user: "root".to_owned(),
        password: Secret::new("hunter2"),
        sessions: 1,
        timeout: None,
        zone: None,
        tls: None,
        fetch_size: None,
    };
    let error = EngineStores::new().open(&target).await.expect_err("nobody is there");
    assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Connection, true));
    assert!(error.to_string().contains(&format!("no node answers: {node}: cannot connect")), "{error}");
}
