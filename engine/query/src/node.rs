//! A plan as data: a tree of what is done to rows, from the scans up.
//!
//! ```text
//!   Limit 10
//!     Sort by root.d.s1 descending
//!       Filter root.d.s2 > 3
//!         Scan root.d [s1, s2], all times
//! ```
//!
//! Planning makes the tree and reads no rows; [`execute`](crate::execute) turns it into operators, and `EXPLAIN` prints it as it
//! is. Everything in it is bound: columns are known by their number, types were checked.

mod describe;

use std::{fmt, sync::Arc};

use levada_model::{DataType, Path};
use levada_sql::ast::Expression;
use levada_storage::{Direction, TimeRange};

pub(crate) use describe::Line;

use crate::{
    bind::time_set::TimeSet,
    chunk::Chunks,
    expression::{Expr, Kind},
    operator::{
        aggregate_pieces::Asked, aggregate_rows::RowAggregate, aggregate_segments::Segmenter, fill::Fills,
        filled_row::FilledRow, label::Placed, last::LastOf, sort::SortKey,
    },
    registry::SeriesFunction,
    window::WindowSequence,
};

/// What is done to the rows of the nodes below.
pub(crate) enum Node {
    /// No rows.
    Nothing,
    /// Rows that do not come from series: of the catalog, for instance.
    Given(Chunks),
    /// The rows of a device's series.
    Scan(Scan),
    /// The newest points of series at some times, a row for each.
    Last { series: Vec<LastOf>, times: TimeSet },
    /// One row of the values at a time, filled from the series themselves.
    FilledRow(FilledRow),
    /// A row for each time that any of the inputs has.
    Join { inputs: Vec<Joined>, direction: Direction },
    /// The rows for which a condition is true.
    Filter { input: Box<Node>, condition: Written },
    /// Columns computed from columns.
    Compute { input: Box<Node>, columns: Vec<Column> },
    /// A column behind those of the rows: of a function of series that gives a value for each row.
    Append { input: Box<Node>, call: Expression, arguments: Vec<Expr>, function: Box<dyn SeriesFunction> },
    /// The rows of a function of series.
    Function { input: Box<Node>, call: Expression, function: Box<dyn SeriesFunction> },
    /// Aggregates of series as they are, from statistics where these do.
    Summaries(Summaries),
    /// Aggregates of rows, by windows of time; with `ends` a last column says where each window ends.
    Windows { input: Box<Node>, aggregates: Aggregates, windows: WindowSequence, ends: bool },
    /// Aggregates of rows, by what the rows are.
    Segments { input: Box<Node>, aggregates: Aggregates, segmenter: Segmenter },
    /// Null cells filled.
    Fill { input: Box<Node>, fills: Fills },
    /// The rows of which no value of some columns is null, or not all of them.
    WithoutNull { input: Box<Node>, columns: Vec<usize>, all: bool },
    /// Rows in another order; of those that come first, where only so many are wanted.
    Sort { input: Box<Node>, keys: Vec<SortKey>, most: Option<usize> },
    /// Without the first rows, and no more than so many.
    Limit { input: Box<Node>, offset: usize, most: Option<usize> },
    /// Columns where a result has them, behind texts that are the same for all rows.
    Label { input: Box<Node>, labels: Vec<Arc<str>>, columns: Vec<Placed> },
    /// The rows of one input after those of the other.
    Concat(Vec<Node>),
    /// All rows of all inputs, by time.
    Merge { inputs: Vec<Node>, direction: Direction },
    /// How the node below ran, in words: its rows are not given out.
    Analyze(Box<Node>),
}

/// Series of one device that are read together.
#[derive(Clone, Debug)]
pub(crate) struct Scan {
    pub(crate) device: Path,
    pub(crate) measurements: Vec<Arc<str>>,
    pub(crate) range: TimeRange,
    pub(crate) direction: Direction,
}

/// One of the inputs of a join, and the types of its columns.
pub(crate) struct Joined {
    pub(crate) node: Node,
    pub(crate) types: Vec<DataType>,
}

/// A bound expression, and how it is written.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) bound: Expr,
    pub(crate) written: Expression,
}

/// A column that comes out.
#[derive(Clone, Debug)]
pub(crate) enum Column {
    /// A column of the input.
    Taken(usize, DataType),
    Computed(Box<Written>),
}

/// Aggregates of rows.
#[derive(Debug)]
pub(crate) struct Aggregates {
    /// Each with the columns it is computed from.
    pub(crate) aggregates: Vec<RowAggregate>,
    /// How each is written; of several series one of them.
    pub(crate) calls: Vec<Expression>,
}

/// Aggregates of series as they are.
#[derive(Debug)]
pub(crate) struct Summaries {
    pub(crate) asked: Asked,
    /// How the aggregates are written: those of the query, or one for each column.
    pub(crate) calls: Vec<Expression>,
    /// Whether there is one for each column.
    pub(crate) are_columns: bool,
    pub(crate) windows: WindowSequence,
    /// Whether a last column says where each window ends.
    pub(crate) ends: bool,
    /// What the condition leaves of time.
    pub(crate) range: TimeRange,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.describe().iter().map(|line| &line.text)).finish()
    }
}

impl Node {
    /// Columns computed from those of a node. Where they are its columns as they are, that is the node itself.
    pub(crate) fn compute(self, columns: Vec<Column>, width: usize) -> Self {
        let as_they_are =
            |(at, column): (usize, &Column)| matches!(column, Column::Taken(from, _) if *from == at);
        if columns.len() == width && columns.iter().enumerate().all(as_they_are) {
            return self;
        }
        Self::Compute { input: Box::new(self), columns }
    }

    /// A row for each time that any of the inputs has; where there is one alone, that is the node itself.
    pub(crate) fn join(mut inputs: Vec<Joined>, direction: Direction) -> Self {
        match inputs.len() {
            0 => Self::Nothing,
            1 => inputs.swap_remove(0).node,
            _ => Self::Join { inputs, direction },
        }
    }

    /// The rows of one input after those of the other.
    pub(crate) fn concat(mut inputs: Vec<Self>) -> Self {
        match inputs.len() {
            0 => Self::Nothing,
            1 => inputs.swap_remove(0),
            _ => Self::Concat(inputs),
        }
    }

    /// Sorted by time, the newest first; of many the first, where only so many are wanted.
    pub(crate) fn newest_first(self, most: Option<usize>) -> Self {
        let time = Expr::new(Kind::Time, DataType::Int64);
        let keys = vec![SortKey { expression: time, descending: true, nulls_first: false }];
        Self::Sort { input: Box::new(self), keys, most }
    }

    /// The nodes below.
    pub(crate) fn inputs(&self) -> Vec<&Self> {
        match self {
            Self::Nothing
            | Self::Given(_)
            | Self::Scan(_)
            | Self::Last { .. }
            | Self::FilledRow(_)
            | Self::Summaries(_) => Vec::new(),
            Self::Join { inputs, .. } => inputs.iter().map(|input| &input.node).collect(),
            Self::Concat(inputs) | Self::Merge { inputs, .. } => inputs.iter().collect(),
            Self::Filter { input, .. }
            | Self::Compute { input, .. }
            | Self::Append { input, .. }
            | Self::Function { input, .. }
            | Self::Windows { input, .. }
            | Self::Segments { input, .. }
            | Self::Fill { input, .. }
            | Self::WithoutNull { input, .. }
            | Self::Sort { input, .. }
            | Self::Limit { input, .. }
            | Self::Label { input, .. }
            | Self::Analyze(input) => vec![input],
        }
    }
}

impl Column {
    /// An expression, bound; how it is written is kept where something is computed.
    pub(crate) fn new(bound: Expr, written: &Expression) -> Self {
        match bound.kind {
            Kind::Column(at) => Self::Taken(at, bound.data_type),
            _ => Self::Computed(Box::new(Written { bound, written: written.clone() })),
        }
    }

    /// The type of its values.
    pub(crate) fn data_type(&self) -> DataType {
        match self {
            Self::Taken(_, data_type) => *data_type,
            Self::Computed(computed) => computed.bound.data_type,
        }
    }

    /// The expression.
    pub(crate) fn into_expr(self) -> Expr {
        match self {
            Self::Taken(at, data_type) => Expr::column(at, data_type),
            Self::Computed(computed) => computed.bound,
        }
    }
}
