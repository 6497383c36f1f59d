//! `select … into`: which series the columns of a result are written to.
//!
//! ```text
//!   select s1, s2 into root.copy.::(::) from root.a.d1      root.a.d1.s1 ──▶ root.copy.d1.s1
//!          items, each of a device and measurements         root.a.d1.s2 ──▶ root.copy.d1.s2
//! ```
//! Columns and measurements correspond in their order. One item of one measurement that is made of its source is for all columns.
//! In a query that is aligned by device an item is for a device, or one whose device is made of the source for all of them.

mod nodes;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use levada_model::{DataType, Path, PathPattern};
use levada_sql::ast::{Alignment, Expression, ExpressionKind, GroupBy, IntoTarget, Select, SelectInto};

pub(crate) use self::nodes::{is_made, target_device, target_measurement};
use super::{Planner, by_device, columns, output::outputs};
use crate::{
    QueryError,
    bind::names::{Names, Show},
    plan::Bound,
};

/// A series that a column of a result is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntoSeries {
    /// Whose rows are written, where the query is aligned by device.
    pub source_device: Option<Path>,
    /// The name of the column.
    pub source: String,
    /// Its number among the columns of the plan.
    pub column: usize,
    /// The type of its values.
    pub data_type: DataType,
    /// The device that is written to.
    pub device: Path,
    /// Whether that is to be aligned, where it is yet to be made.
    pub aligned: bool,
    /// The measurement that is written to, in canonical form.
    pub measurement: Arc<str>,
}

/// Rejects clauses that make no sense for rows that are written.
pub(super) fn check(query: &Select) -> Result<(), QueryError> {
    let by_tags = |group_by: &GroupBy| !group_by.tags.is_empty();
    let clauses = [
        (query.series_limit.is_some(), "slimit clauses are"),
        (query.series_offset.is_some(), "soffset clauses are"),
        (query.alignment == Alignment::None, "disable align clauses are"),
        (query.last, "last clauses are"),
        (query.group_by.as_ref().is_some_and(by_tags), "GROUP BY TAGS clauses are"),
    ];
    match clauses.into_iter().find(|(is_there, _)| *is_there) {
        Some((_, what)) => Err(QueryError::semantic(format!("select into: {what} not supported."))),
        None => Ok(()),
    }
}

/// What the columns of a plan are written to: column by column, or device by device and for each column by column.
pub(super) fn targets(
    planner: &Planner<'_>,
    into: &SelectInto,
    bound: &Bound,
) -> Result<Vec<IntoSeries>, QueryError> {
    if bound.columns().is_empty() {
        return Ok(Vec::new());
    }
    let found = if planner.query.alignment == Alignment::Device {
        of_devices(planner, into, bound)?
    } else {
        of_columns(planner, into, bound)?
    };
    check_targets(&found)?;
    Ok(found)
}

fn of_columns(
    planner: &Planner<'_>,
    into: &SelectInto,
    bound: &Bound,
) -> Result<Vec<IntoSeries>, QueryError> {
    let columns = bound.columns();
    let items: Vec<&IntoTarget> = into.targets.iter().collect();
    let measurements = corresponding(&items, columns.len())?;
    let any_made = into
        .targets
        .iter()
        .any(|item| item.device.iter().chain(&item.measurements).any(|node| is_made(node)));
    let sources = if any_made { sources(planner, columns.len())? } else { Vec::new() };
    let of_column =
        |(at, (item, measurement)): (usize, (&IntoTarget, &String))| -> Result<IntoSeries, QueryError> {
            let source = sources.get(at);
            Ok(IntoSeries {
                source_device: None,
                source: columns[at].name.clone(),
                column: at,
                data_type: columns[at].data_type,
                device: target_device(&item.device, source.and_then(Path::parent).as_ref())?,
                aligned: item.aligned,
                measurement: target_measurement(measurement, source)?,
            })
        };
    measurements.into_iter().enumerate().map(of_column).collect()
}

/// The series that the columns are; all must be.
fn sources(planner: &Planner<'_>, count: usize) -> Result<Vec<Path>, QueryError> {
    if columns::is_aggregated(planner)? {
        return Err(not_of_series());
    }
    let prefixes = planner.query.from.iter().map(|from| from.pattern.clone()).collect();
    let mut names = Names::new(&*planner.view, planner.context, prefixes, Show::Whole);
    let outputs = outputs(planner, &mut names)?;
    let series = outputs.into_iter().map(|output| series_of(&output.expression)?.as_path());
    let series: Option<Vec<Path>> = series.collect();
    series.filter(|series| series.len() == count).ok_or_else(not_of_series)
}

/// The name of a series, where an expression is nothing else.
fn series_of(expression: &Expression) -> Option<&PathPattern> {
    match &expression.kind {
        ExpressionKind::Series(name) => Some(name.pattern()),
        _ => None,
    }
}

fn of_devices(
    planner: &Planner<'_>,
    into: &SelectInto,
    bound: &Bound,
) -> Result<Vec<IntoSeries>, QueryError> {
    let laid_out = by_device::lay_out(planner)?;
    let devices: Vec<_> = laid_out.devices().collect();
    // What the columns are: it is the same for all devices that have them.
    let mut expressions: HashMap<&str, &Expression> = HashMap::new();
    for output in devices.iter().flat_map(|(_, outputs)| outputs.iter()) {
        expressions.entry(&output.name).or_insert(&output.expression);
    }
    let is_for_all = into.targets.iter().any(|item| item.device.iter().any(|node| is_made(node)));
    if is_for_all && into.targets.len() != 1 {
        return Err(no_correspondence());
    }
    if !is_for_all && into.targets.len() != devices.len() {
        return Err(QueryError::semantic(
            "select into: the number of source devices and the number of into items should be the same.",
        ));
    }
    let mut found = Vec::new();
    for (at, (device, _)) in devices.iter().enumerate() {
        let device: &Path = device;
        let item = &into.targets[if is_for_all { 0 } else { at }];
        let target = target_device(&item.device, Some(device))?;
        let measurements = corresponding(&[item], laid_out.wanted().len())?;
        for (column, (name, (_, measurement))) in laid_out.wanted().iter().zip(measurements).enumerate() {
            let series = expressions.get(name.as_str()).and_then(|expression| series_of(expression));
            let source = series.and_then(|node| Some(device.child(node.as_path()?.as_str())));
            found.push(IntoSeries {
                source_device: Some(device.clone()),
                source: name.clone(),
                // Behind that of the device.
                column: column + 1,
                data_type: bound
                    .columns()
                    .get(column + 1)
                    .map_or(DataType::Double, |column| column.data_type),
                device: target.clone(),
                aligned: item.aligned,
                measurement: target_measurement(measurement, source.as_ref())?,
            });
        }
    }
    Ok(found)
}

/// For each of so many columns its item and measurement.
fn corresponding<'i>(
    items: &[&'i IntoTarget],
    columns: usize,
) -> Result<Vec<(&'i IntoTarget, &'i String)>, QueryError> {
    if items
        .iter()
        .any(|item| item.measurements.len() > 1 && item.measurements.iter().any(|node| is_made(node)))
    {
        return Err(no_correspondence());
    }
    let all = items.iter().flat_map(|&item| item.measurements.iter().map(move |name| (item, name)));
    let all: Vec<_> = all.collect();
    if let [(item, measurement)] = all[..]
        && is_made(measurement)
    {
        return Ok(vec![(item, measurement); columns]);
    }
    if all.len() == columns {
        return Ok(all);
    }
    Err(QueryError::semantic(
        "select into: the number of source columns and the number of target paths should be the same.",
    ))
}

/// That no series is written twice, and no device both ways.
fn check_targets(found: &[IntoSeries]) -> Result<(), QueryError> {
    let mut devices: HashMap<&Path, bool> = HashMap::new();
    let mut series = HashSet::new();
    for IntoSeries { device, aligned, measurement, .. } in found {
        if devices.insert(device, *aligned).is_some_and(|before| before != *aligned) {
            return Err(QueryError::semantic(format!(
                "select into: alignment property must be the same for the same device, and {device} is written both ways."
            )));
        }
        if !series.insert((device, measurement)) {
            return Err(QueryError::semantic(format!(
                "select into: target paths in into clause should be different, and {device}.{measurement} stands there twice."
            )));
        }
    }
    Ok(())
}

fn not_of_series() -> QueryError {
    QueryError::semantic("select into: placeholders can only be used in raw timeseries data queries.")
}

fn no_correspondence() -> QueryError {
    QueryError::semantic(
        "select into: the correspondence between the placeholder and the raw timeseries could not be established: with placeholders there is one item, of one measurement.",
    )
}
