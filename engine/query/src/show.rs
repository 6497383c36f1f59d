//! `SHOW` and `COUNT`: what is in the catalog.

mod children;
mod count;
mod databases;
mod devices;
mod filter;
mod functions;
mod timeseries;
mod ttl;

use std::sync::Arc;

use arrow_array::ArrayRef;
use levada_model::{DataType, ResultColumn};
use levada_sql::ast::{Count, Show};
use levada_storage::View;

use crate::{
    QueryContext, QueryError,
    chunk::{Chunks, paths, texts, timeless},
    node::Node,
    plan::{Bound, column},
};

/// Plans a `SHOW`.
pub(crate) fn plan(what: &Show, view: &dyn View, context: &QueryContext) -> Result<Bound, QueryError> {
    match what {
        Show::Databases { pattern, details } => Ok(databases::plan(pattern, *details, view)),
        Show::Devices(query) => devices::plan(query, view, context),
        Show::Timeseries(query) => timeseries::plan(query, view, context),
        Show::Views(query) => timeseries::plan_views(query, view, context),
        Show::ChildPaths { pattern } => Ok(children::paths(pattern, view)),
        Show::ChildNodes { pattern } => Ok(children::nodes(pattern, view)),
        Show::Ttl { patterns } => Ok(ttl::plan(patterns, view)),
        Show::Functions => Ok(functions::plan(&context.functions)),
        Show::Version => Ok(version(context)),
        Show::CurrentTimestamp => {
            let now: ArrayRef = Arc::new(arrow_array::Int64Array::from(vec![context.now]));
            Ok(Bound::ready(vec![column("CurrentTimestamp", DataType::Timestamp)], vec![now]))
        }
        Show::Variables
        | Show::Cluster { .. }
        | Show::ClusterId
        | Show::DataNodes
        | Show::ConfigNodes
        | Show::Regions(_)
        | Show::PipePlugins
        | Show::Absent(_)
        | Show::Triggers => Err(QueryError::unsupported("what is asked of the server, asked of a store")),
    }
}

/// Plans a `COUNT`.
pub(crate) fn plan_count(what: &Count, view: &dyn View, context: &QueryContext) -> Result<Bound, QueryError> {
    count::plan(what, view, context)
}

fn version(context: &QueryContext) -> Bound {
    let columns = text_columns(&["Version", "BuildInfo"]);
    Bound::ready(columns, vec![texts([Some(&*context.version)]), texts([Some(&*context.build)])])
}

/// Columns of texts.
fn text_columns(names: &[&str]) -> Vec<ResultColumn> {
    names.iter().map(|name| column(*name, DataType::Text)).collect()
}

/// A result whose columns are made of some things, a batch at a time.
fn in_batches<T: Send + 'static>(
    columns: Vec<ResultColumn>,
    things: Vec<T>,
    batch: usize,
    arrays: impl Fn(&[T]) -> Vec<ArrayRef> + Send + 'static,
) -> Bound {
    let mut at = 0;
    let chunks: Chunks = Box::new(std::iter::from_fn(move || {
        let part = &things[at..things.len().min(at + batch.max(1))];
        at += part.len();
        (!part.is_empty()).then(|| Ok(timeless(arrays(part))))
    }));
    Bound::new(false, columns, Node::Given(chunks))
}

/// `offset` and `limit` on a list.
fn page<T>(things: Vec<T>, offset: Option<i64>, limit: Option<i64>) -> Result<Vec<T>, QueryError> {
    let size = |value: i64, name: &str| {
        usize::try_from(value)
            .map_err(|_| QueryError::semantic(format!("{name} must be 0 or more, not {value}")))
    };
    let offset = offset.map_or(Ok(0), |value| size(value, "OFFSET"))?;
    let limit = limit.map_or(Ok(usize::MAX), |value| size(value, "LIMIT"))?;
    Ok(things.into_iter().skip(offset).take(limit).collect())
}
