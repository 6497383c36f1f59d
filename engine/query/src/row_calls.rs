//! Calls of users' functions of series in a projection of rows in motion, taken out of it.
//!
//! ```text
//!   select adder(a, b) * 2 as x, a       ─▶   call 0: adder of columns (a, b), gives the measurement #0
//!                                             rest:   #0 * 2 as x, a
//! ```
//!
//! A call is computed for each device in order of time, with what it remembers; the rest row by row.

use std::sync::Arc;

use levada_model::{DataType, PathPattern, quote_node};
use levada_sql::{
    Span,
    ast::{Expression, ExpressionKind, Function, Projection, SelectColumn, SeriesName},
};

use crate::{
    FunctionDefinition, FunctionKind, FunctionRegistry, QueryError, SeriesFunction,
    registry::{Binder, Call},
};

/// How the names of what calls give begin; no measurement of a user's does.
const MADE: &str = "`\u{1}";

/// A call that was taken out of a projection.
#[derive(Clone, Debug)]
pub struct SeriesCall {
    /// The measurement that it gives, in canonical form.
    name: Arc<str>,
    /// As it was written.
    written: Function,
    /// Its inputs, as columns; what calls in them give stands there by its name.
    inputs: Projection,
    functions: Arc<FunctionRegistry>,
}

/// Whether a measurement is what a call gives.
pub(crate) fn is_made(measurement: &str) -> bool {
    measurement.starts_with(MADE)
}

/// Whether a function makes a series, and is a user's.
pub(crate) fn is_call(function: &Function, functions: &FunctionRegistry) -> bool {
    let found = functions.find(&function.name);
    found.is_some_and(|found| found.kind() == FunctionKind::Series && !found.is_builtin())
}

impl SeriesCall {
    /// Takes all calls out of a projection, inner ones before those that they stand in. Gives the rest, which names what they
    /// give.
    ///
    /// # Errors
    /// A call stands in the condition, or has an input that stands for several; and where.
    pub fn take_out(
        projection: &Projection,
        functions: &Arc<FunctionRegistry>,
    ) -> Result<(Vec<Self>, Projection), (Span, QueryError)> {
        if let Some(condition) = &projection.condition {
            reject_calls(condition, functions)?;
        }
        let mut calls = Vec::new();
        let columns = projection.columns.iter().map(|column| {
            let before = calls.len();
            let expression = taken(&column.expression, functions, &mut calls)?;
            let changed = calls.len() > before || expression != column.expression;
            let alias = column.alias.clone().or_else(|| changed.then(|| column.expression.column_name()));
            Ok(SelectColumn { expression, alias })
        });
        let columns = columns.collect::<Result<_, _>>()?;
        Ok((calls, Projection { columns, condition: projection.condition.clone() }))
    }

    /// The measurement that it gives, in canonical form.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The function's name, as it was written.
    pub fn function(&self) -> &str {
        &self.written.name
    }

    /// The whole call, as it is named in results: `adder(a, b)`.
    pub fn text(&self) -> String {
        Expression::synthetic(ExpressionKind::Function(self.written.clone())).column_name()
    }

    /// Its inputs as columns, in their order.
    pub fn inputs(&self) -> &Projection {
        &self.inputs
    }

    /// The measurements that are named in its inputs; those of what other calls give too.
    pub fn measurements(&self) -> Vec<String> {
        let inputs = self.inputs.columns.iter().flat_map(|input| input.expression.series());
        inputs.map(ToString::to_string).collect()
    }

    /// How an input is written.
    pub fn input(&self, at: usize) -> String {
        self.written.arguments.get(at).map(Expression::column_name).unwrap_or_default()
    }

    /// An instance for inputs of these types, and the type of what it gives. Of windows of time, more than 1000 empty ones in a row
    /// are left out: one row whose time leaps by years must not be computed on for ever.
    ///
    /// # Errors
    /// The function does not take them, or holds rows that wait and does not save them: those would be lost with a crash.
    pub fn start(&self, types: &[DataType]) -> Result<(Box<dyn SeriesFunction>, DataType), QueryError> {
        let call = Call { function: &self.written, types };
        let Some(Binder::Series(bind)) =
            self.functions.find(&self.written.name).map(FunctionDefinition::binder)
        else {
            return Err(call.reject("it is no function of series"));
        };
        let (mut running, data_type) = bind(&call)?;
        if running.holds_rows() && !running.saves_rows() {
            return Err(call.reject(
                "rows wait in it that it does not save, and would be lost with a crash: it cannot stand here",
            ));
        }
        running.leave_gaps_out();
        Ok((running, data_type))
    }
}

/// An expression with the names of what its calls give.
fn taken(
    expression: &Expression,
    functions: &Arc<FunctionRegistry>,
    calls: &mut Vec<SeriesCall>,
) -> Result<Expression, (Span, QueryError)> {
    let mut replaced = expression.clone();
    for child in replaced.children_mut() {
        *child = taken(child, functions, calls)?;
    }
    let (ExpressionKind::Function(written), ExpressionKind::Function(function)) =
        (&expression.kind, &replaced.kind)
    else {
        return Ok(replaced);
    };
    if !is_call(written, functions) {
        return Ok(replaced);
    }
    if function.arguments.iter().flat_map(Expression::series).any(|name| name.pattern().has_wildcard()) {
        let message = format!("{}: its inputs have to be named one by one", written.name);
        return Err((expression.span, QueryError::semantic(message)));
    }
    let known = calls.iter().position(|call| call.written == *written);
    let at = known.unwrap_or_else(|| {
        let name = format!("\u{1}{}", calls.len());
        let input = |(at, argument): (usize, &Expression)| SelectColumn {
            expression: argument.clone(),
            alias: Some(format!("i{at}")),
        };
        let columns = function.arguments.iter().enumerate().map(input).collect();
        calls.push(SeriesCall {
            name: quote_node(&name).into(),
            written: written.clone(),
            inputs: Projection { columns, condition: None },
            functions: Arc::clone(functions),
        });
        calls.len() - 1
    });
    let name = SeriesName::suffix(PathPattern::of_node(&calls[at].name));
    Ok(Expression { kind: ExpressionKind::Series(name), span: expression.span })
}

fn reject_calls(expression: &Expression, functions: &FunctionRegistry) -> Result<(), (Span, QueryError)> {
    if let ExpressionKind::Function(function) = &expression.kind
        && is_call(function, functions)
    {
        let message =
            format!("{}: it makes a series of its own, and cannot stand in a condition", function.name);
        return Err((expression.span, QueryError::semantic(message)));
    }
    expression.children().into_iter().try_for_each(|child| reject_calls(child, functions))
}
