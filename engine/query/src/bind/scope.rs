//! What names mean while an expression is bound.

use std::sync::Arc;

use hashbrown::HashMap;
use levada_model::DataType;
use levada_sql::ast::{Expression, ExpressionKind, SeriesName};

use crate::FunctionRegistry;

/// The columns and functions an expression may use: columns by what they stand for: a series, an aggregate, a call that was computed before.
///
/// What they stand for is told by its SQL, which no two expressions share. Headers would not do: `a - (b - c)` and
/// `a - b - c` have the same.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    columns: HashMap<Arc<str>, (usize, DataType), foldhash::fast::RandomState>,
    functions: Arc<FunctionRegistry>,
}

impl Scope {
    /// Without columns.
    pub(crate) fn new(functions: &Arc<FunctionRegistry>) -> Self {
        Self { columns: HashMap::default(), functions: Arc::clone(functions) }
    }

    /// The functions.
    pub(crate) fn functions(&self) -> &Arc<FunctionRegistry> {
        &self.functions
    }

    /// A column stands for an expression.
    pub(crate) fn add(&mut self, expression: &Expression, column: usize, data_type: DataType) {
        self.add_sql(expression.to_string().into(), column, data_type);
    }

    /// A column stands for a series.
    pub(crate) fn add_series(&mut self, name: &SeriesName, column: usize, data_type: DataType) {
        self.add(&Expression::synthetic(ExpressionKind::Series(name.clone())), column, data_type);
    }

    /// A column stands for the expression with this SQL.
    pub(crate) fn add_sql(&mut self, sql: Arc<str>, column: usize, data_type: DataType) {
        self.columns.insert(sql, (column, data_type));
    }

    /// The column that stands for an expression.
    pub(crate) fn find(&self, expression: &Expression) -> Option<(usize, DataType)> {
        self.columns.get(expression.to_string().as_str()).copied()
    }
}
