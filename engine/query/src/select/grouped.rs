//! Aggregates of a query: which there are, over what, and the operator that computes them.

use std::{ops::Range, sync::Arc};

use hashbrown::{HashMap, HashSet};
use levada_model::DataType;
use levada_sql::ast::{Expression, ExpressionKind, Function, GroupBy, RowWindows};
use levada_storage::Direction;

use super::{Planner, by_series, each_row, output::Computed, raw};
use crate::{
    FunctionRegistry, QueryError,
    aggregate::{Aggregate, Keep},
    bind::{
        expand::Expanded,
        names::{Names, Series},
        scope::Scope,
        time_range::{self, Split},
    },
    node::{Aggregates, Node, Summaries},
    operator::{
        aggregate_pieces::{Asked, Banks, Inputs, Slot},
        aggregate_rows::RowAggregate,
        aggregate_segments::Segmenter,
    },
    registry::{AggregateDefinition, Call},
    window::WindowSequence,
};

/// The aggregates a query asks for, each once.
#[derive(Clone, Debug)]
pub(super) struct Calls {
    functions: Arc<FunctionRegistry>,
    calls: Vec<Vec<Expression>>,
    /// Their places by the SQL of their grouped forms.
    places: HashMap<Arc<str>, usize, foldhash::fast::RandomState>,
    /// The members of those that are over several series.
    known: HashSet<(usize, String), foldhash::fast::RandomState>,
}

impl Calls {
    /// None as yet.
    pub(super) fn new(functions: &Arc<FunctionRegistry>) -> Self {
        let functions = Arc::clone(functions);
        Self { functions, calls: Vec::new(), places: HashMap::default(), known: HashSet::default() }
    }

    /// Adds every aggregate in an expression. Those whose grouped forms say the same are one, over several series.
    pub(super) fn add(&mut self, expanded: &Expanded) {
        let grouped = expanded.is_grouped().then(|| expanded.grouped());
        self.walk(&expanded.expression, grouped);
    }

    /// Makes room for more aggregates.
    pub(super) fn reserve(&mut self, more: usize) {
        self.calls.reserve(more);
        self.places.reserve(more);
    }

    fn walk(&mut self, expression: &Expression, grouped: Option<&Expression>) {
        if let ExpressionKind::Function(function) = &expression.kind
            && self.functions.aggregate(&function.name).is_some()
        {
            let name: Arc<str> = grouped.unwrap_or(expression).to_string().into();
            let next = self.calls.len();
            let at = *self.places.entry(name).or_insert(next);
            if at == next {
                self.calls.push(vec![expression.clone()]);
                if grouped.is_some() {
                    self.known.insert((at, expression.to_string()));
                }
                return;
            }
            let is_new = match grouped {
                Some(_) => self.known.insert((at, expression.to_string())),
                None => !self.calls[at].contains(expression),
            };
            if is_new {
                self.calls[at].push(expression.clone());
            }
            return;
        }
        let mut shown = grouped.map(Expression::children).unwrap_or_default().into_iter();
        for child in expression.children() {
            self.walk(child, shown.next());
        }
    }

    /// Only what is of some series; an aggregate of none of them is left without any.
    pub(super) fn of_series(&self, names: &Names<'_>, wanted: impl Fn(&Series) -> bool) -> Self {
        let keep = |member: &&Expression| {
            member.series().iter().all(|name| names.series.get(*name).is_some_and(|series| wanted(series)))
        };
        let calls = self.calls.iter().map(|members| members.iter().filter(keep).cloned().collect()).collect();
        Self {
            functions: Arc::clone(&self.functions),
            calls,
            places: self.places.clone(),
            known: HashSet::default(),
        }
    }

    /// Only the aggregates that are of some series.
    pub(super) fn present(&self) -> Self {
        let mut places = HashMap::default();
        let mut calls = Vec::new();
        for (at, members) in self.calls.iter().enumerate().filter(|(_, members)| !members.is_empty()) {
            places.extend(
                self.places
                    .iter()
                    .filter(|(_, place)| **place == at)
                    .map(|(name, _)| (Arc::clone(name), calls.len())),
            );
            calls.push(members.clone());
        }
        Self { functions: Arc::clone(&self.functions), calls, places, known: HashSet::default() }
    }

    /// Whether all are of series as they are, so that their statistics may do.
    fn are_of_series(&self) -> bool {
        let of_series = |function: &Function| {
            matches!(function.arguments.as_slice(), [Expression { kind: ExpressionKind::Series(_), .. }])
                && self.definition(function).is_some_and(AggregateDefinition::is_of_all_arguments)
        };
        self.calls.iter().flatten().all(|call| as_function(call).is_some_and(of_series))
    }

    /// Whether every aggregate in an expression, in its grouped form, is among these.
    pub(super) fn cover(&self, grouped: &Expression) -> bool {
        match as_function(grouped) {
            Some(function) if self.definition(function).is_some() => {
                self.places.contains_key(grouped.to_string().as_str())
            }
            _ => grouped.children().into_iter().all(|child| self.cover(child)),
        }
    }

    /// How each is written; of several series one of them.
    fn written(&self) -> Vec<Expression> {
        self.calls.iter().filter_map(|members| members.first().cloned()).collect()
    }

    fn definition(&self, function: &Function) -> Option<&AggregateDefinition> {
        self.functions.aggregate(&function.name)
    }

    /// How many of a call's arguments are computed for each row.
    fn inputs(&self, function: &Function) -> usize {
        self.definition(function).map_or(0, |definition| definition.inputs(function))
    }

    /// What each aggregate's column stands for.
    pub(super) fn scope(&self, types: &[DataType]) -> Scope {
        let mut scope = Scope::new(&self.functions);
        for (name, &at) in &self.places {
            scope.add_call(Arc::clone(name), at, types.get(at).copied().unwrap_or(DataType::Double));
        }
        scope
    }
}

/// In which direction windows are worked on where they are wanted in one. Windows of so many rows are counted from the row that
/// comes first. Of windows of time, only where a limit leaves most of them out it pays to begin with
/// the last: what lies across two batches of windows is then read for each.
pub(super) fn direction(planner: &Planner<'_>, wanted: Direction) -> Direction {
    let query = planner.query;
    let of_time = query.group_by.as_ref().is_some_and(|by| by.time.is_some() && by.rows.is_none());
    let counted = query.group_by.as_ref().is_some_and(counts_rows);
    // What goes by the row, or the window, before it follows the order asked for.
    let in_order = || {
        let columns = query.columns.iter().map(|column| &column.expression);
        let mut written = columns.chain(&query.having).chain(&query.condition);
        let functions = &planner.context.functions;
        written.any(|each| {
            each_row::is_in(each, functions) || by_series::looks_around(each, functions).is_some()
        })
    };
    if counted || of_time && (query.limit.is_some() || in_order()) { wanted } else { Direction::Ascending }
}

/// The rows of aggregates: a column for each call, and one more with the windows' last times where the query [says them]
/// (Planner::says_ends). Windows of time
/// come in a direction.
pub(super) fn aggregate(
    planner: &Planner<'_>,
    names: &mut Names<'_>,
    calls: &Calls,
    direction: Direction,
) -> Result<Computed, QueryError> {
    let split = time_range::split(planner.query.condition.as_ref());
    let windows = windows(planner, &split, direction)?;
    let group_by = planner.query.group_by.as_ref();
    let rows = group_by.and_then(|group_by| group_by.rows.as_ref());
    if split.rest.is_none() && rows.is_none() && calls.are_of_series() {
        let aggregates = of_series(calls, names)?;
        let asked = asked(calls, names, &aggregates);
        let mut types: Vec<DataType> = aggregates.iter().map(|each| each.data_type).collect();
        types.extend(planner.says_ends().then_some(DataType::Int64));
        let ends = planner.says_ends();
        let range = split.range.intersect(windows.range());
        let summaries = Summaries { asked, calls: calls.written(), are_columns: true, windows, ends, range };
        return Ok(Computed { node: Node::Summaries(summaries), types, never: false });
    }

    let is_forwards = |call: &Expression| {
        let definition = as_function(call).and_then(|function| calls.definition(function));
        definition.is_some_and(|each| each.reads_forwards)
    };
    let counted = group_by.is_some_and(counts_rows);
    if direction == Direction::Descending && !counted && calls.calls.iter().flatten().any(is_forwards) {
        let mut computed = aggregate(planner, names, calls, Direction::Ascending)?;
        // A condition on groups is still to come, so all of them are sorted.
        computed.node = computed.node.newest_first(None);
        return Ok(computed);
    }
    let control = rows.map(|rows| control(rows, names)).transpose()?;
    let layout = Layout::new(calls, control.flatten(), rows.is_some(), names);
    let computed = raw::rows(planner, names, &layout.columns, direction, windows.range())?;
    let aggregates = layout.bind(calls, &computed.types)?;
    let mut types: Vec<DataType> = aggregates.iter().map(|each| each.aggregate.data_type).collect();
    let aggregates = Aggregates { aggregates, calls: calls.written() };
    let input = Box::new(computed.node);
    types.extend(planner.says_ends().then_some(DataType::Int64));
    let node = match rows {
        _ if computed.never => Node::Nothing,
        None => Node::Windows { input, aggregates, windows, ends: planner.says_ends() },
        Some(rows) => {
            let segmenter = segmenter(rows, computed.types.first().copied().unwrap_or(DataType::Int64))?;
            Node::Segments { input, aggregates, segmenter }
        }
    };
    Ok(Computed { node, types, never: computed.never })
}

/// The windows of time that a query's rows stand for, in a direction; one for all where it has none.
pub(super) fn windows(
    planner: &Planner<'_>,
    split: &Split,
    direction: Direction,
) -> Result<WindowSequence, QueryError> {
    let group_by = planner.query.group_by.as_ref();
    let windows = match group_by.and_then(|group_by| group_by.time.as_ref()) {
        Some(windows) => WindowSequence::new(windows, &planner.context.zone)?,
        None => WindowSequence::whole(split.range),
    };
    Ok(match direction {
        Direction::Ascending => windows,
        Direction::Descending => windows.backwards(),
    })
}

/// The columns aggregates are computed from, and where each finds its own.
struct Layout {
    columns: Vec<Expression>,
    /// For each call, for each series that belongs to it, its columns.
    places: Vec<Vec<Range<usize>>>,
}

impl Layout {
    /// What windows of rows are told apart by comes first.
    fn new(calls: &Calls, control: Option<Expression>, has_control: bool, names: &mut Names<'_>) -> Self {
        let mut columns = Vec::new();
        if has_control {
            columns.push(control.unwrap_or_else(|| Expression::synthetic(ExpressionKind::Time)));
        }
        let mut places = Vec::new();
        for members in &calls.calls {
            let mut ranges = Vec::new();
            for function in members.iter().filter_map(as_function) {
                let from = columns.len();
                columns.extend(function.arguments.iter().take(calls.inputs(function)).cloned());
                ranges.push(from..columns.len());
            }
            places.push(ranges);
        }
        // `count_time(*)` reads every series its argument stands for, though it is not expanded.
        for function in
            calls.calls.iter().flatten().filter_map(as_function).filter(|each| calls.inputs(each) == 0)
        {
            for pattern in function.arguments.iter().flat_map(Expression::series) {
                let found = names.find(pattern);
                let series = found.matches().map(|each| ExpressionKind::Series(names.note(&each).0));
                columns.extend(series.map(Expression::synthetic));
            }
        }
        Self { columns, places }
    }

    fn bind(self, calls: &Calls, types: &[DataType]) -> Result<Vec<RowAggregate>, QueryError> {
        let bind = |(members, inputs): (&Vec<Expression>, Vec<Range<usize>>)| {
            let aggregate = one_of(calls, members, inputs.iter().map(|place| types[place.clone()].to_vec()))?;
            Ok(RowAggregate { aggregate, inputs })
        };
        calls.calls.iter().zip(self.places).map(bind).collect()
    }
}

fn as_function(expression: &Expression) -> Option<&Function> {
    match &expression.kind {
        ExpressionKind::Function(function) => Some(function),
        _ => None,
    }
}

/// Aggregates of series as they are.
fn of_series(calls: &Calls, names: &Names<'_>) -> Result<Vec<Aggregate>, QueryError> {
    let types = |member: &Expression| -> Vec<DataType> {
        let series = member.series().into_iter().filter_map(|name| names.series.get(name));
        series.map(|series| series.data_type).collect()
    };
    calls.calls.iter().map(|members| one_of(calls, members, members.iter().map(types))).collect()
}

/// The aggregate that calls over several series are, which must agree on its type.
fn one_of(
    calls: &Calls,
    members: &[Expression],
    types: impl Iterator<Item = Vec<DataType>>,
) -> Result<Aggregate, QueryError> {
    let mut found: Option<(Aggregate, Vec<DataType>)> = None;
    for (member, types) in members.iter().zip(types) {
        let Some(function) = as_function(member) else { continue };
        let Some(definition) = calls.definition(function) else { continue };
        let call = Call { function, types: &types };
        let aggregate = definition.bind(&call, member)?;
        if let Some((before, inputs)) = &found {
            if before.data_type != aggregate.data_type {
                return Err(types_differ(member, before.data_type, aggregate.data_type));
            }
            check_together(function, &aggregate, *inputs == types)?;
        }
        found = Some((aggregate, types));
    }
    let found = found.map(|(aggregate, _)| aggregate);
    found.ok_or_else(|| QueryError::semantic("an aggregate has no series"))
}

/// Rejects an aggregate over several series that it cannot take together.
pub(super) fn check_together(
    function: &Function,
    aggregate: &Aggregate,
    same_types: bool,
) -> Result<(), QueryError> {
    if aggregate.depends_on_order() {
        return Err(QueryError::unsupported(format!("{} over several series at once", function.name)));
    }
    if !(same_types || aggregate.mixes_types()) {
        return Err(QueryError::unsupported(format!(
            "{} over series of several types at once",
            function.name
        )));
    }
    Ok(())
}

/// The error of a call whose type is not that of the calls before it in its column.
pub(super) fn types_differ(member: &Expression, before: DataType, data_type: DataType) -> QueryError {
    QueryError::semantic(format!(
        "GROUP BY LEVEL: the data types of the same output column[{}] should be the same. ({before} and {data_type})",
        member.column_name(),
    ))
}

/// The series of aggregates that are of series as they are, each once, and a column for each aggregate.
fn asked(calls: &Calls, names: &Names<'_>, aggregates: &[Aggregate]) -> Asked {
    let mut banks = Banks::default();
    let mut inputs = Inputs::default();
    let columns: Vec<Slot> = aggregates.iter().map(|aggregate| banks.slot(aggregate)).collect();
    for (members, &slot) in calls.calls.iter().zip(&columns) {
        for name in members.iter().flat_map(Expression::series) {
            let Some(series) = names.series.get(name) else { continue };
            inputs.begin_list();
            inputs.add(&series.device, &series.measurement, slot);
        }
    }
    Asked { inputs: inputs.into_devices(), banks, columns }
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

fn segmenter(rows: &RowWindows, control: DataType) -> Result<Segmenter, QueryError> {
    Ok(match rows {
        RowWindows::Variation { delta, ignore_null, .. } => {
            if *delta > 0.0 && !control.is_numeric() {
                return Err(QueryError::semantic(
                    "GROUP BY VARIATION with a delta needs a numeric expression",
                ));
            }
            Segmenter::Variation { delta: *delta, ignore_null: *ignore_null, data_type: control }
        }
        RowWindows::Condition { keep, ignore_null, .. } => {
            if control != DataType::Boolean {
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
    })
}

/// Whether windows have so many rows.
fn counts_rows(group_by: &GroupBy) -> bool {
    matches!(group_by.rows, Some(RowWindows::Count { .. }))
}

/// Whether a query's groups have a time.
pub(super) fn has_time(group_by: Option<&GroupBy>) -> bool {
    group_by.is_some_and(|group_by| group_by.time.is_some() || group_by.rows.is_some())
}
