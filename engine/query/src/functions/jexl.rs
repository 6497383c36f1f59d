//! `jexl(x, y, 'expr'='(x, y) -> {x + y * 2}')`: an expression written in the call.
//!
//! What is understood is what SQL's own expressions understand, with `+` between texts joining them; numbers come out as
//! DOUBLE.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array};
use levada_model::{DataType, PathPattern, quote_node};
use levada_sql::{
    ParseContext,
    ast::{BinaryOperator, Constant, Expression, ExpressionKind, Function, SeriesName},
};

use super::{Bound, Call, FunctionDefinition, RowFunction};
use crate::{
    QueryError,
    bind::scope::Scope,
    chunk::Chunk,
    expression::{Expr, Kind},
};

pub(super) fn definition() -> FunctionDefinition {
    FunctionDefinition::row(
        "jexl",
        "(any[, any...], 'expr'='(x, y) -> {x + y * 2}'): DOUBLE, TEXT or BOOLEAN",
        "What an expression over the inputs gives.",
        bind,
    )
    .built_in("UDTFJexl")
}

fn bind(call: &Call<'_>) -> Result<Bound, QueryError> {
    let lambda = call.required("expr")?;
    let (parameters, body) = split(lambda)
        .ok_or_else(|| call.reject(format!("`{lambda}` is not of the form `x -> {{x * 2}}`")))?;
    if parameters.len() != call.types.len() {
        return Err(call.reject(format!(
            "`{lambda}` takes {} inputs, {} are given",
            parameters.len(),
            call.types.len()
        )));
    }
    let mut scope = Scope::new(call.functions);
    for (at, (name, &data_type)) in parameters.iter().zip(call.types).enumerate() {
        let name = SeriesName::suffix(PathPattern::of_node(&quote_node(name)));
        scope.add_series(&name, at, data_type);
    }
    let context = ParseContext { zone: jiff::tz::TimeZone::UTC, now: 0 };
    let parsed = levada_sql::parse_expression(body, &context)
        .map_err(|error| call.reject(format!("`{body}` is not understood: {}", error.message)))?;
    let bound = scope.bind(&joined(parsed, &scope))?;
    let (bound, data_type) = match bound.data_type {
        DataType::Text | DataType::String => (bound, DataType::Text),
        DataType::Boolean => (bound, DataType::Boolean),
        _ => (Expr::new(Kind::Cast(Box::new(bound)), DataType::Double), DataType::Double),
    };
    Ok((Arc::new(Lambda(bound)), data_type))
}

/// The parameters and the body of `(x, y) -> {x + y}`.
fn split(lambda: &str) -> Option<(Vec<&str>, &str)> {
    let (parameters, body) = lambda.split_once("->")?;
    let parameters = parameters.trim();
    let parameters =
        parameters.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(parameters);
    let body = body.trim();
    let body = body.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(body).trim();
    Some((parameters.split(',').map(str::trim).collect(), body.strip_suffix(';').unwrap_or(body)))
}

/// The expression with every `+` that has a text beside it as a joining of texts.
fn joined(mut expression: Expression, scope: &Scope) -> Expression {
    for child in expression.children_mut() {
        let taken = std::mem::replace(child, Expression::synthetic(ExpressionKind::Time));
        *child = joined(taken, scope);
    }
    match expression.kind {
        ExpressionKind::Binary { operator: BinaryOperator::Add, left, right }
            if is_text(&left, scope) || is_text(&right, scope) =>
        {
            let text = |side: Expression| {
                if is_text(&side, scope) {
                    return side;
                }
                let kind = ExpressionKind::Cast { operand: Box::new(side), data_type: DataType::Text };
                Expression::synthetic(kind)
            };
            Expression::synthetic(ExpressionKind::Function(Function {
                name: "concat".to_owned(),
                arguments: vec![text(*left), text(*right)],
                attributes: Vec::new(),
                from_for: false,
            }))
        }
        kind => Expression { kind, span: expression.span },
    }
}

fn is_text(expression: &Expression, scope: &Scope) -> bool {
    match &expression.kind {
        ExpressionKind::Constant(constant) => matches!(constant, Constant::Text(_)),
        ExpressionKind::Function(function) => function.name == "concat",
        _ => scope.find(expression).is_some_and(|(_, data_type)| data_type.is_text()),
    }
}

#[derive(Debug)]
struct Lambda(Expr);

impl RowFunction for Lambda {
    fn evaluate(&self, times: &Int64Array, inputs: &[ArrayRef]) -> Result<ArrayRef, QueryError> {
        self.0.array(&Chunk { times: times.clone(), columns: inputs.to_vec() })
    }
}
