//! Which aggregates there are, what they take and what they give.

use std::sync::Arc;

use levada_model::DataType;
use levada_sql::ast::{BinaryOperator, Constant, ExpressionKind};

use crate::{
    QueryError,
    aggregate::{AggregateFunction, BuiltIn, Keep, Kind},
    registry::{AggregateDefinition, Call, FunctionDefinition},
};

/// What makes of a call, and the type of its first input, what is computed and the type of that.
type Bind = fn(&Call<'_>, DataType) -> Result<(Kind, DataType), QueryError>;

/// A built-in aggregate of so many arguments.
fn of(arguments: usize, bind: Bind) -> AggregateDefinition {
    let bind = move |call: &Call<'_>| {
        let input = call.types.first().copied().unwrap_or(DataType::Int64);
        let (kind, data_type) = bind(call, input)?;
        let function: Arc<dyn AggregateFunction> = Arc::new(BuiltIn { kind, data_type });
        Ok((function, data_type))
    };
    AggregateDefinition::new(bind).of(arguments)
}

/// All of them.
pub(super) fn definitions() -> impl Iterator<Item = FunctionDefinition> {
    of_one_series().into_iter().chain(of_runs_and_pairs()).chain(spreads())
}

fn of_one_series() -> Vec<FunctionDefinition> {
    let aggregate = |name, signature, summary, bind: Bind| {
        FunctionDefinition::built_in_aggregate(name, signature, summary, of(1, bind).either_way())
    };
    vec![
        aggregate("count", "(any): INT64", "How many values there are.", |_, _| {
            Ok((Kind::Count, DataType::Int64))
        }),
        aggregate("sum", "(number): DOUBLE", "The sum.", |_, input| {
            numeric(input, Kind::Sum, DataType::Double)
        }),
        aggregate("avg", "(number): DOUBLE", "The mean.", |_, input| {
            numeric(input, Kind::Avg, DataType::Double)
        }),
        aggregate("min_value", "(ordered): like ordered", "The least value.", |_, input| {
            comparable(input, Kind::Min)
        }),
        aggregate("max_value", "(ordered): like ordered", "The greatest value.", |_, input| {
            comparable(input, Kind::Max)
        }),
        aggregate("extreme", "(number): like number", "The value that is farthest from 0.", |_, input| {
            numeric(input, Kind::Extreme, input)
        }),
        aggregate("first_value", "(any): like any", "The value of the first time.", |_, input| {
            Ok((Kind::First, input))
        }),
        aggregate("last_value", "(any): like any", "The value of the last time.", |_, input| {
            Ok((Kind::Last, input))
        }),
        aggregate("min_time", "(any): INT64", "The first time of a value.", |_, _| {
            Ok((Kind::MinTime, DataType::Int64))
        }),
        aggregate("max_time", "(any): INT64", "The last time of a value.", |_, _| {
            Ok((Kind::MaxTime, DataType::Int64))
        }),
        aggregate("time_duration", "(any): INT64", "The time from the first value to the last.", |_, _| {
            Ok((Kind::Duration, DataType::Int64))
        }),
        aggregate("mode", "(any): like any", "The value that is there most often.", |_, input| {
            Ok((Kind::Mode, input))
        }),
    ]
}

fn of_runs_and_pairs() -> Vec<FunctionDefinition> {
    let of_two = |name, summary, bind: Bind| {
        FunctionDefinition::built_in_aggregate(name, "(any, ordered): like any", summary, of(2, bind))
    };
    vec![
        FunctionDefinition::built_in_aggregate(
            "count_time",
            "(*): INT64",
            "How many times there are at which any of the series has a value.",
            of(1, |_, _| Ok((Kind::CountTime, DataType::Int64))).computing(0).either_way(),
        ),
        FunctionDefinition::built_in_aggregate(
            "count_if",
            "(BOOLEAN, keep >= 3[, 'ignoreNull'='false']): INT64",
            "How many runs of true there are that are long enough; a number alone is the least length.",
            of(2, count_if).computing(1),
        ),
        of_two("max_by", "The first input where the second is greatest.", |call, input| {
            by(call, input, true)
        }),
        of_two("min_by", "The first input where the second is least.", |call, input| by(call, input, false)),
    ]
}

fn spreads() -> impl Iterator<Item = FunctionDefinition> {
    const DEVIATION: &str = "The standard deviation of a sample.";
    const VARIANCE: &str = "The variance of a sample.";
    let all: [(_, _, Bind); 6] = [
        ("stddev", DEVIATION, |_, input| spread(input, true, true)),
        ("stddev_pop", "The standard deviation of all there is.", |_, input| spread(input, false, true)),
        ("stddev_samp", DEVIATION, |_, input| spread(input, true, true)),
        ("variance", VARIANCE, |_, input| spread(input, true, false)),
        ("var_pop", "The variance of all there is.", |_, input| spread(input, false, false)),
        ("var_samp", VARIANCE, |_, input| spread(input, true, false)),
    ];
    all.into_iter().map(|(name, summary, bind)| {
        FunctionDefinition::built_in_aggregate(name, "(number): DOUBLE", summary, of(1, bind))
    })
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

fn numeric(input: DataType, kind: Kind, result: DataType) -> Result<(Kind, DataType), QueryError> {
    if input.is_numeric() {
        return Ok((kind, result));
    }
    Err(QueryError::semantic(
        "Aggregate functions [AVG, SUM, EXTREME, STDDEV, STDDEV_POP, STDDEV_SAMP, VARIANCE, VAR_POP, VAR_SAMP] \
         only support numeric data types [INT32, INT64, FLOAT, DOUBLE]",
    ))
}

fn comparable(input: DataType, kind: Kind) -> Result<(Kind, DataType), QueryError> {
    if COMPARABLE.contains(&input) {
        return Ok((kind, input));
    }
    Err(QueryError::semantic(
        "Aggregate functions [MIN_VALUE, MAX_VALUE] only support data types [INT32, INT64, FLOAT, DOUBLE, \
         STRING, DATE, TIMESTAMP]",
    ))
}

fn spread(input: DataType, sample: bool, root: bool) -> Result<(Kind, DataType), QueryError> {
    numeric(input, Kind::Spread { sample, root }, DataType::Double)
}

fn count_if(call: &Call<'_>, input: DataType) -> Result<(Kind, DataType), QueryError> {
    if input != DataType::Boolean {
        return Err(QueryError::semantic(format!(
            "the first argument of {} must be a BOOLEAN, not {input}",
            call.function.name
        )));
    }
    let wrong = || call.reject("the second argument must be a whole number or `keep` compared with one");
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

fn by(call: &Call<'_>, of: DataType, greatest: bool) -> Result<(Kind, DataType), QueryError> {
    let by = call.types.get(1).copied().unwrap_or(of);
    if !COMPARABLE.contains(&by) {
        return Err(QueryError::semantic(format!(
            "the second argument of {} must be of a type that has an order, not {by}",
            call.function.name
        )));
    }
    Ok((Kind::By { greatest, by }, of))
}
