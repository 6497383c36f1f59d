//! Queries of rows: scan, join, filter, compute.

use levada_model::ResultColumn;
use levada_sql::ast::{BinaryOperator, Expression, ExpressionKind};
use levada_storage::{Direction, TimeRange};

use super::{
    Planner, by_series, each_row,
    output::{Computed, bind_columns, outputs},
    single_time,
    sources::Sources,
    tail,
};
use crate::{
    QueryError,
    bind::{
        names::{Names, Show},
        time_range,
    },
    node::{Node, Written},
    plan::{Bound, column},
};

pub(super) fn plan(planner: &Planner<'_>) -> Result<Bound, QueryError> {
    let query = planner.query;
    let prefixes = query.from.iter().map(|from| from.pattern.clone()).collect();
    let mut names = Names::new(&*planner.view, planner.context, prefixes, Show::Whole);
    let outputs = planner.limit_columns(outputs(planner, &mut names)?);
    // The time alone is of no series; its rows are then those that the condition is about.
    let of_series = outputs.iter().any(|output| !output.expression.series().is_empty());
    if outputs.is_empty() || !of_series && !is_about_series(planner, &mut names)? {
        return Ok(Bound::new(true, Vec::new(), Node::Nothing));
    }
    let keys = tail::keys(planner, &outputs, &mut names, true)?;
    let expressions: Vec<Expression> = outputs
        .iter()
        .map(|output| &output.expression)
        .chain(keys.hidden.iter().map(|key| &key.expression))
        .cloned()
        .collect();
    let direction = tail::direction(&query.order_by);
    let computed = rows(planner, &mut names, &expressions, direction, TimeRange::ALL)?;
    let columns: Vec<ResultColumn> = outputs
        .into_iter()
        .zip(&computed.types)
        .map(|(output, &data_type)| column(output.name, data_type))
        .collect();
    let node = tail::finish(planner, computed.node, &computed.types, columns.len(), &keys)?;
    Ok(Bound::new(true, columns, node))
}

/// The rows within a range of times for which the query's condition holds, with a column for each expression of single
/// series.
pub(super) fn rows(
    planner: &Planner<'_>,
    names: &mut Names<'_>,
    expressions: &[Expression],
    direction: Direction,
    within: TimeRange,
) -> Result<Computed, QueryError> {
    let calls = by_series::calls(planner, expressions);
    if !calls.is_empty() {
        let rows = &mut |below: &[Expression], direction| rows(planner, names, below, direction, within);
        return by_series::rows(planner, expressions, &calls, direction, rows);
    }
    let split = time_range::split(planner.query.condition.as_ref());
    let range = split.range.intersect(within);
    let condition = split.rest.as_ref().map(|rest| condition(names, rest)).transpose()?;
    let mut sources = Sources::default();
    expressions.iter().chain(&condition).for_each(|each| sources.add_all(each, names));
    let mut scope = sources.scope(names, &planner.context.functions);
    if sources.is_empty() {
        return Err(QueryError::semantic("a query must name at least one series"));
    }
    let mut width = sources.width();
    let mut node = match single_time::wanted(planner)? {
        Some((time, fills)) => sources.filled_row(time, fills),
        None => sources.scans(range, direction),
    };
    let mut never = false;
    if let Some(written) = condition {
        by_series::check_condition(planner, &written, "WHERE")?;
        node = each_row::columns(&mut scope, node, &mut width, [&written])?;
        let bound = scope.bind_condition(&written, "WHERE")?;
        never = bound.is_never();
        let condition = Written { bound, written };
        node = if never { Node::Nothing } else { Node::Filter { input: Box::new(node), condition } };
    }
    let node = each_row::columns(&mut scope, node, &mut width, expressions)?;
    let columns = bind_columns(&scope, expressions)?;
    Ok(Computed::of(node, columns, width, never))
}

/// Whether the query's condition is about series.
fn is_about_series(planner: &Planner<'_>, names: &mut Names<'_>) -> Result<bool, QueryError> {
    let split = time_range::split(planner.query.condition.as_ref());
    let condition = split.rest.as_ref().map(|rest| condition(names, rest)).transpose()?;
    Ok(condition.is_some_and(|condition| !condition.series().is_empty()))
}

/// All that a condition stands for, joined by `and`. A name that stands for nothing is null.
fn condition(names: &mut Names<'_>, written: &Expression) -> Result<Expression, QueryError> {
    let parts = names.expand_condition(written)?.into_iter().map(|each| each.expression);
    let joined = parts.reduce(|left, right| {
        Expression::synthetic(ExpressionKind::Binary {
            operator: BinaryOperator::And,
            left: Box::new(left),
            right: Box::new(right),
        })
    });
    joined.ok_or_else(|| QueryError::semantic("the condition stands for nothing"))
}
