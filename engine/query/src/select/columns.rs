//! What kind of query the columns make, and whether they may stand together.

use levada_sql::ast::{Expression, ExpressionKind, GroupBy, Select, SeriesName};

use super::Planner;
use crate::{FunctionRegistry, QueryError};

/// The column that says where a window ends.
pub(super) const END_TIME: &str = "__endTime";

/// Whether the query aggregates.
///
/// # Errors
/// Aggregates and rows stand together, aggregates stand in one another or in `where`, a column is a constant, or a clause
/// is there that makes sense only for aggregates.
pub(super) fn is_aggregated(planner: &Planner<'_>) -> Result<bool, QueryError> {
    let (query, functions) = (planner.query, &*planner.context.functions);
    if query.condition.as_ref().is_some_and(|condition| has_aggregate(condition, functions)) {
        return Err(QueryError::semantic("aggregate functions are not supported in WHERE clause"));
    }
    check_count_time(query)?;
    let mut aggregated = false;
    let mut raw = false;
    for column in &query.columns {
        let expression = &column.expression;
        if is_end_time(expression) {
            check_end_time(query)?;
            continue;
        }
        check_constants(expression)?;
        if expression.series().iter().any(|name| name.is_whole() && name.pattern().len() > 1) {
            return Err(QueryError::semantic("Path can not start with root in select clause."));
        }
        let found = Found::in_expression(expression, functions)?;
        if found.aggregate && found.raw {
            return Err(QueryError::semantic(
                "Raw data and aggregation result hybrid calculation is not supported.",
            ));
        }
        aggregated |= found.aggregate;
        raw |= !found.aggregate;
    }
    if raw && query.group_by.is_some() {
        return Err(QueryError::semantic(
            "Common queries and aggregated queries are not allowed to appear at the same time",
        ));
    }
    if aggregated && raw {
        return Err(QueryError::semantic("Raw data and aggregation hybrid query is not supported."));
    }
    if let Some(having) = &query.having {
        let found = Found::in_expression(having, functions)?;
        if !aggregated || found.raw || !found.aggregate {
            return Err(QueryError::semantic("Expression of HAVING clause must to be an Aggregation"));
        }
    }
    Ok(aggregated)
}

/// Rejects names that `align by device` cannot have below a device: paths of several nodes, and `**`.
pub(super) fn check_suffixes(query: &Select) -> Result<(), QueryError> {
    let columns = query.columns.iter().map(|column| &column.expression);
    let mut names = columns.chain(&query.condition).chain(&query.having).flat_map(Expression::series);
    let is_one_node = |name: &SeriesName| {
        let pattern = name.pattern();
        pattern.len() == 1 && pattern.nodes().all(|node| node != "**")
    };
    match names.find(|name| !is_one_node(name)) {
        Some(name) => Err(QueryError::semantic(format!(
            "ALIGN BY DEVICE: the suffix paths can only be measurement or one-level wildcard, not {name}"
        ))),
        None => Ok(()),
    }
}

/// Whether an expression is the pseudo column [`END_TIME`].
pub(super) fn is_end_time(expression: &Expression) -> bool {
    matches!(&expression.kind, ExpressionKind::Series(name) if name.to_string().eq_ignore_ascii_case(END_TIME))
}

/// Rejects [`END_TIME`] where there are no windows.
fn check_end_time(query: &Select) -> Result<(), QueryError> {
    let by_windows = |group_by: &GroupBy| group_by.time.is_some() || group_by.rows.is_some();
    if query.group_by.as_ref().is_some_and(by_windows) {
        return Ok(());
    }
    Err(QueryError::semantic(format!("{END_TIME} says where a window ends: it needs GROUP BY with windows")))
}

/// What an expression holds.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    aggregate: bool,
    /// A series or the time outside of aggregates.
    raw: bool,
}

impl Found {
    fn in_expression(expression: &Expression, functions: &FunctionRegistry) -> Result<Self, QueryError> {
        match &expression.kind {
            ExpressionKind::Function(function) if functions.aggregate(&function.name).is_some() => {
                if function.arguments.iter().any(|argument| has_aggregate(argument, functions)) {
                    return Err(QueryError::semantic(
                        "Aggregation results cannot be as input of the aggregation function.",
                    ));
                }
                Ok(Self { aggregate: true, raw: false })
            }
            ExpressionKind::Series(_) | ExpressionKind::Time => Ok(Self { aggregate: false, raw: true }),
            _ => expression.children().into_iter().try_fold(Self::default(), |found, child| {
                let below = Self::in_expression(child, functions)?;
                Ok(Self { aggregate: found.aggregate || below.aggregate, raw: found.raw || below.raw })
            }),
        }
    }
}

/// Whether an aggregate stands anywhere in an expression.
fn has_aggregate(expression: &Expression, functions: &FunctionRegistry) -> bool {
    matches!(&expression.kind, ExpressionKind::Function(function) if functions.aggregate(&function.name).is_some())
        || expression.children().into_iter().any(|child| has_aggregate(child, functions))
}

/// `count_time` counts the rows of all series: it stands alone, takes `*`, and knows no levels.
fn check_count_time(query: &Select) -> Result<(), QueryError> {
    let call = query.columns.iter().find_map(|column| match &column.expression.kind {
        ExpressionKind::Function(function) if function.name.eq_ignore_ascii_case("count_time") => {
            Some(function)
        }
        _ => None,
    });
    let Some(call) = call else { return Ok(()) };
    let is_star = |argument: &Expression| matches!(&argument.kind, ExpressionKind::Series(name) if name.to_string() == "*");
    let reason = if query.columns.len() > 1 {
        "Count_time aggregation can only exist alone, and cannot used with other queries or aggregations."
    } else if call.arguments.len() == 1 && !call.arguments.iter().all(is_star) {
        "The parameter of count_time aggregation can only be '*'."
    } else if query.group_by.as_ref().is_some_and(|group_by| !group_by.levels.is_empty()) {
        "Count_time aggregation function using with group by level is not supported."
    } else {
        return Ok(());
    };
    Err(QueryError::semantic(reason))
}

/// Rejects columns, and calls, of constants alone.
fn check_constants(expression: &Expression) -> Result<(), QueryError> {
    if is_constant(expression) {
        return Err(match &expression.kind {
            ExpressionKind::Function(_) => QueryError::semantic(format!(
                "Invalid function expression, all the arguments are constant operands: {}",
                expression.column_name()
            )),
            _ => {
                QueryError::semantic(format!("Constant operand is not allowed: {}", expression.column_name()))
            }
        });
    }
    Ok(())
}

/// Whether nothing in it depends on a row.
fn is_constant(expression: &Expression) -> bool {
    match &expression.kind {
        ExpressionKind::Series(_) | ExpressionKind::Time => false,
        _ => expression.children().into_iter().all(is_constant),
    }
}
