//! `explain`: the plan of a query, as text.

use std::sync::Arc;

use levada_model::DataType;
use levada_sql::ast::Select;
use levada_storage::View;

use crate::{
    QueryContext, QueryError,
    chunk::texts,
    node::Node,
    plan::{Bound, column},
    select,
};

/// The lines of a query's plan. With `analyze` the query is run as well, when the lines are pulled, and they say what each
/// node gave and how long it took; its rows are not given out.
pub(crate) fn plan(
    query: &Select,
    analyze: bool,
    view: Arc<dyn View>,
    context: &QueryContext,
) -> Result<Bound, QueryError> {
    let bound = match &query.into {
        Some(_) if analyze => return Err(QueryError::unsupported("explain analyze of select into")),
        Some(into) => select::plan_into(query, into, view, context)?.0,
        None => select::plan(query, view, context)?,
    };
    if analyze {
        let columns = vec![column("Explain Analyze", DataType::Text)];
        return Ok(Bound::new(false, columns, Node::Analyze(Box::new(bound.root))));
    }
    let lines = bound.root.describe();
    let columns = vec![column("distribution plan", DataType::Text)];
    Ok(Bound::ready(columns, vec![texts(lines.iter().map(|line| Some(line.text.as_str())))]))
}
