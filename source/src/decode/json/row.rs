//! One JSON object as one row.

use std::{borrow::Cow, ops::Range};

use levada_connector_api::{
    BatchBuilder, FieldValue, Meta, MetaValue,
    model::{DataType, Moment},
};

use super::{
    device::part,
    event,
    fields::Fields,
    leaf::{typed, untyped},
    options::{Plan, Role},
    path::Step,
    tape::{Node, Value, children},
    types,
};
use crate::decode::typed::is_whole;

/// Where an event map has several times, each with a list of values of its own.
const MANY_TIMES: &str = "timestamps";

/// Puts the row of an object whose members are these nodes.
///
/// # Errors
/// The object lacks a device or a time, or says one twice, or a value is not of its type.
pub(super) fn decode<'t>(
    plan: &'t Plan,
    tape: &'t [Node<'_>],
    members: Range<usize>,
    fields: &mut Fields<'t>,
    rows: &mut BatchBuilder,
) -> Result<(), String> {
    fields.held.clear();
    let mut parts = Parts::default();
    let mut slots = [None; Role::COUNT];
    for (path, role) in &plan.deep {
        let found = find(tape, &members, path)?;
        parts.taken.extend(found);
        if let Some(slot) = slots.get_mut(*role as usize) {
            *slot = found;
        }
    }
    for (at, node) in children(tape, members.start, members.end) {
        match plan.role(&node.key) {
            Some(Role::Part) => {}
            Some(role) => {
                if slots[role as usize].replace(at).is_some() {
                    return Err(twice(&node.key));
                }
            }
            None if plan.picks => {}
            None => member(plan, at, node, fields, &mut parts.nested)?,
        }
    }
    let [device, time, other_time, measurements, types, values] = slots;
    let time = time.filter(|&at| !matches!(tape[at].value, Value::Null));
    if let Some(at) = other_time.filter(|_| time.is_some() && !plan.picks) {
        member(plan, at, &tape[at], fields, &mut parts.nested)?;
    }
    parts.event = [measurements, types, values];
    let many = parts.nested.iter().copied().find(|&at| tape[at].key == MANY_TIMES);
    let is_many = time.or(other_time).is_none() && measurements.is_some() && !plan.picks;
    let many = many.filter(|&at| is_many && matches!(tape[at].value, Value::List(_)));
    let mut memory = std::mem::take(&mut fields.device);
    let device = device_name(plan, tape, &members, device, rows, &mut memory)?;
    let taken = match many {
        Some(times) => several(plan, tape, times, &parts, &device, fields, rows),
        None => {
            let time = match plan.time_beside {
                Some(nth) => beside(plan, &device, nth, rows)?,
                None => moment(plan, &device, time.or(other_time).map(|at| &tape[at].value))?,
            };
            complete(plan, tape, members, &parts, Whose { device: &device, time }, fields, rows)
        }
    };
    drop(device);
    fields.device = memory;
    taken
}

/// Whose row it is, and when.
#[derive(Clone, Copy)]
struct Whose<'a> {
    device: &'a str,
    time: Moment,
}

/// What of an object is no plain field.
#[derive(Default)]
struct Parts {
    /// Measurements, types and values of an event map.
    event: [Option<usize>; 3],
    /// Objects and lists.
    nested: Vec<usize>,
    /// What stands deeper and has a role of its own.
    taken: Vec<usize>,
}

/// Hands over the rows of an event map with a list of times and, for each of them, a list of values.
fn several<'t>(
    plan: &'t Plan,
    tape: &'t [Node<'_>],
    times: usize,
    parts: &Parts,
    device: &str,
    fields: &mut Fields<'t>,
    rows: &mut BatchBuilder,
) -> Result<(), String> {
    if plan.looks() {
        plan.account.looks();
    }
    let list = |at: Option<usize>| match at.map(|at| (at, &tape[at].value)) {
        Some((at, &Value::List(end))) => Ok(children(tape, at + 1, end)),
        _ => Err(format!("beside `{MANY_TIMES}` the values are a list of lists, one for each time")),
    };
    let [measurements, types, values] = parts.event;
    let (counted, given) = (list(Some(times))?.count(), list(values)?.count());
    if counted != given {
        return Err(format!("{counted} times, {given} lists of values: there must be as many of each"));
    }
    for ((_, time), (at, _)) in list(Some(times))?.zip(list(values)?) {
        let time = moment(plan, device, Some(&time.value))?;
        fields.held.clear();
        event::gather(plan, tape, [measurements, types, Some(at)], fields)?;
        finish(plan, tape, Whose { device, time }, fields, &[], rows)?;
    }
    Ok(())
}

/// Gathers the fields that are not gathered yet, and hands the row over.
fn complete<'t>(
    plan: &'t Plan,
    tape: &'t [Node<'_>],
    members: Range<usize>,
    parts: &Parts,
    whose: Whose<'_>,
    fields: &mut Fields<'t>,
    rows: &mut BatchBuilder,
) -> Result<(), String> {
    if plan.looks() {
        plan.account.looks();
    }
    if plan.picks {
        let composed = pick(plan, tape, &members, fields)?;
        return finish(plan, tape, whose, fields, &composed, rows);
    }
    let [measurements, types, values] = parts.event;
    let is_object = |at: usize| matches!(tape[at].value, Value::Object(_));
    let typed = types.filter(|&at| types::are(tape, at));
    if measurements.is_some_and(|at| !is_object(at)) {
        // What stands beside the parts of an event map is not data.
        fields.held.clear();
        event::gather(plan, tape, parts.event, fields)?;
        return finish(plan, tape, whose, fields, &[], rows);
    }
    let mut nested = Vec::new();
    for at in [measurements, values, types.filter(|_| typed.is_none())].into_iter().flatten() {
        match tape[at].value {
            Value::Object(end) if Some(at) != types => {
                for (at, node) in children(tape, at + 1, end) {
                    member(plan, at, node, fields, &mut nested)?;
                }
            }
            _ => member(plan, at, &tape[at], fields, &mut nested)?,
        }
    }
    if let Some(at) = typed {
        types::give(plan, tape, at, fields)?;
    }
    let mut composed = Vec::new();
    for &at in parts.nested.iter().chain(&nested) {
        flatten(tape, at, &tape[at].key, &parts.taken, &mut composed);
    }
    finish(plan, tape, whose, fields, &composed, rows)
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
        fields.push((&node.key, untyped(&node.value, plan.integers)));
    } else {
        let value = leaf(plan, &node.value, plan.cast(&node.key));
        fields.push((&node.key, value.map_err(|error| format!("`{}`: {error}", node.key))?));
    }
    Ok(())
}

fn leaf<'t>(
    plan: &Plan,
    value: &'t Value<'_>,
    data_type: Option<DataType>,
) -> Result<FieldValue<'t>, String> {
    match data_type {
        None => Ok(untyped(value, plan.integers)),
        Some(data_type) => typed(value, data_type, plan.time.zone()),
    }
}

/// A value below the top, under the name made of the keys above it.
type Composed = (String, usize, Option<DataType>);

/// Names the leaves below a node; those that have a role of their own are left out.
fn flatten(tape: &[Node<'_>], at: usize, name: &str, taken: &[usize], into: &mut Vec<Composed>) {
    if taken.contains(&at) {
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
    for (index, (name, path, data_type)) in plan.fields.iter().enumerate() {
        let Some(at) = find(tape, members, path)? else { continue };
        plan.account.found(index);
        if matches!(tape[at].value, Value::Object(_) | Value::List(_)) {
            let from = composed.len();
            flatten(tape, at, name, &[], &mut composed);
            composed[from..].iter_mut().for_each(|each| each.2 = *data_type);
        } else {
            let data_type = data_type.or(plan.cast(name));
            let value = leaf(plan, &tape[at].value, data_type);
            fields.push((name, value.map_err(|error| format!("`{name}`: {error}"))?));
        }
    }
    Ok(composed)
}

/// Follows a path from an object's members.
///
/// # Errors
/// A key of the path stands twice where it is looked for.
fn find(tape: &[Node<'_>], members: &Range<usize>, path: &[Step]) -> Result<Option<usize>, String> {
    let mut range = Some(members.clone());
    let mut found = None;
    for step in path {
        let Some(Range { start, end }) = range else { return Ok(None) };
        let next = match step {
            Step::Key(key) => {
                let mut fitting = children(tape, start, end).filter(|(_, node)| *node.key == **key);
                let first = fitting.next();
                if fitting.next().is_some() {
                    return Err(twice(key));
                }
                first
            }
            Step::Index(index) => children(tape, start, end).nth(*index),
        };
        let Some((at, node)) = next else { return Ok(None) };
        range = match node.value {
            Value::Object(end) | Value::List(end) => Some(at + 1..end),
            _ => None,
        };
        found = Some(at);
    }
    Ok(found)
}

fn twice(key: &str) -> String {
    format!("the key `{key}` stands twice")
}

/// Completes the row and hands it over.
fn finish<'t>(
    plan: &Plan,
    tape: &'t [Node<'_>],
    Whose { device, time }: Whose<'_>,
    fields: &mut Fields<'t>,
    composed: &[Composed],
    rows: &mut BatchBuilder,
) -> Result<(), String> {
    if composed.is_empty() {
        if fields.held.is_empty() && !plan.picks {
            return Err("there is no measurement beside device and time".to_owned());
        }
        return plan.account.row(rows, device, time, &fields.held);
    }
    // Names made here live only here.
    let mut all: Vec<(&str, FieldValue<'_>)> = fields.held.clone();
    for (name, at, data_type) in composed {
        let data_type = data_type.or(plan.cast(name));
        let value = leaf(plan, &tape[*at].value, data_type);
        all.push((name, value.map_err(|error| format!("`{name}`: {error}"))?));
    }
    plan.account.row(rows, device, time, &all)
}

/// The moment that a value is; of a device's record that has none, where that is allowed, the present.
///
/// # Errors
/// The value is no time, or there is none.
pub(super) fn moment(plan: &Plan, device: &str, found: Option<&Value<'_>>) -> Result<Moment, String> {
    match found {
        Some(Value::Number(digits)) => match digits.parse() {
            Ok(time) => plan.time.integer(time),
            Err(_) if digits.contains(['e', 'E']) => plan.time.float(digits.parse().unwrap_or(f64::NAN)),
            Err(_) => plan.time.text(digits),
        },
        Some(Value::Text(text)) => plan.time.text(text),
        Some(Value::Characters(_, text)) => plan.time.text(text),
        Some(Value::Time(moment)) => Ok(*moment),
        Some(Value::Float(time)) => plan.time.float((*time).into()),
        Some(Value::Double(time)) => plan.time.float(*time),
        Some(Value::Digits(digits)) => plan.time.text(digits),
        None | Some(Value::Null) => plan.time.missing(device),
        Some(other) => match other.whole() {
            Some(time) => plan.time.integer(time),
            None => Err("the time is neither a number nor a text".to_owned()),
        },
    }
}

/// The time that comes with a record.
fn beside(plan: &Plan, device: &str, nth: usize, rows: &BatchBuilder) -> Result<Moment, String> {
    match rows.known(nth) {
        Some(MetaValue::Time(millis)) => Ok(Moment::of_millis(millis)),
        Some(value) => match value.text() {
            Some(text) => plan.time.text(&text),
            None => Err("the time is not UTF-8".to_owned()),
        },
        None => plan.time.missing(device),
    }
}

/// The name of a record's device, which may be written to `memory`.
fn device_name<'d>(
    plan: &'d Plan,
    tape: &'d [Node<'_>],
    members: &Range<usize>,
    found: Option<usize>,
    rows: &BatchBuilder,
    memory: &'d mut String,
) -> Result<Cow<'d, str>, String> {
    if let Some(name) = &plan.device {
        return Ok(Cow::Borrowed(name));
    }
    if let Some(template) = &plan.template {
        let find = |path: &[Step]| Ok(find(tape, members, path)?.map(|at| &tape[at].value));
        let nth = |meta: &Meta| plan.metas.iter().position(|each| each == meta);
        let know = |meta: &Meta| rows.known(nth(meta)?);
        return template.write(find, know, memory).map(|()| Cow::Borrowed(memory.as_str()));
    }
    if let Some((nth, meta)) = plan.device_beside.and_then(|nth| Some((nth, plan.metas.get(nth)?))) {
        memory.clear();
        memory.push_str(&part(meta, rows.known(nth))?);
        return Ok(Cow::Borrowed(memory.as_str()));
    }
    match found.map(|at| &tape[at].value) {
        Some(Value::Text(name)) => Ok(Cow::Borrowed(name)),
        Some(Value::Characters(_, name)) => Ok(Cow::Borrowed(*name)),
        Some(Value::Number(digits)) if is_whole(digits) => Ok(Cow::Borrowed(digits)),
        None | Some(Value::Null) => match rows.device_beside() {
            Some(beside) => {
                memory.clear();
                memory.push_str(beside);
                Ok(Cow::Borrowed(memory.as_str()))
            }
            None => Err("there is no device".to_owned()),
        },
        Some(other) => match other.whole() {
            Some(number) => Ok(Cow::Owned(number.to_string())),
            None => Err("the device is not a text".to_owned()),
        },
    }
}
