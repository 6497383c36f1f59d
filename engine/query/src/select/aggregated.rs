//! Queries of aggregates: whole series, or by windows, levels and tags.

use levada_model::{DataType, ResultColumn};
use levada_sql::ast::{BinaryOperator, Expression, ExpressionKind, GroupBy, RowWindows};
use levada_storage::Direction;
use std::collections::{HashMap, HashSet};

use super::{
    Planner, by_series,
    columns::{END_TIME, is_end_time},
    grouped::{self, Calls, has_time},
    patterns,
    raw::{self, Computed, Output, alias_error},
    tail,
};
use crate::{
    Plan, QueryError,
    bind::{
        expand::Expanded,
        names::{Names, Show},
        scope::Scope,
    },
    chunk::Chunks,
    operator::{filter::filter, project::project},
    plan::column,
};

pub(super) fn plan(planner: &Planner<'_>) -> Result<Plan, QueryError> {
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
        return Ok(Plan::new(true, Vec::new(), Box::new(std::iter::empty())));
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
        _ => grouped::direction(planner, raw::direction(&query.order_by)),
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
    let (chunks, types) = (computed.chunks, computed.types);
    let columns: Vec<ResultColumn> =
        columns.into_iter().zip(&types).map(|(name, &data_type)| column(name, data_type)).collect();
    let chunks = tail::finish(planner, chunks, &types, columns.len(), &keys)?;
    Ok(Plan::new(has_time(group_by), columns, chunks).described(computed.description))
}

/// Refuses ways of grouping that do not go together.
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

/// The condition on groups, its aggregates among the calls.
pub(super) fn having(
    planner: &Planner<'_>,
    names: &mut Names<'_>,
    calls: &mut Calls,
) -> Result<Option<Expression>, QueryError> {
    let Some(written) = &planner.query.having else { return Ok(None) };
    let expanded = names.expand(written)?;
    expanded.iter().for_each(|each| calls.add(each));
    let mut seen = HashSet::new();
    let parts = expanded.into_iter().map(Expanded::into_grouped).filter(|each| seen.insert(each.to_string()));
    let condition = parts.reduce(|left, right| {
        Expression::synthetic(ExpressionKind::Binary {
            operator: BinaryOperator::And,
            left: Box::new(left),
            right: Box::new(right),
        })
    });
    // A condition on what is not there never holds.
    let never = Expression::synthetic(ExpressionKind::Constant(levada_sql::ast::Constant::Boolean(false)));
    Ok(Some(condition.unwrap_or(never)))
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
            &mut |below: &[Expression]| rows(planner, names, calls, below, having, Direction::Ascending);
        let mut computed = by_series::rows(planner, expressions, &over_series, rows)?;
        if direction == Direction::Descending {
            computed.chunks = raw::newest_first(planner, computed.chunks, tail::wanted_rows(planner));
        }
        return Ok(computed);
    }
    let computed = grouped::aggregate(planner, names, calls, direction)?;
    let scope = scope(planner, calls, &computed.types);
    let (chunks, types) = compute(computed.chunks, &scope, expressions, having)?;
    Ok(Computed { chunks, types, ..computed })
}

/// What may be used of the aggregates' rows.
pub(super) fn scope(planner: &Planner<'_>, calls: &Calls, types: &[DataType]) -> Scope {
    let mut scope = calls.scope(types);
    let rows = planner.query.group_by.as_ref().is_some_and(|group_by| group_by.rows.is_some());
    if let Some(last) = types.len().checked_sub(1).filter(|_| rows) {
        for column in planner.query.columns.iter().filter(|column| is_end_time(&column.expression)) {
            scope.add(&column.expression, last, DataType::Int64);
        }
    }
    scope
}

/// The rows of aggregates for which `having` holds, as columns.
pub(super) fn compute(
    chunks: Chunks,
    scope: &Scope,
    expressions: &[Expression],
    having: Option<&Expression>,
) -> Result<(Chunks, Vec<DataType>), QueryError> {
    let chunks = match having {
        Some(having) => filter(chunks, scope.bind_condition(having, "HAVING")?),
        None => chunks,
    };
    let bound = expressions.iter().map(|each| scope.bind(each)).collect::<Result<Vec<_>, _>>()?;
    let types = bound.iter().map(|each| each.data_type).collect();
    Ok((project(chunks, bound), types))
}
