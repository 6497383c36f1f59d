//! The expressions of SQL on rows in motion: what a pipeline computes on its way, as a query would of what is stored.
//!
//! ```
//! use levada_engine::expressions::RowQuery;
//!
//! let query = RowQuery::parse("select temperature * 1.8 + 32 as temperature_f where status = true")?;
//! let error = RowQuery::parse("select temperature whre status").expect_err("misspelt");
//! assert_eq!((error.line, error.column), (1, 20));
//! # let schema = [("temperature".into(), levada_model::DataType::Double)];
//! let bound = query.bind(&schema)?;
//! assert_eq!(bound.columns().next(), Some(("temperature_f", levada_model::DataType::Double)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::sync::Arc;

use jiff::tz::TimeZone;
use levada_model::{DataType, PathPattern};
use levada_query::FunctionRegistry;
use levada_sql::{
    ParseContext, ParseError, Span,
    ast::{BinaryOperator, Expression, ExpressionKind, Projection, SelectColumn, SeriesName},
    parse_expression, parse_projection,
};

pub use levada_query::{AggregateCall, QueryError, RowExpressions, RowSchema, SeriesCall};

/// A query of single rows, `select … where …`, that is bound to the measurements of one tablet after the other.
///
/// Times without an offset are in UTC.
#[derive(Clone, Debug)]
pub struct RowQuery {
    projection: Projection,
    functions: Arc<FunctionRegistry>,
}

/// Two are equal that are written alike, whatever functions they know.
impl PartialEq for RowQuery {
    fn eq(&self, other: &Self) -> bool {
        self.projection == other.projection
    }
}

/// Why a text is not a query of single rows, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct RowQueryError {
    /// The line, from 1.
    pub line: usize,
    /// The column in the line, in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl RowQuery {
    /// Reads columns and a condition: `select temperature, a + b as c where status`; the word `select` may be left out.
    /// It may call the functions that are built in.
    ///
    /// # Errors
    /// The text is not well formed, or cannot be computed row by row whatever the rows are.
    pub fn parse(text: &str) -> Result<Self, RowQueryError> {
        Self::parse_with(text, &FunctionRegistry::builtin())
    }

    /// As [`RowQuery::parse`]; it may call these functions, as they are now, of an engine
    /// ([`Engine::functions`](crate::Engine::functions)) for instance.
    ///
    /// # Errors
    /// As [`RowQuery::parse`].
    pub fn parse_with(text: &str, functions: &Arc<FunctionRegistry>) -> Result<Self, RowQueryError> {
        let projection = at_no_time(text, |context| parse_projection(text, context))?;
        check(text, &projection, functions)?;
        SeriesCall::take_out(&projection, functions)
            .map_err(|(span, error)| reject(text, span, error.to_string()))?;
        Ok(Self { projection, functions: Arc::clone(functions) })
    }

    /// That a text is well formed, whatever functions it calls.
    ///
    /// # Errors
    /// It is not.
    pub fn check_form(text: &str) -> Result<(), RowQueryError> {
        at_no_time(text, |context| parse_projection(text, context)).map(drop)
    }

    /// The functions that a text calls and that are not among these, as they are written, and where: in lines and columns from 1.
    ///
    /// # Errors
    /// The text is not well formed.
    pub fn unknown_functions(
        text: &str,
        functions: &FunctionRegistry,
    ) -> Result<Vec<RowQueryError>, RowQueryError> {
        let projection = at_no_time(text, |context| parse_projection(text, context))?;
        let mut unknown = Vec::new();
        let columns = projection.columns.iter().map(|column| &column.expression);
        let mut open: Vec<&Expression> = columns.chain(&projection.condition).rev().collect();
        while let Some(expression) = open.pop() {
            if let ExpressionKind::Function(function) = &expression.kind
                && functions.find(&function.name).is_none()
            {
                unknown.push(reject(text, expression.span, function.name.to_string()));
            }
            open.extend(expression.children());
        }
        Ok(unknown)
    }

    /// With a condition that rows must fit too, beside the one there may be: `status and temperature > 0`.
    ///
    /// # Errors
    /// As [`RowQuery::parse`].
    pub fn and_where(self, condition: &str) -> Result<Self, RowQueryError> {
        let more = at_no_time(condition, |context| parse_expression(condition, context))?;
        let alone = Projection { columns: Vec::new(), condition: Some(more.clone()) };
        check(condition, &alone, &self.functions)?;
        let Projection { columns, condition } = self.projection;
        let condition = match condition {
            None => more,
            Some(first) => Expression::synthetic(ExpressionKind::Binary {
                operator: BinaryOperator::And,
                left: Box::new(first),
                right: Box::new(more),
            }),
        };
        Ok(Self { projection: Projection { columns, condition: Some(condition) }, functions: self.functions })
    }

    /// With calls of users' functions of series taken out: what chooses the rows that they are given, the calls, inner ones before
    /// those that they stand in, and what is computed of rows that have what the calls give. `None` where there is no call.
    ///
    /// # Errors
    /// A call stands in the condition, or has an input that stands for several measurements.
    pub fn split(&self) -> Result<Option<(Self, Vec<SeriesCall>, Self)>, QueryError> {
        let (calls, rest) =
            SeriesCall::take_out(&self.projection, &self.functions).map_err(|(_, error)| error)?;
        if calls.is_empty() {
            return Ok(None);
        }
        let of = |projection| Self { projection, functions: Arc::clone(&self.functions) };
        let all = SelectColumn { expression: Expression::synthetic(everything()), alias: None };
        let chosen = of(Projection { columns: vec![all], condition: rest.condition });
        Ok(Some((chosen, calls, of(Projection { columns: rest.columns, condition: None }))))
    }

    /// The inputs of a call, to be computed as a query is.
    pub fn inputs(&self, call: &SeriesCall) -> Self {
        Self { projection: call.inputs().clone(), functions: Arc::clone(&self.functions) }
    }

    /// The measurements that are named in it, each as often as it is.
    pub fn measurements(&self) -> impl Iterator<Item = String> {
        let columns = self.projection.columns.iter().map(|column| &column.expression);
        let series = columns.chain(&self.projection.condition).flat_map(Expression::series);
        series.filter(|name| !name.pattern().has_wildcard()).map(ToString::to_string)
    }

    /// What each column is called, and the measurements that are named in it, without patterns; those of what calls give too.
    pub fn columns(&self) -> impl Iterator<Item = (String, Vec<String>)> {
        self.projection.columns.iter().map(|column| {
            let name = column.alias.clone().unwrap_or_else(|| column.expression.column_name());
            let series = column.expression.series().into_iter();
            (name, series.filter(|name| !name.pattern().has_wildcard()).map(ToString::to_string).collect())
        })
    }

    /// Whether it computes with a measurement, by name or by a pattern that fits it; a column that is a measurement alone goes
    /// through as it is.
    pub fn computes_with(&self, measurement: &str) -> bool {
        let columns = self.projection.columns.iter().map(|column| &column.expression);
        let columns = columns.filter(|expression| !matches!(expression.kind, ExpressionKind::Series(_)));
        let mut series = columns.chain(&self.projection.condition).flat_map(Expression::series);
        series.any(|name| name.pattern().has_wildcard() || name.to_string() == measurement)
    }

    /// Binds it to the measurements of a tablet; see [`RowExpressions::bind`].
    ///
    /// # Errors
    /// Types do not fit.
    pub fn bind(&self, schema: &[(Arc<str>, DataType)]) -> Result<RowExpressions, QueryError> {
        RowExpressions::bind(&self.projection, schema, &self.functions)
    }
}

/// Reads a call of a user's aggregate over measurements, and what it is to be called where that is said:
/// `weighted(power, weight, 'k'='2') as load`.
///
/// # Errors
/// The text is no such call, or the function is not among these.
pub fn aggregate_call(
    text: &str,
    functions: &Arc<FunctionRegistry>,
) -> Result<(AggregateCall, Option<String>), RowQueryError> {
    let projection = at_no_time(text, |context| parse_projection(text, context))?;
    match (projection.columns.as_slice(), &projection.condition) {
        ([SelectColumn { expression, alias }], None) => match AggregateCall::new(expression, functions) {
            Ok(call) => Ok((call, alias.clone())),
            Err((span, error)) => Err(reject(text, span, error.to_string())),
        },
        _ => Err(reject(text, Span::new(0, 0), "it is not one call of a function")),
    }
}

/// `*`
fn everything() -> ExpressionKind {
    ExpressionKind::Series(SeriesName::suffix(PathPattern::parse("*").expect("a legal pattern")))
}

/// Reads a text that means the same whenever it is read.
fn at_no_time<T: PartialEq>(
    text: &str,
    parse: impl Fn(&ParseContext) -> Result<T, ParseError>,
) -> Result<T, RowQueryError> {
    let parse = |now| {
        parse(&ParseContext { zone: TimeZone::UTC, now }).map_err(|error| RowQueryError {
            line: error.line,
            column: error.column + 1,
            message: error.message,
        })
    };
    let (read, later) = (parse(0)?, parse(1)?);
    if read != later {
        let at = text.to_ascii_lowercase().find("now").unwrap_or(0);
        return Err(reject(text, Span::new(at, at), "`now()` would stand still here: rows come later"));
    }
    Ok(read)
}

fn check(text: &str, projection: &Projection, functions: &FunctionRegistry) -> Result<(), RowQueryError> {
    RowExpressions::check(projection, functions)
        .map_err(|(span, error)| reject(text, span, error.to_string()))
}

fn reject(text: &str, span: Span, message: impl Into<String>) -> RowQueryError {
    let before = text.get(..span.start).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    RowQueryError {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        message: message.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_where_in_the_text() {
        for (text, line, column, message) in [
            ("select a b", 1, 10, "unexpected 'b', expected one of"),
            ("a,\n  avg(b)", 2, 3, "`avg` needs more than one row"),
            ("a where t > now() - 1h", 1, 13, "would stand still"),
            ("select a from root.d", 1, 10, "where rows come from"),
            ("select a group by ([0, 1), 1s)", 1, 10, "no other rows"),
            ("", 1, 1, "unexpected end"),
        ] {
            let error = RowQuery::parse(text).expect_err(text);
            assert_eq!((error.line, error.column), (line, column), "{text}: {error}");
            assert!(error.message.contains(message), "{text}: {error}");
        }
        let error = RowQuery::parse("a").and_then(|query| query.and_where("b >")).expect_err("no operand");
        assert_eq!((error.line, error.column), (1, 4));
    }

    #[test]
    fn conditions_add_up() {
        let query = RowQuery::parse("a where b").and_then(|query| query.and_where("c")).expect("well formed");
        assert_eq!(query, RowQuery::parse("select a where b and c").expect("well formed"));
    }
}
