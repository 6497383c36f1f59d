//! What a condition says about time, so that a scan reads no more than it must.

use levada_sql::ast::{BinaryOperator, Constant, Expression, ExpressionKind};
use levada_storage::TimeRange;

/// A condition as the times it can hold at, and what is to be tested beyond that.
#[derive(Clone, Debug)]
pub(crate) struct Split {
    pub(crate) range: TimeRange,
    /// `None` where the range says it all.
    pub(crate) rest: Option<Expression>,
}

const NONE: TimeRange = TimeRange { start: i64::MAX, end: i64::MIN };

/// Splits a condition; a condition on time alone that is no single range stays in the rest.
pub(crate) fn split(condition: Option<&Expression>) -> Split {
    let mut range = TimeRange::ALL;
    let mut rest: Option<Expression> = None;
    if let Some(condition) = condition {
        let mut parts = Vec::new();
        conjuncts(condition, &mut parts);
        for part in parts {
            match exact(part) {
                Some(times) => range = range.intersect(times),
                None => {
                    range = range.intersect(hull(part));
                    rest = Some(match rest {
                        None => part.clone(),
                        Some(before) => Expression::synthetic(ExpressionKind::Binary {
                            operator: BinaryOperator::And,
                            left: Box::new(before),
                            right: Box::new(part.clone()),
                        }),
                    });
                }
            }
        }
    }
    Split { range, rest }
}

fn conjuncts<'a>(condition: &'a Expression, into: &mut Vec<&'a Expression>) {
    match &condition.kind {
        ExpressionKind::Binary { operator: BinaryOperator::And, left, right } => {
            conjuncts(left, into);
            conjuncts(right, into);
        }
        _ => into.push(condition),
    }
}

/// The times at which a condition holds, where they are one range and the condition is about nothing else.
fn exact(condition: &Expression) -> Option<TimeRange> {
    match &condition.kind {
        ExpressionKind::Binary { operator, left, right } => {
            let (operator, time) = match (&left.kind, &right.kind) {
                (ExpressionKind::Time, ExpressionKind::Constant(constant)) => (*operator, whole(constant)?),
                (ExpressionKind::Constant(constant), ExpressionKind::Time) => {
                    (operator.mirrored(), whole(constant)?)
                }
                _ => return None,
            };
            compared(operator, time)
        }
        ExpressionKind::Between { operand, low, high, negated: false } => {
            match (&operand.kind, &low.kind, &high.kind) {
                (ExpressionKind::Time, ExpressionKind::Constant(low), ExpressionKind::Constant(high)) => {
                    Some(TimeRange { start: whole(low)?, end: whole(high)? })
                }
                _ => None,
            }
        }
        ExpressionKind::Constant(Constant::Boolean(true)) => Some(TimeRange::ALL),
        ExpressionKind::Constant(Constant::Boolean(false)) => Some(NONE),
        _ => None,
    }
}

fn compared(operator: BinaryOperator, time: i64) -> Option<TimeRange> {
    Some(match operator {
        BinaryOperator::Equal => TimeRange { start: time, end: time },
        BinaryOperator::Less => match time.checked_sub(1) {
            Some(end) => TimeRange { start: i64::MIN, end },
            None => NONE,
        },
        BinaryOperator::LessOrEqual => TimeRange { start: i64::MIN, end: time },
        BinaryOperator::Greater => match time.checked_add(1) {
            Some(start) => TimeRange { start, end: i64::MAX },
            None => NONE,
        },
        BinaryOperator::GreaterOrEqual => TimeRange { start: time, end: i64::MAX },
        _ => return None,
    })
}

fn whole(constant: &Constant) -> Option<i64> {
    match constant {
        Constant::Integer { value, .. } | Constant::Time(value) => Some(*value),
        _ => None,
    }
}

/// A range outside of which a condition cannot hold.
fn hull(condition: &Expression) -> TimeRange {
    if let Some(range) = exact(condition) {
        return range;
    }
    match &condition.kind {
        ExpressionKind::Binary { operator: BinaryOperator::And, left, right } => {
            hull(left).intersect(hull(right))
        }
        ExpressionKind::Binary { operator: BinaryOperator::Or, left, right } => {
            cover(hull(left), hull(right))
        }
        ExpressionKind::In { operand, values, negated: false } if operand.kind == ExpressionKind::Time => {
            let times: Option<Vec<i64>> = values.iter().map(whole).collect();
            times.map_or(TimeRange::ALL, |times| {
                times.into_iter().fold(NONE, |range, time| cover(range, TimeRange { start: time, end: time }))
            })
        }
        _ => TimeRange::ALL,
    }
}

fn cover(a: TimeRange, b: TimeRange) -> TimeRange {
    if a.is_empty() {
        return b;
    }
    if b.is_empty() {
        return a;
    }
    a.hull(b)
}
