//! A pipeline without the world: a test's records through decoders and transforms.

use std::{collections::BTreeMap, time::Instant};

use anyhow::{Context, anyhow};
use levada_config::{ComponentRef, Pipeline, SourceNode, TestCase};
use levada_connector_api::{
    Batch, BatchBuilder, BuildContext, Component, ComponentKind, Emitted, Emitter, Readings, Registry,
    model::SplitName,
};
use serde_json::{Value, json};

/// What came out.
#[derive(Debug, Default)]
pub(super) struct Played {
    /// What each node handed on; of a sink, what it was given.
    pub(super) rows: BTreeMap<String, Vec<Readings>>,
    /// The nodes that rejected a record, and why.
    pub(super) rejected: Vec<(String, String)>,
}

/// Gives a test's records to a pipeline's sources and follows them.
///
/// # Errors
/// A transform gave up: the pipeline would have stopped.
pub(super) fn play(pipeline: &Pipeline, registry: &Registry, case: &TestCase) -> anyhow::Result<Played> {
    let mut played = Played::default();
    for node in &pipeline.order {
        let rows = if let Some(source) = pipeline.sources.iter().find(|source| source.name == *node) {
            let records = case.input.get(node).map_or(&[][..], Vec::as_slice);
            let batch = decode(pipeline, registry, source, records)?;
            played.take(node, batch)
        } else if let Some(transform) = pipeline.transforms.iter().find(|transform| transform.name == *node) {
            let component = component(registry, ComponentKind::Transform, &transform.component)?;
            let facilities = registry.facilities().clone();
            let context = BuildContext { facilities, ..BuildContext::new(pipeline.name.clone(), node) };
            let mut running = component.transform(transform.component.options.clone(), &context)?;
            let outputs = component.outputs(&transform.component.options);
            let outputs = outputs.map_err(|problem| anyhow!(problem.message))?;
            let mut out = Emitter::new(Instant::now());
            for input in &transform.inputs {
                let batch = Batch { readings: played.rows_of(input), ..Batch::default() };
                out.set(Instant::now(), out.input() + 1);
                running.apply(batch, &mut out).with_context(|| format!("`{node}` gave up"))?;
            }
            // A test's input is all there is.
            running.finish(&mut out).with_context(|| format!("`{node}` gave up"))?;
            let Emitted { batch, others, .. } = out.take();
            for (name, rows) in outputs.iter().zip(others) {
                played.rows.insert(format!("{node}.{name}"), rows);
            }
            played.take(node, batch)
        } else {
            pipeline.inputs(node).iter().flat_map(|input| played.rows_of(input)).collect()
        };
        played.rows.insert(node.clone(), rows);
    }
    Ok(played)
}

impl Played {
    fn rows_of(&self, node: &str) -> Vec<Readings> {
        self.rows.get(node).cloned().unwrap_or_default()
    }

    /// Notes what was rejected, and gives the rows.
    fn take(&mut self, node: &str, batch: Batch) -> Vec<Readings> {
        self.rejected.extend(batch.rejected.into_iter().map(|each| (node.to_owned(), each.error)));
        batch.readings
    }
}

/// Records as the source's decoder reads them; of a source that decodes nothing, rows as JSON objects.
fn decode(
    pipeline: &Pipeline,
    registry: &Registry,
    source: &SourceNode,
    records: &[Value],
) -> anyhow::Result<Batch> {
    let context = BuildContext::new(pipeline.name.clone(), source.name.clone());
    let rows = ComponentRef { name: "json".to_owned(), options: json!({}) };
    let decode = source.decode.as_ref().unwrap_or(&rows);
    let mut decoder = component(registry, ComponentKind::Decoder, decode)?
        .decoder(decode.options.clone(), &context)?
        .make();
    let mut rows = BatchBuilder::new();
    rows.split(&SplitName::from(source.name.as_str()));
    for (position, record) in (0..).zip(records) {
        let text = match record {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        rows.record(text.as_bytes(), position);
        if let Err(error) = decoder.decode(text.as_bytes(), &mut rows) {
            rows.reject(error.message);
        }
    }
    Ok(rows.finish(Vec::new()))
}

fn component<'r>(
    registry: &'r Registry,
    kind: ComponentKind,
    wanted: &ComponentRef,
) -> anyhow::Result<&'r Component> {
    registry
        .get(kind, &wanted.name)
        .ok_or_else(|| anyhow!("there is no {} named `{}` in this build", kind.name(), wanted.name))
}
