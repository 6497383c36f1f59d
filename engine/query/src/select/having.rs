//! What comes of aggregates: the groups that a condition leaves, and the columns computed of them.

use std::collections::HashSet;

use levada_model::DataType;
use levada_sql::ast::{BinaryOperator, Constant, Expression, ExpressionKind};

use super::{
    Planner,
    columns::is_end_time,
    each_row,
    grouped::Calls,
    output::{Computed, bind_columns},
};
use crate::{
    QueryError,
    bind::{expand::Expanded, names::Names, scope::Scope},
    node::{Node, Written},
};

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
    let never = Expression::synthetic(ExpressionKind::Constant(Constant::Boolean(false)));
    Ok(Some(condition.unwrap_or(never)))
}

/// What may be used of the aggregates' rows.
pub(super) fn scope(planner: &Planner<'_>, calls: &Calls, types: &[DataType]) -> Scope {
    let mut scope = calls.scope(types);
    if let Some(last) = types.len().checked_sub(1).filter(|_| planner.says_ends()) {
        for column in planner.query.columns.iter().filter(|column| is_end_time(&column.expression)) {
            scope.add(&column.expression, last, DataType::Int64);
        }
    }
    scope
}

/// The rows of aggregates for which `having` holds, as columns.
pub(super) fn compute(
    computed: Computed,
    mut scope: Scope,
    expressions: &[Expression],
    having: Option<&Expression>,
) -> Result<Computed, QueryError> {
    let Computed { mut node, types, never } = computed;
    let mut width = types.len();
    if let Some(having) = having {
        node = each_row::columns(&mut scope, node, &mut width, [having])?;
        let condition = Written { bound: scope.bind_condition(having, "HAVING")?, written: having.clone() };
        node = Node::Filter { input: Box::new(node), condition };
    }
    let node = each_row::columns(&mut scope, node, &mut width, expressions)?;
    let columns = bind_columns(&scope, expressions)?;
    Ok(Computed::of(node, columns, width, never))
}
