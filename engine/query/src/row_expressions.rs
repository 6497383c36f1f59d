//! The expressions of a query on rows in motion: tablets of one device, one after the other.

use std::sync::Arc;

use levada_model::{Column, DataType, Tablet, quote_node};
use levada_sql::ast::{Expression, ExpressionKind, SelectColumn};

use crate::{QueryError, bind::scope::Scope, chunk::Chunk, expression::Expr};

/// The measurements of tablets, in their order: canonical names and types.
pub type RowSchema = Vec<(Arc<str>, DataType)>;

/// Columns and a condition, bound to tablets of one schema.
///
/// Each function gives a value for a row from that row alone: aggregates and functions that look at other rows are not
/// known here.
#[derive(Clone, Debug)]
pub struct RowExpressions {
    schema: RowSchema,
    columns: Vec<(Arc<str>, Expr)>,
    condition: Option<Expr>,
}

impl RowExpressions {
    /// Binds columns and a condition to the measurements of a schema. `*` stands for all of them; a name or part of one
    /// with stars for those it fits. A column is named by its alias or else by what it computes.
    ///
    /// # Errors
    /// A measurement is not in the schema (508), or types do not fit (701).
    pub fn bind(
        columns: &[SelectColumn],
        condition: Option<&Expression>,
        schema: &[(Arc<str>, DataType)],
    ) -> Result<Self, QueryError> {
        let mut scope = Scope::default();
        for (at, (name, data_type)) in schema.iter().enumerate() {
            scope.add(name.to_string(), at, *data_type);
        }
        let mut bound = Vec::new();
        for column in columns {
            if let ExpressionKind::Series(pattern) = &column.expression.kind
                && pattern.has_wildcard()
            {
                let fits = schema.iter().enumerate().filter(|(_, (name, _))| pattern.matches_nodes(&[name]));
                bound.extend(
                    fits.map(|(at, (name, data_type))| (Arc::clone(name), Expr::column(at, *data_type))),
                );
                continue;
            }
            let name = column.alias.clone().unwrap_or_else(|| column.expression.column_name());
            let name: Arc<str> = match &column.expression.kind {
                ExpressionKind::Series(_) if column.alias.is_none() => name.into(),
                _ => quote_node(&name).into(),
            };
            bound.push((name, scope.bind(&column.expression)?));
        }
        let condition = condition.map(|condition| scope.bind_condition(condition, "WHERE")).transpose()?;
        Ok(Self { schema: schema.to_vec(), columns: bound, condition })
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
                .all(|((name, data_type), column)| *name == column.name && *data_type == column.data_type)
    }

    /// The names and types of the columns that come out.
    pub fn columns(&self) -> impl Iterator<Item = (&str, DataType)> {
        self.columns.iter().map(|(name, expression)| (&**name, expression.data_type))
    }

    /// The rows of a tablet for which the condition is true, with the columns computed. A tablet without rows may come
    /// out.
    ///
    /// # Errors
    /// The tablet is of another schema, or a value cannot be computed (a text that is no number in a `cast`).
    pub fn apply(&self, tablet: &Tablet) -> Result<Tablet, QueryError> {
        if !self.fits(tablet) {
            return Err(QueryError::semantic(
                "the tablet has other measurements than the expressions were bound to",
            ));
        }
        let mut chunk = Chunk {
            times: tablet.times().clone(),
            columns: tablet.columns().iter().map(|column| Arc::clone(&column.values)).collect(),
        };
        if let Some(condition) = &self.condition {
            chunk = chunk.filter(&condition.mask(&chunk)?)?;
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
}
