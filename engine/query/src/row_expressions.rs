//! The expressions of a query on rows in motion: tablets of one device, one after the other.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow_array::{Array, BooleanArray, cast::AsArray};
use levada_model::{Column, DataType, PathPattern, Tablet, quote_node};
use levada_sql::{
    Span,
    ast::{Constant, Expression, ExpressionKind, Projection, SelectColumn, SeriesName},
};

use crate::{
    FunctionDefinition, FunctionKind, FunctionRegistry, QueryError,
    bind::scope::Scope,
    chunk::Chunk,
    expression::{Expr, Kind},
    row_calls::{is_call, is_made},
};

/// The measurements of tablets, in their order: canonical names and types.
pub type RowSchema = Vec<(Arc<str>, DataType)>;

/// Columns and a condition, bound to tablets of one schema.
///
/// Each function gives a value for a row from that row alone: aggregates and functions that look at other rows are not
/// known here; calls of users' functions of series are taken out before ([`SeriesCall::take_out`](crate::SeriesCall::take_out)). A measurement that a tablet does not have is null: a tablet has those only that some row has a value of.
#[derive(Clone, Debug)]
pub struct RowExpressions {
    schema: RowSchema,
    columns: Vec<(Arc<str>, Expr)>,
    condition: Option<Expr>,
    /// For each measurement of the schema, whether a column is computed from it.
    read: Vec<bool>,
}

impl RowExpressions {
    /// Looks for what cannot be computed whatever tablets come: a function that is not known or needs other rows, a name
    /// of more than one node.
    ///
    /// # Errors
    /// The first that was found, and where it stands.
    pub fn check(projection: &Projection, functions: &FunctionRegistry) -> Result<(), (Span, QueryError)> {
        let columns = projection.columns.iter().map(|column| &column.expression);
        columns.chain(&projection.condition).try_for_each(|each| check(each, functions))
    }

    /// Binds columns and a condition to the measurements of a schema. `*` stands for all of them; a name or part of one
    /// with stars for those it fits. A column is named by its alias or else by what it computes; of two columns of one
    /// name the later counts. `time` without an alias is no column: rows have it anyway.
    ///
    /// # Errors
    /// Types do not fit (701).
    pub fn bind(
        projection: &Projection,
        schema: &[(Arc<str>, DataType)],
        functions: &Arc<FunctionRegistry>,
    ) -> Result<Self, QueryError> {
        let binder = Binder::new(schema, functions);
        let mut bound = Self {
            schema: schema.to_vec(),
            columns: Vec::new(),
            condition: None,
            read: vec![false; schema.len()],
        };
        for column in &projection.columns {
            match &column.expression.kind {
                ExpressionKind::Series(series) if series.pattern().has_wildcard() => {
                    for (at, (name, data_type)) in schema.iter().enumerate() {
                        if series.pattern().matches_nodes(&[name]) && !is_made(name) {
                            bound.read[at] = true;
                            bound.put(Arc::clone(name), Expr::column(at, *data_type));
                        }
                    }
                }
                _ => {
                    let Some(name) = column_name(column) else { continue };
                    binder.note(&column.expression, &mut bound.read);
                    bound.put(name, binder.scope.bind(&binder.known(&column.expression))?);
                }
            }
        }
        if let Some(condition) = &projection.condition {
            bound.condition = Some(binder.scope.bind_condition(&binder.known(condition), "WHERE")?);
        }
        Ok(bound)
    }

    /// The schema of a tablet, to bind to.
    pub fn schema_of(tablet: &Tablet) -> RowSchema {
        tablet.columns().iter().map(|column| (Arc::clone(&column.name), column.data_type)).collect()
    }

    /// Whether a tablet has the schema this was bound to.
    pub fn fits(&self, tablet: &Tablet) -> bool {
        self.schema.len() == tablet.columns().len()
            && self
                .schema
                .iter()
                .zip(tablet.columns())
                .all(|((name, data_type), column)| *data_type == column.data_type && *name == column.name)
    }

    /// The names and types of the columns that come out.
    pub fn columns(&self) -> impl Iterator<Item = (&str, DataType)> {
        self.columns.iter().map(|(name, expression)| (&**name, expression.data_type))
    }

    /// For each column that comes out, where in the schema the measurement is that it is, where it is one and nothing is computed.
    pub fn unchanged(&self) -> impl Iterator<Item = Option<usize>> {
        self.columns.iter().map(|(_, expression)| match expression.kind {
            Kind::Column(at) => Some(at),
            _ => None,
        })
    }

    /// The rows of a tablet for which the condition is true; `None` where that is all of them.
    ///
    /// # Errors
    /// The tablet is of another schema, or a value cannot be computed (a text that is no number in a `cast`).
    pub fn matching(&self, tablet: &Tablet) -> Result<Option<BooleanArray>, QueryError> {
        let Some(condition) = &self.condition else { return Ok(None) };
        let mask = condition.mask(&self.chunk(tablet)?)?;
        let mask =
            if mask.null_count() > 0 { arrow_select::filter::prep_null_mask_filter(&mask) } else { mask };
        Ok((mask.true_count() < mask.len()).then_some(mask))
    }

    /// The columns, computed for the rows of a tablet that `of` is true for, or for all.
    ///
    /// # Errors
    /// As [`RowExpressions::matching`].
    pub fn compute(&self, tablet: &Tablet, of: Option<&BooleanArray>) -> Result<Tablet, QueryError> {
        let mut chunk = self.chunk(tablet)?;
        if let Some(of) = of {
            let filter = arrow_select::filter::FilterBuilder::new(of).optimize().build();
            // What is not read stays as it was.
            for (column, _) in chunk.columns.iter_mut().zip(&self.read).filter(|(_, read)| **read) {
                *column = filter.filter(column)?;
            }
            chunk.times = filter.filter(&chunk.times)?.as_primitive().clone();
        }
        let columns = self
            .columns
            .iter()
            .map(|(name, expression)| {
                Ok(Column {
                    name: Arc::clone(name),
                    data_type: expression.data_type,
                    values: expression.array(&chunk)?,
                })
            })
            .collect::<Result<Vec<_>, QueryError>>()?;
        Tablet::try_new(tablet.device().clone(), tablet.aligned(), chunk.times, columns)
            .map_err(|error| QueryError::semantic(error.to_string()))
    }

    fn chunk(&self, tablet: &Tablet) -> Result<Chunk, QueryError> {
        if !self.fits(tablet) {
            return Err(QueryError::semantic(
                "the tablet has other measurements than the expressions were bound to",
            ));
        }
        Ok(Chunk {
            times: tablet.times().clone(),
            columns: tablet.columns().iter().map(|column| Arc::clone(&column.values)).collect(),
        })
    }

    /// Adds a column; one of the same name gives way.
    fn put(&mut self, name: Arc<str>, expression: Expr) {
        match self.columns.iter_mut().find(|(each, _)| *each == name) {
            Some(known) => known.1 = expression,
            None => self.columns.push((name, expression)),
        }
    }
}

/// What expressions are bound with.
struct Binder<'a> {
    schema: &'a [(Arc<str>, DataType)],
    scope: Scope,
}

impl<'a> Binder<'a> {
    fn new(schema: &'a [(Arc<str>, DataType)], functions: &Arc<FunctionRegistry>) -> Self {
        let mut scope = Scope::new(functions);
        for (at, (name, data_type)) in schema.iter().enumerate() {
            scope.add_series(&SeriesName::suffix(PathPattern::of_node(name)), at, *data_type);
        }
        Self { schema, scope }
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.schema.iter().position(|(each, _)| **each == *name)
    }

    /// Notes which measurements an expression is computed from.
    fn note(&self, expression: &Expression, read: &mut [bool]) {
        for name in expression.series() {
            if let Some(at) = self.position(&name.to_string()) {
                read[at] = true;
            }
        }
    }

    /// The expression with null for what is not there, and for calls with it: no function of rows makes a value of null.
    fn known(&self, expression: &Expression) -> Expression {
        let mut known = expression.clone();
        self.put_nulls(&mut known);
        known
    }

    fn put_nulls(&self, expression: &mut Expression) {
        expression.children_mut().into_iter().for_each(|child| self.put_nulls(child));
        let absent = match &mut expression.kind {
            ExpressionKind::Series(name) => {
                // There are no paths that `root` could begin.
                *name = SeriesName::suffix(name.pattern().clone());
                self.position(&name.to_string()).is_none()
            }
            ExpressionKind::Function(call) => {
                call.arguments.iter().any(|each| each.kind == ExpressionKind::Constant(Constant::Null))
            }
            _ => false,
        };
        if absent {
            expression.kind = ExpressionKind::Constant(Constant::Null);
        }
    }
}

/// What a column of one expression is named; `None` for the time, which is there anyway.
fn column_name(column: &SelectColumn) -> Option<Arc<str>> {
    match (&column.alias, &column.expression.kind) {
        (None, ExpressionKind::Time) => None,
        (None, ExpressionKind::Series(_)) => Some(column.expression.column_name().into()),
        (None, _) => Some(quote_node(&column.expression.column_name()).into()),
        (Some(alias), _) => Some(quote_node(alias).into()),
    }
}

fn check(expression: &Expression, functions: &FunctionRegistry) -> Result<(), (Span, QueryError)> {
    let reject = |message: String| Err((expression.span, QueryError::semantic(message)));
    match &expression.kind {
        ExpressionKind::Series(name) if name.pattern().len() != 1 => {
            return reject(format!("`{name}` is a path: a measurement is named by its own name alone"));
        }
        ExpressionKind::Function(function) => {
            if !is_call(function, functions)
                && let Some(message) = not_of_rows(&function.name, functions)
            {
                return reject(message);
            }
        }
        _ => {}
    }
    expression.children().into_iter().try_for_each(|child| check(child, functions))
}

/// Why a function does not give a value for a row from that row alone.
fn not_of_rows(name: &str, functions: &FunctionRegistry) -> Option<String> {
    // What is wrong with the types of a function's inputs is seen when tablets come.
    match functions.find(name).map(FunctionDefinition::kind) {
        Some(FunctionKind::Row) => None,
        Some(FunctionKind::Series | FunctionKind::Aggregate) => {
            Some(format!("`{name}` needs more than one row, and each row is computed by itself here"))
        }
        None => Some(unknown(name, functions)),
    }
}

/// That there is no function of a name.
pub(crate) fn unknown(name: &str, functions: &FunctionRegistry) -> String {
    match nearest(name, functions) {
        Some(near) => format!("there is no function `{name}`: did you mean `{near}`?"),
        None => format!("there is no function `{name}`"),
    }
}

/// The function that a name was probably meant to be.
fn nearest<'f>(name: &str, functions: &'f FunctionRegistry) -> Option<&'f str> {
    let wanted = name.to_ascii_lowercase();
    let names = functions.definitions().map(FunctionDefinition::name);
    let distances =
        names.map(|each| (strsim::damerau_levenshtein(&wanted, &each.to_ascii_lowercase()), each));
    let near =
        distances.filter(|(distance, each)| *distance <= 2 && *distance < each.len().min(wanted.len()));
    near.min().map(|(_, each)| each)
}
