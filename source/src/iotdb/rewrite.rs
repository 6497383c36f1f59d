//! The statement of a part: the user's own text, with another `from` and a narrower time.
//!
//! Nothing else of the text is touched; the condition is printed from what was understood, so that `now()` in it is a moment.

use std::ops::Range;

use levada_connector_api::model::Path;
use levada_sql::{
    ast::{BinaryOperator, Constant, Expression, ExpressionKind},
    path_sql,
};

use super::query::Query;

impl Query {
    /// The times that its condition leaves, as far as comparisons that must all hold say.
    pub(super) fn times(&self) -> Range<i64> {
        self.select.condition.as_ref().map_or(i64::MIN..i64::MAX, times_of)
    }

    /// The statement for one device, or for all of them, and for times within a range; an end that says nothing is left out.
    pub(super) fn part(&self, device: Option<&Path>, times: &Range<i64>) -> String {
        let Some((first, last)) = self.select.from.first().zip(self.select.from.last()) else {
            return self.text.clone();
        };
        let (from, mut behind) = (first.span.start, last.span.end);
        let mut conditions = Vec::new();
        if let Some(condition) = &self.select.condition {
            behind = condition.span.end;
            conditions.push(in_numbers(condition.clone()).to_string());
        }
        if times.start > i64::MIN {
            conditions.push(format!("time >= {}", times.start));
        }
        if times.end < i64::MAX {
            conditions.push(format!("time < {}", times.end));
        }
        if let [own, _, ..] = conditions.as_mut_slice()
            && self.select.condition.is_some()
        {
            *own = format!("({own})");
        }
        let slice = |range: Range<usize>| self.text.get(range).unwrap_or_default();
        let devices = match device {
            Some(device) => path_sql(device.as_str()).into_owned(),
            None => slice(from..last.span.end).to_owned(),
        };
        let wanted = if conditions.is_empty() { "" } else { " where " };
        format!(
            "{}{devices}{wanted}{}{}",
            slice(0..from),
            conditions.join(" and "),
            slice(behind..self.text.len())
        )
    }
}

/// A condition with its moments as numbers, which every store reads alike.
fn in_numbers(mut condition: Expression) -> Expression {
    if let ExpressionKind::Constant(Constant::Time(millis)) = condition.kind {
        let number = Constant::Integer { value: millis, text: millis.to_string() };
        condition.kind = ExpressionKind::Constant(number);
    }
    for child in condition.children_mut() {
        *child = in_numbers(child.clone());
    }
    condition
}

/// The times that a condition leaves.
fn times_of(condition: &Expression) -> Range<i64> {
    let all = i64::MIN..i64::MAX;
    match &condition.kind {
        ExpressionKind::Binary { operator: BinaryOperator::And, left, right } => {
            let (left, right) = (times_of(left), times_of(right));
            left.start.max(right.start)..left.end.min(right.end)
        }
        ExpressionKind::Binary { operator, left, right } => {
            let (operator, bound) = match (&left.kind, &right.kind) {
                (ExpressionKind::Time, ExpressionKind::Constant(bound)) => (*operator, bound),
                (ExpressionKind::Constant(bound), ExpressionKind::Time) => (operator.mirrored(), bound),
                _ => return all,
            };
            let (Constant::Time(bound) | Constant::Integer { value: bound, .. }) = *bound else { return all };
            match operator {
                BinaryOperator::Greater => bound.saturating_add(1)..all.end,
                BinaryOperator::GreaterOrEqual => bound..all.end,
                BinaryOperator::Less => all.start..bound,
                BinaryOperator::LessOrEqual => all.start..bound.saturating_add(1),
                BinaryOperator::Equal => bound..bound.saturating_add(1),
                _ => all,
            }
        }
        _ => all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_follow_from_comparisons_that_must_all_hold() {
        let times = |condition: &str| {
            let text = format!("select s from root.d where {condition}");
            Query::parse(&text, 0).expect(condition).times()
        };
        assert_eq!(times("time >= 5 and (10 > time and s > 3)"), 5..10);
        assert_eq!(times("time > 5 and time <= 9"), 6..10);
        assert_eq!(times("time = 5"), 5..6);
        assert_eq!(times("time > 5 or s > 3"), i64::MIN..i64::MAX);
    }

    fn part(text: &str, device: Option<&str>, times: Range<i64>) -> String {
        let device = device.map(|device| Path::parse(device).expect("legal"));
        let query = Query::parse(text, 1_000).expect(text);
        let part = query.part(device.as_ref(), &times);
        Query::parse(&part, 0).unwrap_or_else(|error| panic!("{part}: {error}"));
        part
    }

    #[test]
    fn a_part_has_its_device_and_its_time() {
        let all = i64::MIN..i64::MAX;
        let text = "\n  select s1 from root.a.**, root.b align by device;\n";
        assert_eq!(part(text, None, all.clone()), "select s1 from root.a.**, root.b align by device");
        assert_eq!(part(text, Some("root.a.`d 1`"), all), "select s1 from root.a.`d 1` align by device");
        assert_eq!(
            part(text, None, 5..9),
            "select s1 from root.a.**, root.b where time >= 5 and time < 9 align by device"
        );
    }

    #[test]
    fn a_condition_keeps_its_meaning_and_its_moment() {
        let text = "select s1 from root.a where (s1 > 1 or s2 < 2) align by device";
        assert_eq!(
            part(text, Some("root.a"), 5..i64::MAX),
            "select s1 from root.a where (s1 > 1 or s2 < 2) and time >= 5 align by device"
        );
        assert_eq!(
            part(text, Some("root.b"), i64::MIN..i64::MAX),
            "select s1 from root.b where s1 > 1 or s2 < 2 align by device"
        );
        let text = "select s1 from root.a where time > now() - 1s or (s1 = 1)";
        assert_eq!(
            part(text, None, i64::MIN..7),
            "select s1 from root.a where (time > 0 or s1 = 1) and time < 7"
        );
    }
}
