//! The `blackhole` sink.

use std::sync::Arc;

use async_trait::async_trait;
use levada_connector_api::{ComponentKind, Registry, Sink};
use levada_sink::blackhole::BlackholeSink;
use levada_testkit::{Row, SinkHarness, numbered, sink_contract};

struct Harness;

#[async_trait]
impl SinkHarness for Harness {
    async fn fresh(&mut self) {}

    fn sink(&mut self) -> Arc<dyn Sink> {
        Arc::new(BlackholeSink::default())
    }

    async fn stored(&mut self) -> Option<Vec<Row>> {
        None
    }
}

#[tokio::test]
async fn the_black_hole_passes_the_contract() {
    sink_contract(&mut Harness).await;
}

#[tokio::test]
async fn the_black_hole_counts_what_it_swallows() {
    let sink = BlackholeSink::default();
    sink.write(&numbered("s", 0..14, 3)).await.expect("taken");
    assert_eq!((sink.rows(), sink.points()), (14, 26));
}

#[test]
fn every_sink_is_registered_with_a_schema_that_has_descriptions() {
    let registry = levada_sink::register(Registry::new());
    let sinks: Vec<_> = registry.all(ComponentKind::Sink).collect();
    assert_eq!(
        sinks.iter().map(|sink| sink.name).collect::<Vec<_>>(),
        if cfg!(feature = "kafka") {
            &["blackhole", "file", "iotdb", "kafka", "object_store", "stdout"][..]
        } else {
            &["blackhole", "file", "iotdb", "object_store", "stdout"]
        }
    );
    for sink in sinks {
        let schema = serde_json::to_value(&sink.schema).expect("JSON");
        for (option, schema) in schema["properties"].as_object().into_iter().flatten() {
            assert!(schema["description"].is_string(), "{}.{option} has no description: {schema}", sink.name);
        }
    }
}
