//! Rows that are written to logical views: each column goes to the series that its view is another name of.

use std::{collections::BTreeMap, sync::Arc};

use levada_model::{Column, Path, RejectedRows, StatusCode, Tablet, WriteReport};

use crate::{StorageError, catalog::Catalog};

/// The names that columns were written by, where those are of views.
#[derive(Debug, Default)]
pub(crate) struct Names(Vec<(Arc<str>, Arc<str>)>);

impl Names {
    /// Says of what was rejected from `first` on by which name it was written.
    pub(crate) fn restore(&self, report: &mut WriteReport, first: usize) {
        for RejectedRows { measurement, .. } in report.rejected.iter_mut().skip(first) {
            let by = measurement.as_ref().and_then(|name| self.0.iter().find(|(stored, _)| stored == name));
            if let Some((_, written)) = by {
                *measurement = Some(Arc::clone(written));
            }
        }
    }
}

/// The tablets that a tablet is stored as: itself alone, unless it has columns of views. A column whose view computes its values, or
/// stands for a series that is missing, is added to the report.
pub(crate) fn routed(
    catalog: &Catalog,
    index: usize,
    tablet: Tablet,
    report: &mut WriteReport,
) -> Vec<(Tablet, Names)> {
    if !catalog.views().has_device(tablet.device()) {
        return vec![(tablet, Names::default())];
    }
    let aligned = tablet.aligned();
    let (path, times, columns) = tablet.into_parts();
    let mut parts: BTreeMap<Path, (Vec<Column>, Names)> = BTreeMap::new();
    for column in columns {
        let Some(view) = catalog.views().get(&path, &column.name) else {
            parts.entry(path.clone()).or_default().0.push(column);
            continue;
        };
        let base = view.alias_of().ok_or_else(|| view.not_writable()).and_then(|base| {
            let device = catalog.device(&base.device);
            let is_there = device.is_some_and(|device| device.series(&base.measurement).is_some());
            let source = &view.source;
            let missing =
                || format!("Path [{source}], which the view {} stands for, does not exist", view.path());
            if is_there {
                Ok(base)
            } else {
                Err(StorageError::rejected(StatusCode::PATH_NOT_EXIST, missing()))
            }
        });
        match base {
            Ok(base) => {
                let (columns, Names(names)) = parts.entry(base.device.clone()).or_default();
                names.push((Arc::clone(&base.measurement), Arc::clone(&column.name)));
                columns.push(Column { name: Arc::clone(&base.measurement), ..column });
            }
            Err(error) => report.rejected.push(RejectedRows {
                tablet: index,
                rows: None,
                measurement: Some(column.name),
                code: error.code(),
                message: error.to_string(),
            }),
        }
    }
    let made = parts.into_iter().filter_map(|(device, (columns, names))| {
        // The columns are as long as they were; only those of one name twice are no tablet.
        match Tablet::try_new(device, aligned, times.clone(), columns) {
            Ok(tablet) => Some((tablet, names)),
            Err(error) => {
                report.rejected.push(RejectedRows {
                    tablet: index,
                    rows: None,
                    measurement: None,
                    code: StatusCode::SEMANTIC_ERROR,
                    message: format!("columns of views and of the series they stand for: {error}"),
                });
                None
            }
        }
    });
    made.collect()
}
