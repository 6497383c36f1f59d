//! `group by tags(…)`: a row, or a row of windows, for every combination of tags' values.

use std::{collections::BTreeMap, sync::Arc};

use arrow_array::{Array, StringArray, new_null_array};
use levada_model::{DataType, ResultColumn};
use levada_sql::ast::Expression;
use levada_storage::Direction;

use super::{
    Planner,
    aggregated::{compute, scope},
    grouped::{self, Calls, has_time},
    raw::Output,
    tail,
};
use crate::{
    Plan, QueryError,
    bind::names::Names,
    chunk::{Chunk, Chunks},
    plan::column,
};

/// Plans the query: `outputs` are expressions of aggregates by measurement.
pub(super) fn plan(
    planner: &Planner<'_>,
    names: &mut Names<'_>,
    calls: &Calls,
    outputs: &[Output],
    having: Option<&Expression>,
) -> Result<Plan, QueryError> {
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
        let (chunks, found) = compute(computed.chunks, &scope, &expressions, having)?;
        places.iter().zip(found).for_each(|(&at, data_type)| types[at] = Some(data_type));
        parts.push(Part { group, places, chunks });
    }
    let types: Vec<DataType> = types.into_iter().map(|each| each.unwrap_or(DataType::Double)).collect();
    let columns: Vec<ResultColumn> = tags
        .iter()
        .map(|tag| column(tag.clone(), DataType::Text))
        .chain(outputs.iter().zip(&types).map(|(output, &data_type)| column(output.name.clone(), data_type)))
        .collect();
    let chunks: Chunks = Box::new(parts.into_iter().flat_map(move |part| {
        let (group, places, types) = (part.group, part.places, types.clone());
        part.chunks.map(move |chunk| Ok(labelled(chunk?, &group, &places, &types)))
    }));
    Ok(Plan::new(has_time(group_by), columns, tail::limited(planner, chunks)))
}

/// The rows of the series whose tags have some values.
struct Part {
    group: Vec<Option<String>>,
    /// Which of the query's columns they have.
    places: Vec<usize>,
    chunks: Chunks,
}

/// The rows with the values of their tags before them; a tag they lack is `NULL`, a column they lack is null.
fn labelled(chunk: Chunk, group: &[Option<String>], places: &[usize], types: &[DataType]) -> Chunk {
    let rows = chunk.rows();
    let labels = group.iter().map(|value| {
        let text = value.as_deref().unwrap_or("NULL");
        Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows))) as Arc<dyn Array>
    });
    let values =
        types.iter().enumerate().map(|(at, data_type)| match places.iter().position(|&place| place == at) {
            Some(column) => Arc::clone(&chunk.columns[column]),
            None => new_null_array(&data_type.arrow(), rows),
        });
    Chunk { columns: labels.chain(values).collect(), times: chunk.times.clone() }
}
