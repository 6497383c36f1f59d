//! The iotdb sink keeps its contract on the embedded engine itself, reopened without having been closed.

use std::sync::Arc;

use arrow_array::{Array, cast::AsArray, types::Int64Type};
use async_trait::async_trait;
use futures::TryStreamExt;
use levada_connector_api::{BuildContext, EngineTuning, Sink, StoreTarget, Stores, model::Session};
use levada_runtime::EngineStores;
use levada_sink::iotdb::{IotdbOptions, IotdbSink};
use levada_testkit::{Row, SinkHarness, sink_contract};
use serde_json::{Value, json};
use tempfile::TempDir;

struct Harness {
    folder: TempDir,
    stores: Arc<EngineStores>,
    /// Options beside the folder.
    options: Value,
}

impl Harness {
    fn new(options: Value) -> Self {
        Self { folder: folder(), stores: Arc::default(), options }
    }

    /// As after kill -9: the engines of the process before are gone without having been closed.
    fn restart(&mut self) -> Arc<EngineStores> {
        self.stores = Arc::default();
        Arc::clone(&self.stores)
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

#[async_trait]
impl SinkHarness for Harness {
    async fn fresh(&mut self) {
        self.restart();
        self.folder = folder();
    }

    fn sink(&mut self) -> Arc<dyn Sink> {
        let stores = self.restart();
        let mut options = self.options.clone();
        options["embedded"] = json!(self.folder.path());
        let options: IotdbOptions = serde_json::from_value(options).expect("well formed");
        let context = BuildContext { stores, ..BuildContext::new("pipeline", "sink") };
        Arc::new(IotdbSink::new(options, &context).expect("built"))
    }

    async fn stored(&mut self) -> Option<Vec<Row>> {
        let target =
            StoreTarget::Embedded { folder: self.folder.path().to_owned(), tuning: EngineTuning::default() };
        let session: Arc<dyn Session> = self.restart().open(&target).await.expect("reopened");
        let rows = session.query("select n from root.** align by device").await.expect("a query");
        let batches: Vec<_> = rows.batches.try_collect().await.expect("rows");
        let mut stored = Vec::new();
        for batch in &batches {
            let times = batch.column(0).as_primitive::<Int64Type>();
            let devices = batch.column(1).as_string::<i32>();
            let numbers = batch.column(2).as_primitive::<Int64Type>();
            stored.extend((0..batch.num_rows()).map(|row| Row {
                device: devices.value(row).to_owned(),
                time: times.value(row),
                number: numbers.is_valid(row).then(|| numbers.value(row)),
            }));
        }
        Some(stored)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sink_keeps_its_contract_on_the_engine() {
    sink_contract(&mut Harness::new(json!({}))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sink_keeps_its_contract_on_aligned_devices() {
    let series = json!([{"path": "d0.temperature", "type": "DOUBLE", "compression": "SNAPPY"}]);
    let options = json!({"sessions": 1, "aligned": true, "database": "root.contract", "timeseries": series});
    sink_contract(&mut Harness::new(options)).await;
}
