//! `group by tags(…)`: a row, or a row of windows, for every combination of tags' values.

use std::collections::BTreeMap;

use levada_model::{DataType, ResultColumn};
use levada_sql::ast::Expression;
use levada_storage::Direction;

use super::{
    Planner,
    grouped::{self, Calls, has_time},
    having::{compute, scope},
    output::Output,
    tail,
};
use crate::{
    QueryError,
    bind::{names::Names, time_set::TimeSet},
    node::Node,
    plan::{Bound, column},
};

/// Plans the query: `outputs` are expressions of aggregates by measurement.
pub(super) fn plan(
    planner: &Planner<'_>,
    names: &mut Names<'_>,
    calls: &Calls,
    outputs: &[Output],
    having: Option<&Expression>,
) -> Result<Bound, QueryError> {
    if planner.query.condition.as_ref().is_some_and(|condition| TimeSet::of(condition).is_none()) {
        return Err(QueryError::semantic("Only time filters are supported in GROUP BY TAGS query"));
    }
    let group_by = planner.query.group_by.as_ref();
    let tags: &[String] = group_by.map_or(&[], |group_by| &group_by.tags);
    let values = |tagged: &BTreeMap<String, String>| -> Vec<Option<String>> {
        tags.iter().map(|tag| tagged.get(tag).cloned()).collect()
    };
    let mut groups: Vec<Vec<Option<String>>> =
        names.series.values().map(|series| values(&series.tags)).collect();
    groups.sort();
    groups.dedup();

    let mut types: Vec<Option<DataType>> = vec![None; outputs.len()];
    let mut parts: Vec<Part> = Vec::new();
    for group in groups {
        planner.context.cancellation.check()?;
        let calls = calls.of_series(names, |series| values(&series.tags) == group).present();
        let computed = grouped::aggregate(planner, names, &calls, Direction::Ascending)?;
        let scope = scope(planner, &calls, &computed.types);
        // What a group has no series for is null in its rows.
        let places: Vec<usize> =
            (0..outputs.len()).filter(|&at| calls.cover(&outputs[at].expression)).collect();
        if !having.is_none_or(|having| calls.cover(having)) {
            continue;
        }
        let expressions: Vec<Expression> = places.iter().map(|&at| outputs[at].expression.clone()).collect();
        let computed = compute(computed, scope, &expressions, having)?;
        places.iter().zip(computed.types).for_each(|(&at, data_type)| types[at] = Some(data_type));
        parts.push(Part { group, places, node: computed.node });
    }
    let types: Vec<DataType> = types.into_iter().map(|each| each.unwrap_or(DataType::Double)).collect();
    let columns: Vec<ResultColumn> = tags
        .iter()
        .map(|tag| column(tag.clone(), DataType::Text))
        .chain(outputs.iter().zip(&types).map(|(output, &data_type)| column(output.name.clone(), data_type)))
        .collect();
    let parts = parts.into_iter().map(|part| part.labelled(&types)).collect();
    let rows = tail::without_null(planner, Node::concat(parts), (tags.len()..columns.len()).collect());
    Ok(Bound::new(has_time(group_by), columns, tail::limited(planner, rows)))
}

/// The rows of the series whose tags have some values.
struct Part {
    group: Vec<Option<String>>,
    /// Which of the query's columns they have.
    places: Vec<usize>,
    node: Node,
}

impl Part {
    /// The rows with the values of their tags before them; a tag they lack is `NULL`, a column they lack is null.
    fn labelled(self, types: &[DataType]) -> Node {
        let labels = self.group.iter().map(|value| value.as_deref().unwrap_or("NULL").into()).collect();
        let place = |at: usize| self.places.iter().position(|&place| place == at);
        let columns = types.iter().enumerate().map(|(at, &data_type)| (place(at), data_type)).collect();
        Node::Label { input: Box::new(self.node), labels, columns }
    }
}
