//! Schemas that are made of rows.
//!
//! ```text
//!   device   time   temperature: null | double   state: null | int | string   …   measurements: {time: null | long, …}
//! ```
//!
//! Fields and types are only ever added, each with null as its default: readers of the schema before find all that they know, and
//! readers of the new one read what was written by the one before.

use levada_connector_api::model::DataType;
use levada_schema_registry::TYPE_NOTE;
use serde_json::{Map, Value, json};

use super::plan::{NESTED, Names};
use crate::lines::TAKEN;

/// Whether Avro takes a name.
pub(super) fn is_legal(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether a measurement of this name stands apart.
pub(super) fn is_taken(name: &str, names: &Names) -> bool {
    TAKEN.contains(&name) || name == names.device || Some(name) == names.time.as_deref()
}

/// Whether a schema that somebody else made has a field for the measurement beside the others all the same.
fn stands_beside(fields: &[Value], name: &str, names: &Names) -> bool {
    let of_row = [names.device.as_str(), names.time.as_deref().unwrap_or("time"), NESTED];
    !of_row.contains(&name) && fields.iter().any(|field| field["name"] == name)
}

/// A schema without measurements.
pub(super) fn first(record: &str, names: &Names) -> Value {
    let (namespace, name) =
        record.rsplit_once('.').map_or((None, record), |(space, name)| (Some(space), name));
    let mut schema = json!({
        "type": "record",
        "name": name,
        "fields": [
            {"name": names.device, "type": "string"},
            {"name": names.time.as_deref().unwrap_or("time"), "type": type_of(DataType::Timestamp)},
        ],
    });
    if let Some(namespace) = namespace {
        schema["namespace"] = json!(namespace);
    }
    schema
}

/// Adds types of measurements to a schema that does not have them.
///
/// # Errors
/// The schema is none of a record.
pub(super) fn extend(
    schema: &mut Value,
    names: &Names,
    wanted: &[(String, DataType)],
) -> Result<(), &'static str> {
    let no_record = "it is no record";
    let fields = schema.get_mut("fields").and_then(Value::as_array_mut).ok_or(no_record)?;
    for (name, data_type) in wanted {
        if !is_taken(name, names) || stands_beside(fields, name, names) {
            add(fields, name, *data_type);
            continue;
        }
        let at = fields.iter().position(|field| field["name"] == NESTED).unwrap_or_else(|| {
            let inner = json!({"type": "record", "name": "Measurements", "fields": []});
            fields.push(json!({"name": NESTED, "type": inner, "default": {}}));
            fields.len() - 1
        });
        let nested = fields.get_mut(at).ok_or(no_record)?;
        let inner = nested.pointer_mut("/type/fields").and_then(Value::as_array_mut);
        let inner = inner.ok_or("its field `measurements` is no record")?;
        add(inner, name, *data_type);
        let nothing =
            inner.iter().filter_map(|field| Some((field["name"].as_str()?.to_owned(), Value::Null)));
        let nothing: Map<String, Value> = nothing.collect();
        if let Some(nested) = nested.as_object_mut() {
            nested.insert("default".to_owned(), Value::Object(nothing));
        }
    }
    Ok(())
}

/// Adds a type to the field of this name, or a field.
fn add(fields: &mut Vec<Value>, name: &str, data_type: DataType) {
    let Some(field) = fields.iter_mut().find(|field| field["name"] == name) else {
        fields.push(json!({"name": name, "type": ["null", type_of(data_type)], "default": null}));
        return;
    };
    match field.get_mut("type") {
        Some(Value::Array(union)) => union.push(type_of(data_type)),
        Some(only) => *only = json!([only.take(), type_of(data_type)]),
        None => {}
    }
}

/// How Avro writes a type.
fn type_of(data_type: DataType) -> Value {
    match data_type {
        DataType::Boolean => json!("boolean"),
        DataType::Int32 => json!("int"),
        DataType::Int64 => json!("long"),
        DataType::Float => json!("float"),
        DataType::Double => json!("double"),
        DataType::Text => json!("string"),
        DataType::String => json!({"type": "string", TYPE_NOTE: "STRING"}),
        DataType::Timestamp => json!({"type": "long", "logicalType": "timestamp-millis"}),
        DataType::Date => json!({"type": "int", "logicalType": "date"}),
        DataType::Blob => json!("bytes"),
    }
}
