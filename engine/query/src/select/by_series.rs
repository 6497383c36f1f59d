//! Functions of series in a query.
//!
//! ```text
//!   difference(a) + b:    rows of a ── difference ──┐
//!                         rows of b ────────────────┴─ join by time ── compute +
//! ```
//!
//! Each function runs over rows of its own; what it gives is joined by time with all that stands outside of such
//! functions. Rows below are those of series, or of aggregates.

use levada_model::StatusCode;
use levada_sql::ast::{Expression, ExpressionKind};
use levada_storage::Direction;

use super::{
    Planner, each_row,
    output::{Computed, bind_columns},
};
use crate::{
    FunctionDefinition, FunctionKind, FunctionRegistry, QueryError,
    bind::scope::Scope,
    node::{Joined, Node},
    registry::{Binder, Call},
};

/// The calls of functions of series in expressions that stand in no other such call, each once.
pub(super) fn calls(planner: &Planner<'_>, expressions: &[Expression]) -> Vec<Expression> {
    let mut found = Vec::new();
    expressions.iter().for_each(|each| find_calls(each, &planner.context.functions, &mut found));
    found
}

/// The first function that an expression calls which looks at more than one row.
pub(super) fn looks_around<'a>(expression: &'a Expression, functions: &FunctionRegistry) -> Option<&'a str> {
    if let ExpressionKind::Function(function) = &expression.kind
        && let Some(found) = functions.find(&function.name)
        && found.kind() == FunctionKind::Series
    {
        return Some(&function.name);
    }
    expression.children().into_iter().find_map(|child| looks_around(child, functions))
}

fn find_calls(expression: &Expression, functions: &FunctionRegistry, into: &mut Vec<Expression>) {
    match kind(expression, functions) {
        Some(FunctionKind::Series) => {
            if !into.contains(expression) {
                into.push(expression.clone());
            }
        }
        // What is in an aggregate is below it.
        Some(FunctionKind::Aggregate) => {}
        _ => expression.children().into_iter().for_each(|child| find_calls(child, functions, into)),
    }
}

/// The kind of function that an expression calls. One that gives a value for each row has no rows of its own, and is as a
/// function of rows here.
fn kind(expression: &Expression, functions: &FunctionRegistry) -> Option<FunctionKind> {
    let ExpressionKind::Function(function) = &expression.kind else { return None };
    let found = functions.find(&function.name)?;
    Some(if found.is_for_each_row() { FunctionKind::Row } else { found.kind() })
}

/// The series and aggregates that stand outside of calls of functions of series, each once.
fn find_leaves(expression: &Expression, functions: &FunctionRegistry, into: &mut Vec<Expression>) {
    let is_leaf = match kind(expression, functions) {
        Some(FunctionKind::Series) => return,
        Some(FunctionKind::Aggregate) => true,
        _ => matches!(expression.kind, ExpressionKind::Series(_)),
    };
    if !is_leaf {
        expression.children().into_iter().for_each(|child| find_leaves(child, functions, into));
    } else if !into.contains(expression) {
        into.push(expression.clone());
    }
}

/// Gives the rows of expressions in a direction.
type RowsOf<'r> = dyn FnMut(&[Expression], Direction) -> Result<Computed, QueryError> + 'r;

/// Rows, in a direction, of expressions that hold calls of functions of series. `rows_of` gives those of expressions
/// below them. A function computes over the rows in the order asked for, unless it needs them oldest first.
pub(super) fn rows(
    planner: &Planner<'_>,
    expressions: &[Expression],
    calls: &[Expression],
    direction: Direction,
    rows_of: &mut RowsOf<'_>,
) -> Result<Computed, QueryError> {
    let mut leaves = Vec::new();
    let functions = &planner.context.functions;
    expressions.iter().for_each(|each| find_leaves(each, functions, &mut leaves));
    let mut scope = Scope::new(functions);
    let mut inputs = Vec::new();
    let mut width = 0;
    if !leaves.is_empty() {
        let Computed { node, types, .. } = rows_of(&leaves, direction)?;
        for (leaf, &data_type) in leaves.iter().zip(&types) {
            scope.add(leaf, width, data_type);
            width += 1;
        }
        inputs.push(Joined { node, types });
    }
    for call in calls {
        let ExpressionKind::Function(function) = &call.kind else { continue };
        let Some(Binder::Series(bind)) = functions.find(&function.name).map(FunctionDefinition::binder)
        else {
            continue;
        };
        let mut computed = rows_of(&function.arguments, direction)?;
        let (running, data_type) = bind(&Call { function, types: &computed.types })?;
        scope.add(call, width, data_type);
        width += 1;
        let turned = direction == Direction::Descending && !running.takes_any_order();
        if turned {
            computed = rows_of(&function.arguments, Direction::Ascending)?;
        }
        let input = Box::new(computed.node);
        let mut node = Node::Function { input, call: call.clone(), function: running };
        if turned {
            node = node.newest_first(None);
        }
        inputs.push(Joined { node, types: vec![data_type] });
    }
    let joined = Node::join(inputs, direction);
    let node = each_row::columns(&mut scope, joined, &mut width, expressions)?;
    let columns = bind_columns(&scope, expressions)?;
    Ok(Computed::of(node, columns, width, false))
}

/// Rejects functions in a condition that make rows of their own: there is no row that they would be asked for.
pub(super) fn check_condition(
    planner: &Planner<'_>,
    condition: &Expression,
    clause: &str,
) -> Result<(), QueryError> {
    let calls = calls(planner, std::slice::from_ref(condition));
    let Some(ExpressionKind::Function(function)) = calls.first().map(|call| &call.kind) else {
        return Ok(());
    };
    Err(QueryError::Rejected {
        code: StatusCode::EXECUTE_STATEMENT_ERROR,
        message: format!(
            "{}: it makes rows of its own, and cannot stand in {clause}: functions of single rows and `diff` can",
            function.name
        ),
    })
}
