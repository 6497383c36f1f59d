//! Types of values by the names of their measurements: `"types": {"count": "INT32"}`, as the encoder `jsonl` writes them.

use levada_connector_api::{
    FieldValue,
    model::{DataType, convert::Given},
};

use super::{
    fields::Fields,
    options::Plan,
    tape::{Node, Value, children},
};
use crate::decode::typed::typed;

/// Whether a node is an object all of whose members are names of types.
pub(super) fn are(tape: &[Node<'_>], at: usize) -> bool {
    let Value::Object(end) = tape[at].value else { return false };
    children(tape, at + 1, end).all(|(_, node)| data_type(node).is_some())
}

fn data_type(node: &Node<'_>) -> Option<DataType> {
    match &node.value {
        Value::Text(name) => name.parse().ok(),
        _ => None,
    }
}

/// Gives the types that stand at a node to the fields that have none yet.
///
/// # Errors
/// A value is not of its type.
pub(super) fn give(plan: &Plan, tape: &[Node<'_>], at: usize, fields: &mut Fields<'_>) -> Result<(), String> {
    let Value::Object(end) = tape[at].value else { return Ok(()) };
    // They come in the order of the fields, as a rule.
    let mut from = 0;
    for (_, node) in children(tape, at + 1, end) {
        let Some(data_type) = data_type(node) else { continue };
        let count = fields.held.len();
        let mut places = (from..count).chain(0..from);
        let found = places.find(|&place| fields.held.get(place).is_some_and(|(name, _)| *name == node.key));
        let Some((place, (_, value))) = found.and_then(|place| Some((place, fields.held.get_mut(place)?)))
        else {
            continue;
        };
        from = place + 1;
        if let Some(given) = given(*value) {
            let field = typed(given, data_type, plan.time.zone());
            *value = field.map_err(|error| format!("`{}`: {error}", node.key))?;
        }
    }
    Ok(())
}

/// A value without a type as it is converted; `None` for one that has a type, and for none.
fn given(value: FieldValue<'_>) -> Option<Given<'_>> {
    match value {
        FieldValue::Boolean(value) => Some(Given::Boolean(value, if value { "true" } else { "false" })),
        FieldValue::Text(text) => Some(Given::Text(text)),
        // Also the words for numbers that JSON has no form for.
        FieldValue::Written(_, text) if text.bytes().any(|byte| byte.is_ascii_digit()) => {
            Some(Given::Number(text))
        }
        FieldValue::Written(_, text) => Some(Given::Text(text)),
        _ => None,
    }
}
