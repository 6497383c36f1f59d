//! Templates: series that many devices have alike, and the paths that they are set for.
//!
//! A template that is set for a path is for the devices at and below that path: those have its series and no others, once they are
//! activated, by a statement or by the first row that is written to them. Where a template is set, no other is above or below.

use std::{collections::BTreeMap, sync::Arc};

use levada_model::{Path, PathPattern, SeriesSchema, StatusCode};
use levada_tsfile::is_written;

use super::{Catalog, Device, Names, Series, find::matching, rules};
use crate::{
    NewSeries, StorageError, TemplateInfo,
    catalog_op::{CatalogOp, SeriesDef},
};

/// What devices have alike.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Template {
    pub(crate) name: Arc<str>,
    pub(crate) aligned: bool,
    /// As they were added.
    pub(crate) series: Vec<SeriesDef>,
}

/// All templates. Few, so that a change copies them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Templates {
    by_name: BTreeMap<Arc<str>, Arc<Template>>,
    set: BTreeMap<Path, Arc<str>>,
}

impl Templates {
    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Template>> {
        self.by_name.get(name)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Template>> {
        self.by_name.values()
    }

    /// Where they are set, and their names.
    pub(crate) fn sets(&self) -> impl Iterator<Item = (&Path, &Arc<str>)> {
        self.set.iter()
    }

    /// The template that is set for a path, and where: there or above.
    pub(crate) fn above(&self, path: &Path) -> Option<(&Path, &Arc<Template>)> {
        if self.set.is_empty() {
            return None;
        }
        let mut at = path.clone();
        loop {
            if let Some((path, name)) = self.set.get_key_value(&at) {
                return Some((path, self.by_name.get(name)?));
            }
            at = at.parent()?;
        }
    }

    pub(super) fn put(&mut self, template: Template) {
        self.by_name.insert(Arc::clone(&template.name), Arc::new(template));
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.by_name.remove(name);
    }

    pub(super) fn set(&mut self, path: &Path, name: &Arc<str>) {
        self.set.insert(path.clone(), Arc::clone(name));
    }

    pub(super) fn unset(&mut self, path: &Path) {
        self.set.remove(path);
    }

    /// Whether they are set for the same paths.
    pub(crate) fn are_set_as(&self, other: &Self) -> bool {
        self.set == other.set
    }

    /// Takes away what is set at or below a path.
    pub(super) fn unset_below(&mut self, path: &Path) {
        self.set.retain(|set, _| !path.is_prefix_of(set));
    }
}

impl Template {
    /// With more series.
    pub(crate) fn with(&self, more: Vec<SeriesDef>) -> CatalogOp {
        let series = self.series.iter().cloned().chain(more).collect();
        CatalogOp::PutTemplate { name: Arc::clone(&self.name), aligned: self.aligned, series }
    }

    /// What gives a device its series.
    pub(crate) fn activation(&self, device: &Path) -> CatalogOp {
        CatalogOp::Activate {
            device: device.clone(),
            template: Arc::clone(&self.name),
            aligned: self.aligned,
            series: self.series.clone(),
        }
    }

    fn info(&self, templates: &Templates) -> TemplateInfo {
        let set = templates.sets().filter(|(_, name)| **name == self.name).map(|(path, _)| path.clone());
        TemplateInfo {
            name: Arc::clone(&self.name),
            aligned: self.aligned,
            series: self.series.iter().map(|def| (Arc::clone(&def.measurement), def.schema)).collect(),
            set: set.collect(),
        }
    }
}

fn metadata(message: String) -> StorageError {
    StorageError::rejected(StatusCode::METADATA_ERROR, message)
}

fn unknown(name: &str) -> StorageError {
    metadata(format!("Template {name} does not exist"))
}

type Measurements = [(Arc<str>, SeriesSchema)];

fn check_series(
    series: &Measurements,
    code: StatusCode,
    before: &str,
) -> Result<Vec<SeriesDef>, StorageError> {
    let mut made: Vec<SeriesDef> = Vec::with_capacity(series.len());
    for (name, schema) in series {
        rules::check_measurement(name)?;
        if made.iter().any(|def| def.measurement == *name) {
            let message = format!("Path duplicated: {name} is not a legal path");
            return Err(StorageError::rejected(StatusCode::ILLEGAL_PATH, message));
        }
        if !is_written(*schema) {
            let message =
                format!("{before}encoding {} does not support {}", schema.encoding, schema.data_type);
            return Err(StorageError::rejected(code, message));
        }
        made.push(SeriesDef::plain(Arc::clone(name), *schema));
    }
    Ok(made)
}

impl Catalog {
    pub(crate) fn templates(&self) -> &Templates {
        &self.templates
    }

    pub(crate) fn template_infos(&self) -> Vec<TemplateInfo> {
        self.templates.all().map(|template| template.info(&self.templates)).collect()
    }

    pub(crate) fn template_above(&self, path: &Path) -> Option<TemplateInfo> {
        Some(self.templates.above(path)?.1.info(&self.templates))
    }

    /// A device as it is when a template is activated for it.
    pub(crate) fn activated(&self, path: &Path, template: &Template) -> Option<Device> {
        let mut device = Device::new(path.clone(), self.database_of(path)?.id, template.aligned);
        let mut names = Names::default();
        let series = template.series.iter().cloned().map(|def| Series::new(def, 0, &mut names));
        device.add(series.collect());
        device.template = Some(Arc::clone(&template.name));
        Some(device)
    }

    /// The devices that have a template's series.
    pub(super) fn activated_with(&self, name: &str) -> Vec<Path> {
        let sets = self.templates.sets().filter(|(_, set)| ***set == *name);
        let devices = sets.flat_map(|(path, _)| self.devices.below(path.clone()));
        devices
            .filter(|device| device.template.as_deref() == Some(name))
            .map(|device| device.path.clone())
            .collect()
    }

    /// The series that devices got from a template in one write, as far as they still have them.
    pub(crate) fn made_of_template(&self, name: &str, seq: u64) -> Vec<NewSeries> {
        let devices = self.activated_with(name).into_iter().filter_map(|path| self.device(&path));
        let made = devices.flat_map(|device| {
            let series = device.all().iter().filter(|series| series.since == seq);
            series.map(|series| series.def().into_new(&device.path, device.aligned))
        });
        made.collect()
    }

    /// What makes a template.
    ///
    /// # Errors
    /// There is one of this name, or it makes no sense.
    pub(crate) fn plan_template(
        &self,
        name: &str,
        aligned: bool,
        series: &Measurements,
    ) -> Result<CatalogOp, StorageError> {
        if self.templates.get(name).is_some() {
            return Err(metadata(format!("Duplicated template name: {name}")));
        }
        let series = check_series(series, StatusCode::CREATE_TEMPLATE_ERROR, "create template error -")?;
        Ok(CatalogOp::PutTemplate { name: name.into(), aligned, series })
    }

    /// What gives a template more series, and all devices that have it.
    ///
    /// # Errors
    /// There is no such template, or it has one of them.
    pub(crate) fn plan_extension(
        &self,
        name: &str,
        series: &Measurements,
    ) -> Result<CatalogOp, StorageError> {
        let template = self.templates.get(name).ok_or_else(|| unknown(name))?;
        let more = check_series(series, StatusCode::METADATA_ERROR, "")?;
        let known = |def: &&SeriesDef| template.series.iter().any(|each| each.measurement == def.measurement);
        if let Some(def) = more.iter().find(known) {
            let message =
                format!("Measurement [{}] already exist in schemaengine template {name}", def.measurement);
            return Err(StorageError::rejected(StatusCode::MEASUREMENT_ALREADY_EXISTS_IN_TEMPLATE, message));
        }
        self.check_extension(name, more.iter().map(|def| &def.measurement))?;
        Ok(template.with(more))
    }

    /// That no device lies at or below a series that a template's devices would get, and no view there.
    pub(crate) fn check_extension<'a>(
        &self,
        name: &str,
        more: impl Iterator<Item = &'a Arc<str>>,
    ) -> Result<(), StorageError> {
        let more: Vec<_> = more.collect();
        for device in self.activated_with(name) {
            more.iter().try_for_each(|name| self.check_free(&device, name))?;
        }
        Ok(())
    }

    /// What removes a template.
    ///
    /// # Errors
    /// There is no such template, or it is set somewhere.
    pub(crate) fn plan_drop(&self, name: &str) -> Result<CatalogOp, StorageError> {
        let template = self.templates.get(name).ok_or_else(|| unknown(name))?;
        if self.templates.sets().any(|(_, set)| **set == *name) {
            return Err(metadata(format!("Template [{name}] has been set on MTree, cannot be dropped now.")));
        }
        Ok(CatalogOp::DropTemplate { name: Arc::clone(&template.name) })
    }

    /// What sets a template for a path.
    ///
    /// # Errors
    /// There is no such template, one is set there, above or below, or there are devices, or no database.
    pub(crate) fn plan_set(&self, name: &str, path: &Path) -> Result<CatalogOp, StorageError> {
        let template = self.templates.get(name).ok_or_else(|| unknown(name))?;
        let near = |set: &Path| set.is_prefix_of(path) || path.is_prefix_of(set);
        if let Some((other, _)) = self.templates.sets().find(|(set, _)| near(set)) {
            return Err(metadata(format!("Template already exists on {other}")));
        }
        if self.database_of(path).is_none() {
            let message = format!("Database is not set for current seriesPath: [{path}]");
            return Err(StorageError::rejected(StatusCode::DATABASE_NOT_EXIST, message));
        }
        // A view has the name of a series: which there are, the template alone says.
        if self.devices.below(path.clone()).next().is_some() || self.views().has_device_below(path) {
            let message = format!(
                "Cannot set device template [{name}] to path [{path}] since there's timeseries under path [{path}]."
            );
            return Err(StorageError::rejected(StatusCode::TEMPLATE_INCOMPATIBLE, message));
        }
        rules::check_device(self, path)?;
        Ok(CatalogOp::SetTemplate { name: Arc::clone(&template.name), path: path.clone() })
    }

    /// What takes back that a template is set for a path.
    ///
    /// # Errors
    /// It is not, or devices have its series.
    pub(crate) fn plan_unset(&self, name: &str, path: &Path) -> Result<CatalogOp, StorageError> {
        self.templates.get(name).ok_or_else(|| unknown(name))?;
        if self.templates.set.get(path).is_none_or(|set| **set != *name) {
            let message = format!("No template on {path}");
            return Err(StorageError::rejected(StatusCode::TEMPLATE_NOT_SET, message));
        }
        if self.devices.below(path.clone()).next().is_some() {
            let message = format!("Template is in use on {path}");
            return Err(StorageError::rejected(StatusCode::TEMPLATE_IS_IN_USE, message));
        }
        Ok(CatalogOp::UnsetTemplate { path: path.clone() })
    }

    /// What gives a device the series of the template that is set for it.
    ///
    /// # Errors
    /// None is set, the device has them already, or its path runs through a series.
    pub(crate) fn plan_activation(&self, device: &Path) -> Result<CatalogOp, StorageError> {
        let Some((_, template)) = self.templates.above(device) else {
            return Err(metadata(format!("Path [{device}] has not been set any template.")));
        };
        if self.device(device).is_some() {
            let message = format!("Template is in use on {device}");
            return Err(StorageError::rejected(StatusCode::TEMPLATE_IS_IN_USE, message));
        }
        if template.series.is_empty() {
            return Err(metadata(format!(
                "Template {} has no measurements, and {device} would have no series: `alter device template` gives it some",
                template.name
            )));
        }
        self.check_activation(device, template)?;
        Ok(template.activation(device))
    }

    /// That nothing stands in the way of a template's series.
    pub(crate) fn check_activation(&self, device: &Path, template: &Template) -> Result<(), StorageError> {
        rules::check_device(self, device)?;
        template.series.iter().try_for_each(|def| self.check_free(device, &def.measurement))
    }

    /// That neither a device nor a view stands where a template's series is to be. Views are not made where a template is set, nor
    /// the reverse; a store of an earlier version may have both.
    fn check_free(&self, device: &Path, measurement: &str) -> Result<(), StorageError> {
        let series = device.child(measurement);
        self.check_no_view(device, &series)?;
        rules::check_no_device_below(self, &series)
    }

    /// Patterns of all series that some devices have of a template, or of any, and of no others.
    ///
    /// # Errors
    /// No such template is set where the devices may be, or none of them has its series.
    pub(crate) fn of_templates(
        &self,
        name: Option<&str>,
        patterns: &[PathPattern],
    ) -> Result<Vec<PathPattern>, StorageError> {
        let reaches = |pattern: &PathPattern, set: &Path| {
            let nodes: Vec<&str> = set.nodes().collect();
            pattern.matches(set) || pattern.may_match_below(&nodes)
        };
        let wanted = |set: &Arc<str>| name.is_none_or(|name| **set == *name);
        let (mut any, mut found) = (false, Vec::new());
        for (set, _) in self.templates.sets().filter(|(_, name)| wanted(name)) {
            for pattern in patterns.iter().filter(|pattern| reaches(pattern, set)) {
                any = true;
                self.of_template(set, pattern, &mut found);
            }
        }
        if !any {
            let paths: Vec<_> = patterns.iter().map(ToString::to_string).collect();
            let message = format!(
                "Device Template {}is not set on any prefix path of [{}]",
                name.map(|name| format!("{name} ")).unwrap_or_default(),
                paths.join(", ")
            );
            return Err(StorageError::rejected(StatusCode::TEMPLATE_NOT_SET, message));
        }
        if found.is_empty() {
            let message = "Target Device Template is not activated on any path matched by given path pattern";
            return Err(StorageError::rejected(StatusCode::TEMPLATE_NOT_ACTIVATED, message));
        }
        Ok(found)
    }

    /// Adds patterns of the series of those devices at and below `set`, where a template is set, that a pattern matches. They match
    /// no series of another device, whichever are made meanwhile; and they are few where the pattern allows it.
    fn of_template(&self, set: &Path, pattern: &PathPattern, found: &mut Vec<PathPattern>) {
        let prefix = pattern.literal_prefix();
        let mut devices = self.devices.below(set.clone()).filter(|device| pattern.matches(&device.path));
        // What it matches lies below, whatever it is: there are no series but the template's.
        let is_inside = prefix.as_ref().is_some_and(|prefix| set.is_prefix_of(prefix));
        let is_all = pattern.nodes().next_back() == Some("**")
            && prefix.is_some_and(|prefix| {
                prefix.nodes().count() + 1 == pattern.len() && prefix != *set && prefix.is_prefix_of(set)
            });
        if is_inside {
            found.extend(devices.next().and_then(|_| Some(pattern.join(&PathPattern::parse("*").ok()?))));
        } else if is_all {
            found.extend(devices.next().and_then(|_| below(set, "**")));
        } else {
            found.extend(devices.filter_map(|device| below(&device.path, "*")));
        }
    }

    /// Patterns that match the same series as others, but those of templates: these go with their devices alone. Where no template
    /// is set that a pattern may reach, it stays as it is.
    pub(crate) fn without_templates(&self, patterns: &[PathPattern]) -> Vec<PathPattern> {
        let reaches = |pattern: &PathPattern| {
            self.templates.sets().any(|(set, _)| {
                let nodes: Vec<&str> = set.nodes().collect();
                pattern.may_match_below(&nodes)
            })
        };
        let mut exact = Vec::with_capacity(patterns.len());
        for pattern in patterns {
            if !reaches(pattern) {
                exact.push(pattern.clone());
                continue;
            }
            let prefix = pattern.literal_prefix().or_else(|| Path::parse("root").ok());
            // A pattern that is a path may name a series: its device lies above it.
            let above = pattern.as_path().and_then(|path| path.parent()).or(prefix);
            let devices = above.into_iter().flat_map(|above| self.devices.below(above));
            for device in devices.filter(|device| device.template.is_none()) {
                let places: Vec<usize> = matching(device, pattern).map(|(place, _)| place).collect();
                if places.len() == device.all().len() {
                    exact.extend(below(&device.path, "*"));
                } else {
                    let series = places.into_iter().map(|place| &device.all()[place].measurement);
                    exact.extend(series.map(|name| PathPattern::from(&device.path.child(name))));
                }
            }
        }
        exact
    }
}

fn below(path: &Path, wildcard: &str) -> Option<PathPattern> {
    Some(PathPattern::from(path).join(&PathPattern::parse(wildcard).ok()?))
}
