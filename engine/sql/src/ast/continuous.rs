//! Continuous queries: a query that runs again and again, each time over another range of time, and whose rows are written.

use super::{BinaryOperator, Constant, Expression, ExpressionKind, Select, WindowBounds};

/// A statement about one continuous query.
#[derive(Clone, Debug, PartialEq)]
pub enum ChangeCq {
    /// `create cq`
    Create(Box<CreateCq>),
    /// `drop cq mean`
    Drop {
        /// Its name.
        name: String,
    },
}

/// `create cq mean resample every 1h begin select avg(s) into root.b.d(mean) from root.a.d group by (10m) end`
#[derive(Clone, Debug, PartialEq)]
pub struct CreateCq {
    /// Its name.
    pub name: String,
    /// When it runs, and over which range.
    pub schedule: CqSchedule,
    /// The query. It has an `into`, and says nothing of time.
    pub select: Select,
}

/// When a continuous query runs, and over which range. All are milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CqSchedule {
    /// From one run to the next; at least [`CqSchedule::LEAST_EVERY`].
    pub every: i64,
    /// The first moment at which it may run, since 1970 UTC. The others follow it at intervals of `every`.
    pub boundary: i64,
    /// How long before its moment the range of a run begins; not less than `every`.
    pub from: i64,
    /// How long before its moment the range of a run ends, which is not part of it; less than `from`.
    pub to: i64,
    /// What is done about runs that are late.
    pub policy: CqPolicy,
}

/// What is done about runs whose moment has come while an earlier run is under way, or nothing runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CqPolicy {
    /// They run later, one after the other.
    #[default]
    Blocked,
    /// They are left out.
    Discard,
}

impl CqSchedule {
    /// The least `every`.
    pub const LEAST_EVERY: i64 = 1_000;

    /// The first moment of a run that is not before `now`.
    pub fn first(&self, now: i64) -> i64 {
        if now <= self.boundary {
            return self.boundary;
        }
        let since = i128::from(now) - i128::from(self.boundary);
        let every = i128::from(self.every.max(1));
        let ahead = (every - since % every) % every;
        i64::try_from(i128::from(now) + ahead).unwrap_or(i64::MAX)
    }

    /// The range of the run of a moment: its first time, and the first behind it.
    pub fn range(&self, moment: i64) -> (i64, i64) {
        (moment.saturating_sub(self.from), moment.saturating_sub(self.to))
    }
}

impl CreateCq {
    /// The query of one run, over the times from `start` up to, and without, `end`: its windows are laid out from `start` on, or, where
    /// it has none, it reads the rows of those times.
    pub fn between(&self, start: i64, end: i64) -> Select {
        let mut select = self.select.clone();
        if let Some(windows) = select.group_by.as_mut().and_then(|group_by| group_by.time.as_mut()) {
            windows.bounds = Some(WindowBounds { start, end, left_closed: true });
            return select;
        }
        let range = binary(
            BinaryOperator::And,
            compared(BinaryOperator::GreaterOrEqual, start),
            compared(BinaryOperator::Less, end),
        );
        select.condition = Some(match select.condition.take() {
            Some(condition) => binary(BinaryOperator::And, range, condition),
            None => range,
        });
        select
    }
}

/// A comparison of the row's time.
fn compared(operator: BinaryOperator, with: i64) -> Expression {
    let time = Expression::synthetic(ExpressionKind::Time);
    let constant = Constant::Integer { value: with, text: with.to_string() };
    binary(operator, time, Expression::synthetic(ExpressionKind::Constant(constant)))
}

fn binary(operator: BinaryOperator, left: Expression, right: Expression) -> Expression {
    let (left, right) = (Box::new(left), Box::new(right));
    Expression::synthetic(ExpressionKind::Binary { operator, left, right })
}
