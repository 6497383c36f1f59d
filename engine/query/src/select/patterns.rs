//! Aggregates of patterns: `select count(*), max_value(s*) from root.**`, planned device by device.
//!
//! Where every column is an aggregate of series as they are, and rows are chosen by the time alone, nothing is to be computed
//! for a row. No expression is made of each series then: what a pattern stands for goes from the catalog's list straight
//! into [slots](Slot) of the operator. A million series take a header, a slot and a place in a list each.

use std::ops::Range;

use hashbrown::{HashMap, HashSet};
use levada_model::{DataType, Path, ResultColumn};
use levada_sql::ast::{
    Expression, ExpressionKind, Function, GroupBy, Select, SelectColumn, SeriesName, SortBy,
};
use levada_storage::Direction;

use super::{
    Planner,
    grouped::{self, has_time},
    output::alias_error,
    tail,
};
use crate::{
    FunctionRegistry, QueryError,
    aggregate::Aggregate,
    bind::{
        expand::check_columns,
        names::{Found, Match, Names, Show},
        time_range,
    },
    node::{Node, Summaries},
    operator::aggregate_pieces::{Asked, Banks, Inputs, Slot},
    plan::{Bound, column},
    registry::{AggregateDefinition, Call},
};

/// Plans the query, if it is of this form.
pub(super) fn plan(planner: &Planner<'_>, show: Show<'_>) -> Result<Option<Bound>, QueryError> {
    let query = planner.query;
    let functions = &planner.context.functions;
    let split = time_range::split(query.condition.as_ref());
    if split.rest.is_some() || !is_plain(query) {
        return Ok(None);
    }
    let columns: Option<Vec<Column<'_>>> =
        query.columns.iter().map(|each| Column::of(each, functions)).collect();
    let Some(mut columns) = columns else { return Ok(None) };

    let prefixes = query.from.iter().map(|from| from.pattern.clone()).collect();
    let mut names = Names::new(&*planner.view, planner.context, prefixes, show);
    let mut gathered = Gathered::new(planner);
    let several = columns.len() > 1;
    for each in &mut columns {
        let found = names.find(each.name);
        check_columns(found.len())?;
        planner.context.cancellation.check()?;
        gathered.inputs.begin_list();
        let outputs = match show {
            Show::Levels(_) => gathered.add_grouped(each, &found, &names, several)?,
            _ => gathered.add(each, &found, &names)?,
        };
        if let Some(alias) = each.alias.filter(|_| outputs > 1) {
            return Err(alias_error(alias));
        }
    }
    let Gathered { inputs, banks, slots, columns, types, error, .. } = gathered;
    if columns.is_empty() && error.is_none() {
        return Ok(Some(Bound::new(true, Vec::new(), Node::Nothing)));
    }
    let direction = grouped::direction(planner, tail::direction(&query.order_by));
    let keys = tail::keys(planner, &[], &mut names, direction == Direction::Descending)?;
    let windows = grouped::windows(planner, &split, direction)?;
    if let Some((_, error)) = error {
        return Err(error);
    }
    // The list of a million series goes before another is made of it.
    drop(names);
    let range = split.range.intersect(windows.range());
    let asked = Asked { inputs: inputs.into_devices(), banks, columns: slots };
    let calls = query.columns.iter().map(|column| column.expression.clone()).collect();
    let summaries = Summaries { asked, calls, are_columns: false, windows, ends: false, range };
    let node = Node::Summaries(summaries);
    let node = tail::finish(planner, node, &types, columns.len(), &keys)?;
    Ok(Some(Bound::new(has_time(query.group_by.as_ref()), columns, node)))
}

/// Whether nothing is asked for that needs expressions.
fn is_plain(query: &Select) -> bool {
    let by_time =
        query.group_by.as_ref().is_none_or(|GroupBy { rows, tags, .. }| rows.is_none() && tags.is_empty());
    let by_column = query.order_by.iter().any(|key| matches!(key.by, SortBy::Expression(_)));
    by_time && !by_column && query.having.is_none() && query.without_null.is_none()
}

/// A column of the query: an aggregate of a name.
struct Column<'q> {
    name: &'q SeriesName,
    alias: Option<&'q String>,
    definition: &'q AggregateDefinition,
    /// The call, its argument one series after the other.
    call: Expression,
    /// The aggregate by the type of its input.
    bound: Vec<(DataType, Aggregate)>,
}

impl<'q> Column<'q> {
    fn of(column: &'q SelectColumn, functions: &'q FunctionRegistry) -> Option<Self> {
        let ExpressionKind::Function(function) = &column.expression.kind else { return None };
        let [Expression { kind: ExpressionKind::Series(name), .. }] = function.arguments.as_slice() else {
            return None;
        };
        let definition = functions.aggregate(&function.name)?;
        (definition.is_of_all_arguments() && definition.takes_one()).then(|| Self {
            name,
            alias: column.alias.as_ref(),
            definition,
            call: column.expression.clone(),
            bound: Vec::new(),
        })
    }

    /// The call of a series.
    fn call_of(&mut self, name: SeriesName) -> &Expression {
        if let ExpressionKind::Function(Function { arguments, .. }) = &mut self.call.kind
            && let Some(argument) = arguments.first_mut()
        {
            argument.kind = ExpressionKind::Series(name);
        }
        &self.call
    }

    /// Rejects what cannot be one column with others.
    fn check_together(&self, aggregate: &Aggregate, same_types: bool) -> Result<(), QueryError> {
        match &self.call.kind {
            ExpressionKind::Function(function) => grouped::check_together(function, aggregate, same_types),
            _ => Ok(()),
        }
    }

    /// The aggregate of values of a type. The call is that of the series they are of.
    fn aggregate(&mut self, data_type: DataType) -> Result<Aggregate, QueryError> {
        if let Some((_, known)) = self.bound.iter().find(|(each, _)| *each == data_type) {
            return Ok(known.clone());
        }
        let ExpressionKind::Function(function) = &self.call.kind else {
            return Err(QueryError::semantic("a column is no call of an aggregate"));
        };
        let types = [data_type];
        let call = Call { function, types: &types };
        let aggregate = self.definition.bind(&call, &self.call)?;
        self.bound.push((data_type, aggregate.clone()));
        Ok(aggregate)
    }
}

/// What the columns come to.
struct Gathered {
    inputs: Inputs,
    banks: Banks,
    /// Of each column of the result its slot, header and type.
    slots: Vec<Slot>,
    columns: Vec<ResultColumn>,
    types: Vec<DataType>,
    /// How many columns there were, those that `slimit` and `soffset` leave out included.
    outputs: usize,
    wanted: Range<usize>,
    groups: Groups,
    /// What is wrong with a column, the first one that something is wrong with.
    error: Option<(usize, QueryError)>,
}

/// Columns that several series make up.
#[derive(Default)]
struct Groups {
    /// By the SQL of their calls.
    places: HashMap<String, usize, foldhash::fast::RandomState>,
    /// `None` where the first series' type is not taken.
    slots: Vec<Option<Group>>,
    /// The series of each, where one may come twice.
    members: HashSet<(usize, Path), foldhash::fast::RandomState>,
}

/// A column that several series make up.
#[derive(Clone, Copy)]
struct Group {
    slot: Slot,
    data_type: DataType,
    /// The type of its first series.
    input: DataType,
}

impl Gathered {
    fn new(planner: &Planner<'_>) -> Self {
        Self {
            inputs: Inputs::default(),
            banks: Banks::default(),
            slots: Vec::new(),
            columns: Vec::new(),
            types: Vec::new(),
            outputs: 0,
            wanted: planner.wanted_columns(),
            groups: Groups::default(),
            error: None,
        }
    }

    /// A column for each series. Gives how many there are.
    fn add(&mut self, asked: &mut Column<'_>, found: &Found, names: &Names<'_>) -> Result<usize, QueryError> {
        let first = self.outputs;
        let wanted = self.wanted.len().min(found.len());
        self.columns.reserve(wanted);
        self.slots.reserve(wanted);
        for series in found.matches() {
            let at = self.outputs;
            self.outputs += 1;
            if !self.wanted.contains(&at) {
                continue;
            }
            let header = asked.call_of(names.named(&series).0).column_name();
            match asked.aggregate(series.data_type) {
                Ok(aggregate) => {
                    let slot = self.banks.slot(&aggregate);
                    self.inputs.add(series.device, series.measurement, slot);
                    self.put(slot, asked.alias.cloned().unwrap_or(header), aggregate.data_type);
                }
                Err(error) => self.fail(at, error),
            }
        }
        Ok(self.outputs - first)
    }

    /// A column for all series that `group by level` shows alike. Gives how many there are.
    fn add_grouped(
        &mut self,
        asked: &mut Column<'_>,
        found: &Found,
        names: &Names<'_>,
        several: bool,
    ) -> Result<usize, QueryError> {
        let first = self.outputs;
        let mut shown_before: HashSet<usize, foldhash::fast::RandomState> = HashSet::default();
        let mut left_out: HashSet<String, foldhash::fast::RandomState> = HashSet::default();
        for series in found.matches() {
            let (shown, grouped) = names.named(&series);
            let is_grouped = grouped.is_some();
            let call = asked.call_of(grouped.unwrap_or_else(|| shown.clone()));
            let (sql, header) = (call.to_string(), call.column_name());
            if left_out.contains(&sql) {
                continue;
            }
            let known = self.groups.places.get(&sql).copied();
            let is_shown = is_grouped && known.is_some_and(|group| shown_before.contains(&group));
            if !is_shown {
                let at = self.outputs;
                self.outputs += 1;
                if !self.wanted.contains(&at) {
                    if is_grouped {
                        left_out.insert(sql);
                    }
                    continue;
                }
            }
            let group = known.unwrap_or(self.groups.slots.len());
            asked.call_of(shown);
            self.join(asked, &series, (group, sql), several || found.may_repeat());
            if !is_shown {
                shown_before.insert(group);
                if let Some(Group { slot, data_type, .. }) = self.groups.slots.get(group).copied().flatten() {
                    self.put(slot, asked.alias.cloned().unwrap_or(header), data_type);
                }
            }
        }
        Ok(self.outputs - first)
    }

    /// Adds a series to a group; the call is that of the series.
    fn join(
        &mut self,
        asked: &mut Column<'_>,
        series: &Match<'_>,
        (group, sql): (usize, String),
        may_repeat: bool,
    ) {
        if may_repeat && !self.groups.members.insert((group, series.device.child(series.measurement))) {
            return;
        }
        let bound = asked.aggregate(series.data_type);
        if group == self.groups.slots.len() {
            let new = bound.as_ref().ok().map(|aggregate| Group {
                slot: self.banks.slot(aggregate),
                data_type: aggregate.data_type,
                input: series.data_type,
            });
            self.groups.places.insert(sql, group);
            self.groups.slots.push(new);
            match (bound, new) {
                (Err(error), _) => self.fail(group, error),
                (_, Some(Group { slot, .. })) => self.inputs.add(series.device, series.measurement, slot),
                _ => {}
            }
            return;
        }
        let known = self.groups.slots.get(group).copied().flatten();
        let checked = bound.and_then(|aggregate| match known {
            Some(known) if known.data_type != aggregate.data_type => {
                Err(grouped::types_differ(&asked.call, known.data_type, aggregate.data_type))
            }
            Some(known) => asked.check_together(&aggregate, known.input == series.data_type),
            None => Ok(()),
        });
        match (checked, known) {
            (Err(error), _) => self.fail(group, error),
            (Ok(()), Some(Group { slot, .. })) => self.inputs.add(series.device, series.measurement, slot),
            (Ok(()), None) => {}
        }
    }

    fn put(&mut self, slot: Slot, name: String, data_type: DataType) {
        self.slots.push(slot);
        self.types.push(data_type);
        self.columns.push(column(name, data_type));
    }

    /// Notes what is wrong with a column, unless something is known of one before it, or of it.
    fn fail(&mut self, at: usize, error: QueryError) {
        if self.error.as_ref().is_none_or(|(known, _)| at < *known) {
            self.error = Some((at, error));
        }
    }
}
