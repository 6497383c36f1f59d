//! Sessions with embedded engines.

use levada_connector_api::{EngineTuning, ErrorKind, Secret, StoreTarget, Stores};
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

#[tokio::test]
async fn remote_nodes_are_refused_with_what_to_write_instead() {
    let target = StoreTarget::Nodes {
        nodes: vec!["10.0.0.5:6667".to_owned()],
        user: "root".to_owned(),
        password: Secret::new("hunter2"),
    };
    let error = EngineStores::new().open(&target).await.expect_err("no client");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(
        error.to_string(),
        "this build has no client for remote IoTDB nodes: name a folder with `embedded:` instead of `nodes:` \
         (nodes: 10.0.0.5:6667)"
    );
}
