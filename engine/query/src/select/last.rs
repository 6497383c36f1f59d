//! `select last`: the newest point of each series.

use std::{collections::HashSet, sync::Arc};

use levada_model::DataType;
use levada_sql::ast::{Alignment, Expression, ExpressionKind, Select, SelectColumn, SortBy};

use super::{Planner, tail};
use crate::{
    QueryError,
    bind::{
        names::{Match, Names, Show},
        time_set::TimeSet,
    },
    expression::{Expr, Kind},
    node::Node,
    operator::{last::LastOf, sort::SortKey},
    plan::{Bound, column},
};

pub(super) fn plan(planner: &Planner<'_>) -> Result<Bound, QueryError> {
    let query = planner.query;
    let times = query.condition.as_ref().map_or(Some(TimeSet::all()), TimeSet::of);
    let times = times.ok_or_else(|| QueryError::semantic("Only time filters are supported in LAST query"))?;
    let is_series = |expression: &Expression| matches!(expression.kind, ExpressionKind::Series(_));
    if !query.columns.iter().all(|column| is_series(&column.expression)) {
        return Err(QueryError::semantic("Last queries can only be applied on raw time series."));
    }
    check_clauses(query)?;
    let is_whole = |column: &SelectColumn| {
        column.expression.series().iter().any(|name| name.is_whole() && name.pattern().len() > 1)
    };
    if query.columns.iter().any(is_whole) {
        return Err(QueryError::semantic("Path can not start with root in select clause."));
    }
    let prefixes = query.from.iter().map(|from| from.pattern.clone()).collect();
    let mut names = Names::new(&*planner.view, planner.context, prefixes, Show::Whole).by_path();
    let mut series: Vec<LastOf> = Vec::new();
    for column in &query.columns {
        for pattern in column.expression.series() {
            series.extend(names.find(pattern).matches().map(|each| last_of(&each)));
        }
    }
    // The series of a device come as they are asked for, each once; those of one name are sorted already.
    if query.columns.len() > 1 || query.from.len() > 1 {
        series.sort_by(|a, b| a.device.cmp(&b.device));
        let mut seen = HashSet::new();
        series.retain(|each| seen.insert((each.device.clone(), Arc::clone(&each.measurement))));
    }
    let columns = ["Timeseries", "Value", "DataType"].map(|name| column(name, DataType::Text)).to_vec();
    let points = sorted(planner, Node::Last { series, times })?;
    Ok(Bound::new(true, columns, tail::limited(planner, points)))
}

/// Rejects the clauses that make no sense of newest points. Of FILL there is nothing to fill.
fn check_clauses(query: &Select) -> Result<(), QueryError> {
    let reason = if query.group_by.is_some() || query.having.is_some() || query.without_null.is_some() {
        "Last queries take neither GROUP BY nor HAVING nor WITHOUT NULL."
    } else if query.alignment == Alignment::Device {
        "Last query doesn't support align by device."
    } else if query.series_limit.is_some() || query.series_offset.is_some() {
        "SLIMIT and SOFFSET can not be used in LastQuery."
    } else {
        return Ok(());
    };
    Err(QueryError::semantic(reason))
}

fn last_of(series: &Match<'_>) -> LastOf {
    LastOf {
        device: series.device.clone(),
        measurement: Arc::clone(series.measurement),
        data_type: series.data_type,
        alias: series.alias.map(Arc::from),
    }
}

fn sorted(planner: &Planner<'_>, points: Node) -> Result<Node, QueryError> {
    let mut keys = Vec::new();
    for key in &planner.query.order_by {
        let text = |at| Expr::column(at, DataType::Text);
        let expression = match &key.by {
            SortBy::Time => Expr::new(Kind::Time, DataType::Int64),
            SortBy::Timeseries => text(0),
            SortBy::Device => {
                return Err(QueryError::semantic(
                    "Sorting by device is only supported in ALIGN BY DEVICE queries.",
                ));
            }
            SortBy::Expression(expression) => match expression.column_name().to_ascii_lowercase().as_str() {
                "value" => text(1),
                "datatype" => text(2),
                other => {
                    return Err(QueryError::semantic(format!(
                        "last queries can be ordered by time, timeseries, value and dataType, not by {other}"
                    )));
                }
            },
        };
        keys.push(SortKey { expression, descending: key.descending, nulls_first: false });
    }
    if keys.is_empty() {
        return Ok(points);
    }
    Ok(Node::Sort { input: Box::new(points), keys, most: tail::wanted_rows(planner) })
}
