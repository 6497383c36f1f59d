//! `group by tags(…)`: a row, or a row of windows, for every combination of tags' values.

use std::{collections::BTreeMap, sync::Arc};

use arrow_array::{Array, StringArray};
use levada_model::{DataType, ResultColumn};
use levada_sql::ast::Expression;

use super::{
    Planner,
    aggregated::{compute, scope},
    grouped::{self, Calls, has_time},
    raw::Output,
    tail,
};
use crate::{
    Plan, QueryError,
    bind::expand::Names,
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

    let mut types: Option<Vec<DataType>> = None;
    let mut parts: Vec<Chunks> = Vec::new();
    for group in groups {
        let calls = calls.of_series(names, |series| values(&series.tags) == group);
        let present = calls.present();
        let computed = grouped::aggregate(planner, names, &present)?;
        let scope = scope(planner, &present, &computed.types);
        let expressions: Vec<Expression> = outputs.iter().map(|output| output.expression.clone()).collect();
        let Ok((chunks, found)) = compute(computed.chunks, &scope, &expressions, having) else {
            return Err(QueryError::unsupported(
                "GROUP BY TAGS over series that lack some of the measurements",
            ));
        };
        types.get_or_insert(found);
        parts.push(Box::new(chunks.map(move |chunk| Ok(labelled(chunk?, &group)))));
    }
    let types = types.unwrap_or_default();
    let columns: Vec<ResultColumn> = tags
        .iter()
        .map(|tag| column(tag.clone(), DataType::Text))
        .chain(outputs.iter().zip(&types).map(|(output, &data_type)| column(output.name.clone(), data_type)))
        .collect();
    let chunks: Chunks = Box::new(parts.into_iter().flatten());
    Ok(Plan::new(has_time(group_by), columns, tail::limited(planner, chunks)))
}

/// The rows with the values of their tags before them; a tag they lack is `NULL`.
fn labelled(chunk: Chunk, group: &[Option<String>]) -> Chunk {
    let rows = chunk.rows();
    let labels = group.iter().map(|value| {
        let text = value.as_deref().unwrap_or("NULL");
        Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows))) as Arc<dyn Array>
    });
    Chunk { times: chunk.times, columns: labels.chain(chunk.columns).collect() }
}
