//! A server over a folder, which can be stopped and started again at its address.

use std::sync::Arc;

use futures::TryStreamExt;
use levada_connector::model::{Session, Value};
use levada_engine::{Engine, EngineOptions};
use levada_server::{Server, ServerOptions};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// An engine, and a server in front of it.
pub(crate) struct Served {
    pub(crate) address: String,
    pub(crate) session: Arc<dyn Session>,
    engine: Engine,
    running: Option<(CancellationToken, JoinHandle<()>)>,
    _folder: tempfile::TempDir,
}

impl Served {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = Engine::open(EngineOptions::new(folder.path())).expect("a new folder");
        let session = Arc::new(engine.session(None).expect("UTC"));
        let mut served =
            Self { address: "127.0.0.1:0".to_owned(), session, engine, running: None, _folder: folder };
        served.start().await;
        served
    }

    pub(crate) async fn start(&mut self) {
        let listener = TcpListener::bind(&self.address).await.expect("a port");
        self.address = listener.local_addr().expect("bound").to_string();
        let (server, stop) =
            (Server::new(self.engine.clone(), ServerOptions::default()), CancellationToken::new());
        let until = stop.clone();
        self.running = Some((stop, tokio::spawn(async move { server.serve(listener, until).await })));
    }

    pub(crate) async fn stop(&mut self) {
        if let Some((stop, serving)) = self.running.take() {
            stop.cancel();
            serving.await.expect("no panic");
        }
    }

    /// The values of one column of a query.
    pub(crate) async fn values(&self, query: &str) -> Vec<Value> {
        let rows = self.session.query(query).await.expect(query);
        let (at, data_type) = (usize::from(rows.has_time), rows.columns[0].data_type);
        let batches: Vec<_> = rows.batches.try_collect().await.expect("rows");
        let values = batches.iter().flat_map(|batch| {
            (0..batch.num_rows()).filter_map(move |row| Value::at(batch.column(at), data_type, row))
        });
        values.collect()
    }
}
