//! The built-in aggregates.

use levada_model::DataType;
use levada_sql::ast::BinaryOperator;

use super::{
    Accumulator, AggregateFunction, Needs,
    by::By,
    count::{Count, TimeOf, Times},
    edge::Edge,
    extreme::{self, Wanted},
    mode::Mode,
    moments::Moments,
    runs::Runs,
    sum::Sum,
};

/// A built-in aggregate and the type of its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BuiltIn {
    pub(crate) kind: Kind,
    pub(crate) data_type: DataType,
}

/// What is computed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
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

impl AggregateFunction for BuiltIn {
    fn needs(&self) -> Needs {
        match self.kind {
            Kind::Count | Kind::MinTime | Kind::MaxTime | Kind::Duration => Needs::Times,
            Kind::Sum | Kind::Avg => Needs::Sum,
            Kind::Min | Kind::Max | Kind::Extreme => Needs::Extremes,
            Kind::First => Needs::First,
            Kind::Last => Needs::Last,
            _ => Needs::Rows,
        }
    }

    fn depends_on_order(&self) -> bool {
        matches!(self.kind, Kind::CountIf { .. })
    }

    fn mixes_types(&self) -> bool {
        true
    }

    fn accumulator(&self) -> Box<dyn Accumulator> {
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
