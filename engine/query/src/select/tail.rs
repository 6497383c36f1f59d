//! What happens to rows at the end: `fill`, `order by`, `offset`, `limit`.

use levada_model::DataType;
use levada_sql::ast::{Expression, ExpressionKind, Fill, NullOrder, OrderKey, SortBy};
use levada_storage::Direction;

use super::{Planner, output::Output};
use crate::{
    QueryError,
    bind::{expand::Expanded, names::Names},
    expression::{Expr, Kind},
    node::{Column, Node},
    operator::{fill::Fills, sort::SortKey},
};

/// By what rows are sorted beyond the order they are read in.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    /// What is computed only to be sorted by, behind the columns that come out.
    pub(super) hidden: Vec<Expanded>,
    keys: Vec<Key>,
    /// The columns that `without null` looks at.
    looked_at: Vec<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Key {
    by: By,
    descending: bool,
    nulls_first: bool,
}

#[derive(Clone, Copy, Debug)]
enum By {
    Time,
    Output(usize),
    Hidden(usize),
}

/// What the query's `order by` asks for beyond the order rows are made in: by time, in the direction asked for where
/// `directed`.
pub(super) fn keys(
    planner: &Planner<'_>,
    outputs: &[Output],
    names: &mut Names<'_>,
    directed: bool,
) -> Result<Keys, QueryError> {
    let mut keys = Keys { looked_at: looked_at(planner, outputs, names)?, ..Keys::default() };
    let written: &[OrderKey] = match planner.query.order_by.as_slice() {
        // Times are unique, so nothing behind the time matters.
        [first, ..] if first.by == SortBy::Time && (directed || !first.descending) => &[],
        [first, ..] if first.by == SortBy::Time => std::slice::from_ref(first),
        all => all,
    };
    for key in written {
        let by = match &key.by {
            SortBy::Time => By::Time,
            SortBy::Device => {
                return Err(QueryError::semantic(
                    "Sorting by device is only supported in ALIGN BY DEVICE queries.",
                ));
            }
            SortBy::Timeseries => {
                return Err(QueryError::semantic("Sorting by timeseries is only supported in last queries."));
            }
            SortBy::Expression(expression) => match by_alias(expression, outputs) {
                Some(at) => By::Output(at),
                None => hidden(expression, outputs, names, &mut keys.hidden)?,
            },
        };
        let nulls_first = key.nulls == Some(NullOrder::First);
        keys.keys.push(Key { by, descending: key.descending, nulls_first });
    }
    Ok(keys)
}

fn by_alias(expression: &Expression, outputs: &[Output]) -> Option<usize> {
    let ExpressionKind::Series(name) = &expression.kind else { return None };
    let name = name.to_string();
    let name = levada_model::unquote_node(&name);
    outputs.iter().position(|output| output.name == *name)
}

fn hidden(
    expression: &Expression,
    outputs: &[Output],
    names: &mut Names<'_>,
    hidden: &mut Vec<Expanded>,
) -> Result<By, QueryError> {
    let mut expanded = names.expand(expression)?;
    let (Some(found), true) = (expanded.pop(), expanded.is_empty()) else {
        return Err(QueryError::semantic(format!(
            "`order by {}` must stand for exactly one column",
            expression.column_name()
        )));
    };
    if let Some(at) = outputs.iter().position(|output| output.expression == *found.grouped()) {
        return Ok(By::Output(at));
    }
    hidden.push(found);
    Ok(By::Hidden(hidden.len() - 1))
}

/// The columns that `without null` looks at.
fn looked_at(
    planner: &Planner<'_>,
    outputs: &[Output],
    names: &mut Names<'_>,
) -> Result<Vec<usize>, QueryError> {
    let Some(without) = &planner.query.without_null else { return Ok(Vec::new()) };
    if without.columns.is_empty() {
        return Ok((0..outputs.len()).collect());
    }
    let mut found = Vec::new();
    for expression in &without.columns {
        if let Some(at) = by_alias(expression, outputs) {
            found.push(at);
            continue;
        }
        for each in names.expand(expression)? {
            let at = outputs.iter().position(|output| output.expression == *each.grouped());
            found.push(at.ok_or_else(|| not_a_column(expression))?);
        }
    }
    if found.is_empty() {
        return Err(not_a_column(&without.columns[0]));
    }
    Ok(found)
}

/// The error of what `without null` looks at and is no column of the query.
pub(super) fn not_a_column(expression: &Expression) -> QueryError {
    let name = expression.column_name();
    QueryError::semantic(format!("without null: `{name}` must be a column of the query"))
}

/// The rows that `without null` leaves, which looks at some columns.
pub(super) fn without_null(planner: &Planner<'_>, input: Node, columns: Vec<usize>) -> Node {
    match &planner.query.without_null {
        Some(without) => Node::WithoutNull { input: Box::new(input), columns, all: without.all },
        None => input,
    }
}

/// How many rows the query needs to have sorted; all where `None`: `without null` may leave any of them out, and what is filled on a line
/// has its end further down.
pub(super) fn wanted_rows(planner: &Planner<'_>) -> Option<usize> {
    let looks_ahead = match &planner.query.fill {
        None | Some(Fill::Previous { .. } | Fill::Constant(_)) => false,
        Some(Fill::Linear | Fill::Typed(_)) => true,
    };
    if planner.query.without_null.is_some() || looks_ahead {
        return None;
    }
    let limit = usize::try_from(planner.query.limit?).ok()?;
    Some(limit.saturating_add(offset(planner)))
}

fn offset(planner: &Planner<'_>) -> usize {
    planner.query.offset.map_or(0, |offset| usize::try_from(offset).unwrap_or(0))
}

/// In which direction rows are read so that they need no sorting by time.
pub(super) fn direction(keys: &[OrderKey]) -> Direction {
    match keys.first() {
        Some(key) if key.descending && key.by == SortBy::Time => Direction::Descending,
        _ => Direction::Ascending,
    }
}

/// Sorts, fills, drops what was only sorted by, and limits. `types` are those of all columns, of which the first
/// `outputs` come out.
pub(super) fn finish(
    planner: &Planner<'_>,
    node: Node,
    types: &[DataType],
    outputs: usize,
    keys: &Keys,
) -> Result<Node, QueryError> {
    let column = |at: usize| Expr::column(at, types.get(at).copied().unwrap_or(DataType::Double));
    let sort_keys: Vec<SortKey> = keys
        .keys
        .iter()
        .map(|key| SortKey {
            expression: match key.by {
                By::Time => Expr::new(Kind::Time, DataType::Int64),
                By::Output(at) => column(at),
                By::Hidden(at) => column(outputs + at),
            },
            descending: key.descending,
            nulls_first: key.nulls_first,
        })
        .collect();
    let sorted = |node: Node| {
        if sort_keys.is_empty() {
            return node;
        }
        Node::Sort { input: Box::new(node), keys: sort_keys, most: wanted_rows(planner) }
    };
    // What is filled with "the value before" follows the order asked for, whatever it is by.
    let node = filled(planner, sorted(node), &types[..outputs])?;
    let node = without_null(planner, node, keys.looked_at.clone());
    let shown = (0..outputs).map(|at| Column::Taken(at, types[at])).collect();
    Ok(limited(planner, node.compute(shown, types.len())))
}

/// `fill`, where the query has it.
pub(super) fn filled(planner: &Planner<'_>, node: Node, types: &[DataType]) -> Result<Node, QueryError> {
    match &planner.query.fill {
        Some(written) => Ok(Node::Fill { input: Box::new(node), fills: Fills::new(written, types)? }),
        None => Ok(node),
    }
}

/// `offset` and `limit`.
pub(super) fn limited(planner: &Planner<'_>, node: Node) -> Node {
    let (offset, most) = (offset(planner), planner.query.limit.and_then(|limit| usize::try_from(limit).ok()));
    if offset == 0 && most.is_none() { node } else { Node::Limit { input: Box::new(node), offset, most } }
}
