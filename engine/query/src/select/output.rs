//! Columns that come out of a query, and rows on the way there.

use levada_model::DataType;
use levada_sql::ast::Expression;

use super::Planner;
use crate::{
    QueryError,
    bind::{names::Names, scope::Scope},
    node::{Column, Node},
};

/// A column that comes out: what is computed, and what it is called.
#[derive(Clone, Debug)]
pub(super) struct Output {
    pub(super) expression: Expression,
    /// The alias, or the expression's header.
    pub(super) name: String,
}

impl Output {
    /// A column of an expression, with an alias or without.
    pub(super) fn new(expression: Expression, alias: Option<&String>) -> Self {
        let name = alias.cloned().unwrap_or_else(|| expression.column_name());
        Self { expression, name }
    }
}

/// Rows, and the types of their columns.
#[derive(Debug)]
pub(super) struct Computed {
    pub(super) node: Node,
    pub(super) types: Vec<DataType>,
    /// The condition holds for no row, whatever the rows are.
    pub(super) never: bool,
}

impl Computed {
    /// Columns computed from those of a node, which has so many.
    pub(super) fn of(node: Node, columns: Vec<Column>, width: usize, never: bool) -> Self {
        let types = columns.iter().map(Column::data_type).collect();
        Self { node: node.compute(columns, width), types, never }
    }
}

/// The columns with their wildcards expanded.
pub(super) fn outputs(planner: &Planner<'_>, names: &mut Names<'_>) -> Result<Vec<Output>, QueryError> {
    let mut outputs = Vec::new();
    for column in &planner.query.columns {
        let expanded = names.expand(&column.expression)?;
        if let Some(alias) = column.alias.as_ref().filter(|_| expanded.len() > 1) {
            return Err(alias_error(alias));
        }
        outputs.extend(expanded.into_iter().map(|each| Output::new(each.expression, column.alias.as_ref())));
    }
    Ok(outputs)
}

/// The error of an alias for more than one column.
pub(super) fn alias_error(alias: &str) -> QueryError {
    QueryError::semantic(format!("alias '{alias}' can only be matched with one time series"))
}

/// A column for each expression of what a scope has.
pub(super) fn bind_columns(scope: &Scope, expressions: &[Expression]) -> Result<Vec<Column>, QueryError> {
    expressions.iter().map(|each| Ok(Column::new(scope.bind(each)?, each))).collect()
}
