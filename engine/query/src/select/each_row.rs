//! Functions of series that give a value for each row, as `diff` does.
//!
//! ```text
//!   select a, diff(b) where diff(a) > 1:   rows a b ── add diff(a) ── filter ── add diff(b) ── compute
//! ```
//!
//! They need no rows of their own: each adds a column to the rows that are there, and sees these in their order. In a condition they see the rows as they are read, in a column those that the condition left.

use levada_model::DataType;
use levada_sql::ast::{Expression, ExpressionKind};

use crate::{
    FunctionDefinition, FunctionKind, FunctionRegistry, QueryError,
    bind::scope::Scope,
    expression::Expr,
    node::Node,
    registry::{Binder, Call},
};

/// Adds a column to rows of `width` columns for every such function in expressions, and makes its call known to the scope.
pub(super) fn columns<'e>(
    scope: &mut Scope,
    mut node: Node,
    width: &mut usize,
    expressions: impl IntoIterator<Item = &'e Expression>,
) -> Result<Node, QueryError> {
    let mut calls = Vec::new();
    expressions.into_iter().for_each(|each| find(each, scope.functions(), &mut calls));
    for call in calls {
        let ExpressionKind::Function(function) = &call.kind else { continue };
        let functions = std::sync::Arc::clone(scope.functions());
        let Some(Binder::Series(bind)) = functions.find(&function.name).map(FunctionDefinition::binder)
        else {
            continue;
        };
        let arguments: Vec<Expr> =
            function.arguments.iter().map(|each| scope.bind(each)).collect::<Result<_, _>>()?;
        let types: Vec<DataType> = arguments.iter().map(|each| each.data_type).collect();
        let (running, data_type) = bind(&Call { function, types: &types })?;
        scope.add(call, *width, data_type);
        *width += 1;
        node = Node::Append { input: Box::new(node), call: call.clone(), arguments, function: running };
    }
    Ok(node)
}

/// The calls of such functions, each once, those in another before it. What stands in an aggregate, or in a function that
/// makes rows of its own, is computed below.
fn find<'e>(expression: &'e Expression, functions: &FunctionRegistry, into: &mut Vec<&'e Expression>) {
    let called = match &expression.kind {
        ExpressionKind::Function(function) => functions.find(&function.name),
        _ => None,
    };
    let is_one = called.is_some_and(FunctionDefinition::is_for_each_row);
    if called.is_some_and(|found| found.kind() != FunctionKind::Row) && !is_one {
        return;
    }
    expression.children().into_iter().for_each(|child| find(child, functions, into));
    if is_one && !into.contains(&expression) {
        into.push(expression);
    }
}

/// Whether an expression has such a function anywhere, so that the order of its rows matters.
pub(super) fn is_in(expression: &Expression, functions: &FunctionRegistry) -> bool {
    let is_one = match &expression.kind {
        ExpressionKind::Function(function) => {
            functions.find(&function.name).is_some_and(FunctionDefinition::is_for_each_row)
        }
        _ => false,
    };
    is_one || expression.children().into_iter().any(|child| is_in(child, functions))
}
