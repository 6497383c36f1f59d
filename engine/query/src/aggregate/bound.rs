//! An aggregate that is bound to a call.

use std::sync::Arc;

use levada_model::DataType;

use super::{Accumulator, AggregateFunction, Needs};

/// An aggregate, bound to a call.
#[derive(Clone, Debug)]
pub(crate) struct Aggregate {
    function: Arc<dyn AggregateFunction>,
    /// The type of its value.
    pub(crate) data_type: DataType,
}

impl Aggregate {
    /// What was bound, and the type of its value.
    pub(crate) fn new(function: Arc<dyn AggregateFunction>, data_type: DataType) -> Self {
        Self { function, data_type }
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
