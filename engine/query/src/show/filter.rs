//! Which devices and series a `SHOW` or `COUNT` is about.

use std::sync::Arc;

use levada_model::Path;
use levada_sql::ast::SchemaFilter;
use levada_storage::{DeviceInfo, Direction, SeriesInfo, View};

use crate::{QueryError, bind::time_set::TimeSet};

/// The series that fit; all where there is no filter.
pub(super) fn series(
    mut found: Vec<SeriesInfo>,
    filter: Option<&SchemaFilter>,
    view: &dyn View,
) -> Result<Vec<SeriesInfo>, QueryError> {
    match filter {
        None => {}
        Some(SchemaFilter::PathContains(part)) => found.retain(|each| each.path.as_str().contains(part)),
        Some(SchemaFilter::DataType(data_type)) => found.retain(|each| each.schema.data_type == *data_type),
        Some(SchemaFilter::TagEquals { key, value }) => {
            found.retain(|each| each.tags.get(key) == Some(value))
        }
        Some(SchemaFilter::TagContains { key, value }) => {
            found.retain(|each| each.tags.get(key).is_some_and(|text| text.contains(value)));
        }
        Some(SchemaFilter::Template { .. }) => {
            return Err(QueryError::semantic("unexpected filter key: only devices are chosen by template"));
        }
        Some(SchemaFilter::Time(condition)) => {
            let times = times(condition)?;
            let mut kept = Vec::new();
            for each in found {
                if has_rows(view, &each.device, std::slice::from_ref(&each.measurement), &times)? {
                    kept.push(each);
                }
            }
            found = kept;
        }
    }
    Ok(found)
}

/// The devices that fit.
pub(super) fn devices(
    mut found: Vec<DeviceInfo>,
    filter: Option<&SchemaFilter>,
    view: &dyn View,
) -> Result<Vec<DeviceInfo>, QueryError> {
    match filter {
        None => {}
        Some(SchemaFilter::PathContains(part)) => found.retain(|each| each.path.as_str().contains(part)),
        Some(SchemaFilter::Template { name, negated }) => {
            found.retain(|each| is_of_template(each.template.as_deref(), name.as_deref(), *negated));
        }
        Some(SchemaFilter::Time(condition)) => {
            let times = times(condition)?;
            let mut kept = Vec::new();
            for each in found {
                if has_rows(view, &each.path, &measurements(view, &each.path), &times)? {
                    kept.push(each);
                }
            }
            found = kept;
        }
        Some(_) => return Err(QueryError::semantic("devices cannot be chosen by tags or data types")),
    }
    Ok(found)
}

/// A device's measurements.
fn measurements(view: &dyn View, device: &Path) -> Vec<Arc<str>> {
    let star = levada_model::PathPattern::parse("*").expect("a pattern of one wildcard");
    let all = levada_model::PathPattern::from(device).join(&star);
    view.series(&all).into_iter().map(|series| series.measurement).collect()
}

/// Whether a template filter holds for the template of a device: `template = 't'`, `template is null` where it has no name. A device
/// without a template is of none that has another name, either.
fn is_of_template(template: Option<&str>, name: Option<&str>, negated: bool) -> bool {
    match (template, name) {
        (template, None) => template.is_none() != negated,
        (None, Some(_)) => false,
        (Some(template), Some(name)) => (template == name) != negated,
    }
}

fn times(condition: &levada_sql::ast::Expression) -> Result<TimeSet, QueryError> {
    TimeSet::of(condition)
        .ok_or_else(|| QueryError::semantic("only conditions on the time are supported here"))
}

fn has_rows(
    view: &dyn View,
    device: &Path,
    measurements: &[Arc<str>],
    times: &TimeSet,
) -> Result<bool, QueryError> {
    if measurements.is_empty() {
        return Ok(false);
    }
    for range in times.iter() {
        if view.scan(device, measurements, range, Direction::Ascending)?.next().transpose()?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
