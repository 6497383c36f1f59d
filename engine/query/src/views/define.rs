//! Which series, or which expression, each view of a statement gives.

use std::{collections::HashSet, sync::Arc};

use levada_model::{Path, PathPattern, StatusCode};
use levada_sql::{
    ParseContext,
    ast::{IntoTarget, Select, SelectColumn, Statement, ViewDefinition, ViewSource, ViewTargets},
};
use levada_storage::{LogicalView, LogicalViews, View, ViewBase};

use crate::{
    QueryContext, QueryError,
    select::{self, Defined, is_made, target_device, target_measurement},
};

/// The views that a statement defines, as the store keeps them, without tags. `view` has the views of the store.
///
/// # Errors
/// A series does not exist, a view is defined by another view or by an aggregate, two views have the same name, or the numbers of views
/// and of columns differ (300).
pub fn define_views(
    definition: &ViewDefinition,
    view: Arc<dyn View>,
    context: &QueryContext,
) -> Result<Vec<LogicalView>, QueryError> {
    let views = view.views();
    let defined = match &definition.source {
        ViewSource::Series(paths) => {
            let missing = |path: &&Path| !view.has_series(&PathPattern::from(*path));
            if let Some(path) = paths.iter().find(missing) {
                return Err(QueryError::view_unsupported(format!(
                    "Can not create a view based on non-exist time series: {path} does not exist"
                )));
            }
            select::defined(&of_series(paths, context)?, view, context, false)?
        }
        ViewSource::Select(query) => select::defined(query, view, context, true)?,
    };
    if let Some(nested) = defined.iter().flat_map(|each| &each.series).find(|each| is_view(&views, each)) {
        return Err(QueryError::view_unsupported(format!(
            "Can not create a view based on existing views, and {} is one",
            nested.path
        )));
    }
    let paths = match &definition.targets {
        ViewTargets::Named(paths) => paths.clone(),
        ViewTargets::Made(target) => made(target, &defined)?,
    };
    check_paths(&paths, defined.len())?;
    let views = paths.into_iter().zip(defined).map(|(path, defined)| {
        let Some((device, measurement)) = path.split_last() else {
            let message = format!("{path} is not a legal path, because a view lies below a device");
            return Err(QueryError::Rejected { code: StatusCode::ILLEGAL_PATH, message });
        };
        let bases = defined.series.iter().map(|series| ViewBase {
            device: series.device.clone(),
            measurement: Arc::clone(&series.measurement),
            data_type: series.data_type,
        });
        Ok(LogicalView {
            device,
            measurement: measurement.into(),
            source: defined.expression.to_string().into(),
            bases: bases.collect(),
            is_alias: defined.as_series().is_some(),
            data_type: defined.data_type,
            tags: Default::default(),
            attributes: Default::default(),
        })
    });
    views.collect()
}

fn is_view(views: &LogicalViews, series: &crate::bind::names::Series) -> bool {
    views.get(&series.device, &series.measurement).is_some()
}

/// The query of some series.
fn of_series(paths: &[Path], context: &QueryContext) -> Result<Select, QueryError> {
    let context = ParseContext { zone: context.zone.clone(), now: context.now };
    let parsed = |sql: &str| {
        levada_sql::parse(sql, &context).map_err(|error| QueryError::semantic(error.message.clone()))
    };
    let mut columns: Vec<SelectColumn> = Vec::with_capacity(paths.len());
    let mut query = None;
    for path in paths {
        let Statement::Select(mut select) = parsed(&format!("select {path} from root"))? else { continue };
        columns.append(&mut select.columns);
        query.get_or_insert(select);
    }
    let query = query.ok_or_else(|| QueryError::semantic("a view stands for a series"))?;
    Ok(Select { columns, ..*query })
}

/// The paths of views whose names have placeholders, filled with nodes of the paths of their series.
fn made(target: &IntoTarget, defined: &[Defined]) -> Result<Vec<Path>, QueryError> {
    let names = match &target.measurements[..] {
        [name] if is_made(name) => vec![name; defined.len()],
        names => names.iter().collect(),
    };
    if names.len() != defined.len() {
        return Err(differ(names.len(), defined.len()));
    }
    let path = |(name, defined): (&String, &Defined)| {
        let source = defined.as_series();
        let device = target_device(&target.device, source.map(|series| &series.device))?;
        let measurement = target_measurement(name, source.map(|series| &series.path))?;
        Ok(device.child(&measurement))
    };
    let paths = names.into_iter().zip(defined).map(path).collect::<Result<_, QueryError>>();
    paths.map_err(|error| match error {
        // Nodes are made as those that rows are written to.
        QueryError::Rejected { code, message } => {
            QueryError::Rejected { code, message: message.replace("select into:", "create view:") }
        }
        other => other,
    })
}

fn check_paths(paths: &[Path], sources: usize) -> Result<(), QueryError> {
    if paths.len() != sources {
        return Err(differ(paths.len(), sources));
    }
    let mut seen = HashSet::new();
    match paths.iter().find(|path| !seen.insert(*path)) {
        None => Ok(()),
        Some(twice) => Err(QueryError::view_unsupported(format!("the view {twice} stands there twice"))),
    }
}

fn differ(views: usize, sources: usize) -> QueryError {
    QueryError::view_unsupported(format!(
        "The number of target paths ({views}) and sources ({sources}) are miss matched! Please check your SQL."
    ))
}
