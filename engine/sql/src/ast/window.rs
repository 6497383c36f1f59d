//! `GROUP BY`: how rows are put together for aggregates.

use super::{BinaryOperator, Duration, Expression};

/// How rows (`time`, `rows`) and series (`levels`, `tags`) are put together. Not all may be given at once; which may is
/// for the binding to say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupBy {
    /// `([0, 100), 10ms)`
    pub time: Option<TimeWindows>,
    /// `variation(…)`, `condition(…)`, `session(…)`, `count(…)`
    pub rows: Option<RowWindows>,
    /// `level = 1, 2`
    pub levels: Vec<u32>,
    /// `tags(a, b)`
    pub tags: Vec<String>,
}

/// Windows of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeWindows {
    /// The whole; that of the data, or of the continuous query, where `None`.
    pub bounds: Option<WindowBounds>,
    /// The width of each window.
    pub interval: Duration,
    /// From one window's beginning to the next's; `interval` where `None`.
    pub step: Option<Duration>,
}

/// From where to where windows lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowBounds {
    /// The one end, in milliseconds.
    pub start: i64,
    /// The other.
    pub end: i64,
    /// `[start, end)`, windows named by their beginning, where true; `(start, end]`, windows named by their end, where
    /// false.
    pub left_closed: bool,
}

/// Windows of rows that follow each other.
#[derive(Clone, Debug, PartialEq)]
pub enum RowWindows {
    /// `variation(x, 0.5, ignoreNull=false)`: as long as `x` stays within `delta` of the window's first value.
    Variation {
        /// What is watched.
        expression: Box<Expression>,
        /// How far it may go; equality where 0.
        delta: f64,
        /// Whether rows where it is null are passed over rather than a value of their own.
        ignore_null: bool,
    },
    /// `condition(p, keep >= 3, ignoreNull=false)`: runs of rows where `p` holds.
    Condition {
        /// What must hold.
        predicate: Box<Expression>,
        /// How long a run must be, where said.
        keep: Option<Keep>,
        /// Whether rows where it is null are passed over rather than end the run.
        ignore_null: bool,
    },
    /// `session(10s)`: no gap between rows is wider.
    Session(Duration),
    /// `count(x, 5, ignoreNull=false)`: so many rows.
    Count {
        /// What is counted.
        expression: Box<Expression>,
        /// How many.
        rows: i64,
        /// Whether rows where it is null are not counted.
        ignore_null: bool,
    },
}

/// `keep >= 3`: a comparison of a run's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// A comparison.
    pub operator: BinaryOperator,
    /// With what.
    pub rows: i64,
}
