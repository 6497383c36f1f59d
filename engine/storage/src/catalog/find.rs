//! Looking names up, by pattern and by name.

use std::sync::Arc;

use hashbrown::HashMap;
use levada_model::{Path, PathPattern};

use super::{Catalog, Database, Device, Series, Tree};
use crate::{DatabaseInfo, DeviceInfo, DeviceSeries, LogicalViews, SeriesInfo, TemplateInfo};

/// Patterns of which series are searched, sorted out.
#[derive(Debug)]
pub(super) struct Searched {
    patterns: Vec<PathPattern>,
    /// Those without wildcards: names by device.
    exact: HashMap<Path, Vec<Box<str>>, foldhash::fast::RandomState>,
    /// The others.
    wild: Vec<PathPattern>,
    /// Where devices of such series lie: at or below these.
    prefixes: Vec<Path>,
}

impl Searched {
    pub(super) fn new(patterns: &[PathPattern]) -> Self {
        let mut searched = Self {
            patterns: patterns.to_vec(),
            exact: HashMap::default(),
            wild: Vec::new(),
            prefixes: Vec::new(),
        };
        for pattern in patterns {
            match pattern.as_path() {
                Some(path) => {
                    let Some((device, name)) = path.split_last() else { continue };
                    searched.prefixes.push(device.clone());
                    searched.exact.entry(device).or_default().push(name.into());
                }
                None => {
                    // All paths begin with the root.
                    let prefix = pattern.literal_prefix().or_else(|| Path::parse("root").ok());
                    searched.prefixes.extend(prefix);
                    searched.wild.push(pattern.clone());
                }
            }
        }
        searched.prefixes.sort_unstable();
        searched.prefixes.dedup();
        searched
    }

    pub(super) fn patterns(&self) -> &[PathPattern] {
        &self.patterns
    }

    /// For each leaf of a tree, whether such series may be in it.
    pub(super) fn leaves(&self, tree: &Tree) -> Vec<bool> {
        let mut concerned = vec![false; tree.leaves().len()];
        for prefix in &self.prefixes {
            let from = tree.place(prefix).0;
            for (at, leaf) in tree.leaves().iter().enumerate().skip(from) {
                let begins_below =
                    leaf.first().is_some_and(|device| device.path.as_str().starts_with(prefix.as_str()));
                if at > from && !begins_below {
                    break;
                }
                concerned[at] = true;
            }
        }
        concerned
    }

    /// The places of such series among those of a device, ascending.
    pub(super) fn places(&self, device: &Device) -> Vec<usize> {
        let mut places: Vec<usize> = self.found(device).map(|(place, _)| place).collect();
        if !places.is_sorted_by(|a, b| a < b) {
            places.sort_unstable();
            places.dedup();
        }
        places
    }

    /// The paths of those series of a device that a pattern matches by their aliases alone.
    pub(super) fn aliased(&self, device: &Device) -> Vec<Path> {
        if !device.has_aliases() {
            return Vec::new();
        }
        let aliased = self.found(device).filter(|(_, by_alias)| *by_alias);
        aliased.map(|(place, _)| device.path.child(&device.all()[place].measurement)).collect()
    }

    /// Places of series, and whether they were found by an alias.
    fn found(&self, device: &Device) -> impl Iterator<Item = (usize, bool)> {
        let exact = self.exact.get(&device.path).into_iter().flatten().filter_map(|name| {
            let series = device.series_or_alias(name)?;
            let place = device.position(&series.measurement, 0)?;
            Some((place, *series.measurement != **name))
        });
        let wild = self.wild.iter().flat_map(|pattern| matching(device, pattern));
        exact.chain(wild)
    }
}

impl crate::Catalog for Catalog {
    fn databases(&self, pattern: &PathPattern) -> Vec<DatabaseInfo> {
        self.database_infos(pattern)
    }

    fn devices(&self, pattern: &PathPattern) -> Vec<DeviceInfo> {
        self.device_infos(pattern)
    }

    fn device(&self, path: &Path) -> Option<DeviceInfo> {
        self.device_at(path)
    }

    fn series(&self, pattern: &PathPattern) -> Vec<SeriesInfo> {
        self.series_infos(pattern)
    }

    fn series_by_device(&self, pattern: &PathPattern) -> Vec<DeviceSeries> {
        Self::series_by_device(self, pattern)
    }

    fn has_series(&self, pattern: &PathPattern) -> bool {
        self.any_series(pattern)
    }

    fn series_named(&self, device: &Path, names: &[Arc<str>]) -> Vec<SeriesInfo> {
        self.named_infos(device, names)
    }

    fn views(&self) -> Arc<LogicalViews> {
        Arc::clone(Self::views(self))
    }

    fn templates(&self) -> Vec<TemplateInfo> {
        self.template_infos()
    }

    fn template_above(&self, path: &Path) -> Option<TemplateInfo> {
        Self::template_above(self, path)
    }

    fn path_ttls(&self) -> Vec<(PathPattern, i64)> {
        self.lives.all()
    }

    fn ttl(&self, device: &Path) -> Option<i64> {
        self.lives.of(device)
    }
}

impl Catalog {
    pub(crate) fn database_infos(&self, pattern: &PathPattern) -> Vec<DatabaseInfo> {
        let matched = self.databases.values().filter(|database| pattern.matches(&database.path));
        matched
            .map(|Database { path, partition, .. }| DatabaseInfo {
                path: path.clone(),
                ttl: self.lives.below(path),
                partition: *partition,
            })
            .collect()
    }

    pub(crate) fn device_infos(&self, pattern: &PathPattern) -> Vec<DeviceInfo> {
        if let Some(path) = pattern.as_path() {
            return self.device_at(&path).into_iter().collect();
        }
        let matched = self.devices_at(pattern).filter(|device| pattern.matches(&device.path));
        matched.map(|device| self.device_info(device)).collect()
    }

    pub(crate) fn device_at(&self, path: &Path) -> Option<DeviceInfo> {
        self.device(path).map(|device| self.device_info(device))
    }

    fn device_info(&self, device: &Device) -> DeviceInfo {
        let database = self.database_path(device);
        let template = device.template.clone();
        DeviceInfo { path: device.path.clone(), database, aligned: device.aligned, template }
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

    /// Those of a device's series that some names stand for.
    pub(crate) fn named_infos(&self, device: &Path, names: &[Arc<str>]) -> Vec<SeriesInfo> {
        let Some(device) = self.device(device) else { return Vec::new() };
        let series = names.iter().filter_map(|name| device.series_or_alias(name));
        series.map(|series| self.series_info(device, series)).collect()
    }

    /// Whether a pattern matches any series; the first that it matches ends the search.
    pub(crate) fn any_series(&self, pattern: &PathPattern) -> bool {
        match self.one_series(pattern) {
            Some(found) => found.is_some(),
            None => self.devices_at(pattern).any(|device| matching(device, pattern).next().is_some()),
        }
    }

    fn series_info(&self, device: &Device, series: &Series) -> SeriesInfo {
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
            view: None,
        }
    }

    fn database_path(&self, device: &Device) -> Path {
        // A device's database is there as long as the device.
        self.by_id.get(&device.database).cloned().unwrap_or_else(|| device.path.clone())
    }

    /// The devices at or below a pattern's beginning.
    fn devices_at(&self, pattern: &PathPattern) -> Box<dyn Iterator<Item = &Arc<Device>> + '_> {
        match pattern.literal_prefix() {
            Some(path) => Box::new(self.devices.below(path)),
            None => Box::new(self.devices.iter()),
        }
    }

    fn each_series(&self, pattern: &PathPattern, mut each: impl FnMut(&Device, &Series)) {
        if let Some(found) = self.one_series(pattern) {
            found.into_iter().for_each(|(device, series)| each(device, series));
            return;
        }
        for device in self.devices_at(pattern) {
            matching(device, pattern).for_each(|(place, _)| each(device, &device.all()[place]));
        }
    }

    /// The series that a path is of, where there is one; `None` where a pattern is not a path.
    fn one_series(&self, pattern: &PathPattern) -> Option<Option<(&Device, &Series)>> {
        let path = pattern.as_path()?;
        let find = || {
            let (device, name) = path.split_last()?;
            let device = self.devices.get(&device)?;
            Some((&**device, device.series_or_alias(name)?))
        };
        Some(find())
    }
}

/// The places of those series of a device that a pattern matches, by their names or aliases, and whether it was the alias.
pub(super) fn matching(device: &Device, pattern: &PathPattern) -> impl Iterator<Item = (usize, bool)> {
    let mut nodes: Vec<&str> = device.path.nodes().collect();
    let any = pattern.may_match_below(&nodes);
    let series = if any { device.all() } else { &[] };
    series.iter().enumerate().filter_map(move |(place, series)| {
        let mut fits = |name| {
            nodes.push(name);
            let fits = pattern.matches_nodes(&nodes);
            nodes.pop();
            fits
        };
        if fits(&*series.measurement) {
            return Some((place, false));
        }
        series.alias().is_some_and(fits).then_some((place, true))
    })
}
