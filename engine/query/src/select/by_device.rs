//! `align by device`: each device's rows on their own, under the names of measurements.
//!
//! ```text
//!   root.d1: s1, s2 ──▶ Time Device  s1 s2 s3        each device is planned as a query of its own;
//!   root.d2: s1, s3 ──▶  …   root.d2 …  -  …         columns it lacks are null
//! ```

use std::collections::{HashMap, HashSet};

use levada_model::{DataType, Path, ResultColumn};
use levada_sql::ast::{Expression, SortBy};
use levada_storage::{Direction, TimeRange};

use super::{
    Planner,
    aggregated::{self, check},
    columns::{self, END_TIME, is_end_time},
    grouped::{self, Calls, has_time},
    having::having,
    output::{Computed, Output, alias_error},
    raw, tail,
};
use crate::{
    QueryError,
    bind::{
        expand::Expanded,
        names::{Names, Show},
        schema_order::{self, Purpose},
    },
    context::SchemaOrder,
    expression::{Expr, Kind},
    node::Node,
    operator::sort::SortKey,
    plan::{Bound, column},
};

/// A device's part: its columns by name, and its rows.
struct Part {
    device: Path,
    names: Vec<String>,
    computed: Computed,
}

pub(super) fn plan(planner: &Planner<'_>) -> Result<Bound, QueryError> {
    let query = planner.query;
    let is_aggregated = columns::is_aggregated(planner)?;
    columns::check_suffixes(query)?;
    let group_by = query.group_by.as_ref();
    check(group_by)?;
    if group_by.is_some_and(|group_by| !(group_by.levels.is_empty() && group_by.tags.is_empty())) {
        return Err(QueryError::semantic("group by level does not support align by device now."));
    }
    let order = Order::of(planner);
    let LaidOut { devices, wanted } = lay_out(planner)?;
    if wanted.is_empty() {
        return Ok(Bound::new(true, Vec::new(), Node::Nothing));
    }
    let mut parts = Vec::new();
    for OfDevice { device, mut names, outputs } in devices {
        planner.context.cancellation.check()?;
        let computed = if is_aggregated {
            aggregates(planner, &mut names, &outputs, order.direction)?
        } else {
            let expressions: Vec<Expression> =
                outputs.iter().map(|output| output.expression.clone()).collect();
            raw::rows(planner, &mut names, &expressions, order.direction, TimeRange::ALL)?
        };
        parts.push(Part { device, names: outputs.into_iter().map(|output| output.name).collect(), computed });
    }
    let types = types(&wanted, &parts)?;
    let has_time = !is_aggregated || has_time(group_by);
    let mut columns: Vec<ResultColumn> = vec![column("Device", DataType::Text)];
    columns.extend(wanted.iter().zip(&types).map(|(name, &data_type)| column(name.clone(), data_type)));
    let rows = joined(planner, parts, &wanted, &types, &columns, &order)?;
    Ok(Bound::new(has_time, columns, tail::limited(planner, rows)))
}

/// A device's columns, and the names by which they were found.
struct OfDevice<'p> {
    device: Path,
    names: Names<'p>,
    outputs: Vec<Output>,
}

/// The devices that have columns, and the names of all columns.
pub(super) struct LaidOut<'p> {
    devices: Vec<OfDevice<'p>>,
    wanted: Vec<String>,
}

impl LaidOut<'_> {
    /// The names of all columns, behind that of the device.
    pub(super) fn wanted(&self) -> &[String] {
        &self.wanted
    }

    /// The devices with their columns.
    pub(super) fn devices(&self) -> impl Iterator<Item = (&Path, &[Output])> {
        self.devices.iter().map(|each| (&each.device, &each.outputs[..]))
    }
}

/// Which devices give rows, and under which columns.
pub(super) fn lay_out<'p>(planner: &'p Planner<'_>) -> Result<LaidOut<'p>, QueryError> {
    let found = devices(planner, Order::of(planner).devices_descending);
    // Columns are limited by name, over all devices.
    let outputs = found
        .iter()
        .map(|device| {
            let mut names =
                Names::new(&*planner.view, planner.context, vec![device.into()], Show::Measurement);
            outputs(planner, &mut names).map(|outputs| (names, outputs))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let columns = planner.query.columns.len();
    let wanted = planner.limit_columns(column_names(columns, outputs.iter().map(|(_, outputs)| outputs)));
    let mut devices = Vec::new();
    for (device, (names, outputs)) in found.into_iter().zip(outputs) {
        let outputs: Vec<Output> =
            outputs.into_iter().flatten().filter(|output| wanted.contains(&output.name)).collect();
        if !outputs.is_empty() {
            devices.push(OfDevice { device, names, outputs });
        }
    }
    Ok(LaidOut { devices, wanted })
}

/// The devices of the `from` paths, each once, by path.
fn devices(planner: &Planner<'_>, descending: bool) -> Vec<Path> {
    let mut devices: Vec<Path> = planner
        .query
        .from
        .iter()
        .flat_map(|from| planner.view.devices(&from.pattern))
        .map(|device| device.path)
        .collect();
    devices = schema_order::sort(devices, SchemaOrder::Path, Purpose::Select, |path| path);
    devices.dedup();
    if descending {
        devices.reverse();
    }
    devices
}

/// A device's columns, for each column of the query those it stands for.
fn outputs(planner: &Planner<'_>, names: &mut Names<'_>) -> Result<Vec<Vec<Output>>, QueryError> {
    planner
        .query
        .columns
        .iter()
        .map(|column| {
            if is_end_time(&column.expression) {
                let name = column.alias.clone().unwrap_or_else(|| END_TIME.to_owned());
                return Ok(vec![Output { expression: column.expression.clone(), name }]);
            }
            let expanded = names.expand(&column.expression)?;
            if let Some(alias) = column.alias.as_ref().filter(|_| expanded.len() > 1) {
                return Err(alias_error(alias));
            }
            let output = |each: Expanded| Output::new(each.expression, column.alias.as_ref());
            Ok(expanded.into_iter().map(output).collect())
        })
        .collect()
}

/// The names of all columns: column by column of the query, the devices' names in their order, each once for a column.
fn column_names<'a>(
    columns: usize,
    devices: impl Iterator<Item = &'a Vec<Vec<Output>>> + Clone,
) -> Vec<String> {
    let mut names = Vec::new();
    for at in 0..columns {
        let mut seen = HashSet::new();
        for output in devices.clone().filter_map(|outputs| outputs.get(at)).flatten() {
            if seen.insert(output.name.clone()) {
                names.push(output.name.clone());
            }
        }
    }
    names
}

fn aggregates(
    planner: &Planner<'_>,
    names: &mut Names<'_>,
    outputs: &[Output],
    wanted: Direction,
) -> Result<Computed, QueryError> {
    let mut calls = Calls::new(&planner.context.functions);
    for output in outputs {
        names.expand(&output.expression)?.iter().for_each(|each| calls.add(each));
    }
    let having = having(planner, names, &mut calls)?;
    let direction = grouped::direction(planner, wanted);
    let expressions: Vec<Expression> = outputs.iter().map(|output| output.expression.clone()).collect();
    aggregated::rows(planner, names, &calls, &expressions, having.as_ref(), direction)
}

/// The type of every column, which all devices must agree on.
fn types(wanted: &[String], parts: &[Part]) -> Result<Vec<DataType>, QueryError> {
    let mut found: HashMap<&str, DataType> = HashMap::new();
    for part in parts {
        for (name, &data_type) in part.names.iter().zip(&part.computed.types) {
            if *found.entry(name).or_insert(data_type) != data_type {
                return Err(QueryError::semantic(
                    "ALIGN BY DEVICE: the data types of the same measurement column should be the same across devices.",
                ));
            }
        }
    }
    Ok(wanted.iter().map(|name| found.get(name.as_str()).copied().unwrap_or(DataType::Double)).collect())
}

/// How rows of several devices follow each other.
struct Order {
    direction: Direction,
    devices_descending: bool,
    /// By time first.
    by_time: bool,
    /// By something that needs sorting.
    sorted: bool,
}

impl Order {
    fn of(planner: &Planner<'_>) -> Self {
        let keys = &planner.query.order_by;
        let time = keys.iter().find(|key| key.by == SortBy::Time);
        let device = keys.iter().find(|key| key.by == SortBy::Device);
        Self {
            direction: match time {
                Some(key) if key.descending => Direction::Descending,
                _ => Direction::Ascending,
            },
            devices_descending: device.is_some_and(|key| key.descending),
            by_time: keys.first().is_some_and(|key| key.by == SortBy::Time),
            sorted: keys.iter().any(|key| !matches!(key.by, SortBy::Time | SortBy::Device)),
        }
    }
}

/// All devices' rows under the same columns, filled and in the order asked for.
fn joined(
    planner: &Planner<'_>,
    parts: Vec<Part>,
    wanted: &[String],
    types: &[DataType],
    columns: &[ResultColumn],
    order: &Order,
) -> Result<Node, QueryError> {
    let inputs: Vec<Node> = parts.into_iter().map(|part| part.laid_out(wanted, types)).collect();
    let all_types: Vec<DataType> = columns.iter().map(|column| column.data_type).collect();
    let made_forwards = planner.query.group_by.is_some()
        && grouped::direction(planner, order.direction) == Direction::Ascending;
    let node = if order.sorted || order.direction == Direction::Descending && made_forwards {
        let input = Box::new(Node::concat(inputs));
        Node::Sort { input, keys: keys(planner, columns)?, most: tail::wanted_rows(planner) }
    } else if order.by_time && inputs.len() > 1 {
        Node::Merge { inputs, direction: order.direction }
    } else {
        Node::concat(inputs)
    };
    let node = tail::filled(planner, node, &all_types)?;
    Ok(tail::without_null(planner, node, looked_at(planner, columns)?))
}

/// The columns that `without null` looks at: by their names, the device's left out.
fn looked_at(planner: &Planner<'_>, columns: &[ResultColumn]) -> Result<Vec<usize>, QueryError> {
    let Some(without) = &planner.query.without_null else { return Ok(Vec::new()) };
    if without.columns.is_empty() {
        return Ok((1..columns.len()).collect());
    }
    let at = |expression: &Expression| {
        let name = expression.column_name();
        columns.iter().skip(1).position(|column| column.name == name).map(|at| at + 1)
    };
    let found = without.columns.iter().map(|each| at(each).ok_or_else(|| tail::not_a_column(each)));
    found.collect()
}

impl Part {
    /// The device's columns where the result has them, behind the device's name.
    fn laid_out(self, wanted: &[String], types: &[DataType]) -> Node {
        let places: HashMap<&str, usize> =
            self.names.iter().enumerate().rev().map(|(at, name)| (name.as_str(), at)).collect();
        let place = |name: &String| places.get(name.as_str()).copied();
        let columns = wanted.iter().zip(types).map(|(name, &data_type)| (place(name), data_type)).collect();
        Node::Label { input: Box::new(self.computed.node), labels: vec![self.device.shared()], columns }
    }
}

/// What rows are sorted by: `time`, `device`, or columns that come out.
fn keys(planner: &Planner<'_>, columns: &[ResultColumn]) -> Result<Vec<SortKey>, QueryError> {
    let mut keys = Vec::new();
    for key in &planner.query.order_by {
        let name = match &key.by {
            SortBy::Time => None,
            SortBy::Device => Some("Device".to_owned()),
            SortBy::Timeseries => {
                return Err(QueryError::semantic("Sorting by timeseries is only supported in last queries."));
            }
            SortBy::Expression(expression) => Some(expression.column_name()),
        };
        let expression = match name {
            None => Expr::new(Kind::Time, DataType::Int64),
            Some(name) => {
                let wanted = levada_model::unquote_node(&name);
                let at = columns.iter().position(|column| column.name == name || column.name == *wanted);
                let at = at.ok_or_else(|| {
                    QueryError::semantic(format!("`order by {name}` must name a column of the result"))
                })?;
                Expr::column(at, columns[at].data_type)
            }
        };
        let nulls_first = key.nulls == Some(levada_sql::ast::NullOrder::First);
        keys.push(SortKey { expression, descending: key.descending, nulls_first });
    }
    // Rows that are equal by these come by device and time, as they were read.
    Ok(keys)
}
