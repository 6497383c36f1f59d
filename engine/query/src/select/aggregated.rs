//! Queries of aggregates: whole series, or by windows, levels and tags.

use std::collections::HashMap;

use levada_model::ResultColumn;
use levada_sql::ast::{Expression, GroupBy, RowWindows};
use levada_storage::Direction;

use super::{
    Planner, by_series,
    columns::{END_TIME, is_end_time},
    grouped::{self, Calls, has_time},
    having::{compute, having, scope},
    output::{Computed, Output, alias_error},
    patterns, tail,
};
use crate::{
    QueryError,
    bind::{
        expand::Expanded,
        names::{Names, Show},
    },
    node::Node,
    plan::{Bound, column},
};

pub(super) fn plan(planner: &Planner<'_>) -> Result<Bound, QueryError> {
    let query = planner.query;
    let group_by = query.group_by.as_ref();
    check(group_by)?;
    let show = match group_by {
        Some(GroupBy { tags, .. }) if !tags.is_empty() => Show::Tags,
        Some(GroupBy { levels, .. }) if !levels.is_empty() => Show::Levels(levels),
        _ => Show::Whole,
    };
    if let Some(plan) = patterns::plan(planner, show)? {
        return Ok(plan);
    }
    let prefixes = query.from.iter().map(|from| from.pattern.clone()).collect();
    let mut names = Names::new(&*planner.view, planner.context, prefixes, show);
    let mut calls = Calls::new(&planner.context.functions);
    let outputs = planner.limit_columns(outputs(planner, &mut names)?);
    if outputs.iter().all(|(output, _)| output.expression.series().is_empty()) {
        return Ok(Bound::new(true, Vec::new(), Node::Nothing));
    }
    calls.reserve(outputs.len());
    let outputs: Vec<Output> = outputs
        .into_iter()
        .map(|(output, expanded)| {
            expanded.iter().for_each(|each| calls.add(each));
            output
        })
        .collect();
    let direction = match show {
        // Rows of several groups follow each other.
        Show::Tags => Direction::Ascending,
        _ => grouped::direction(planner, tail::direction(&query.order_by)),
    };
    let directed = direction == Direction::Descending;
    let keys = tail::keys(planner, &outputs, &mut names, directed)?;
    keys.hidden.iter().for_each(|key| calls.add(key));
    let having = having(planner, &mut names, &mut calls)?;
    if let Show::Tags = show {
        return super::by_tags::plan(planner, &mut names, &calls, &outputs, having.as_ref());
    }
    // A query may have a million columns: what is not needed any more goes.
    let (columns, mut expressions): (Vec<String>, Vec<Expression>) =
        outputs.into_iter().map(|output| (output.name, output.expression)).unzip();
    expressions.extend(keys.hidden.iter().map(|key| key.grouped().clone()));
    let computed = rows(planner, &mut names, &calls, &expressions, having.as_ref(), direction)?;
    let Computed { node, types, .. } = computed;
    let columns: Vec<ResultColumn> =
        columns.into_iter().zip(&types).map(|(name, &data_type)| column(name, data_type)).collect();
    let node = tail::finish(planner, node, &types, columns.len(), &keys)?;
    Ok(Bound::new(has_time(group_by), columns, node))
}

/// Rejects ways of grouping that do not go together.
pub(super) fn check(group_by: Option<&GroupBy>) -> Result<(), QueryError> {
    let Some(group_by) = group_by else { return Ok(()) };
    if group_by.time.is_some() && group_by.rows.is_some() {
        return Err(QueryError::semantic("GROUP BY takes windows of time or windows of rows, not both"));
    }
    if !group_by.levels.is_empty() && !group_by.tags.is_empty() {
        return Err(QueryError::semantic("GROUP BY takes levels or tags, not both"));
    }
    if let Some(RowWindows::Condition { keep: None, .. }) = group_by.rows {
        return Err(QueryError::semantic("Keep threshold in group by condition should be set"));
    }
    if group_by.rows.is_some() && !(group_by.levels.is_empty() && group_by.tags.is_empty()) {
        return Err(QueryError::unsupported("GROUP BY windows of rows together with levels or tags"));
    }
    Ok(())
}

/// The columns, each once where series are grouped, with all that it stands for.
fn outputs(planner: &Planner<'_>, names: &mut Names<'_>) -> Result<Vec<(Output, Vec<Expanded>)>, QueryError> {
    let mut outputs: Vec<(Output, Vec<Expanded>)> = Vec::new();
    for column in &planner.query.columns {
        let expression = &column.expression;
        if is_end_time(expression) {
            let name = column.alias.clone().unwrap_or_else(|| END_TIME.to_owned());
            outputs.push((Output { expression: expression.clone(), name }, Vec::new()));
            continue;
        }
        let first = outputs.len();
        let mut places = HashMap::<String, usize>::new();
        for each in names.expand(expression)? {
            if each.is_grouped() {
                let at = *places.entry(each.grouped().to_string()).or_insert(outputs.len());
                if at < outputs.len() {
                    outputs[at].1.push(each);
                    continue;
                }
            }
            let output = Output::new(each.grouped().clone(), column.alias.as_ref());
            outputs.push((output, vec![each]));
        }
        if let Some(alias) = column.alias.as_ref().filter(|_| outputs.len() - first > 1) {
            return Err(alias_error(alias));
        }
    }
    // The end of windows comes first wherever it is asked for.
    outputs.sort_by_key(|(output, _)| !is_end_time(&output.expression));
    Ok(outputs)
}

/// The rows of aggregates for which `having` holds, with a column for each expression of them; by time in a direction where
/// they have one.
pub(super) fn rows(
    planner: &Planner<'_>,
    names: &mut Names<'_>,
    calls: &Calls,
    expressions: &[Expression],
    having: Option<&Expression>,
    direction: Direction,
) -> Result<Computed, QueryError> {
    let over_series = by_series::calls(planner, expressions);
    if !over_series.is_empty() {
        let rows =
            &mut |below: &[Expression], direction| rows(planner, names, calls, below, having, direction);
        return by_series::rows(planner, expressions, &over_series, direction, rows);
    }
    let computed = grouped::aggregate(planner, names, calls, direction)?;
    let scope = scope(planner, calls, &computed.types);
    compute(computed, scope, expressions, having)
}
