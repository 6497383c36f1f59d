//! What names mean while an expression is bound.

use std::sync::Arc;

use hashbrown::HashMap;
use levada_model::DataType;
use levada_sql::ast::Expression;

/// The columns an expression may use, by what they stand for: a series, an aggregate, a call that was computed before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    columns: HashMap<Arc<str>, (usize, DataType), foldhash::fast::RandomState>,
}

impl Scope {
    /// A column stands for an expression.
    pub(crate) fn add(&mut self, expression: impl Into<Arc<str>>, column: usize, data_type: DataType) {
        self.columns.insert(expression.into(), (column, data_type));
    }

    /// The column that stands for an expression.
    pub(crate) fn find(&self, expression: &Expression) -> Option<(usize, DataType)> {
        self.columns.get(expression.column_name().as_str()).copied()
    }
}
