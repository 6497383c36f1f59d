//! Which aggregates there are, what they take and what they give.

use levada_model::DataType;
use levada_sql::ast::{BinaryOperator, Constant, Expression, ExpressionKind};

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
use crate::{QueryError, functions::Call};

/// An aggregate, bound to the types of its inputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Aggregate {
    kind: Kind,
    /// The type of its value.
    pub(crate) data_type: DataType,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
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

/// The names of aggregates, with how many inputs each takes.
const NAMES: &[(&str, usize)] = &[
    ("count", 1),
    ("sum", 1),
    ("avg", 1),
    ("min_value", 1),
    ("max_value", 1),
    ("extreme", 1),
    ("first_value", 1),
    ("last_value", 1),
    ("min_time", 1),
    ("max_time", 1),
    ("time_duration", 1),
    ("mode", 1),
    ("count_if", 2),
    ("count_time", 1),
    ("stddev", 1),
    ("stddev_pop", 1),
    ("stddev_samp", 1),
    ("variance", 1),
    ("var_pop", 1),
    ("var_samp", 1),
    ("max_by", 2),
    ("min_by", 2),
];

/// Whether a function of the name, in any case, is an aggregate.
pub(crate) fn is_aggregate(name: &str) -> bool {
    NAMES.iter().any(|(each, _)| each.eq_ignore_ascii_case(name))
}

/// Whether an aggregate of the name says something else of rows that come backwards: of equally good ones the first is
/// taken, or digits are lost at other places.
pub(crate) fn reads_forwards(name: &str) -> bool {
    const FORWARDS: [&str; 9] = [
        "count_if",
        "max_by",
        "min_by",
        "stddev",
        "stddev_pop",
        "stddev_samp",
        "variance",
        "var_pop",
        "var_samp",
    ];
    FORWARDS.iter().any(|each| each.eq_ignore_ascii_case(name))
}

const COMPARABLE: &[DataType] = &[
    DataType::Int32,
    DataType::Int64,
    DataType::Float,
    DataType::Double,
    DataType::String,
    DataType::Date,
    DataType::Timestamp,
];

impl Aggregate {
    /// Binds a call whose name [`is_aggregate`] knows. `shown` is the whole call.
    pub(crate) fn bind(call: &Call<'_>, shown: &Expression) -> Result<Self, QueryError> {
        let name = call.name();
        let expected = NAMES.iter().find(|(each, _)| *each == name).map_or(1, |(_, inputs)| *inputs);
        let actual = call.function.arguments.len();
        if actual != expected {
            return Err(QueryError::semantic(format!(
                "Error size of input expressions. expression: {}, actual size: {actual}, expected size: [{expected}].",
                shown.column_name()
            )));
        }
        let input = call.types.first().copied().unwrap_or(DataType::Int64);
        let numeric = || {
            if input.is_numeric() {
                return Ok(());
            }
            Err(QueryError::semantic(
                "Aggregate functions [AVG, SUM, EXTREME, STDDEV, STDDEV_POP, STDDEV_SAMP, VARIANCE, VAR_POP, VAR_SAMP] \
                 only support numeric data types [INT32, INT64, FLOAT, DOUBLE]",
            ))
        };
        let comparable = || {
            if COMPARABLE.contains(&input) {
                return Ok(());
            }
            Err(QueryError::semantic(
                "Aggregate functions [MIN_VALUE, MAX_VALUE] only support data types [INT32, INT64, FLOAT, DOUBLE, \
                 STRING, DATE, TIMESTAMP]",
            ))
        };
        let spread = |sample, root| numeric().map(|()| (Kind::Spread { sample, root }, DataType::Double));
        let (kind, data_type) = match name.as_str() {
            "count" => (Kind::Count, DataType::Int64),
            "sum" => numeric().map(|()| (Kind::Sum, DataType::Double))?,
            "avg" => numeric().map(|()| (Kind::Avg, DataType::Double))?,
            "min_value" => comparable().map(|()| (Kind::Min, input))?,
            "max_value" => comparable().map(|()| (Kind::Max, input))?,
            "extreme" => numeric().map(|()| (Kind::Extreme, input))?,
            "first_value" => (Kind::First, input),
            "last_value" => (Kind::Last, input),
            "min_time" => (Kind::MinTime, DataType::Int64),
            "max_time" => (Kind::MaxTime, DataType::Int64),
            "time_duration" => (Kind::Duration, DataType::Int64),
            "mode" => (Kind::Mode, input),
            "count_time" => (Kind::CountTime, DataType::Int64),
            "count_if" => count_if(call, input)?,
            "stddev" | "stddev_samp" => spread(true, true)?,
            "stddev_pop" => spread(false, true)?,
            "variance" | "var_samp" => spread(true, false)?,
            "var_pop" => spread(false, false)?,
            _ => by(call, name == "max_by", input)?,
        };
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

fn count_if(call: &Call<'_>, input: DataType) -> Result<(Kind, DataType), QueryError> {
    if input != DataType::Boolean {
        return Err(QueryError::semantic(format!(
            "the first argument of {} must be a BOOLEAN, not {input}",
            call.function.name
        )));
    }
    let wrong = || call.refuse("the second argument must be a whole number or `keep` compared with one");
    let keep = match &call.function.arguments[1].kind {
        ExpressionKind::Constant(Constant::Integer { value, .. }) => {
            Keep { operator: BinaryOperator::GreaterOrEqual, rows: *value }
        }
        ExpressionKind::Binary { operator, left, right } if operator.is_comparison() => {
            let named = matches!(&left.kind, ExpressionKind::Series(name) if name.to_string().eq_ignore_ascii_case("keep"));
            match &right.kind {
                ExpressionKind::Constant(Constant::Integer { value, .. }) if named => {
                    Keep { operator: *operator, rows: *value }
                }
                _ => return Err(wrong()),
            }
        }
        _ => return Err(wrong()),
    };
    Ok((Kind::CountIf { keep, ignore_null: call.parsed("ignoreNull", true)? }, DataType::Int64))
}

fn by(call: &Call<'_>, greatest: bool, of: DataType) -> Result<(Kind, DataType), QueryError> {
    let by = call.types.get(1).copied().unwrap_or(of);
    if !COMPARABLE.contains(&by) {
        return Err(QueryError::semantic(format!(
            "the second argument of {} must be of a type that has an order, not {by}",
            call.function.name
        )));
    }
    Ok((Kind::By { greatest, by }, of))
}
