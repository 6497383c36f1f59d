//! The event map of the Flink connector: names, types and values side by side, each a list or a text.

use levada_connector_api::{FieldValue, model::DataType};

use super::{
    fields::Fields,
    leaf::{typed, untyped},
    options::Plan,
    tape::{Node, Value, children},
};
use crate::decode::typed::text_as;

/// Puts the fields of an event map whose parts stand at these nodes.
///
/// # Errors
/// The parts do not go together, or a value is not of its type.
pub(super) fn gather<'t>(
    plan: &'t Plan,
    tape: &'t [Node<'_>],
    [measurements, types, values]: [Option<usize>; 3],
    fields: &mut Fields<'t>,
) -> Result<(), String> {
    let names = Part::at(plan, tape, measurements);
    let values =
        values.map(|at| Part::at(plan, tape, Some(at))).ok_or("there are measurements, but no values")?;
    let has_types = types.is_some_and(|at| !matches!(tape[at].value, Value::Null));
    let types = has_types.then(|| Part::at(plan, tape, types));
    let (named, valued) = (names.len(), values.len());
    let typed_ones = types.as_ref().map_or(named, Part::len);
    if named != valued || named != typed_ones {
        let types = if has_types { format!("{typed_ones} types, ") } else { String::new() };
        return Err(format!("{named} measurements, {types}{valued} values: there must be as many of each"));
    }
    let mut types = types;
    for (name, value) in names.zip(values) {
        let name = name.text().ok_or("a measurement's name is not a text")?.trim();
        let cast = plan.cast(name);
        let data_type = match types.as_mut().and_then(Iterator::next) {
            Some(given) => Some(named_type(&given)?),
            None => cast,
        };
        let value =
            field(plan, &value, data_type).map_err(|error| format!("measurement `{name}`: {error}"))?;
        fields.push((name, value));
    }
    Ok(())
}

fn named_type(given: &Item<'_, '_>) -> Result<DataType, String> {
    let name = given.text().ok_or("a type's name is not a text")?;
    name.trim().parse().map_err(|error: levada_connector_api::model::UnknownName| error.to_string())
}

fn field<'t>(
    plan: &Plan,
    value: &Item<'t, '_>,
    data_type: Option<DataType>,
) -> Result<FieldValue<'t>, String> {
    match (value, data_type) {
        (Item::Text(text), _) if text.trim().eq_ignore_ascii_case("null") => Ok(FieldValue::Null),
        (Item::Text(text), Some(data_type)) => text_as(text, data_type, plan.time.zone()),
        (Item::Text(text), None) => Ok(plan.integers.inferred(text)),
        (Item::Node(Value::Object(_) | Value::List(_)), _) => {
            Err("the value is a list or an object".to_owned())
        }
        (Item::Node(value), Some(data_type)) => typed(value, data_type, plan.time.zone()),
        (Item::Node(value), None) => Ok(untyped(value, plan.integers)),
    }
}

/// One element of a part.
enum Item<'t, 'a> {
    /// Between two separators.
    Text(&'t str),
    /// In a list.
    Node(&'t Value<'a>),
}

impl<'t> Item<'t, '_> {
    fn text(&self) -> Option<&'t str> {
        match self {
            Item::Text(text) => Some(text),
            Item::Node(Value::Text(text)) => Some(text),
            Item::Node(_) => None,
        }
    }
}

/// The elements of names, types or values.
#[derive(Clone)]
enum Part<'t, 'a> {
    /// What is left of a text, and its separator.
    Text(Option<&'t str>, char),
    /// From a node up to another.
    List(&'t [Node<'a>], usize, usize),
    One(Option<&'t Value<'a>>),
}

impl<'t, 'a> Part<'t, 'a> {
    fn len(&self) -> usize {
        match self {
            Self::Text(Some(text), separator) if separator.is_ascii() => {
                1 + text.bytes().filter(|byte| char::from(*byte) == *separator).count()
            }
            _ => self.clone().count(),
        }
    }

    fn at(plan: &Plan, tape: &'t [Node<'a>], at: Option<usize>) -> Self {
        match at.map(|at| (at, &tape[at].value)) {
            Some((_, Value::Text(text))) if !text.is_empty() => Self::Text(Some(text), plan.separator),
            Some((at, &Value::List(end))) => Self::List(tape, at + 1, end),
            None | Some((_, Value::Text(_) | Value::Null)) => Self::One(None),
            Some((_, value)) => Self::One(Some(value)),
        }
    }
}

impl<'t, 'a> Iterator for Part<'t, 'a> {
    type Item = Item<'t, 'a>;

    fn next(&mut self) -> Option<Item<'t, 'a>> {
        match self {
            Self::Text(left, separator) => {
                let text = (*left)?;
                // Nearly always an ASCII character, and then looking at bytes is several times faster.
                let end = match u8::try_from(*separator) {
                    Ok(byte) if byte.is_ascii() => text.bytes().position(|each| each == byte),
                    _ => text.find(*separator),
                };
                let (item, rest) = match end {
                    Some(end) => (&text[..end], Some(&text[end + separator.len_utf8()..])),
                    None => (text, None),
                };
                *left = rest;
                Some(Item::Text(item))
            }
            Self::List(tape, at, end) => {
                let (_, node) = children(tape, *at, *end).next()?;
                *at = match node.value {
                    Value::Object(end) | Value::List(end) => end,
                    _ => *at + 1,
                };
                Some(Item::Node(&node.value))
            }
            Self::One(value) => value.take().map(Item::Node),
        }
    }
}
