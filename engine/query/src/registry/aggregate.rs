//! What the registry knows of an aggregate.

use std::{fmt, sync::Arc};

use levada_model::DataType;
use levada_sql::ast::{Expression, Function};

use super::Call;
use crate::{
    QueryError,
    aggregate::{Aggregate, AggregateFunction},
};

/// What makes of a call what is computed, and the type of that.
type Bind = dyn Fn(&Call<'_>) -> Result<(Arc<dyn AggregateFunction>, DataType), QueryError> + Send + Sync;

/// What the registry knows of an aggregate.
#[derive(Clone)]
pub(crate) struct AggregateDefinition {
    /// How many arguments a call has; `None` where its binder says.
    arguments: Option<usize>,
    /// How many of them, from the first, are computed for each row; all where `None`.
    computed: Option<usize>,
    /// Whether it says something else of rows that come backwards: of equally good ones the first is taken, or digits are
    /// lost at other places.
    pub(crate) reads_forwards: bool,
    bind: Arc<Bind>,
}

impl fmt::Debug for AggregateDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AggregateDefinition").field("arguments", &self.arguments).finish_non_exhaustive()
    }
}

impl AggregateDefinition {
    /// An aggregate of which nothing is known: its binder checks a call's arguments, and rows come oldest first.
    pub(crate) fn new(
        bind: impl Fn(&Call<'_>) -> Result<(Arc<dyn AggregateFunction>, DataType), QueryError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self { arguments: None, computed: None, reads_forwards: true, bind: Arc::new(bind) }
    }

    /// Takes so many arguments.
    pub(crate) fn of(self, arguments: usize) -> Self {
        Self { arguments: Some(arguments), ..self }
    }

    /// Only so many arguments, from the first, are computed for each row.
    pub(crate) fn computing(self, arguments: usize) -> Self {
        Self { computed: Some(arguments), ..self }
    }

    /// Says the same of rows that come backwards.
    pub(crate) fn either_way(self) -> Self {
        Self { reads_forwards: false, ..self }
    }

    /// How many arguments of a call are computed for each row.
    pub(crate) fn inputs(&self, call: &Function) -> usize {
        call.arguments.len().min(self.computed.unwrap_or(usize::MAX))
    }

    /// Whether it is computed from all that is in a call, so that statistics of a series may do.
    pub(crate) fn is_of_all_arguments(&self) -> bool {
        self.computed.is_none()
    }

    /// Whether a call may have one argument.
    pub(crate) fn takes_one(&self) -> bool {
        self.arguments.is_none_or(|arguments| arguments == 1)
    }

    /// Binds a call of it. `shown` is the whole call.
    pub(crate) fn bind(&self, call: &Call<'_>, shown: &Expression) -> Result<Aggregate, QueryError> {
        let actual = call.function.arguments.len();
        if let Some(expected) = self.arguments.filter(|&expected| expected != actual) {
            return Err(QueryError::semantic(format!(
                "Error size of input expressions. expression: {}, actual size: {actual}, expected size: [{expected}].",
                shown.column_name()
            )));
        }
        let (function, data_type) = self.function(call)?;
        Ok(Aggregate::new(function, data_type))
    }

    /// What computes a call of it, whose arguments were counted.
    pub(crate) fn function(
        &self,
        call: &Call<'_>,
    ) -> Result<(Arc<dyn AggregateFunction>, DataType), QueryError> {
        (self.bind)(call)
    }
}
