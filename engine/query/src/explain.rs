//! `explain`: the plan of a query, as text.

use std::sync::Arc;

use levada_model::DataType;
use levada_sql::ast::Select;
use levada_storage::View;

use crate::{
    QueryContext, QueryError,
    chunk::{ready, texts, timeless},
    node::Node,
    plan::{Bound, column},
    select::{self, IntoSeries},
};

/// How many series that are written to have lines of their own.
const WRITES_SHOWN: usize = 16;

/// The lines of a query's plan. With `analyze` the query is run as well, when the lines are pulled, and they say what each
/// node gave and how long it took; its rows are neither given out nor, where they are to be written, written.
pub(crate) fn plan(
    query: &Select,
    analyze: bool,
    view: Arc<dyn View>,
    context: &QueryContext,
) -> Result<Bound, QueryError> {
    let (bound, targets) = match &query.into {
        Some(into) => {
            let (bound, targets) = select::plan_into(query, into, view, context)?;
            (bound, Some(targets))
        }
        None => (select::plan(query, view, context)?, None),
    };
    if analyze {
        let columns = vec![column("Explain Analyze", DataType::Text)];
        let analyzed = Node::Analyze(Box::new(bound.root));
        let root = match targets {
            None => analyzed,
            Some(targets) => {
                let count = targets.len();
                let note = format!("for {count} series, and nothing is written: SELECT INTO alone does that");
                let note = timeless(vec![texts([Some(note.as_str())])]);
                Node::Concat(vec![Node::Given(ready(vec![note])), analyzed])
            }
        };
        return Ok(Bound::new(false, columns, root));
    }
    let mut lines = targets.as_deref().map(writes).unwrap_or_default();
    let depth = if lines.is_empty() { "" } else { "  " };
    lines.extend(bound.root.describe().iter().map(|line| format!("{depth}{}", line.text)));
    let columns = vec![column("distribution plan", DataType::Text)];
    Ok(Bound::ready(columns, vec![texts(lines.iter().map(|line| Some(line.as_str())))]))
}

/// A line for each series that is written to, of many the first.
fn writes(targets: &[IntoSeries]) -> Vec<String> {
    let line = |target: &IntoSeries| {
        let IntoSeries { source_device, source, device, aligned, measurement, .. } = target;
        let of = source_device.as_ref().map(|device| format!(" of {device}")).unwrap_or_default();
        let how = if *aligned { ", aligned" } else { "" };
        format!("Write {source}{of} to {device}.{measurement}{how}")
    };
    let mut lines: Vec<String> = targets.iter().take(WRITES_SHOWN).map(line).collect();
    if let Some(more @ 1..) = targets.len().checked_sub(WRITES_SHOWN) {
        lines.push(format!("… and {more} more of these"));
    }
    lines
}
