//! A value that an option could have.

use serde_json::{Map, Value, json};

use crate::schema::{Schema, Type};

/// An example of what a schema accepts: its own, its default, or the smallest that fits. `name` is the option's.
pub(super) fn example(schema: Schema<'_>, name: &str) -> Value {
    of(schema, name, &mut Vec::new()).unwrap_or_else(|| json!("…"))
}

/// The required options, each with an example.
pub(super) fn required_options(schema: Schema<'_>) -> Value {
    example(schema, "")
}

/// `None` if the value would have to contain itself. `open` are the schemas around it.
fn of<'s>(schema: Schema<'s>, name: &str, open: &mut Vec<Schema<'s>>) -> Option<Value> {
    let given = schema.get("examples").and_then(Value::as_array).and_then(|all| all.first());
    if let Some(value) = given.or_else(|| schema.get("default").filter(|value| !value.is_null())) {
        return Some(value.clone());
    }
    if let Some(value) = schema.constants().first() {
        return Some((*value).clone());
    }
    if open.iter().any(|each| each.is_like(schema)) {
        return None;
    }
    open.push(schema);
    let value = made_up(schema, name, open);
    open.pop();
    value
}

fn made_up<'s>(schema: Schema<'s>, name: &str, open: &mut Vec<Schema<'s>>) -> Option<Value> {
    let alternatives = schema.alternatives();
    if !alternatives.is_empty() {
        let mut forms = alternatives.into_iter().filter(|each| each.types() != [Type::Null]);
        return forms.find_map(|form| of(form, name, open));
    }
    match schema.types().first() {
        _ if schema.is_secret() => {
            Some(json!(format!("${{{}:-secret}}", name.to_uppercase().replace(['-', '.'], "_"))))
        }
        Some(Type::Boolean) => Some(json!(false)),
        Some(Type::Integer) => Some(json!(schema.number("minimum").map_or(1, |least| least.max(1.0) as u64))),
        Some(Type::Number) => Some(json!(schema.number("minimum").unwrap_or(1.0))),
        Some(Type::Array) => {
            let item = schema.get("items").and_then(|items| of(schema.sub(items), name, open));
            let empty = schema.number("minItems").is_none_or(|least| least < 1.0).then(|| json!([]));
            item.map(|item| json!([item])).or(empty)
        }
        Some(Type::Object) => {
            let entry = |key: &str| {
                let value =
                    schema.property(key).map_or_else(|| Some(json!(key)), |property| of(property, key, open));
                value.map(|value| (key.to_owned(), value))
            };
            schema.required().map(entry).collect::<Option<Map<_, _>>>().map(Value::Object)
        }
        _ => Some(json!("…")),
    }
}
