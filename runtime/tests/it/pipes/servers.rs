//! Engines that are served, and asked in this process.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use arrow_array::Array;
use futures::StreamExt;
use levada_engine::{Engine, EngineOptions, StorageOptions};
use levada_model::{Outcome, Session, Value};
use levada_runtime::{Chance, NodePipes};
use levada_server::{Server, ServerOptions, ServerTls};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A clock that stands still, so that times that are shown are known.
#[derive(Debug)]
struct Still;

impl levada_engine::Clock for Still {
    fn now(&self) -> i64 {
        0
    }
}

/// An engine with a server and its pipes.
pub(crate) struct Served {
    pub(crate) engine: Engine,
    pub(crate) server: Server,
    pub(crate) address: String,
    stop: DropGuard,
    serving: JoinHandle<()>,
    folder: tempfile::TempDir,
}

impl Served {
    pub(crate) async fn start() -> Self {
        Self::open(tempfile::tempdir().expect("a folder")).await
    }

    /// One that keeps next to nothing for its pipes.
    pub(crate) async fn start_forgetful() -> Self {
        let forgets = |storage| StorageOptions { changes_bytes: 1_000, wal_segment_bytes: 4_000, ..storage };
        Self::start_with(forgets).await
    }

    /// One whose store is otherwise.
    pub(crate) async fn start_with(change: impl FnOnce(StorageOptions) -> StorageOptions) -> Self {
        Self::open_with(tempfile::tempdir().expect("a folder"), change).await
    }

    async fn open(folder: tempfile::TempDir) -> Self {
        Self::open_with(folder, |storage| storage).await
    }

    async fn open_with(
        folder: tempfile::TempDir,
        change: impl FnOnce(StorageOptions) -> StorageOptions,
    ) -> Self {
        Self::open_secured(folder, change, None).await
    }

    /// One that speaks TLS.
    pub(crate) async fn start_secured(tls: ServerTls) -> Self {
        Self::open_secured(tempfile::tempdir().expect("a folder"), |storage| storage, Some(tls)).await
    }

    async fn open_secured(
        folder: tempfile::TempDir,
        change: impl FnOnce(StorageOptions) -> StorageOptions,
        tls: Option<ServerTls>,
    ) -> Self {
        let storage = StorageOptions { clock: Arc::new(Still), ..StorageOptions::new(folder.path()) };
        let storage = change(storage);
        let engine =
            Engine::open(EngineOptions { storage, ..EngineOptions::new(folder.path()) }).expect("opens");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        let server = Server::new(engine.clone(), ServerOptions::default());
        let server = match tls {
            Some(tls) => server.with_tls(tls),
            None => server,
        };
        let stop = CancellationToken::new();
        let (serves, until) = (server.clone(), stop.clone());
        let serving = tokio::spawn(async move { serves.serve(listener, until).await });
        engine.run_pipes(Arc::new(NodePipes::new(5, Chance::seeded(1)))).await.expect("run");
        Self { engine, server, address, stop: stop.drop_guard(), serving, folder }
    }

    /// What is in a document of its folder, where it is there.
    pub(crate) fn document(&self, name: &str) -> Option<serde_json::Value> {
        serde_json::from_slice(&std::fs::read(self.folder.path().join(name)).ok()?).ok()
    }

    /// The same folder, closed and opened, at another address.
    pub(crate) async fn again(self) -> Self {
        drop(self.stop);
        self.serving.await.expect("no panic");
        self.engine.close().await.expect("closes");
        drop((self.engine, self.server));
        Self::open(self.folder).await
    }

    pub(crate) async fn run(&self, statement: &str) {
        let session = self.engine.session(None).expect("UTC");
        session.execute(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }

    pub(crate) async fn rejected(&self, statement: &str) -> String {
        let session = self.engine.session(None).expect("UTC");
        session.execute(statement).await.map(drop).expect_err(statement).to_string()
    }

    /// Waits until all that was written is sent by its one pipe, and that is saved: a crash sends none of it again.
    pub(crate) async fn saved(&self) {
        eventually("all is sent, and that is saved", async || self.engine.pipes()[0].lag_writes == 0).await;
    }

    /// The rows of a query, each as its values with bars between; what is not there has none.
    pub(crate) async fn rows(&self, query: &str) -> Vec<String> {
        let session = self.engine.session(None).expect("UTC");
        let Ok(Outcome::Rows(mut rows)) = session.execute(query).await else { return Vec::new() };
        let types: Vec<_> = rows.columns.iter().map(|column| column.data_type).collect();
        let mut found = Vec::new();
        while let Some(batch) = rows.batches.next().await {
            let batch = batch.expect("rows");
            for row in 0..batch.num_rows() {
                let skip = usize::from(rows.has_time);
                let time = rows.has_time.then(|| {
                    let times =
                        batch.column(0).as_any().downcast_ref::<arrow_array::Int64Array>().expect("times");
                    times.value(row).to_string()
                });
                let cells = types.iter().enumerate().map(|(at, data_type)| {
                    let value = Value::at(batch.column(at + skip), *data_type, row);
                    value.map_or_else(|| "null".to_owned(), |value| value.to_string())
                });
                found.push(time.into_iter().chain(cells).collect::<Vec<_>>().join("|"));
            }
        }
        found
    }
}

/// Waits until something is so.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so().await {
        assert!(Instant::now() < deadline, "not so: {what}");
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
