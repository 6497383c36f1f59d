//! `SELECT`.

use levada_model::{DataType, PathPattern};

use super::{Constant, Duration, Expression, GroupBy};
use crate::Span;

/// A query.
#[derive(Clone, Debug, PartialEq)]
pub struct Select {
    /// `select last`: the newest point of each series.
    pub last: bool,
    /// What is computed; at least one.
    pub columns: Vec<SelectColumn>,
    /// Where results are written to, rather than given back.
    pub into: Option<SelectInto>,
    /// What the columns' series are suffixes to; at least one.
    pub from: Vec<FromPath>,
    /// `where`
    pub condition: Option<Expression>,
    /// `group by`
    pub group_by: Option<GroupBy>,
    /// `having`
    pub having: Option<Expression>,
    /// `order by`; empty where not given.
    pub order_by: Vec<OrderKey>,
    /// `fill(…)`
    pub fill: Option<Fill>,
    /// `without null …`
    pub without_null: Option<WithoutNull>,
    /// Rows to give at most, as written.
    pub limit: Option<i64>,
    /// Rows to leave out before.
    pub offset: Option<i64>,
    /// Columns to give at most, as written.
    pub series_limit: Option<i64>,
    /// Columns to leave out before.
    pub series_offset: Option<i64>,
    /// How columns are laid out.
    pub alignment: Alignment,
}

/// A column of a query.
#[derive(Clone, Debug, PartialEq)]
pub struct SelectColumn {
    /// What is computed.
    pub expression: Expression,
    /// `as …`, the header, its quotes removed.
    pub alias: Option<String>,
}

/// What is computed for each row, wherever the rows come from: a query without `from`.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    /// What is computed; at least one.
    pub columns: Vec<SelectColumn>,
    /// `where`
    pub condition: Option<Expression>,
}

/// A path in `FROM`.
#[derive(Clone, Debug)]
pub struct FromPath {
    /// It begins with `root`.
    pub pattern: PathPattern,
    /// Where it stands.
    pub span: Span,
}

/// Equality does not look at the span.
impl PartialEq for FromPath {
    fn eq(&self, other: &Self) -> bool {
        self.pattern == other.pattern
    }
}

/// How a result's columns are laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Alignment {
    /// A column for each series.
    #[default]
    Time,
    /// A column for each measurement, and one for the device.
    Device,
    /// Each series with its own times (`disable align`, or `non align`).
    None,
}

/// A sort key of `ORDER BY`.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderKey {
    /// By what.
    pub by: SortBy,
    /// Greatest first.
    pub descending: bool,
    /// Where nulls come, where said.
    pub nulls: Option<NullOrder>,
}

/// What rows are sorted by.
#[derive(Clone, Debug, PartialEq)]
pub enum SortBy {
    /// `time`
    Time,
    /// `device`
    Device,
    /// `timeseries`, of `select last`
    Timeseries,
    /// Anything else. A bare name may be an alias, or, in `select last`, the column `value` or `dataType`.
    Expression(Expression),
}

/// Where nulls come in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NullOrder {
    /// `nulls first`
    First,
    /// `nulls last`
    Last,
}

/// What null cells of a result become.
#[derive(Clone, Debug, PartialEq)]
pub enum Fill {
    /// The value before, if it is not older than so.
    Previous {
        /// How much older it may be, where said.
        within: Option<Duration>,
    },
    /// On the line from the value before to the value behind.
    Linear,
    /// A constant.
    Constant(Constant),
    /// A method for each type, as 0.12 and 0.13 have it.
    Typed(Vec<TypedFill>),
}

/// `without null any`, `without null all (s1, s2)`: which rows of a result are left out, as 0.13 has it.
#[derive(Clone, Debug, PartialEq)]
pub struct WithoutNull {
    /// Rows of which every value is null, rather than those of which one is.
    pub all: bool,
    /// The columns that are looked at; every column where empty.
    pub columns: Vec<Expression>,
}

/// `int32[previous, 5m]`
#[derive(Clone, Debug, PartialEq)]
pub struct TypedFill {
    /// For which type; all where `None`.
    pub data_type: Option<DataType>,
    /// How.
    pub method: TypedFillMethod,
}

/// How cells of a type are filled.
#[derive(Clone, Debug, PartialEq)]
pub enum TypedFillMethod {
    /// `previous`
    Previous {
        /// How much older the value may be.
        before: Option<Duration>,
        /// `previousUntilLast`: not after the series' last value.
        until_last: bool,
    },
    /// `linear`
    Linear {
        /// How much older the value before may be.
        before: Option<Duration>,
        /// How much newer the value behind may be.
        after: Option<Duration>,
    },
    /// A constant.
    Constant(Constant),
}

/// `into root.a.${2}(x, y), aligned root.b.::(::)`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectInto {
    /// The targets, in their order.
    pub targets: Vec<IntoTarget>,
}

/// A device and measurements to write to. Nodes are as written and may hold `::` (the source's node) or `${n}` (the
/// source's node number n).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntoTarget {
    /// Whether the device is to be aligned.
    pub aligned: bool,
    /// The device's nodes.
    pub device: Vec<String>,
    /// The measurements; at least one.
    pub measurements: Vec<String>,
}
