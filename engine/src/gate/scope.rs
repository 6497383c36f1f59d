//! What of the store somebody sees.

use std::sync::Arc;

use levada_model::{Path, PathPattern, StatusCode, Value};
use levada_sql::ast::Privilege;
use levada_storage::{
    Catalog, DatabaseInfo, DeviceInfo, DevicePieces, DeviceSeries, Direction, PieceIterator, RowIterator,
    Rows, SeriesInfo, StorageError, TemplateInfo, TimeRange, View, Windows,
};

use crate::users::{Covered, Rights};

/// What of the store somebody sees; everything unless it says otherwise.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope(Option<Arc<[Covered]>>);

impl Scope {
    /// What somebody sees by a privilege.
    pub(super) fn of(rights: &Rights, privilege: Privilege) -> Self {
        Self(rights.scope(privilege).map(Into::into))
    }

    /// Nothing at all.
    pub(super) fn nothing() -> Self {
        Self(Some(Arc::new([])))
    }

    /// Whether nothing is left out.
    pub(crate) fn is_everything(&self) -> bool {
        self.0.is_none()
    }

    /// What is seen by either of two.
    pub(crate) fn or(self, other: Self) -> Self {
        Self(self.0.zip(other.0).map(|(a, b)| a.iter().chain(b.iter()).cloned().collect()))
    }

    /// The names as they are seen.
    pub(crate) fn of_catalog(&self, catalog: Arc<dyn Catalog>) -> Arc<dyn Catalog> {
        match &self.0 {
            None => catalog,
            Some(covered) => Arc::new(Seen { view: catalog, covered: Arc::clone(covered) }),
        }
    }

    /// The store as it is seen.
    pub(crate) fn of_view(&self, view: Arc<dyn View>) -> Arc<dyn View> {
        match &self.0 {
            None => view,
            Some(covered) => Arc::new(Seen { view, covered: Arc::clone(covered) }),
        }
    }
}

/// A store, or its catalog, of which a part is seen.
#[derive(Debug)]
struct Seen<V: ?Sized> {
    view: Arc<V>,
    covered: Arc<[Covered]>,
}

impl<V: ?Sized> Seen<V> {
    /// Whether all that a device may have is seen: then no series of it need be looked at.
    fn covers_below(&self, device: &Path) -> bool {
        self.covered.iter().any(|covered| covered.covers_below(device))
    }

    fn has_series(&self, series: &Path) -> bool {
        self.covered.iter().any(|covered| covered.has_series(series))
    }

    fn reaches_below(&self, above: &Path) -> bool {
        self.covered.iter().any(|covered| covered.reaches_below(above))
    }

    fn check(&self, device: &Path, measurements: &[Arc<str>]) -> Result<(), StorageError> {
        if self.covers_below(device) {
            return Ok(());
        }
        match measurements.iter().find(|name| !self.has_series(&device.child(name))) {
            None => Ok(()),
            Some(name) => Err(StorageError::rejected(
                StatusCode::PATH_NOT_EXIST,
                format!("Path [{device}.{name}] does not exist"),
            )),
        }
    }
}

impl<V: Catalog + ?Sized> Catalog for Seen<V> {
    fn databases(&self, pattern: &PathPattern) -> Vec<DatabaseInfo> {
        let mut found = self.view.databases(pattern);
        found.retain(|database| self.reaches_below(&database.path));
        found
    }

    fn devices(&self, pattern: &PathPattern) -> Vec<DeviceInfo> {
        let mut found = self.view.devices(pattern);
        found.retain(|device| self.covered.iter().any(|covered| covered.has_some_of(&device.path)));
        found
    }

    fn series(&self, pattern: &PathPattern) -> Vec<SeriesInfo> {
        let mut found = self.view.series(pattern);
        found.retain(|series| self.has_series(&series.path));
        found
    }

    fn series_by_device(&self, pattern: &PathPattern) -> Vec<DeviceSeries> {
        let mut found = self.view.series_by_device(pattern);
        for DeviceSeries { device, series } in &mut found {
            if !self.covers_below(device) {
                series.retain(|(measurement, _)| self.has_series(&device.child(measurement)));
            }
        }
        found.retain(|device| !device.series.is_empty());
        found
    }

    fn series_named(&self, device: &Path, names: &[Arc<str>]) -> Vec<SeriesInfo> {
        let mut found = self.view.series_named(device, names);
        found.retain(|series| self.has_series(&series.path));
        found
    }

    fn templates(&self) -> Vec<TemplateInfo> {
        let mut found = self.view.templates();
        found.iter_mut().for_each(|template| template.set.retain(|set| self.reaches_below(set)));
        found
    }

    fn template_above(&self, path: &Path) -> Option<TemplateInfo> {
        self.view.template_above(path)
    }

    fn path_ttls(&self) -> Vec<(PathPattern, i64)> {
        let mut found = self.view.path_ttls();
        found
            .retain(|(pattern, _)| pattern.literal_prefix().is_none_or(|prefix| self.reaches_below(&prefix)));
        found
    }

    fn ttl(&self, device: &Path) -> Option<i64> {
        self.view.ttl(device)
    }
}

impl<V: Catalog + Rows + ?Sized> Rows for Seen<V> {
    fn scan(
        &self,
        device: &Path,
        measurements: &[Arc<str>],
        range: TimeRange,
        direction: Direction,
    ) -> Result<RowIterator, StorageError> {
        self.check(device, measurements)?;
        self.view.scan(device, measurements, range, direction)
    }

    fn pieces(
        &self,
        device: &Path,
        measurement: &Arc<str>,
        range: TimeRange,
        windows: Option<Windows>,
    ) -> Result<PieceIterator, StorageError> {
        self.check(device, std::slice::from_ref(measurement))?;
        self.view.pieces(device, measurement, range, windows)
    }

    fn pieces_of<'a>(
        &'a self,
        device: &'a Path,
        measurements: &'a [Arc<str>],
        range: TimeRange,
        windows: Option<Windows>,
    ) -> Result<DevicePieces<'a>, StorageError> {
        self.check(device, measurements)?;
        self.view.pieces_of(device, measurements, range, windows)
    }

    fn last(&self, device: &Path, measurement: &Arc<str>) -> Result<Option<(i64, Value)>, StorageError> {
        self.check(device, std::slice::from_ref(measurement))?;
        self.view.last(device, measurement)
    }
}
