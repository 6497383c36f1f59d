//! Aggregates of a query: which there are, over what, and the operator that computes them.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use levada_model::{DataType, Path};
use levada_sql::ast::{Expression, ExpressionKind, GroupBy, RowWindows};
use levada_storage::{Direction, SeriesInfo};

use super::{
    Planner,
    raw::{self, Computed, below},
    sources::Sources,
};
use crate::{
    QueryError,
    aggregate::{Aggregate, Keep, is_aggregate},
    bind::{
        expand::{Expanded, Names},
        scope::Scope,
        time_range,
    },
    chunk::Chunks,
    expression::{Expr, Kind},
    functions::Call,
    operator::{
        aggregate_pieces::{AggregatePieces, SeriesInput, intersect},
        aggregate_rows::{AggregateRows, RowAggregate},
        aggregate_segments::{AggregateSegments, Segmenter},
        filter::filter,
        project::project,
    },
    window::WindowSequence,
};

/// The aggregates a query asks for, each once.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    calls: Vec<Vec<Expression>>,
    /// Their places by what they are called.
    places: HashMap<String, usize>,
    known: HashSet<(usize, String)>,
}

impl Calls {
    /// Adds every aggregate in an expression. Those whose grouped forms say the same are one, over several series.
    pub(super) fn add(&mut self, expanded: &Expanded) {
        self.walk(&expanded.expression, &expanded.grouped);
    }

    fn walk(&mut self, expression: &Expression, grouped: &Expression) {
        if let ExpressionKind::Function(function) = &expression.kind
            && is_aggregate(&function.name)
        {
            let next = self.calls.len();
            let at = *self.places.entry(grouped.column_name()).or_insert(next);
            if at == next {
                self.calls.push(Vec::new());
            }
            if self.known.insert((at, expression.column_name())) {
                self.calls[at].push(expression.clone());
            }
            return;
        }
        for (child, grouped) in expression.children().into_iter().zip(grouped.children()) {
            self.walk(child, grouped);
        }
    }

    /// Only what is of some series; an aggregate of none of them is left without any.
    pub(super) fn of_series(&self, names: &Names<'_>, wanted: impl Fn(&SeriesInfo) -> bool) -> Self {
        let keep = |member: &&Expression| {
            member
                .series()
                .iter()
                .all(|name| names.series.get(&name.to_string()).is_some_and(|series| wanted(series)))
        };
        let calls = self.calls.iter().map(|members| members.iter().filter(keep).cloned().collect()).collect();
        Self { calls, places: self.places.clone(), known: HashSet::new() }
    }

    /// Only the aggregates that are of some series.
    pub(super) fn present(&self) -> Self {
        let mut places = HashMap::new();
        let mut calls = Vec::new();
        for (at, members) in self.calls.iter().enumerate().filter(|(_, members)| !members.is_empty()) {
            places.extend(
                self.places
                    .iter()
                    .filter(|(_, place)| **place == at)
                    .map(|(name, _)| (name.clone(), calls.len())),
            );
            calls.push(members.clone());
        }
        Self { calls, places, known: HashSet::new() }
    }

    /// What each aggregate's column stands for.
    pub(super) fn scope(&self, types: &[DataType]) -> Scope {
        let mut scope = Scope::default();
        for (name, &at) in &self.places {
            scope.add(name.clone(), at, types.get(at).copied().unwrap_or(DataType::Double));
        }
        scope
    }
}

/// An aggregate bound to its inputs: those of every series that belongs to it.
struct BoundCall {
    aggregate: Aggregate,
    members: Vec<Vec<Expr>>,
}

/// The rows of aggregates: a column for each call, and for windows of rows one more with their last times.
pub(super) fn aggregate(
    planner: &Planner<'_>,
    names: &mut Names<'_>,
    calls: &Calls,
) -> Result<Computed, QueryError> {
    let split = time_range::split(planner.query.condition.as_ref());
    let condition = split.rest.as_ref().map(|rest| raw::condition(names, rest)).transpose()?;
    let group_by = planner.query.group_by.as_ref();
    let windows = match group_by.and_then(|group_by| group_by.time.as_ref()) {
        Some(windows) => WindowSequence::new(windows, &planner.context.zone)?,
        None => WindowSequence::whole(split.range),
    };
    let range = intersect(split.range, windows.range());
    let rows = group_by.and_then(|group_by| group_by.rows.as_ref());
    let control = rows.map(|rows| control(rows, names)).transpose()?.flatten();

    let mut sources = Sources::default();
    let members = calls.calls.iter().flatten();
    members.chain(condition.iter().flatten()).chain(&control).for_each(|each| sources.add_all(each, names));
    add_counted_times(calls, names, &mut sources);
    let scope = sources.scope(names);
    let bound = calls.calls.iter().map(|members| bind(members, &scope)).collect::<Result<Vec<_>, _>>()?;
    let mut types: Vec<DataType> = bound.iter().map(|call| call.aggregate.data_type).collect();
    let shown = calls.calls.iter().flatten().map(Expression::column_name).collect::<Vec<_>>().join(", ");

    if condition.is_none() && rows.is_none() && bound.iter().all(BoundCall::is_of_series) {
        let inputs = series_inputs(calls, names);
        let aggregates: Vec<Aggregate> = bound.iter().map(|call| call.aggregate).collect();
        let pieces = AggregatePieces::new(
            Arc::clone(&planner.view),
            inputs,
            &aggregates,
            windows,
            range,
            planner.context.batch_rows,
        );
        let description =
            below(format!("Aggregate, from statistics where these do: {shown}"), sources.describe(range));
        return Ok(Computed { chunks: Box::new(pieces), types, description });
    }

    let mut description = sources.describe(range);
    let mut chunks = sources.chunks(&planner.view, range, Direction::Ascending, planner.context.batch_rows);
    match condition {
        None => {}
        Some(None) => chunks = Box::new(std::iter::empty()),
        Some(Some(condition)) => {
            description = below(format!("Filter {}", condition.column_name()), description);
            chunks = filter(chunks, scope.bind_condition(&condition, "WHERE")?);
        }
    }
    let description = below(format!("Aggregate {shown}"), description);
    let chunks = match rows {
        Some(rows) => {
            let control = control.map(|control| scope.bind(&control)).transpose()?;
            types.push(DataType::Int64);
            segments(chunks, rows, control, bound)?
        }
        None => {
            let (inputs, aggregates) = laid_out(bound, Vec::new());
            Box::new(AggregateRows::new(project(chunks, inputs), aggregates, windows))
        }
    };
    Ok(Computed { chunks, types, description })
}

impl BoundCall {
    /// Whether it is of series as they are, so that their statistics may do.
    fn is_of_series(&self) -> bool {
        !self.aggregate.is_of_rows()
            && self
                .members
                .iter()
                .all(|inputs| matches!(inputs.as_slice(), [Expr { kind: Kind::Column(_), .. }]))
    }
}

fn bind(members: &[Expression], scope: &Scope) -> Result<BoundCall, QueryError> {
    let mut found: Option<Aggregate> = None;
    let mut inputs = Vec::new();
    for member in members {
        let ExpressionKind::Function(function) = &member.kind else { continue };
        let counted = match function.name.to_ascii_lowercase().as_str() {
            "count_time" => 0,
            "count_if" => 1,
            _ => function.arguments.len(),
        };
        let bound = function
            .arguments
            .iter()
            .take(counted)
            .map(|each| scope.bind(each))
            .collect::<Result<Vec<_>, _>>()?;
        let types: Vec<DataType> = bound.iter().map(|each| each.data_type).collect();
        let aggregate = Aggregate::bind(&Call { function, types: &types }, &member.column_name())?;
        if let Some(before) = found.filter(|before| before.data_type != aggregate.data_type) {
            return Err(QueryError::semantic(format!(
                "GROUP BY LEVEL: the data types of the same output column[{}] should be the same. ({} and {})",
                member.column_name(),
                before.data_type,
                aggregate.data_type
            )));
        }
        found = Some(aggregate);
        inputs.push(bound);
    }
    let aggregate = found.ok_or_else(|| QueryError::semantic("an aggregate has no series"))?;
    Ok(BoundCall { aggregate, members: inputs })
}

/// All inputs one beside the other, behind some columns, and where each aggregate finds its own.
fn laid_out(bound: Vec<BoundCall>, before: Vec<Expr>) -> (Vec<Expr>, Vec<RowAggregate>) {
    let mut columns = before;
    let mut aggregates = Vec::new();
    for call in bound {
        let mut inputs = Vec::new();
        for member in call.members {
            let from = columns.len();
            columns.extend(member);
            inputs.push(from..columns.len());
        }
        aggregates.push(RowAggregate { aggregate: call.aggregate, inputs });
    }
    (columns, aggregates)
}

/// The series of aggregates that are of series as they are, each once.
fn series_inputs(calls: &Calls, names: &Names<'_>) -> Vec<SeriesInput> {
    let mut inputs: Vec<SeriesInput> = Vec::new();
    let mut places: HashMap<Path, usize> = HashMap::new();
    for (target, members) in calls.calls.iter().enumerate() {
        for name in members.iter().flat_map(Expression::series) {
            let Some(series) = names.series.get(&name.to_string()) else { continue };
            let at = *places.entry(series.path.clone()).or_insert_with(|| {
                inputs.push(SeriesInput {
                    device: series.device.clone(),
                    measurement: Arc::clone(&series.measurement),
                    targets: Vec::new(),
                });
                inputs.len() - 1
            });
            inputs[at].targets.push(target);
        }
    }
    inputs
}

/// `count_time(*)` reads every series its argument stands for, though it is not expanded.
fn add_counted_times(calls: &Calls, names: &mut Names<'_>, sources: &mut Sources) {
    for call in calls.calls.iter().flatten() {
        if let ExpressionKind::Function(function) = &call.kind
            && function.name.eq_ignore_ascii_case("count_time")
        {
            for pattern in function.arguments.iter().flat_map(Expression::series) {
                names.find(pattern).iter().for_each(|each| sources.add(&each.series));
            }
        }
    }
}

/// What windows of rows are told apart by, as an expression of single series; `None` where it is the time alone.
fn control(rows: &RowWindows, names: &mut Names<'_>) -> Result<Option<Expression>, QueryError> {
    let written = match rows {
        RowWindows::Variation { expression, .. } | RowWindows::Count { expression, .. } => expression,
        RowWindows::Condition { predicate, .. } => predicate,
        RowWindows::Session(_) => return Ok(None),
    };
    let mut expanded = names.expand(written)?;
    match (expanded.pop(), expanded.is_empty()) {
        (Some(only), true) => Ok(Some(only.expression)),
        (None, _) => {
            let name = written.series().first().map(|name| name.to_string()).unwrap_or_default();
            Err(QueryError::semantic(format!("{name} in group by clause doesn't exist.")))
        }
        _ => Err(QueryError::semantic("Expression in group by should indicate one value")),
    }
}

fn segments(
    chunks: Chunks,
    rows: &RowWindows,
    control: Option<Expr>,
    bound: Vec<BoundCall>,
) -> Result<Chunks, QueryError> {
    let control_type = control.as_ref().map_or(DataType::Int64, |control| control.data_type);
    let segmenter = match rows {
        RowWindows::Variation { delta, ignore_null, .. } => {
            if *delta > 0.0 && !control_type.is_numeric() {
                return Err(QueryError::semantic(
                    "GROUP BY VARIATION with a delta needs a numeric expression",
                ));
            }
            Segmenter::Variation { delta: *delta, ignore_null: *ignore_null, data_type: control_type }
        }
        RowWindows::Condition { keep, ignore_null, .. } => {
            if control_type != DataType::Boolean {
                return Err(QueryError::semantic("GROUP BY CONDITION needs a BOOLEAN expression"));
            }
            let keep = keep.map(|keep| Keep { operator: keep.operator, rows: keep.rows });
            Segmenter::Condition { keep, ignore_null: *ignore_null }
        }
        RowWindows::Session(gap) => Segmenter::Session { gap: gap.fixed_millis() },
        RowWindows::Count { rows, ignore_null, .. } => {
            if *rows <= 0 {
                return Err(QueryError::semantic("GROUP BY COUNT needs a number of rows greater than 0"));
            }
            Segmenter::Count { rows: *rows, ignore_null: *ignore_null }
        }
    };
    let control = control.unwrap_or_else(|| Expr::new(Kind::Time, DataType::Int64));
    let (columns, aggregates) = laid_out(bound, vec![control]);
    Ok(Box::new(AggregateSegments::new(project(chunks, columns), segmenter, aggregates)))
}

/// Whether a query's groups have a time.
pub(super) fn has_time(group_by: Option<&GroupBy>) -> bool {
    group_by.is_some_and(|group_by| group_by.time.is_some() || group_by.rows.is_some())
}
