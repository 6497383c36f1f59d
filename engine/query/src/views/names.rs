//! Names of series, with those of views among them.

use std::{fmt::Debug, sync::Arc};

use levada_model::{DataType, Path, PathPattern, SeriesSchema};
use levada_storage::{
    Catalog, DatabaseInfo, DeviceInfo, DeviceSeries, LogicalView, LogicalViews, SeriesInfo, TemplateInfo,
};

use super::Viewed;

impl<V: Catalog + ?Sized, C> Viewed<V, C> {
    /// The type of a view's values: that of the series it is another name of, or that with which it was defined.
    pub(super) fn data_type(&self, view: &LogicalView) -> DataType {
        let base = view.alias_of().and_then(|base| {
            self.inner.series_named(&base.device, std::slice::from_ref(&base.measurement)).into_iter().next()
        });
        base.map_or(view.data_type, |base| base.schema.data_type)
    }

    fn schema(&self, view: &LogicalView) -> SeriesSchema {
        SeriesSchema::default_for(self.data_type(view))
    }

    fn info(&self, view: &LogicalView) -> SeriesInfo {
        let device = self.device_info(&view.device);
        SeriesInfo {
            path: view.path(),
            device: view.device.clone(),
            measurement: Arc::clone(&view.measurement),
            database: device.database,
            aligned: device.aligned,
            schema: self.schema(view),
            alias: None,
            tags: view.tags.clone(),
            attributes: view.attributes.clone(),
            deadband: None,
            view: Some(Arc::clone(&view.source)),
        }
    }

    /// A device that has views, and perhaps series.
    fn device_info(&self, path: &Path) -> DeviceInfo {
        self.inner.device(path).unwrap_or_else(|| {
            let above = std::iter::successors(Some(path.clone()), Path::parent);
            let mut databases =
                above.flat_map(|at| self.inner.databases(&PathPattern::from(&at))).map(|found| found.path);
            let database = databases.next().unwrap_or_else(|| path.clone());
            DeviceInfo { path: path.clone(), database, aligned: false, template: None }
        })
    }
}

impl<V: Catalog + ?Sized, C: Debug + Send + Sync> Catalog for Viewed<V, C> {
    fn databases(&self, pattern: &PathPattern) -> Vec<DatabaseInfo> {
        self.inner.databases(pattern)
    }

    fn devices(&self, pattern: &PathPattern) -> Vec<DeviceInfo> {
        let mut found = self.inner.devices(pattern);
        let known = found.len();
        let is_new = |path: &&Path| found[..known].binary_search_by(|device| device.path.cmp(path)).is_err();
        let new = self.views.devices().filter(|path| pattern.matches(path)).filter(is_new);
        let new: Vec<_> = new.map(|path| self.device_info(path)).collect();
        found.extend(new);
        if found.len() > known {
            found.sort_by(|a, b| a.path.cmp(&b.path));
        }
        found
    }

    fn device(&self, path: &Path) -> Option<DeviceInfo> {
        let known = self.inner.device(path);
        known.or_else(|| self.views.has_device(path).then(|| self.device_info(path)))
    }

    fn series(&self, pattern: &PathPattern) -> Vec<SeriesInfo> {
        let mut found = self.inner.series(pattern);
        let views = self.views.matching(pattern);
        if !views.is_empty() {
            found.extend(views.into_iter().map(|view| self.info(view)));
            found.sort_by(|a, b| a.path.cmp(&b.path));
        }
        found
    }

    fn series_by_device(&self, pattern: &PathPattern) -> Vec<DeviceSeries> {
        let found = self.inner.series_by_device(pattern);
        let views = self.views.matching(pattern);
        if views.is_empty() {
            return found;
        }
        let mut merged: Vec<DeviceSeries> = Vec::with_capacity(found.len() + 1);
        let mut found = found.into_iter().peekable();
        for of_device in views.chunk_by(|a, b| a.device == b.device) {
            let Some(first) = of_device.first() else { continue };
            while let Some(before) = found.next_if(|each| each.device < first.device) {
                merged.push(before);
            }
            let known = found.next_if(|each| each.device == first.device);
            let mut series = known.map_or_else(Vec::new, |known| known.series);
            series.extend(of_device.iter().map(|view| (Arc::clone(&view.measurement), self.schema(view))));
            series.sort_by(|(a, _), (b, _)| a.cmp(b));
            merged.push(DeviceSeries { device: first.device.clone(), series });
        }
        merged.extend(found);
        merged
    }

    fn has_series(&self, pattern: &PathPattern) -> bool {
        self.inner.has_series(pattern) || !self.views.matching(pattern).is_empty()
    }

    fn series_named(&self, device: &Path, names: &[Arc<str>]) -> Vec<SeriesInfo> {
        let mut found = self.inner.series_named(device, names);
        if self.views.has_device(device) {
            let views = names.iter().filter_map(|name| self.views.get(device, name));
            found.extend(views.map(|view| self.info(view)));
        }
        found
    }

    fn views(&self) -> Arc<LogicalViews> {
        Arc::clone(&self.views)
    }

    fn templates(&self) -> Vec<TemplateInfo> {
        self.inner.templates()
    }

    fn template_above(&self, path: &Path) -> Option<TemplateInfo> {
        self.inner.template_above(path)
    }

    fn path_ttls(&self) -> Vec<(PathPattern, i64)> {
        self.inner.path_ttls()
    }

    fn ttl(&self, device: &Path) -> Option<i64> {
        self.inner.ttl(device)
    }
}
