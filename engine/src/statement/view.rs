//! Statements about logical views.

use levada_model::{PathPattern, SessionError, StatusCode};
use levada_query::{QueryContext, define_views, with_views};
use levada_sql::ast::{AlterTimeseries, Alteration, ChangeView, Privilege};
use levada_storage::{Applied, Catalog, LogicalView, Storage, ViewBase};

use super::{Request, apply, not_there, series::altered};
use crate::gate::Creation;

pub(super) async fn change(request: &Request<'_>, change: ChangeView) -> Result<String, SessionError> {
    let context = request.shared.query_context(request.zone);
    let creation = request.pass.creation.clone();
    apply(request.shared, move |storage| changed(storage, change, &context, &creation)).await?;
    Ok(String::new())
}

fn changed(
    storage: &Storage,
    change: ChangeView,
    context: &QueryContext,
    creation: &Creation,
) -> Result<Applied, SessionError> {
    match change {
        ChangeView::Create(definition) => {
            let mut views = define_views(&definition, with_views(storage.view(), context), context)?;
            check(creation, &*storage.catalog(), &mut views)?;
            Ok(storage.create_views(views)?)
        }
        ChangeView::Define(definition) => {
            let mut views = define_views(&definition, with_views(storage.view(), context), context)?;
            check(creation, &*storage.catalog(), &mut views)?;
            let known = storage.catalog().views();
            for view in &mut views {
                if let Some(before) = known.get(&view.device, &view.measurement) {
                    (view.tags, view.attributes) = (before.tags.clone(), before.attributes.clone());
                }
            }
            Ok(storage.alter_views(views)?)
        }
        ChangeView::Alter(alter) => {
            let altered = relabelled(&*storage.catalog(), alter)?;
            Ok(storage.alter_views(vec![altered])?)
        }
        ChangeView::Rename { from, to } => {
            let views = storage.catalog().views();
            let view = from.split_last().and_then(|(device, name)| views.get(&device, name));
            if view.is_some_and(|view| view.is_alias) {
                // What is written to the new name is written to its series.
                creation.check_covered(Privilege::WriteData, &from)?;
            }
            Ok(storage.rename_view(&from, &to)?)
        }
        ChangeView::Drop { patterns } => {
            let applied = storage.drop_views(&patterns)?;
            if applied.count > 0 {
                return Ok(applied);
            }
            let named: Vec<_> = patterns.iter().map(ToString::to_string).collect();
            let message = format!("View [{}] does not exist", named.join(", "));
            Err(not_there(StatusCode::PATH_NOT_EXIST, message))
        }
    }
}

/// Checks that the series that a view shows may be read by their own names: they may have been named by second ones. Views of series
/// that may not be written become ones that are only read, as others may write to them.
fn check(creation: &Creation, catalog: &dyn Catalog, views: &mut [LogicalView]) -> Result<(), SessionError> {
    let bases = views.iter().flat_map(|view| &view.bases);
    let paths: Vec<PathPattern> =
        bases.map(|base| PathPattern::from(&base.device.child(&base.measurement))).collect();
    creation.check_aliased(Privilege::ReadSchema, &paths, catalog)?;
    creation.check_aliased(Privilege::ReadData, &paths, catalog)?;
    for view in views {
        let may_write =
            |base: &ViewBase| creation.covers(Privilege::WriteData, &base.device.child(&base.measurement));
        view.is_alias = view.alias_of().is_some_and(may_write);
    }
    Ok(())
}

/// A view with other tags and attributes.
fn relabelled(catalog: &dyn Catalog, alter: AlterTimeseries) -> Result<LogicalView, SessionError> {
    let AlterTimeseries { path, change } = alter;
    if matches!(&change, Alteration::Upsert { alias: Some(_), .. }) {
        let message = format!("{path} is a view, which has no alias: RENAME VIEW gives it another name");
        return Err(SessionError::new(StatusCode::UNSUPPORTED_OPERATION, message));
    }
    let views = catalog.views();
    let found = path.split_last().and_then(|(device, name)| views.get(&device, name));
    let missing = || match catalog.has_series(&PathPattern::from(&path)) {
        true => SessionError::new(StatusCode::METADATA_ERROR, format!("[{path}] is no view.")),
        false => not_there(StatusCode::PATH_NOT_EXIST, format!("View [{path}] does not exist")),
    };
    let view = found.ok_or_else(missing)?.as_ref().clone();
    let (tags, attributes) = (view.tags.clone(), view.attributes.clone());
    let change = altered(&path, tags, attributes, change)?;
    Ok(LogicalView {
        tags: change.tags.unwrap_or_default(),
        attributes: change.attributes.unwrap_or_default(),
        ..view
    })
}

/// The series whose rows go where rows of some series and views are deleted: those of views that are other names of theirs.
///
/// # Errors
/// A view is named whose rows are computed or only read: there are none to be deleted.
pub(super) fn with_bases(
    catalog: &dyn Catalog,
    patterns: Vec<PathPattern>,
) -> Result<Vec<PathPattern>, SessionError> {
    let views = catalog.views();
    if views.is_empty() {
        return Ok(patterns);
    }
    let mut bases = Vec::new();
    for pattern in &patterns {
        for view in views.matching(pattern) {
            match view.alias_of() {
                Some(base) => bases.push(PathPattern::from(&base.device.child(&base.measurement))),
                // A pattern of many takes what there is.
                None if pattern.has_wildcard() => {}
                None => {
                    let message = format!(
                        "rows of the view {} are computed from {} and cannot be deleted",
                        view.path(),
                        view.source
                    );
                    return Err(SessionError::new(StatusCode::UNSUPPORTED_OPERATION, message));
                }
            }
        }
    }
    Ok(patterns.into_iter().chain(bases).collect())
}
