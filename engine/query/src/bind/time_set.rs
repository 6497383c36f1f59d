//! The times at which a condition on the time alone holds.

use levada_sql::ast::{BinaryOperator, Constant, Expression, ExpressionKind, UnaryOperator};
use levada_storage::TimeRange;

/// Times: ranges that neither touch nor overlap, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TimeSet(Vec<TimeRange>);

impl TimeSet {
    /// Every time.
    pub(crate) fn all() -> Self {
        Self(vec![TimeRange::ALL])
    }

    /// The times at which a condition holds; `None` where it is about something else than the time.
    pub(crate) fn of(condition: &Expression) -> Option<Self> {
        match &condition.kind {
            ExpressionKind::Constant(Constant::Boolean(true)) => Some(Self::all()),
            ExpressionKind::Constant(Constant::Boolean(false)) => Some(Self(Vec::new())),
            ExpressionKind::Unary { operator: UnaryOperator::Not, operand } => {
                Self::of(operand).map(Self::complement)
            }
            ExpressionKind::Binary { operator: BinaryOperator::And, left, right } => {
                // What holds in both is what is missing in neither.
                let missing = Self::of(left)?.complement().union(Self::of(right)?.complement());
                Some(missing.complement())
            }
            ExpressionKind::Binary { operator: BinaryOperator::Or, left, right } => {
                Some(Self::of(left)?.union(Self::of(right)?))
            }
            ExpressionKind::Binary { operator, left, right } => match (&left.kind, &right.kind) {
                (ExpressionKind::Time, ExpressionKind::Constant(time)) => Self::compared(*operator, time),
                (ExpressionKind::Constant(time), ExpressionKind::Time) => {
                    Self::compared(operator.mirrored(), time)
                }
                _ => None,
            },
            ExpressionKind::Between { operand, low, high, negated } => {
                match (&operand.kind, &low.kind, &high.kind) {
                    (ExpressionKind::Time, ExpressionKind::Constant(low), ExpressionKind::Constant(high)) => {
                        let between = TimeRange { start: millis(low)?, end: millis(high)? };
                        Some(Self::ranges(vec![between]).negated_if(*negated))
                    }
                    _ => None,
                }
            }
            ExpressionKind::In { operand, values, negated } if operand.kind == ExpressionKind::Time => {
                let times: Option<Vec<i64>> = values.iter().map(millis).collect();
                let ranges = times?.into_iter().map(|time| TimeRange { start: time, end: time }).collect();
                Some(Self::ranges(ranges).negated_if(*negated))
            }
            _ => None,
        }
    }

    fn compared(operator: BinaryOperator, time: &Constant) -> Option<Self> {
        let time = millis(time)?;
        let only = || Self(vec![TimeRange { start: time, end: time }]);
        let before =
            || Self(time.checked_sub(1).map(|end| TimeRange { start: i64::MIN, end }).into_iter().collect());
        Some(match operator {
            BinaryOperator::Equal => only(),
            BinaryOperator::NotEqual => only().complement(),
            BinaryOperator::Less => before(),
            BinaryOperator::GreaterOrEqual => before().complement(),
            BinaryOperator::LessOrEqual => before().union(only()),
            BinaryOperator::Greater => before().union(only()).complement(),
            _ => return None,
        })
    }

    /// Of ranges that may be empty, overlap and come in any order.
    fn ranges(mut ranges: Vec<TimeRange>) -> Self {
        ranges.retain(|range| !range.is_empty());
        ranges.sort_by_key(|range| range.start);
        let mut merged: Vec<TimeRange> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(last) if range.start <= last.end.saturating_add(1) => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        Self(merged)
    }

    fn union(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        Self::ranges(self.0)
    }

    fn complement(self) -> Self {
        let mut gaps = Vec::with_capacity(self.0.len() + 1);
        let mut start = Some(i64::MIN);
        for range in self.0 {
            if let (Some(start), Some(end)) = (start, range.start.checked_sub(1)) {
                gaps.push(TimeRange { start, end });
            }
            start = range.end.checked_add(1);
        }
        gaps.extend(start.map(|start| TimeRange { start, end: i64::MAX }));
        Self::ranges(gaps)
    }

    fn negated_if(self, negated: bool) -> Self {
        if negated { self.complement() } else { self }
    }

    /// The ranges, oldest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = TimeRange> + '_ {
        self.0.iter().copied()
    }

    /// The time, where it is one alone.
    pub(crate) fn only_time(&self) -> Option<i64> {
        match self.0.as_slice() {
            [TimeRange { start, end }] if start == end => Some(*start),
            _ => None,
        }
    }

    /// Whether it is every time.
    pub(crate) fn is_all(&self) -> bool {
        self.0 == [TimeRange::ALL]
    }
}

fn millis(constant: &Constant) -> Option<i64> {
    match constant {
        Constant::Integer { value, .. } | Constant::Time(value) => Some(*value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use levada_sql::{ParseContext, parse_expression};
    use proptest::prelude::*;

    use super::*;

    fn set(condition: &str) -> Option<Vec<(i64, i64)>> {
        let context = ParseContext { zone: jiff::tz::TimeZone::UTC, now: 0 };
        let condition = parse_expression(condition, &context).expect("a condition");
        TimeSet::of(&condition).map(|set| set.iter().map(|range| (range.start, range.end)).collect())
    }

    const MIN: i64 = i64::MIN;
    const MAX: i64 = i64::MAX;

    #[test]
    fn conditions_on_the_time_are_sets_of_ranges() {
        for (condition, ranges) in [
            ("time != 2", vec![(MIN, 1), (3, MAX)]),
            ("time in (5, 1, 2)", vec![(1, 2), (5, 5)]),
            ("time not in (1)", vec![(MIN, 0), (2, MAX)]),
            ("time < 2 or 100 < time", vec![(MIN, 1), (101, MAX)]),
            ("not (time > 1)", vec![(MIN, 1)]),
            ("time not between 3 and 5", vec![(MIN, 2), (6, MAX)]),
            ("time between 5 and 3", vec![]),
            ("time >= 3 and time != 4 and time <= 6", vec![(3, 3), (5, 6)]),
            ("time < 5 or time >= 5", vec![(MIN, MAX)]),
            ("time > 9223372036854775807", vec![]),
            ("time >= -9223372036854775808", vec![(MIN, MAX)]),
        ] {
            assert_eq!(set(condition), Some(ranges), "{condition}");
        }
        for condition in ["s > 1", "time + 1 > 2", "time > 1 or s > 1", "time in ('x')", "time > 1.5"] {
            assert_eq!(set(condition), None, "{condition}");
        }
    }

    proptest! {
        #[test]
        fn a_time_is_in_the_set_exactly_where_the_condition_holds(a in -3i64..3, b in -3i64..3, time in -4i64..4) {
            let holds = |condition: &str| {
                set(condition).expect("about the time").iter().any(|(start, end)| (*start..=*end).contains(&time))
            };
            prop_assert_eq!(holds(&format!("time < {a} or time > {b}")), time < a || time > b);
            prop_assert_eq!(holds(&format!("not (time >= {a} and time <= {b})")), !(time >= a && time <= b));
            prop_assert_eq!(holds(&format!("time != {a} and time in ({a}, {b})")), time != a && time == b);
        }
    }
}
