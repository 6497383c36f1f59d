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
    select,
};

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
            (bound, Some(targets.len()))
        }
        None => (select::plan(query, view, context)?, None),
    };
    if analyze {
        let columns = vec![column("Explain Analyze", DataType::Text)];
        let analyzed = Node::Analyze(Box::new(bound.root));
        let root = match targets {
            None => analyzed,
            Some(targets) => {
                let note =
                    format!("for {targets} series, and nothing is written: SELECT INTO alone does that");
                let note = timeless(vec![texts([Some(note.as_str())])]);
                Node::Concat(vec![Node::Given(ready(vec![note])), analyzed])
            }
        };
        return Ok(Bound::new(false, columns, root));
    }
    let lines = bound.root.describe();
    let columns = vec![column("distribution plan", DataType::Text)];
    Ok(Bound::ready(columns, vec![texts(lines.iter().map(|line| Some(line.text.as_str())))]))
}
