//! The JSON Schema of a whole document, for editors and other tools.

use levada_connector_api::{Component, ComponentKind, Registry};
use serde_json::{Map, Value, json};

use crate::keys::{self, SECTIONS, TopKeys};

/// The JSON Schema (draft 2020-12) of pipeline documents that use the components of a registry.
///
/// It accepts what [`load`](crate::load) accepts, as far as a schema can express it: a string with `${…}` may replace a number
/// or a string of some form, and a component without required options may be empty. The graph is not checked.
///
/// ```
/// # use levada_config::document_schema;
/// # use levada_connector_api::Registry;
/// let schema = document_schema(&Registry::new());
/// assert_eq!(schema["properties"]["grace"]["default"], "30s");
/// ```
pub fn document_schema(registry: &Registry) -> Value {
    let mut schema = keys::schema_of::<TopKeys>();
    let mut definitions = Map::new();
    for kind in ComponentKind::ALL {
        for component in registry.all(kind) {
            let id = id_of(component);
            let mut options = component.schema.as_value().clone();
            move_references(&mut options, &format!("#/$defs/{id}"));
            definitions.insert(id, options);
        }
    }
    let mut properties = Map::new();
    if let Some(Value::Object(top)) = schema.get_mut("properties") {
        properties.append(top);
    }
    if let Some(errors) = properties.get_mut("errors") {
        *errors = with_short_form(errors);
    }
    for (section, kind, description) in SECTIONS {
        let node = node_schema(registry, kind);
        let mut nodes = json!({"description": description, "type": "object", "additionalProperties": node});
        match kind {
            ComponentKind::Transform => nodes["type"] = json!(["object", "null"]),
            _ => nodes["minProperties"] = json!(1),
        }
        properties.insert(section.to_owned(), nodes);
    }
    let mut document = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Levada pipeline",
        "description": schema.get("description"),
        "type": "object",
        "properties": properties,
        "patternProperties": {"^x-": true},
        "required": ["sources", "sinks"],
        "additionalProperties": false,
        "$defs": definitions,
    });
    allow_variables(&mut document);
    document
}

fn id_of(component: &Component) -> String {
    format!("{}.{}", component.kind.name(), component.name)
}

/// `errors: stop` beside the long form.
fn with_short_form(errors: &Value) -> Value {
    let mut long = errors.clone();
    let mut outer = Map::new();
    if let Value::Object(keywords) = &mut long {
        for keyword in ["description", "default"] {
            outer.extend(keywords.remove(keyword).map(|value| (keyword.to_owned(), value)));
        }
    }
    let short = long.pointer("/properties/on_error").cloned().unwrap_or(Value::Bool(true));
    outer.insert("anyOf".to_owned(), json!([short, long]));
    Value::Object(outer)
}

/// A node: the keys of its kind, and exactly one component.
fn node_schema(registry: &Registry, kind: ComponentKind) -> Value {
    let mut node = keys::schema_of_kind(kind);
    let components: Vec<_> = registry.all(kind).collect();
    let mut properties = Map::new();
    for component in &components {
        properties.insert(component.name.to_owned(), component_schema(component));
    }
    if kind == ComponentKind::Source {
        let description = "How the source's records become rows: one decoder.";
        properties.insert("decode".to_owned(), coder_schema(registry, ComponentKind::Decoder, description));
    }
    if kind == ComponentKind::Sink && registry.all(ComponentKind::Encoder).next().is_some() {
        let description = "How the rows of a sink that writes lines become lines: one encoder.";
        properties.insert("encode".to_owned(), coder_schema(registry, ComponentKind::Encoder, description));
    }
    if let Some(Value::Object(common)) = node.get_mut("properties") {
        properties.append(common);
    }
    node["properties"] = Value::Object(properties);
    node["oneOf"] = components.iter().map(|component| json!({"required": [component.name]})).collect();
    let with_decode = components.iter().filter(|component| component.decodes);
    let rules: Vec<_> = with_decode
        .map(|component| json!({"if": {"required": [component.name]}, "then": {"required": ["decode"]}}))
        .collect();
    if !rules.is_empty() {
        node["allOf"] = Value::Array(rules);
    }
    if components.is_empty() {
        node.as_object_mut().map(|keywords| keywords.remove("oneOf"));
    }
    node
}

fn component_schema(component: &Component) -> Value {
    let reference = json!({"$ref": format!("#/$defs/{}", id_of(component))});
    let schema = component.schema.as_value();
    let required = schema.get("required").and_then(Value::as_array).is_some_and(|keys| !keys.is_empty());
    let is_mapping = schema.get("type") == Some(&json!("object"));
    if is_mapping && !required {
        json!({"description": component.summary, "anyOf": [reference, {"type": "null"}]})
    } else {
        json!({"description": component.summary, "allOf": [reference]})
    }
}

/// One decoder or encoder with its options, or its name alone.
fn coder_schema(registry: &Registry, kind: ComponentKind, description: &str) -> Value {
    let coders: Vec<_> = registry.all(kind).collect();
    let properties: Map<_, _> =
        coders.iter().map(|coder| (coder.name.to_owned(), component_schema(coder))).collect();
    let names: Vec<_> = coders.iter().map(|coder| coder.name).collect();
    json!({
        "description": description,
        "anyOf": [
            {
                "type": "object",
                "properties": properties,
                "minProperties": 1,
                "maxProperties": 1,
                "additionalProperties": false,
            },
            {"enum": names},
        ],
    })
}

/// Adjusts the references of a schema that was moved.
fn move_references(schema: &mut Value, to: &str) {
    match schema {
        Value::Object(keywords) => {
            for (keyword, value) in keywords {
                match value {
                    Value::String(reference) if keyword == "$ref" => {
                        if let Some(rest) = reference.strip_prefix('#') {
                            *reference = format!("{to}{rest}");
                        }
                    }
                    value => move_references(value, to),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| move_references(item, to)),
        _ => {}
    }
}

/// Also accepts a string with `${…}`, which will become the value.
fn allow_variables(schema: &mut Value) {
    const VARIABLE: &str = r"\$\{";
    match schema {
        Value::Object(keywords) => {
            match keywords.get("type").cloned() {
                Some(Value::String(name)) if matches!(name.as_str(), "integer" | "number" | "boolean") => {
                    keywords.insert("type".to_owned(), json!([name, "string"]));
                    keywords.insert("pattern".to_owned(), json!(VARIABLE));
                }
                Some(Value::Array(mut names)) if !names.contains(&json!("string")) => {
                    if names
                        .iter()
                        .any(|name| matches!(name.as_str(), Some("integer" | "number" | "boolean")))
                    {
                        names.push(json!("string"));
                        keywords.insert("type".to_owned(), Value::Array(names));
                        keywords.insert("pattern".to_owned(), json!(VARIABLE));
                    }
                }
                _ => {
                    if let Some(Value::String(pattern)) = keywords.get_mut("pattern") {
                        *pattern = format!("{pattern}|{VARIABLE}");
                    }
                }
            }
            // Properties of any name have string values, which users may write as numbers: `timeout.ms: 6000`.
            if let Some(Value::Object(each)) = keywords.get_mut("additionalProperties")
                && each.get("type") == Some(&json!("string"))
                && each.get("format").is_none()
            {
                each.insert("type".to_owned(), json!(["string", "number", "boolean"]));
            }
            for (keyword, value) in keywords {
                if !matches!(keyword.as_str(), "default" | "examples" | "const" | "enum" | "required") {
                    allow_variables(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(allow_variables),
        _ => {}
    }
}
