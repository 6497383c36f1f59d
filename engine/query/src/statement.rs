//! From a statement to a plan.

use std::sync::Arc;

use levada_model::StatusCode;
use levada_sql::ast::{Query, Select, Statement};
use levada_storage::View;

use crate::{
    IntoSeries, Plan, QueryContext, QueryError, execute::Environment, explain, plan::Bound, select, show,
};

/// Binds a statement that gives rows: `SELECT`, `EXPLAIN`, `SHOW`, `COUNT`.
///
/// Names are looked up, types are checked and operators are put together; no rows are read.
///
/// # Errors
/// The statement makes no sense for what is in the view (701), is recognised and not carried out (300), needs too many
/// columns for its memory (709), or gives no rows by its nature (704).
pub fn plan(statement: &Statement, view: Arc<dyn View>, context: &QueryContext) -> Result<Plan, QueryError> {
    let environment = Environment::new(Arc::clone(&view), context);
    let Some(query) = statement.as_query() else {
        let message = "the statement is not a query".to_owned();
        return Err(QueryError::Rejected { code: StatusCode::QUERY_NOT_ALLOWED, message });
    };
    let bound = match query {
        Query::Select(query) => select::plan(query, view, context)?,
        Query::Explain { select, analyze } => explain::plan(select, analyze, view, context)?,
        Query::Show(what) => show::plan(what, &*view, context)?,
        Query::Count(what) => show::plan_count(what, &*view, context)?,
    };
    Ok(Plan::new(bound, environment))
}

/// Binds a `SELECT … INTO`: the plan of its rows, and the series that each of their columns is to be written to.
///
/// # Errors
/// As [`plan`], and where columns and series do not correspond (701).
pub fn plan_into(
    select: &Select,
    view: Arc<dyn View>,
    context: &QueryContext,
) -> Result<(Plan, Vec<IntoSeries>), QueryError> {
    let environment = Environment::new(Arc::clone(&view), context);
    let (bound, targets): (Bound, _) = match &select.into {
        Some(into) => crate::select::plan_into(select, into, view, context)?,
        None => (crate::select::plan(select, view, context)?, Vec::new()),
    };
    Ok((Plan::new(bound, environment), targets))
}
