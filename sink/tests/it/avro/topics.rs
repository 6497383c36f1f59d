//! Avro through topics of Kafka, from the sink to the source.

use std::{path::Path, sync::Arc, time::Duration};

use levada_connector_api::{BuildContext, ComponentKind, FieldValue as F, Sink, Source, model::Checkpoint};
use levada_kafka::mock::MockBroker;
use levada_testkit::SimulatedRegistry;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{components, decoder, every_type, factory, rows, told, with};

struct Topic {
    broker: MockBroker,
    registry: SimulatedRegistry,
}

impl Topic {
    fn new() -> Self {
        let broker = MockBroker::start(&[]).expect("a mock broker");
        broker.cluster().create_topic("t", 2, 1).expect("a topic");
        Self { broker, registry: SimulatedRegistry::start() }
    }

    fn sink(&self, more: Value) -> levada_connector_api::Result<Arc<dyn Sink>> {
        let mut options = json!({"brokers": self.broker.address(), "topic": "t"});
        options.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let mut context = BuildContext::new("p", "out");
        context.encoder = Some(factory(&with(&self.registry, json!({}))));
        let components = components();
        components.get(ComponentKind::Sink, "kafka").expect("there is one").sink(options, &context)
    }

    fn source(&self, state: &Path) -> Box<dyn Source> {
        let options = json!({"brokers": self.broker.address(), "topics": "t", "group": "g", "end": "latest"});
        let mut context = BuildContext::new("p", "in");
        context.state_dir = state.to_owned();
        context.decoder = Some(decoder(&with(&self.registry, json!({}))));
        let components = components();
        let kafka = components.get(ComponentKind::Source, "kafka").expect("there is one");
        kafka.source(options, &context).expect("options that work")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_through_a_topic_comes_back_with_its_types_and_waits_while_the_registry_is_away() {
    let topic = Topic::new();
    let sink = topic.sink(json!({})).expect("options that work");
    sink.connect().await.expect("connected");
    topic.registry.answer_all(Some((503, "starting")));
    for _ in 0..2 {
        let error = sink.write(&every_type()).await.expect_err("the registry is away");
        assert!(error.is_transient() && error.to_string().contains("503"), "{error}");
    }
    topic.registry.answer_all(None);
    let mut delivery = sink.write(&every_type()).await.expect("delivered");
    assert_eq!(delivery.rejected, []);
    let bad = rows(&[("d", 1, &[("`a-b`", F::Int32(1))]), ("d", 2, &[("b", F::Boolean(true))])]);
    delivery = sink.write(&bad).await.expect("delivered");
    assert_eq!(delivery.rejected.len(), 1);
    sink.close().await.expect("closed");
    let state = TempDir::new().expect("a folder");
    let mut source = topic.source(state.path());
    source.connect(&Checkpoint::new()).await.expect("connected");
    let mut back = Vec::new();
    while let Some(batch) = tokio::time::timeout(Duration::from_secs(60), source.next())
        .await
        .expect("in time")
        .expect("all is well")
    {
        assert_eq!(batch.rejected.len(), 0, "{:?}", batch.rejected);
        back.extend(told(&batch));
    }
    source.close().await.expect("closed");
    back.sort();
    let mut expected = told(&every_type());
    expected.extend(told(&rows(&[("d", 2, &[("b", F::Boolean(true))])])));
    expected.sort();
    assert_eq!(back, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_refused_ends_the_sink_and_records_are_no_lines() {
    let topic = Topic::new();
    let sink = topic.sink(json!({})).expect("options that work");
    sink.connect().await.expect("connected");
    topic.registry.answer_new(Some((422, r#"{"error_code": 42201, "message": "invalid"}"#)));
    let error = sink.write(&every_type()).await.expect_err("refused");
    assert!(!error.is_transient() && error.to_string().contains("422"), "{error}");
    sink.close().await.expect("closed");
    let error = topic.sink(json!({"message": "rows"})).map(drop).expect_err("no lines");
    assert!(error.to_string().contains("a message has one row"), "{error}");
    for kind in ["file", "stdout"] {
        let mut context = BuildContext::new("p", "out");
        context.encoder = Some(factory(&with(&topic.registry, json!({}))));
        let options = if kind == "file" { json!({"path": "x"}) } else { json!({}) };
        let components = components();
        let built = components.get(ComponentKind::Sink, kind).expect("there is one").sink(options, &context);
        let error = built.map(drop).expect_err("no lines");
        assert!(error.to_string().contains("records of bytes and no lines"), "{error}");
    }
}
