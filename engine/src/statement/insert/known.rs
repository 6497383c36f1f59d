//! What the catalog has of the series that rows are written to.

use std::{collections::HashMap, sync::Arc};

use levada_model::{DataType, Path, PathPattern, RejectedRows, SessionError, StatusCode, Tablet, Write};
use levada_storage::View;

use super::shared_name;

/// A device's series.
#[derive(Debug, Default)]
pub(crate) struct KnownDevice {
    /// Whether they share one time column; `None` where there is no such device.
    pub(crate) aligned: Option<bool>,
    /// Measurement and type, by measurement and by alias.
    series: HashMap<String, (Arc<str>, DataType)>,
}

impl KnownDevice {
    pub(crate) fn find(view: &dyn View, device: &Path) -> Self {
        let mut known = Self::default();
        let Ok(any) = PathPattern::parse("*") else { return known };
        for series in view.series(&PathPattern::from(device).join(&any)) {
            known.aligned = Some(series.aligned);
            let entry = (Arc::clone(&series.measurement), series.schema.data_type);
            if let Some(alias) = series.alias {
                known.series.insert(alias, entry.clone());
            }
            known.series.insert(series.measurement.to_string(), entry);
        }
        known
    }

    /// The measurement a name stands for, itself or by its alias, and the type if there is such a series.
    pub(crate) fn series(&self, name: &str) -> (Arc<str>, Option<DataType>) {
        match self.series.get(name) {
            Some((measurement, data_type)) => (Arc::clone(measurement), Some(*data_type)),
            None => (shared_name(name), None),
        }
    }
}

/// A write without the columns whose series do not exist, and the refusals of those.
pub(super) fn only(view: &dyn View, write: Write) -> Result<(Write, Vec<RejectedRows>), SessionError> {
    let mut refused = Vec::new();
    let mut tablets = Vec::with_capacity(write.tablets.len());
    for (at, tablet) in write.tablets.into_iter().enumerate() {
        check_database(view, tablet.device())?;
        let known = KnownDevice::find(view, tablet.device());
        let (keep, unknown): (Vec<_>, Vec<_>) =
            tablet.columns().iter().cloned().partition(|column| known.series.contains_key(&*column.name));
        refused.extend(unknown.into_iter().map(|column| RejectedRows {
            tablet: at,
            rows: None,
            message: format!("Path [{}.{}] does not exist", tablet.device(), column.name),
            measurement: Some(column.name),
            code: StatusCode::PATH_NOT_EXIST,
        }));
        tablets.push(with_columns(tablet, keep)?);
    }
    Ok((Write { tablets, ..write }, refused))
}

fn with_columns(tablet: Tablet, columns: Vec<levada_model::Column>) -> Result<Tablet, SessionError> {
    tablet.with_columns(columns).map_err(|error| {
        SessionError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).caused_by(error)
    })
}

fn check_database(view: &dyn View, device: &Path) -> Result<(), SessionError> {
    let mut at = Some(device.clone());
    while let Some(path) = at {
        if !view.databases(&PathPattern::from(&path)).is_empty() {
            return Ok(());
        }
        at = path.parent();
    }
    Err(SessionError::new(
        StatusCode::DATABASE_NOT_EXIST,
        "Database not exists and failed to create automatically because enable_auto_create_schema is FALSE.",
    ))
}
