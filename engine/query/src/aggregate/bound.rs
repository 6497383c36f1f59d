//! An aggregate that is bound: what it needs, and its states.

use levada_model::DataType;
use levada_sql::ast::{BinaryOperator, Expression, Function};

use super::{
    Accumulator, Needs,
    by::By,
    count::{Count, TimeOf, Times},
    edge::Edge,
    extreme::{self, Wanted},
    mode::Mode,
    moments::Moments,
    runs::Runs,
    sum::Sum,
};
use crate::{QueryError, registry::Call};

/// An aggregate, bound to the types of its inputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Aggregate {
    kind: Kind,
    /// The type of its value.
    pub(crate) data_type: DataType,
}

/// What is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Count,
    Sum,
    Avg,
    Min,
    Max,
    Extreme,
    First,
    Last,
    MinTime,
    MaxTime,
    Duration,
    Mode,
    CountIf { keep: Keep, ignore_null: bool },
    CountTime,
    Spread { sample: bool, root: bool },
    By { greatest: bool, by: DataType },
}

/// How long a run must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Keep {
    pub(crate) operator: BinaryOperator,
    pub(crate) rows: i64,
}

impl Keep {
    /// Whether a run of so many rows is counted.
    pub(crate) fn holds(self, rows: i64) -> bool {
        match self.operator {
            BinaryOperator::Greater => rows > self.rows,
            BinaryOperator::Less => rows < self.rows,
            BinaryOperator::LessOrEqual => rows <= self.rows,
            BinaryOperator::Equal => rows == self.rows,
            BinaryOperator::NotEqual => rows != self.rows,
            _ => rows >= self.rows,
        }
    }
}

/// What makes of a call, and the type of its first input, what is computed and the type of that.
pub(super) type Bind = fn(&Call<'_>, DataType) -> Result<(Kind, DataType), QueryError>;

/// What the registry knows of an aggregate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AggregateDefinition {
    /// How many arguments a call has.
    pub(super) arguments: usize,
    /// How many of them, from the first, are computed for each row; all where `None`.
    pub(super) computed: Option<usize>,
    /// Whether it says something else of rows that come backwards: of equally good ones the first is taken, or digits are
    /// lost at other places.
    pub(crate) reads_forwards: bool,
    pub(super) bind: Bind,
}

impl AggregateDefinition {
    /// How many arguments of a call are computed for each row.
    pub(crate) fn inputs(&self, call: &Function) -> usize {
        call.arguments.len().min(self.computed.unwrap_or(usize::MAX))
    }

    /// Whether it is computed from all that is in a call, so that statistics of a series may do.
    pub(crate) fn is_of_all_arguments(&self) -> bool {
        self.computed.is_none()
    }
}

impl Aggregate {
    /// Binds a call of an aggregate. `shown` is the whole call.
    pub(crate) fn bind(
        definition: &AggregateDefinition,
        call: &Call<'_>,
        shown: &Expression,
    ) -> Result<Self, QueryError> {
        let (expected, actual) = (definition.arguments, call.function.arguments.len());
        if actual != expected {
            return Err(QueryError::semantic(format!(
                "Error size of input expressions. expression: {}, actual size: {actual}, expected size: [{expected}].",
                shown.column_name()
            )));
        }
        let input = call.types.first().copied().unwrap_or(DataType::Int64);
        let (kind, data_type) = (definition.bind)(call, input)?;
        Ok(Self { kind, data_type })
    }

    /// What of a summary it needs.
    pub(crate) fn needs(&self) -> Needs {
        match self.kind {
            Kind::Count | Kind::MinTime | Kind::MaxTime | Kind::Duration => Needs::Times,
            Kind::Sum | Kind::Avg => Needs::Sum,
            Kind::Min | Kind::Max | Kind::Extreme => Needs::Extremes,
            Kind::First => Needs::First,
            Kind::Last => Needs::Last,
            _ => Needs::Rows,
        }
    }

    /// Whether rows of several series must not be mixed.
    pub(crate) fn depends_on_order(&self) -> bool {
        matches!(self.kind, Kind::CountIf { .. })
    }

    /// States for its groups, none as yet.
    pub(crate) fn accumulator(&self) -> Box<dyn Accumulator> {
        match self.kind {
            Kind::Count | Kind::CountTime => Box::new(Count::default()),
            Kind::Sum => Box::new(Sum::new(false)),
            Kind::Avg => Box::new(Sum::new(true)),
            Kind::Min => extreme::accumulator(Wanted::Least, self.data_type),
            Kind::Max => extreme::accumulator(Wanted::Greatest, self.data_type),
            Kind::Extreme => extreme::accumulator(Wanted::Farthest, self.data_type),
            Kind::First => Box::new(Edge::new(false, self.data_type)),
            Kind::Last => Box::new(Edge::new(true, self.data_type)),
            Kind::MinTime => Box::new(Times::new(TimeOf::First)),
            Kind::MaxTime => Box::new(Times::new(TimeOf::Last)),
            Kind::Duration => Box::new(Times::new(TimeOf::Between)),
            Kind::Mode => Box::new(Mode::new(self.data_type)),
            Kind::CountIf { keep, ignore_null } => Box::new(Runs::new(keep, ignore_null)),
            Kind::Spread { sample, root } => Box::new(Moments::new(sample, root)),
            Kind::By { greatest, by } => Box::new(By::new(greatest, self.data_type, by)),
        }
    }
}
