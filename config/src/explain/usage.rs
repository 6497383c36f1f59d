//! The smallest document that uses a component: other components are added so that it can be linted and run.

use levada_connector_api::{Component, ComponentKind, Registry};
use serde_json::{Map, Value, json};

use super::example::required_options;
use crate::schema::Schema;

/// A document that uses a component with these options, and as little as possible of others.
pub(super) fn usage(registry: &Registry, component: &Component, options: &Value) -> Value {
    let subject = |kind: ComponentKind| (component.kind == kind).then_some((component, options.clone()));
    let decoder = subject(ComponentKind::Decoder);
    let source = subject(ComponentKind::Source)
        .or_else(|| partner(registry, ComponentKind::Source, |each| each.decodes == decoder.is_some()));
    let encoder = subject(ComponentKind::Encoder);
    let suits = |each: &Component| {
        let takes = |encoder: &Component| each.encodes.is_some() && (each.alone || !encoder.binary);
        encoder.as_ref().is_none_or(|(encoder, _)| takes(encoder))
    };
    let sink = subject(ComponentKind::Sink).or_else(|| partner(registry, ComponentKind::Sink, suits));
    let mut document = Map::new();
    let mut input = "my-source".to_owned();
    if let Some((source, options)) = source {
        let mut node = Map::from_iter([(source.name.to_owned(), options)]);
        let decoder = decoder.or_else(|| partner(registry, ComponentKind::Decoder, |_| true));
        if let Some((decoder, options)) = decoder.filter(|_| source.decodes) {
            node.insert("decode".to_owned(), json!({decoder.name: options}));
        }
        input = name(source);
        document.insert("sources".to_owned(), json!({&input: node}));
    }
    if let Some((transform, options)) = subject(ComponentKind::Transform) {
        let node = json!({"inputs": [input], transform.name: options});
        input = name(transform);
        document.insert("transforms".to_owned(), json!({&input: node}));
    }
    if let Some((sink, options)) = sink {
        let mut node = json!({"inputs": [input], sink.name: options});
        if let Some((encoder, options)) = &encoder {
            node["encode"] = json!({encoder.name: options});
        }
        document.insert("sinks".to_owned(), json!({name(sink): node}));
    }
    Value::Object(document)
}

fn name(component: &Component) -> String {
    format!("my-{}", component.name)
}

/// The component of a kind with the fewest required options, by preference a suitable one.
fn partner(
    registry: &Registry,
    kind: ComponentKind,
    suits: impl Fn(&Component) -> bool,
) -> Option<(&Component, Value)> {
    // Those that show their work without anything else at hand.
    let less_plain = |each: &Component| !matches!(each.name, "sensor" | "file" | "stdout" | "json");
    let options = |each: &Component| required_options(Schema::of(each.schema.as_value()));
    let size = |each: &Component| options(each).as_object().map_or(usize::MAX, Map::len);
    let chosen = registry.all(kind).min_by_key(|each| (!suits(each), less_plain(each), size(each)))?;
    Some((chosen, options(chosen)))
}
