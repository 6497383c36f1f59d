//! `explain`: the operators a query becomes, as text.

use std::{sync::Arc, time::Instant};

use levada_model::DataType;
use levada_sql::ast::Select;
use levada_storage::View;

use crate::{
    Plan, QueryContext, QueryError,
    chunk::{Chunk, Chunks, texts},
    plan::column,
    select,
};

/// Describes a query; with `analyze`, runs it as well and says how many rows it gave and how long it took.
pub(crate) fn plan(
    query: &Select,
    analyze: bool,
    view: Arc<dyn View>,
    context: &QueryContext,
) -> Result<Plan, QueryError> {
    let plan = select::plan(query, view, context, true)?;
    let lines = plan.description.clone();
    let columns = vec![column(if analyze { "Explain Analyze" } else { "distribution plan" }, DataType::Text)];
    if !analyze {
        return Ok(Plan::ready(columns, vec![texts(lines.iter().map(|line| Some(line.as_str())))]));
    }
    let mut chunks = Some(plan.into_chunks());
    let report: Chunks = Box::new(std::iter::from_fn(move || {
        let chunks = chunks.take()?;
        Some(measure(chunks, &lines))
    }));
    Ok(Plan::new(false, columns, report))
}

fn measure(chunks: Chunks, lines: &[String]) -> Result<Chunk, QueryError> {
    let start = Instant::now();
    let (mut rows, mut batches) = (0, 0);
    for chunk in chunks {
        rows += chunk?.rows();
        batches += 1;
    }
    let cost = format!("{rows} rows in {batches} batches, {:.3} ms", start.elapsed().as_secs_f64() * 1e3);
    let lines = std::iter::once(cost.as_str()).chain(lines.iter().map(String::as_str));
    Ok(crate::chunk::timeless(vec![texts(lines.map(Some))]))
}
