//! Looking names up by pattern.

use std::sync::Arc;

use hashbrown::HashSet;
use levada_model::{Path, PathPattern};

use super::{Catalog, Database, Device, Series};
use crate::{DatabaseInfo, DeviceInfo, DeviceSeries, SeriesInfo};

/// Series of one device that a pattern matches.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) device: Path,
    pub(crate) measurements: HashSet<Arc<str>, foldhash::fast::RandomState>,
}

impl Catalog {
    pub(crate) fn database_infos(&self, pattern: &PathPattern) -> Vec<DatabaseInfo> {
        let matched = self.databases.values().filter(|database| pattern.matches(&database.path));
        matched
            .map(|Database { path, .. }| DatabaseInfo { path: path.clone(), ttl: self.lives.below(path) })
            .collect()
    }

    pub(crate) fn device_infos(&self, pattern: &PathPattern) -> Vec<DeviceInfo> {
        let mut infos = Vec::new();
        self.each_device(pattern, 0, |device, nodes| {
            if pattern.matches_nodes(nodes) {
                infos.push(DeviceInfo {
                    path: device.path.clone(),
                    database: self.database_path(device),
                    aligned: device.aligned,
                });
            }
        });
        infos
    }

    pub(crate) fn series_infos(&self, pattern: &PathPattern) -> Vec<SeriesInfo> {
        let mut infos = Vec::new();
        self.each_series(pattern, |device, series| {
            infos.push(self.series_info(device, series));
        });
        infos.sort_by(|a, b| a.path.cmp(&b.path));
        infos
    }

    pub(crate) fn series_by_device(&self, pattern: &PathPattern) -> Vec<DeviceSeries> {
        let mut found: Vec<DeviceSeries> = Vec::new();
        self.each_series(pattern, |device, series| {
            if found.last().is_none_or(|last| last.device != device.path) {
                found.push(DeviceSeries { device: device.path.clone(), series: Vec::new() });
            }
            if let Some(last) = found.last_mut() {
                last.series.push((Arc::clone(&series.measurement), series.schema));
            }
        });
        found.iter_mut().for_each(|each| each.series.shrink_to_fit());
        found
    }

    pub(crate) fn series_info(&self, device: &Device, series: &Series) -> SeriesInfo {
        let extras = series.extras.as_deref().cloned().unwrap_or_default();
        SeriesInfo {
            path: device.path.child(&series.measurement),
            device: device.path.clone(),
            measurement: Arc::clone(&series.measurement),
            database: self.database_path(device),
            aligned: device.aligned,
            schema: series.schema,
            alias: extras.alias,
            tags: extras.tags,
            attributes: extras.attributes,
            deadband: extras.deadband,
        }
    }

    pub(crate) fn find_series(&self, pattern: &PathPattern) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        self.each_series(pattern, |device, series| {
            if found.last().is_none_or(|last| last.device != device.path) {
                found.push(Found { device: device.path.clone(), measurements: HashSet::default() });
            }
            if let Some(last) = found.last_mut() {
                last.measurements.insert(Arc::clone(&series.measurement));
            }
        });
        found
    }

    /// The paths of the series that a pattern matches by their aliases alone.
    pub(crate) fn find_aliased(&self, pattern: &PathPattern) -> Vec<Path> {
        let mut found = Vec::new();
        self.each_series(pattern, |device, series| {
            if series.alias().is_some() {
                let path = device.path.child(&series.measurement);
                if !pattern.matches(&path) {
                    found.push(path);
                }
            }
        });
        found
    }

    fn database_path(&self, device: &Device) -> Path {
        // A device's database is there as long as the device.
        self.by_id.get(&device.database).cloned().unwrap_or_else(|| device.path.clone())
    }

    /// The devices at or below a pattern's beginning, with their nodes; `less` more nodes may follow a device's.
    fn each_device(&self, pattern: &PathPattern, less: usize, mut each: impl FnMut(&Arc<Device>, &[&str])) {
        let mut visit = |device: &Arc<Device>| {
            let nodes: Vec<&str> = device.path.nodes().collect();
            each(device, &nodes);
        };
        let exact =
            if less == 0 { Some(pattern.clone()) } else { pattern.split_last().map(|(front, _)| front) };
        if let Some(path) = exact.and_then(|pattern| pattern.as_path()) {
            // One device, and where the last node is `**`, those below.
            self.devices.below(&path).for_each(visit);
        } else if let Some(prefix) = pattern.literal_prefix() {
            self.devices.below(&prefix).for_each(visit);
        } else {
            self.devices.iter().for_each(&mut visit);
        }
    }

    fn each_series(&self, pattern: &PathPattern, mut each: impl FnMut(&Device, &Series)) {
        self.each_device(pattern, 1, |device, nodes| {
            if !pattern.may_match_below(nodes) {
                return;
            }
            let mut full = nodes.to_vec();
            for series in device.all() {
                let mut fits = |name| {
                    full.push(name);
                    let fits = pattern.matches_nodes(&full);
                    full.pop();
                    fits
                };
                if fits(&*series.measurement) || series.extras.is_some() && series.alias().is_some_and(fits) {
                    each(device, series);
                }
            }
        });
    }
}
