//! Queries of rows: scan, join, filter, compute.

use levada_model::{DataType, ResultColumn};
use levada_sql::ast::{BinaryOperator, Expression, ExpressionKind, OrderKey, SortBy};
use levada_storage::{Direction, TimeRange};

use super::{Planner, by_series, single_time, sources::Sources, tail};
use crate::{
    Plan, QueryError,
    bind::{
        names::{Names, Show},
        time_range,
    },
    chunk::{Chunks, ready},
    expression::{Expr, Kind},
    operator::{
        aggregate_pieces::intersect,
        filter::filter,
        project::project,
        sort::{SortKey, sort},
    },
    plan::column,
};

/// A column that comes out: what is computed, and what it is called.
#[derive(Clone, Debug)]
pub(super) struct Output {
    pub(super) expression: Expression,
    /// The alias, or the expression's header.
    pub(super) name: String,
}

impl Output {
    /// A column of an expression, with an alias or without.
    pub(super) fn new(expression: Expression, alias: Option<&String>) -> Self {
        let name = alias.cloned().unwrap_or_else(|| expression.column_name());
        Self { expression, name }
    }
}

/// Rows, and the types of their columns.
pub(super) struct Computed {
    /// The condition holds for no row, whatever the rows are.
    pub(super) never: bool,
    pub(super) chunks: Chunks,
    pub(super) types: Vec<DataType>,
    pub(super) description: Vec<String>,
}

pub(super) fn plan(planner: &Planner<'_>) -> Result<Plan, QueryError> {
    let query = planner.query;
    let prefixes = query.from.iter().map(|from| from.pattern.clone()).collect();
    let mut names = Names::new(&*planner.view, planner.context, prefixes, Show::Whole);
    let outputs = planner.limit_columns(outputs(planner, &mut names)?);
    // The time alone is of no series.
    if outputs.iter().all(|output| output.expression.series().is_empty()) {
        return Ok(Plan::new(true, Vec::new(), Box::new(std::iter::empty())));
    }
    let keys = tail::keys(planner, &outputs, &mut names, true)?;
    let expressions: Vec<Expression> = outputs
        .iter()
        .map(|output| &output.expression)
        .chain(keys.hidden.iter().map(|key| &key.expression))
        .cloned()
        .collect();
    let direction = direction(&query.order_by);
    let computed = rows(planner, &mut names, &expressions, direction, TimeRange::ALL)?;
    let columns: Vec<ResultColumn> = outputs
        .into_iter()
        .zip(&computed.types)
        .map(|(output, &data_type)| column(output.name, data_type))
        .collect();
    let chunks = tail::finish(planner, computed.chunks, &computed.types, columns.len(), &keys)?;
    Ok(Plan::new(true, columns, chunks).described(computed.description))
}

/// The columns with their wildcards expanded.
pub(super) fn outputs(planner: &Planner<'_>, names: &mut Names<'_>) -> Result<Vec<Output>, QueryError> {
    let mut outputs = Vec::new();
    for column in &planner.query.columns {
        let expanded = names.expand(&column.expression)?;
        if let Some(alias) = column.alias.as_ref().filter(|_| expanded.len() > 1) {
            return Err(alias_error(alias));
        }
        outputs.extend(expanded.into_iter().map(|each| Output::new(each.expression, column.alias.as_ref())));
    }
    Ok(outputs)
}

pub(super) fn alias_error(alias: &str) -> QueryError {
    QueryError::semantic(format!("alias '{alias}' can only be matched with one time series"))
}

/// In which direction rows are read so that they need no sorting by time.
pub(super) fn direction(keys: &[OrderKey]) -> Direction {
    match keys.first() {
        Some(key) if key.descending && key.by == SortBy::Time => Direction::Descending,
        _ => Direction::Ascending,
    }
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
        let rows = &mut |below: &[Expression]| rows(planner, names, below, Direction::Ascending, within);
        let mut computed = by_series::rows(planner, expressions, &calls, rows)?;
        if direction == Direction::Descending {
            computed.chunks = newest_first(planner, computed.chunks, tail::wanted_rows(planner));
        }
        return Ok(computed);
    }
    let split = time_range::split(planner.query.condition.as_ref());
    let range = intersect(split.range, within);
    let condition = split.rest.as_ref().map(|rest| condition(names, rest)).transpose()?;
    let mut sources = Sources::default();
    expressions.iter().chain(&condition).for_each(|each| sources.add_all(each, names));
    let scope = sources.scope(names, &planner.context.functions);
    let bound = expressions.iter().map(|each| scope.bind(each)).collect::<Result<Vec<_>, _>>()?;
    let types = bound.iter().map(|each| each.data_type).collect();
    if sources.is_empty() {
        return Err(QueryError::semantic("a query must name at least one series"));
    }
    let mut chunks = match single_time::wanted(planner)? {
        Some((time, fills)) => ready(vec![sources.filled_row(planner, time, fills)?]),
        None => sources.chunks(planner, range, direction),
    };
    let mut description = planner.explained(|| sources.describe(range));
    let mut never = false;
    match condition {
        None => {}
        Some(condition) => {
            description =
                planner.explained(|| below(format!("Filter {}", condition.column_name()), description));
            let bound = scope.bind_condition(&condition, "WHERE")?;
            never = bound.is_never();
            chunks = if never { Box::new(std::iter::empty()) } else { filter(chunks, bound) };
        }
    }
    Ok(Computed {
        never,
        chunks: project(chunks, bound),
        types,
        description: planner.explained(|| below(format!("Compute {}", headers(expressions)), description)),
    })
}

/// Sorts rows by time, the newest first; where only so many are wanted, the others are left out.
pub(super) fn newest_first(planner: &Planner<'_>, chunks: Chunks, most: Option<usize>) -> Chunks {
    let by_time =
        SortKey { expression: Expr::new(Kind::Time, DataType::Int64), descending: true, nulls_first: false };
    sort(chunks, vec![by_time], most, planner.context.batch_rows, &planner.budget)
}

pub(super) fn headers(expressions: &[Expression]) -> String {
    expressions.iter().map(Expression::column_name).collect::<Vec<_>>().join(", ")
}

/// A line of a description above others.
pub(super) fn below(line: String, lines: Vec<String>) -> Vec<String> {
    std::iter::once(line).chain(lines.into_iter().map(|line| format!("  {line}"))).collect()
}

/// All that a condition stands for, joined by `and`. A name that stands for nothing is null.
pub(super) fn condition(names: &mut Names<'_>, written: &Expression) -> Result<Expression, QueryError> {
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
