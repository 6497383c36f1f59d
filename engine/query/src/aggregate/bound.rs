//! An aggregate that is bound to a call.

use std::{fmt, sync::Arc};

use levada_model::DataType;
use levada_sql::ast::{Expression, Function};

use super::{Accumulator, AggregateFunction, Needs};
use crate::{QueryError, registry::Call};

/// An aggregate, bound to a call.
#[derive(Clone, Debug)]
pub(crate) struct Aggregate {
    function: Arc<dyn AggregateFunction>,
    /// The type of its value.
    pub(crate) data_type: DataType,
}

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
    pub(super) fn of(self, arguments: usize) -> Self {
        Self { arguments: Some(arguments), ..self }
    }

    /// Only so many arguments, from the first, are computed for each row.
    pub(super) fn computing(self, arguments: usize) -> Self {
        Self { computed: Some(arguments), ..self }
    }

    /// Says the same of rows that come backwards.
    pub(super) fn either_way(self) -> Self {
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
}

impl Aggregate {
    /// Binds a call of an aggregate. `shown` is the whole call.
    pub(crate) fn bind(
        definition: &AggregateDefinition,
        call: &Call<'_>,
        shown: &Expression,
    ) -> Result<Self, QueryError> {
        let actual = call.function.arguments.len();
        if let Some(expected) = definition.arguments.filter(|&expected| expected != actual) {
            return Err(QueryError::semantic(format!(
                "Error size of input expressions. expression: {}, actual size: {actual}, expected size: [{expected}].",
                shown.column_name()
            )));
        }
        let (function, data_type) = (definition.bind)(call)?;
        Ok(Self { function, data_type })
    }

    /// Whether two are one that was bound once.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.function, &other.function) && self.data_type == other.data_type
    }

    /// What of a summary it needs.
    pub(crate) fn needs(&self) -> Needs {
        self.function.needs()
    }

    /// Whether rows of several series must not be mixed.
    pub(crate) fn depends_on_order(&self) -> bool {
        self.function.depends_on_order()
    }

    /// Whether its inputs may be of other types than those it was bound to.
    pub(crate) fn mixes_types(&self) -> bool {
        self.function.mixes_types()
    }

    /// States for its groups, none as yet.
    pub(crate) fn accumulator(&self) -> Box<dyn Accumulator> {
        self.function.accumulator()
    }
}
