//! What names mean while an expression is bound.

use std::sync::Arc;

use hashbrown::HashMap;
use levada_model::DataType;
use levada_sql::ast::{Expression, ExpressionKind, SeriesName};

use crate::FunctionRegistry;

/// The columns and functions an expression may use: columns by what they stand for: a series, an aggregate, a call that was computed before.
///
/// A series is known by its name; a call by its SQL, which no two share. Headers would not do: `a - (b - c)` and `a - b - c`
/// have the same.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    series: HashMap<SeriesName, (usize, DataType), foldhash::fast::RandomState>,
    calls: HashMap<Arc<str>, (usize, DataType), foldhash::fast::RandomState>,
    functions: Arc<FunctionRegistry>,
}

impl Scope {
    /// Without columns.
    pub(crate) fn new(functions: &Arc<FunctionRegistry>) -> Self {
        Self { series: HashMap::default(), calls: HashMap::default(), functions: Arc::clone(functions) }
    }

    /// The functions.
    pub(crate) fn functions(&self) -> &Arc<FunctionRegistry> {
        &self.functions
    }

    /// A column stands for a series or a call.
    pub(crate) fn add(&mut self, expression: &Expression, column: usize, data_type: DataType) {
        match &expression.kind {
            ExpressionKind::Series(name) => self.add_series(name, column, data_type),
            _ => self.add_call(expression.to_string().into(), column, data_type),
        }
    }

    /// A column stands for a series.
    pub(crate) fn add_series(&mut self, name: &SeriesName, column: usize, data_type: DataType) {
        self.series.insert(name.clone(), (column, data_type));
    }

    /// A column stands for the call with this SQL.
    pub(crate) fn add_call(&mut self, sql: Arc<str>, column: usize, data_type: DataType) {
        self.calls.insert(sql, (column, data_type));
    }

    /// The column that stands for an expression.
    pub(crate) fn find(&self, expression: &Expression) -> Option<(usize, DataType)> {
        match &expression.kind {
            ExpressionKind::Series(name) => self.series.get(name).copied(),
            _ if self.calls.is_empty() => None,
            _ => self.calls.get(expression.to_string().as_str()).copied(),
        }
    }
}
