//! Queries evaluated plainly: every row is looked at for every clause.

use std::collections::BTreeSet;

mod groups;

use self::groups::{Group, groups};
use super::{
    question::{Condition, Fill, Form, Groups, Item, Order, Question},
    table::{Cell, DEVICES, MEASUREMENTS, Table},
};

/// A series: device and measurement.
type Leaf = (usize, usize);
/// A row on its way: its time, and a cell for each column.
pub(crate) type Row = (i64, Vec<Option<Cell>>);
/// Headers, and rows as they are shown.
pub(crate) type Answer = (Vec<String>, Vec<Vec<Option<String>>>);

/// A result before it is shown. The first column is that of the device where rows are aligned by it.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) headers: Vec<String>,
    pub(crate) rows: Vec<Row>,
    /// The devices that have any of the columns, where rows are aligned by device.
    pub(crate) devices: Vec<usize>,
}

/// A column: its header, its type, and what it is computed of.
#[derive(Clone, Debug)]
struct Column {
    name: String,
    data_type: &'static str,
    item: Item,
    leaves: Vec<Leaf>,
}

/// What a query is to give.
pub(crate) fn answer(table: &Table, question: &Question) -> Answer {
    if let Form::Last = question.form {
        return last(table, question);
    }
    let Found { mut headers, rows, .. } = found(table, question);
    let has_time = headers.is_empty() || question.is_timed();
    if has_time {
        headers.insert(0, "Time".to_owned());
    }
    let shown = |(time, cells): Row| {
        let time = has_time.then(|| Some(time.to_string()));
        time.into_iter().chain(cells.into_iter().map(|cell| cell.map(|cell| cell.to_string()))).collect()
    };
    (headers, rows.into_iter().map(shown).collect())
}

/// The rows of a query that is not one for the last of each series.
pub(crate) fn found(table: &Table, question: &Question) -> Found {
    let (headers, types, mut rows, devices) =
        if question.by_device { by_device(table, question) } else { by_time(table, question) };
    let first = usize::from(question.by_device);
    if let Order::First { descending } = question.order {
        rows.sort_by(|(_, a), (_, b)| match (&a[first], &b[first]) {
            (Some(a), Some(b)) => {
                let order = a.number().partial_cmp(&b.number()).expect("numbers");
                if descending { order.reverse() } else { order }
            }
            (a, b) => a.is_none().cmp(&b.is_none()),
        });
    }
    let mut rows = filled(rows, question.fill.as_ref(), &types);
    if let Some(all) = question.without_null {
        rows.retain(|(_, cells)| {
            let mut nulls = cells[first..].iter().map(Option::is_none);
            if all { !nulls.all(|null| null) } else { !nulls.any(|null| null) }
        });
    }
    Found { headers, rows: limited(rows, question).collect(), devices }
}

fn limited<T>(rows: Vec<T>, question: &Question) -> impl Iterator<Item = T> {
    let number = |given: Option<i64>, otherwise| given.map_or(otherwise, |given| given as usize);
    rows.into_iter().skip(number(question.offset, 0)).take(number(question.limit, usize::MAX))
}

fn of_columns<T>(columns: Vec<T>, question: &Question) -> Vec<T> {
    let number = |given: Option<i64>, otherwise| given.map_or(otherwise, |given| given as usize);
    let (offset, limit) = (number(question.series_offset, 0), number(question.series_limit, usize::MAX));
    columns.into_iter().skip(offset).take(limit).collect()
}

/// The newest point of each series.
fn last(table: &Table, question: &Question) -> Answer {
    // Of each device in the order asked for, each once.
    let mut rows: Vec<(String, String, Vec<Option<String>>)> = Vec::new();
    for item in &question.items {
        let mut found = columns(table, item, &question.devices(), None, false);
        found.sort_by(|a, b| a.name.cmp(&b.name));
        for column in found {
            let (device, measurement) = column.leaves[0];
            let fits = |time: &i64| holds(table, question.condition.as_ref(), &[], *time);
            let points = table.points(device, measurement);
            if let Some((time, cell)) = points.iter().rev().find(|(time, _)| fits(time)) {
                let row = [time.to_string(), column.name.clone(), cell.to_string(), column.data_type.into()];
                let device = column.name.rsplit_once('.').expect("a path").0.to_owned();
                if rows.iter().all(|(_, name, _)| *name != column.name) {
                    rows.push((device, column.name, row.into_iter().map(Some).collect()));
                }
            }
        }
    }
    rows.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    let headers = ["Time", "Timeseries", "Value", "DataType"].map(str::to_owned).to_vec();
    (headers, limited(rows.into_iter().map(|(.., row)| row).collect(), question).collect())
}

type Parts = (Vec<String>, Vec<&'static str>, Vec<Row>, Vec<usize>);

fn by_time(table: &Table, question: &Question) -> Parts {
    let by_level = match question.form {
        Form::Aggregates { by_level, .. } => by_level,
        _ => None,
    };
    let devices = question.devices();
    let all =
        question.items.iter().flat_map(|item| columns(table, item, &devices, by_level, false)).collect();
    let wanted = of_columns(all, question);
    let rows = if wanted.is_empty() { Vec::new() } else { rows(table, question, &devices, &wanted) };
    let types = wanted.iter().map(|column| column.data_type).collect();
    (wanted.into_iter().map(|column| column.name).collect(), types, rows, Vec::new())
}

fn by_device(table: &Table, question: &Question) -> Parts {
    let mut devices = question.devices();
    devices.sort_unstable();
    // Columns come in the order in which the devices do.
    if let Order::Device { descending: true } = question.order {
        devices.reverse();
    }
    let mut names: Vec<(String, &'static str)> = Vec::new();
    for item in &question.items {
        let first = names.len();
        for &device in &devices {
            for column in columns(table, item, &[device], None, true) {
                if names[first..].iter().all(|(name, _)| *name != column.name) {
                    names.push((column.name, column.data_type));
                }
            }
        }
    }
    let wanted = of_columns(names, question);
    if wanted.is_empty() {
        return Default::default();
    }
    let (mut all, mut with_columns) = (Vec::new(), Vec::new());
    for &device in &devices {
        let mut own: Vec<Column> =
            question.items.iter().flat_map(|item| columns(table, item, &[device], None, true)).collect();
        own.retain(|column| wanted.iter().any(|(name, _)| *name == column.name));
        if own.is_empty() {
            continue;
        }
        with_columns.push(device);
        for (time, cells) in rows(table, question, &[device], &own) {
            let cell = |(name, _): &(String, _)| {
                own.iter().position(|column| column.name == *name).and_then(|at| cells[at].clone())
            };
            let name = Some(Cell::Text(DEVICES[device].to_owned()));
            all.push((time, std::iter::once(name).chain(wanted.iter().map(cell)).collect()));
        }
    }
    match question.order {
        Order::Time { descending: true } => all.sort_by_key(|(time, _): &Row| -time),
        Order::Time { descending: false } => all.sort_by_key(|(time, _)| *time),
        _ => {}
    }
    let (names, types): (Vec<String>, Vec<&str>) = wanted.into_iter().unzip();
    let headers = std::iter::once("Device".to_owned()).chain(names).collect();
    (headers, std::iter::once("TEXT").chain(types).collect(), all, with_columns)
}

/// What an item stands for.
fn columns(
    table: &Table,
    item: &Item,
    devices: &[usize],
    by_level: Option<usize>,
    by_device: bool,
) -> Vec<Column> {
    let path = |device: usize| if by_device { String::new() } else { format!("{}.", DEVICES[device]) };
    let name = |(device, measurement): Leaf| format!("{}{}", path(device), MEASUREMENTS[measurement].0);
    let of = |measurement: usize| -> Vec<Leaf> {
        devices.iter().map(|&device| (device, measurement)).filter(|leaf| table.has(leaf.0, leaf.1)).collect()
    };
    let column = |name: String, data_type: &'static str, leaves: Vec<Leaf>| Column {
        name,
        data_type,
        item: item.clone(),
        leaves,
    };
    match *item {
        Item::Series(measurement) => {
            let leaves = of(measurement).into_iter();
            leaves.map(|leaf| column(name(leaf), MEASUREMENTS[measurement].1, vec![leaf])).collect()
        }
        Item::Star => {
            let leaves = devices.iter().flat_map(|&device| (0..5).map(move |each| (device, each)));
            let known = leaves.filter(|leaf| table.has(leaf.0, leaf.1));
            known.map(|leaf| column(name(leaf), MEASUREMENTS[leaf.1].1, vec![leaf])).collect()
        }
        Item::Sum(left, right) => {
            let pairs =
                of(left).into_iter().flat_map(|left| of(right).into_iter().map(move |right| (left, right)));
            pairs
                .map(|(left, right)| {
                    column(format!("{} + {}", name(left), name(right)), "DOUBLE", vec![left, right])
                })
                .collect()
        }
        Item::Plus(measurement, _) | Item::Diff(measurement) => {
            let header = |leaf: Leaf| Item::sql(item, &path(leaf.0));
            of(measurement).into_iter().map(|leaf| column(header(leaf), "DOUBLE", vec![leaf])).collect()
        }
        Item::Aggregate(function, measurement) => {
            let data_type = match function {
                "count" | "min_time" | "max_time" | "time_duration" => "INT64",
                "sum" | "avg" => "DOUBLE",
                _ => MEASUREMENTS[measurement].1,
            };
            let leaves = of(measurement);
            if let Some(level) = by_level {
                let mut columns: Vec<Column> = Vec::new();
                for leaf in leaves {
                    let name = item.sql(&above_level(DEVICES[leaf.0], level));
                    match columns.iter_mut().find(|column| column.name == name) {
                        Some(column) => column.leaves.push(leaf),
                        None => columns.push(column(name, data_type, vec![leaf])),
                    }
                }
                return columns;
            }
            let header = |leaf: Leaf| Item::sql(item, &path(leaf.0));
            leaves.into_iter().map(|leaf| column(header(leaf), data_type, vec![leaf])).collect()
        }
    }
}

/// A device's path with the nodes of all levels but one replaced, and a point behind it.
fn above_level(device: &str, level: usize) -> String {
    let nodes = device.split('.').enumerate();
    nodes
        .map(|(at, node)| if at == 0 || at == level { format!("{node}.") } else { "*.".to_owned() })
        .collect()
}

/// The rows of some columns, in the order in which they come.
fn rows(table: &Table, question: &Question, devices: &[usize], columns: &[Column]) -> Vec<Row> {
    let condition = question.condition.as_ref();
    let mut series: BTreeSet<Leaf> = columns.iter().flat_map(|column| column.leaves.clone()).collect();
    let tested = condition.map(Condition::names).unwrap_or_default();
    series.extend(devices.iter().flat_map(|&device| tested.iter().map(move |&each| (device, each))));
    if let Form::Aggregates { having: Some((counted, _)), .. } = question.form {
        series.extend(devices.iter().map(|&device| (device, counted)));
    }
    if let Form::Aggregates { groups: Groups::Segments(segments), .. } = &question.form {
        series.extend(segments.control().map(|control| (devices[0], control)));
    }
    let times: BTreeSet<i64> = series.iter().flat_map(|leaf| table.times(leaf.0, leaf.1)).collect();
    let mut times: Vec<i64> =
        times.into_iter().filter(|&time| holds(table, condition, devices, time)).collect();
    let backwards = question.order == Order::Time { descending: true };
    match &question.form {
        Form::Aggregates { groups: by, having, .. } => {
            let groups = groups(table, devices[0], by, &times, backwards);
            let of =
                |columns: &[Column]| groups.iter().map(|group| aggregates(table, columns, group)).collect();
            let mut rows: Vec<Row> = of(columns);
            if let Some((measurement, least)) = *having {
                let counted = Item::Aggregate("count", measurement);
                let counts: Vec<Row> = of(&self::columns(table, &counted, devices, None, false));
                let many = |(_, cells): &Row| {
                    cells.iter().all(|cell| matches!(cell, Some(Cell::Int(count)) if *count > least))
                };
                let mut keep = counts.iter().map(many);
                rows.retain(|_| keep.next().expect("as many groups"));
            }
            if backwards {
                rows.reverse();
            }
            rows
        }
        _ => {
            if backwards {
                times.reverse();
            }
            let mut before: Vec<Option<f64>> = vec![None; columns.len()];
            let row = |time: i64| {
                let cells = columns
                    .iter()
                    .zip(&mut before)
                    .map(|(column, before)| value(table, column, time, before));
                (time, cells.collect())
            };
            times.into_iter().map(row).collect()
        }
    }
}

/// A column's value in a row; `before` is the last one that `diff` saw.
fn value(table: &Table, column: &Column, time: i64, before: &mut Option<f64>) -> Option<Cell> {
    let cell = |at: usize| table.points(column.leaves[at].0, column.leaves[at].1).get(&time);
    let number = |at: usize| cell(at).and_then(Cell::number);
    match column.item {
        Item::Series(_) | Item::Star => cell(0).cloned(),
        Item::Plus(_, more) => number(0).map(|value| Cell::Real(value + more as f64)),
        Item::Sum(..) => number(0).zip(number(1)).map(|(left, right)| Cell::Real(left + right)),
        Item::Diff(_) => {
            let value = number(0)?;
            before.replace(value).map(|before| Cell::Real(value - before))
        }
        Item::Aggregate(..) => unreachable!("aggregates are of groups"),
    }
}

/// Whether a condition holds at a time, whichever of the devices each of its names is taken for.
fn holds(table: &Table, condition: Option<&Condition>, devices: &[usize], time: i64) -> bool {
    let Some(condition) = condition else { return true };
    let names = condition.names().len();
    let ways = devices.len().max(1).pow(u32::try_from(names).expect("few names"));
    (0..ways).all(|way| {
        let mut rest = way;
        let mut next = || {
            let device = devices[rest % devices.len()];
            rest /= devices.len();
            device
        };
        truth(table, condition, time, &mut next) == Some(true)
    })
}

fn truth(table: &Table, condition: &Condition, time: i64, device: &mut dyn FnMut() -> usize) -> Option<bool> {
    match condition {
        Condition::Time(start, end) => Some(time >= *start && time < *end),
        Condition::Compare(measurement, operator, with) => {
            let value = table.points(device(), *measurement).get(&time)?.number()?;
            let with = *with as f64;
            Some(match *operator {
                ">" => value > with,
                ">=" => value >= with,
                "<" => value < with,
                "<=" => value <= with,
                "=" => value == with,
                _ => value != with,
            })
        }
        Condition::IsNull(measurement) => Some(!table.points(device(), *measurement).contains_key(&time)),
        Condition::Not(condition) => truth(table, condition, time, device).map(|truth| !truth),
        Condition::And(left, right) => {
            let (left, right) = (truth(table, left, time, device), truth(table, right, time, device));
            match (left, right) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            }
        }
        Condition::Or(left, right) => {
            let (left, right) = (truth(table, left, time, device), truth(table, right, time, device));
            match (left, right) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            }
        }
    }
}

/// The row of a group.
fn aggregates(table: &Table, columns: &[Column], group: &Group) -> Row {
    let cells = columns.iter().map(|column| {
        let Item::Aggregate(function, _) = column.item else { unreachable!("only aggregates") };
        let mut points: Vec<(i64, Cell)> = Vec::new();
        for &time in &group.times {
            let cells = column.leaves.iter().filter_map(|leaf| table.points(leaf.0, leaf.1).get(&time));
            points.extend(cells.map(|cell| (time, cell.clone())));
        }
        aggregate(function, &points)
    });
    (group.label, cells.collect())
}

fn aggregate(function: &str, points: &[(i64, Cell)]) -> Option<Cell> {
    let numbers = || points.iter().filter_map(|(_, cell)| cell.number());
    let whole = |value: f64| match &points[0].1 {
        Cell::Int(_) => Cell::Int(value as i64),
        _ => Cell::Real(value),
    };
    if function == "count" {
        return Some(Cell::Int(points.len() as i64));
    }
    let ((first_time, first), (last_time, last)) = (points.first()?, points.last()?);
    Some(match function {
        "sum" => Cell::Real(numbers().sum()),
        "avg" => Cell::Real(numbers().sum::<f64>() / points.len() as f64),
        "min_value" => whole(numbers().fold(f64::INFINITY, f64::min)),
        "max_value" => whole(numbers().fold(f64::NEG_INFINITY, f64::max)),
        "extreme" => {
            let farther = |a: f64, b: f64| if b.abs() > a.abs() || b == -a && b > a { b } else { a };
            whole(numbers().reduce(farther)?)
        }
        "first_value" => first.clone(),
        "last_value" => last.clone(),
        "min_time" => Cell::Int(*first_time),
        "max_time" => Cell::Int(*last_time),
        "time_duration" => Cell::Int(last_time - first_time),
        _ => {
            let times = |cell: &Cell| points.iter().filter(|(_, each)| each == cell).count();
            let mut best = first;
            for (_, cell) in points {
                if times(cell) > times(best) {
                    best = cell;
                }
            }
            best.clone()
        }
    })
}

/// The rows with what is null filled, column by column.
fn filled(mut rows: Vec<Row>, fill: Option<&Fill>, types: &[&str]) -> Vec<Row> {
    let Some(fill) = fill else { return rows };
    for (column, data_type) in types.iter().enumerate() {
        let known: Vec<Option<(i64, Cell)>> =
            rows.iter().map(|(time, cells)| cells[column].clone().map(|cell| (*time, cell))).collect();
        for (at, (time, cells)) in rows.iter_mut().enumerate().filter(|(at, _)| known[*at].is_none()) {
            let before = known[..at].iter().rev().flatten().next();
            let behind = known[at..].iter().flatten().next();
            cells[column] = match fill {
                Fill::Previous(within) => before
                    .filter(|(then, _)| within.is_none_or(|within| (*time - then).abs() <= within))
                    .map(|(_, cell)| cell.clone()),
                Fill::Linear => {
                    before.zip(behind).and_then(|(before, behind)| on_line(before, behind, *time))
                }
                Fill::Constant(number) => match *data_type {
                    "INT32" | "INT64" => Some(Cell::Int(*number)),
                    "DOUBLE" => Some(Cell::Real(*number as f64)),
                    "TEXT" => Some(Cell::Text(number.to_string())),
                    _ => None,
                },
            };
        }
    }
    rows
}

/// The value at a time on the line between two.
fn on_line((from, a): &(i64, Cell), (to, b): &(i64, Cell), time: i64) -> Option<Cell> {
    let (first, second) = a.number().zip(b.number())?;
    let share = if to == from { 0.0 } else { (time - from) as f64 / (to - from) as f64 };
    let value = first + (second - first) * share;
    Some(match a {
        Cell::Int(_) => Cell::Int(value as i64),
        _ => Cell::Real(value),
    })
}
