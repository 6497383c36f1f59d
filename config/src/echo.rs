//! A pipeline as it was understood: variables substituted, defaults written out, secrets masked.

use levada_connector_api::{Component, ComponentKind, Registry};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    pipeline::{ComponentRef, Pipeline},
    schema::{Schema, Type},
    secret, write,
};

/// The replacement for a secret.
const MASK: &str = "***";

impl Pipeline {
    /// The document again, as understood: variables filled in, defaults written out, and `***` in place of secrets
    /// (options of format `password`, properties such as `sasl.password`, passwords within URLs).
    ///
    /// It reads as a pipeline document, but not as the same one if secrets were masked.
    pub fn to_yaml_masked(&self, registry: &Registry) -> String {
        let mut document = Map::new();
        document.insert("name".to_owned(), json!(self.name));
        let sources = self.sources.iter().map(|node| {
            let mut keys = Map::new();
            keys.extend(component(registry, ComponentKind::Source, &node.component));
            if let Some(decode) = &node.decode {
                let decoder = component(registry, ComponentKind::Decoder, decode);
                keys.insert("decode".to_owned(), Value::Object(decoder.into_iter().collect()));
            }
            keys.insert("queue".to_owned(), plain(&node.queue));
            (node.name.clone(), Value::Object(keys))
        });
        document.insert("sources".to_owned(), Value::Object(sources.collect()));
        let transforms = self.transforms.iter().map(|node| {
            let mut keys = Map::new();
            keys.insert("inputs".to_owned(), json!(node.inputs));
            keys.extend(component(registry, ComponentKind::Transform, &node.component));
            keys.insert("queue".to_owned(), plain(&node.queue));
            (node.name.clone(), Value::Object(keys))
        });
        if !self.transforms.is_empty() {
            document.insert("transforms".to_owned(), Value::Object(transforms.collect()));
        }
        let sinks = self.sinks.iter().map(|node| {
            let mut keys = Map::new();
            keys.insert("inputs".to_owned(), json!(node.inputs));
            keys.extend(component(registry, ComponentKind::Sink, &node.component));
            if let Some(encode) = &node.encode {
                let encoder = component(registry, ComponentKind::Encoder, encode);
                keys.insert("encode".to_owned(), Value::Object(encoder.into_iter().collect()));
            }
            keys.insert("batch".to_owned(), plain(&node.batch));
            keys.insert("retry".to_owned(), plain(&node.retry));
            (node.name.clone(), Value::Object(keys))
        });
        document.insert("sinks".to_owned(), Value::Object(sinks.collect()));
        document.insert("errors".to_owned(), plain(&self.errors));
        if let Some(folder) = &self.state_dir {
            document.insert("state_dir".to_owned(), json!(folder));
        }
        document.insert("grace".to_owned(), plain(&self.grace));
        if let Some(http) = &self.http {
            document.insert("http".to_owned(), json!(http));
        }
        document.insert("log".to_owned(), plain(&self.log));
        if !self.tests.is_empty() {
            document.insert("tests".to_owned(), plain(&self.tests));
        }
        write::to_yaml(&Value::Object(document), write::Dollars::Literal)
    }
}

/// One of our own structs as a value, without absent fields.
fn plain<T: Serialize>(keys: &T) -> Value {
    let mut value = serde_json::to_value(keys).unwrap_or_default();
    strip_nulls(&mut value);
    value
}

/// Removes absent fields, at any depth, and mappings that are then empty.
pub(crate) fn strip_nulls(value: &mut Value) {
    if let Value::Object(entries) = value {
        entries.retain(|_, value| {
            let was_empty = value.as_object().is_some_and(serde_json::Map::is_empty);
            strip_nulls(value);
            !value.is_null() && (was_empty || value.as_object().is_none_or(|entries| !entries.is_empty()))
        });
    }
}

fn component(registry: &Registry, kind: ComponentKind, node: &ComponentRef) -> Option<(String, Value)> {
    let options =
        match registry.get(kind, &node.name).map(|component: &Component| component.schema.as_value()) {
            Some(schema) => understood(&node.options, Schema::of(schema), &node.name),
            // The component is not known here: whatever could be a secret is taken for one.
            None => json!(MASK),
        };
    Some((node.name.clone(), options))
}

/// A value with its defaults filled in and its secrets masked.
fn understood(value: &Value, schema: Schema<'_>, key: &str) -> Value {
    let alternatives = schema.alternatives();
    // Whether a property that may be a secret is one depends on its name.
    let mut forms = alternatives.iter().filter(|each| each.types() != [Type::Null]).peekable();
    let secret = schema.is_secret() || (forms.peek().is_some() && forms.all(|each| each.is_secret()));
    if !value.is_null()
        && (secret || (secret::is_secret_name(key) && !value.is_object() && !value.is_array()))
    {
        return json!(MASK);
    }
    match value {
        Value::String(text) => json!(mask_url(text)),
        Value::Array(items) => {
            let of = |index: usize| {
                let list =
                    alternatives.iter().copied().chain([schema]).find(|each| each.get("items").is_some());
                list.and_then(|list| list.get("items").map(|items| list.sub(items))).unwrap_or_else(|| {
                    let first = schema.get("prefixItems").and_then(|first| first.get(index));
                    first.map_or(schema, |first| schema.sub(first))
                })
            };
            items.iter().enumerate().map(|(index, item)| understood(item, of(index), key)).collect()
        }
        Value::Object(entries) => {
            let form = alternatives.iter().copied().find(|each| fits(entries, *each)).unwrap_or(schema);
            object(entries, form)
        }
        other => other.clone(),
    }
}

fn object(entries: &Map<String, Value>, schema: Schema<'_>) -> Value {
    let free = Value::Bool(true);
    let mut out = Map::new();
    for (key, value) in entries {
        let each = schema.property(key).or_else(|| schema.additional()).unwrap_or_else(|| schema.sub(&free));
        out.insert(key.clone(), understood(value, each, key));
    }
    for (key, property) in schema.properties().into_iter().flatten() {
        let default =
            property.get("default").filter(|default| !default.is_null() && !entries.contains_key(key));
        if let Some(default) = default {
            out.insert(key.clone(), default.clone());
        }
    }
    Value::Object(out)
}

/// Whether a mapping has the form of an alternative, judged by its keys.
fn fits(entries: &Map<String, Value>, schema: Schema<'_>) -> bool {
    let tags = || schema.properties().into_iter().flatten();
    schema.takes(Type::Object)
        && schema.required().all(|key| entries.contains_key(key))
        && entries.keys().all(|key| schema.property(key).is_some() || schema.additional().is_some())
        && tags().all(|(key, value)| value.get("const").is_none_or(|tag| entries.get(key) == Some(tag)))
}

/// `tcp://user:secret@host` without its secret.
fn mask_url(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let Some(at) = rest[..end].rfind('@') else { return text.to_owned() };
    match rest[..at].split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:{MASK}{}", &rest[at..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_within_urls_are_masked() {
        assert_eq!(mask_url("tcp://u:p@ss@h:1/x"), "tcp://u:***@h:1/x");
        assert_eq!(mask_url("tcp://h:1/a@b:c"), "tcp://h:1/a@b:c");
        assert_eq!(mask_url("a:b@c"), "a:b@c");
    }
}
