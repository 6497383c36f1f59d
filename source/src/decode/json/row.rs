//! One JSON object as one row.

use std::{borrow::Cow, ops::Range};

use levada_connector_api::{BatchBuilder, FieldValue, model::DataType};

use super::{
    event,
    leaf::{Leaf, typed, untyped},
    options::{Plan, Role},
    path::Step,
    tape::{Node, Value, children},
};

/// The fields of a row while they are gathered.
pub(super) struct Fields<'t> {
    held: Vec<(&'t str, FieldValue<'t>)>,
    /// Texts that stand nowhere in the record: index of the field, its text and type.
    late: Vec<(usize, String, DataType)>,
}

impl<'t> Fields<'t> {
    pub(super) fn new(memory: Vec<(&'t str, FieldValue<'t>)>) -> Self {
        Self { held: memory, late: Vec::new() }
    }

    pub(super) fn into_memory(self) -> Vec<(&'t str, FieldValue<'t>)> {
        self.held
    }

    pub(super) fn push(&mut self, name: &'t str, leaf: Leaf<'t>) {
        match leaf {
            Leaf::Field(value) => self.held.push((name, value)),
            Leaf::Text(text, data_type) => {
                self.late.push((self.held.len(), text, data_type));
                self.held.push((name, FieldValue::Null));
            }
        }
    }
}

/// Puts the row of an object whose members are these nodes.
///
/// # Errors
/// The object lacks a device or a time, or a value is not of its type.
pub(super) fn decode<'t>(
    plan: &'t Plan,
    tape: &'t [Node<'_>],
    members: Range<usize>,
    fields: &mut Fields<'t>,
    rows: &mut BatchBuilder,
) -> Result<(), String> {
    fields.held.clear();
    fields.late.clear();
    let mut slots = [None; Role::COUNT];
    let mut nested = Vec::new();
    for (path, role) in &plan.deep {
        slots[*role as usize] = find(tape, &members, path);
    }
    let deep = slots;
    for (at, node) in children(tape, members.start, members.end) {
        match plan.role(&node.key) {
            Some(role) if slots[role as usize].is_none() => slots[role as usize] = Some(at),
            _ if plan.picks => {}
            _ => member(plan, at, node, fields, &mut nested)?,
        }
    }
    let [device, time, measurements, types, values] = slots;
    if plan.picks {
        return pick(plan, tape, &members, fields)
            .and_then(|composed| finish(plan, tape, device, time, fields, &composed, rows));
    }
    let is_object = |at: usize| matches!(tape[at].value, Value::Object(_));
    if measurements.is_some_and(|at| !is_object(at)) {
        // What stands beside the parts of an event map is not data.
        fields.held.clear();
        fields.late.clear();
        event::gather(plan, tape, [measurements, types, values], fields)?;
        return finish(plan, tape, device, time, fields, &[], rows);
    }
    for at in [measurements, values, types].into_iter().flatten() {
        match tape[at].value {
            Value::Object(end) if Some(at) != types => {
                for (at, node) in children(tape, at + 1, end) {
                    member(plan, at, node, fields, &mut nested)?;
                }
            }
            _ => member(plan, at, &tape[at], fields, &mut nested)?,
        }
    }
    let mut composed = Vec::new();
    for at in nested {
        flatten(tape, at, &tape[at].key, &deep, &mut composed);
    }
    finish(plan, tape, device, time, fields, &composed, rows)
}

/// Adds a member as a field; objects and lists are left for later.
#[inline]
fn member<'t>(
    plan: &Plan,
    at: usize,
    node: &'t Node<'_>,
    fields: &mut Fields<'t>,
    nested: &mut Vec<usize>,
) -> Result<(), String> {
    if matches!(node.value, Value::Object(_) | Value::List(_)) {
        nested.push(at);
    } else if plan.cast.is_empty() {
        fields.held.push((&node.key, untyped(&node.value)));
    } else {
        let leaf =
            leaf(&node.value, plan.cast(&node.key)).map_err(|error| format!("`{}`: {error}", node.key))?;
        fields.push(&node.key, leaf);
    }
    Ok(())
}

fn leaf<'t>(value: &'t Value<'_>, data_type: Option<DataType>) -> Result<Leaf<'t>, String> {
    data_type.map_or_else(|| Ok(Leaf::Field(untyped(value))), |data_type| typed(value, data_type))
}

/// A value below the top, under the name made of the keys above it.
type Composed = (String, usize, Option<DataType>);

/// Names the leaves below a node; those that have a role of their own are left out.
fn flatten(tape: &[Node<'_>], at: usize, name: &str, taken: &[Option<usize>], into: &mut Vec<Composed>) {
    if taken.contains(&Some(at)) {
        return;
    }
    match tape[at].value {
        Value::Object(end) => {
            for (at, node) in children(tape, at + 1, end) {
                flatten(tape, at, &format!("{name}_{}", node.key), taken, into);
            }
        }
        Value::List(end) => {
            for (nth, (at, _)) in children(tape, at + 1, end).enumerate() {
                flatten(tape, at, &format!("{name}_{nth}"), taken, into);
            }
        }
        _ => into.push((name.to_owned(), at, None)),
    }
}

/// The fields that the options name, and no others.
fn pick<'t>(
    plan: &'t Plan,
    tape: &'t [Node<'_>],
    members: &Range<usize>,
    fields: &mut Fields<'t>,
) -> Result<Vec<Composed>, String> {
    let mut composed = Vec::new();
    for (name, path, data_type) in &plan.fields {
        let Some(at) = find(tape, members, path) else { continue };
        if matches!(tape[at].value, Value::Object(_) | Value::List(_)) {
            let from = composed.len();
            flatten(tape, at, name, &[], &mut composed);
            composed[from..].iter_mut().for_each(|each| each.2 = *data_type);
        } else {
            let data_type = data_type.or_else(|| plan.cast(name));
            fields
                .push(name, leaf(&tape[at].value, data_type).map_err(|error| format!("`{name}`: {error}"))?);
        }
    }
    Ok(composed)
}

/// Follows a path from an object's members.
fn find(tape: &[Node<'_>], members: &Range<usize>, path: &[Step]) -> Option<usize> {
    let mut range = Some(members.clone());
    let mut found = None;
    for step in path {
        let Range { start, end } = range?;
        let (at, node) = match step {
            Step::Key(key) => children(tape, start, end).find(|(_, node)| *node.key == **key)?,
            Step::Index(index) => children(tape, start, end).nth(*index)?,
        };
        range = match node.value {
            Value::Object(end) | Value::List(end) => Some(at + 1..end),
            _ => None,
        };
        found = Some(at);
    }
    found
}

/// Completes the row and hands it over.
fn finish<'t>(
    plan: &Plan,
    tape: &'t [Node<'_>],
    device: Option<usize>,
    time: Option<usize>,
    fields: &mut Fields<'t>,
    composed: &[Composed],
    rows: &mut BatchBuilder,
) -> Result<(), String> {
    let device = device_name(plan, device.map(|at| &tape[at].value))?;
    let time = match time.map(|at| &tape[at].value) {
        Some(Value::Int(time)) => plan.time.integer(*time),
        Some(Value::Number(time)) => plan.time.float(*time),
        Some(Value::Text(text)) => plan.time.text(text),
        None | Some(Value::Null) => plan.time.missing(),
        Some(_) => Err("the time is neither a number nor a text".to_owned()),
    }?;
    if composed.is_empty() && fields.late.is_empty() {
        if fields.held.is_empty() && !plan.picks {
            return Err("there is no measurement beside device and time".to_owned());
        }
        return rows.row(&device, time, &fields.held).map_err(|error| error.to_string());
    }
    // Names and texts made here live only here.
    let mut late = std::mem::take(&mut fields.late);
    let mut all: Vec<(&str, FieldValue<'_>)> = fields.held.clone();
    let mut leaves = Vec::with_capacity(composed.len());
    for (name, at, data_type) in composed {
        let data_type = data_type.or_else(|| plan.cast(name));
        leaves.push((name, leaf(&tape[*at].value, data_type).map_err(|error| format!("`{name}`: {error}"))?));
    }
    for (name, leaf) in leaves {
        match leaf {
            Leaf::Field(value) => all.push((name, value)),
            Leaf::Text(text, data_type) => {
                late.push((all.len(), text, data_type));
                all.push((name, FieldValue::Null));
            }
        }
    }
    for (at, text, data_type) in &late {
        all[*at].1 = match data_type {
            DataType::String => FieldValue::String(text),
            _ => FieldValue::Text(text),
        };
    }
    rows.row(&device, time, &all).map_err(|error| error.to_string())
}

fn device_name<'t>(plan: &'t Plan, found: Option<&'t Value<'_>>) -> Result<Cow<'t, str>, String> {
    if let Some(name) = &plan.device {
        return Ok(Cow::Borrowed(name));
    }
    match found {
        Some(Value::Text(name)) => Ok(Cow::Borrowed(name)),
        Some(Value::Int(name)) => Ok(Cow::Owned(name.to_string())),
        None | Some(Value::Null) => Err("there is no device".to_owned()),
        Some(_) => Err("the device is not a text".to_owned()),
    }
}
