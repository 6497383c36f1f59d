//! Calls of users' aggregates over the measurements of rows in motion.
//!
//! ```text
//!   weighted(power, weight, 'k'='2')  ─▶  of the types of power and weight: states for groups, and the type of a group's value
//! ```

use std::{fmt, sync::Arc};

use levada_model::DataType;
use levada_sql::{
    Span,
    ast::{Expression, ExpressionKind, Function},
};

use crate::{
    AggregateFunction, FunctionDefinition, FunctionKind, FunctionRegistry, QueryError,
    registry::{Binder, Call},
    row_expressions::unknown,
};

/// A call of a user's aggregate whose inputs are measurements.
#[derive(Clone)]
pub struct AggregateCall {
    written: Function,
    functions: Arc<FunctionRegistry>,
}

impl fmt::Debug for AggregateCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AggregateCall").field(&self.text()).finish()
    }
}

impl AggregateCall {
    /// The call that an expression is.
    ///
    /// # Errors
    /// It is none, the function is not there or no aggregate of a user's, or an input is not a measurement; and where.
    pub fn new(
        expression: &Expression,
        functions: &Arc<FunctionRegistry>,
    ) -> Result<Self, (Span, QueryError)> {
        let reject = |span, message: String| Err((span, QueryError::semantic(message)));
        let ExpressionKind::Function(written) = &expression.kind else {
            return reject(expression.span, "it is no call of a function".to_owned());
        };
        let name = &written.name;
        match functions.find(name) {
            None => return reject(expression.span, unknown(name, functions)),
            Some(found) if found.kind() != FunctionKind::Aggregate => {
                let message = format!(
                    "`{name}` makes no value of the rows of a window: aggregates do; the transform `sql` calls the others"
                );
                return reject(expression.span, message);
            }
            Some(found) if found.is_builtin() => {
                let message = format!("`{name}` is an aggregate of queries, which windows do not have");
                return reject(expression.span, message);
            }
            Some(_) => {}
        }
        let is_measurement = |argument: &&Expression| match &argument.kind {
            ExpressionKind::Series(name) => name.pattern().len() == 1 && !name.pattern().has_wildcard(),
            _ => false,
        };
        if let Some(other) = written.arguments.iter().find(|argument| !is_measurement(argument)) {
            let message = format!("{name}: `{}` is not the name of a measurement", other.column_name());
            return reject(other.span, message);
        }
        Ok(Self { written: written.clone(), functions: Arc::clone(functions) })
    }

    /// The function's name, as it was written.
    pub fn function(&self) -> &str {
        &self.written.name
    }

    /// The whole call, as it is named in results: `weighted(power, weight)`.
    pub fn text(&self) -> String {
        Expression::synthetic(ExpressionKind::Function(self.written.clone())).column_name()
    }

    /// The measurements that are its inputs, in their order and in canonical form.
    pub fn measurements(&self) -> impl Iterator<Item = String> {
        self.written.arguments.iter().flat_map(Expression::series).map(ToString::to_string)
    }

    /// What makes states for inputs of these types, and the type of a group's value.
    ///
    /// # Errors
    /// The function does not take them, or cannot be loaded.
    pub fn bind(&self, types: &[DataType]) -> Result<(Arc<dyn AggregateFunction>, DataType), QueryError> {
        let call = Call { function: &self.written, types };
        match self.functions.find(&self.written.name).map(FunctionDefinition::binder) {
            Some(Binder::Aggregate(definition)) => definition.function(&call),
            _ => Err(call.reject("it is no aggregate")),
        }
    }
}
