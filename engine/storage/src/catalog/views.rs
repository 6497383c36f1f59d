//! Logical views: names of series whose rows are those of another series, or computed from some. Nothing of them is stored.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use levada_model::{DataType, Path, PathPattern, StatusCode};

use super::{Catalog, check_device, check_measurement, database_for, rules::check_no_device_below};
use crate::{
    StorageError,
    catalog_op::CatalogOp,
    codec::{Malformed, Put, Take},
};

/// A series that a view needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewBase {
    /// Its device.
    pub device: Path,
    /// Its measurement, in canonical form.
    pub measurement: Arc<str>,
    /// Its type when the view was defined.
    pub data_type: DataType,
}

/// A logical view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogicalView {
    /// The device that it is seen below.
    pub device: Path,
    /// The measurement that it is seen as, in canonical form.
    pub measurement: Arc<str>,
    /// What it stands for, as SQL: the whole path of a series, or an expression of such paths.
    pub source: Arc<str>,
    /// The series in that; at least one.
    pub bases: Vec<ViewBase>,
    /// Whether it stands for its one base as that is, and whoever defined it may write there: then what is written to it is written
    /// there.
    pub is_alias: bool,
    /// The type of its values when it was defined.
    pub data_type: DataType,
    /// Its own tags.
    pub tags: BTreeMap<String, String>,
    /// Its own attributes.
    pub attributes: BTreeMap<String, String>,
}

impl LogicalView {
    /// The device's path and the measurement.
    pub fn path(&self) -> Path {
        self.device.child(&self.measurement)
    }

    /// The series that it is another name of, if it is that.
    pub fn alias_of(&self) -> Option<&ViewBase> {
        if self.is_alias { self.bases.first() } else { None }
    }

    /// The rejection of rows for a view that computes its own.
    pub fn not_writable(&self) -> StorageError {
        let message = format!(
            "You can not insert into a logical view which is not alias series! Path: [{}], which is only read: write to the series in {}",
            self.path(),
            self.source
        );
        StorageError::rejected(StatusCode::UNSUPPORTED_OPERATION, message)
    }
}

/// All logical views of a store.
#[derive(Clone, Debug, Default)]
pub struct LogicalViews(BTreeMap<Path, BTreeMap<Arc<str>, Arc<LogicalView>>>);

impl LogicalViews {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A view by its device and measurement.
    pub fn get(&self, device: &Path, measurement: &str) -> Option<&Arc<LogicalView>> {
        self.0.get(device)?.get(measurement)
    }

    /// Whether a device has any.
    pub fn has_device(&self, device: &Path) -> bool {
        self.0.contains_key(device)
    }

    /// All, by device and measurement.
    pub fn all(&self) -> impl Iterator<Item = &Arc<LogicalView>> {
        self.0.values().flat_map(BTreeMap::values)
    }

    /// The devices that have some, by path.
    pub fn devices(&self) -> impl Iterator<Item = &Path> {
        self.0.keys()
    }

    /// Those a pattern matches, by device and measurement.
    pub fn matching(&self, pattern: &PathPattern) -> Vec<&Arc<LogicalView>> {
        if let Some(path) = pattern.as_path() {
            let found = path.split_last().and_then(|(device, name)| self.get(&device, name));
            return found.into_iter().collect();
        }
        let mut found = Vec::new();
        let prefix = pattern.literal_prefix();
        let begins = |device: &&Path| prefix.as_ref().is_none_or(|prefix| prefix.is_prefix_of(device));
        for (device, views) in self.0.iter().filter(|(device, _)| begins(device)) {
            let nodes: Vec<&str> = device.nodes().collect();
            if pattern.may_match_below(&nodes) {
                found.extend(views.values().filter(|view| pattern.matches(&device.child(&view.measurement))));
            }
        }
        found
    }

    /// Adds a view, in the place of one of the same name.
    pub(super) fn put(&mut self, view: LogicalView) {
        let views = self.0.entry(view.device.clone()).or_default();
        views.insert(Arc::clone(&view.measurement), Arc::new(view));
    }

    pub(super) fn remove(&mut self, path: &Path) {
        let Some((device, name)) = path.split_last() else { return };
        if let Some(views) = self.0.get_mut(&device) {
            views.remove(name);
            if views.is_empty() {
                self.0.remove(&device);
            }
        }
    }

    pub(super) fn remove_below(&mut self, above: &Path) {
        self.0.retain(|device, _| !above.is_prefix_of(device));
    }

    /// Whether a path leads through a view, or is one.
    fn cuts(&self, path: &Path) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let above = std::iter::successors(Some(path.clone()), Path::parent);
        above
            .into_iter()
            .any(|at| at.split_last().is_some_and(|(device, name)| self.get(&device, name).is_some()))
    }

    /// Whether a device with views lies at or below a path.
    pub(super) fn has_device_below(&self, path: &Path) -> bool {
        self.0.keys().any(|device| path.is_prefix_of(device))
    }
}

impl FromIterator<LogicalView> for LogicalViews {
    fn from_iter<T: IntoIterator<Item = LogicalView>>(views: T) -> Self {
        let mut all = Self::default();
        views.into_iter().for_each(|view| all.put(view));
        all
    }
}

fn already(path: &Path) -> StorageError {
    StorageError::rejected(StatusCode::TIMESERIES_ALREADY_EXIST, format!("Path [{path}] already exist"))
}

fn missing(path: &Path) -> StorageError {
    StorageError::rejected(StatusCode::PATH_NOT_EXIST, format!("Path [{path}] does not exist"))
}

/// Whether no template says which series the devices there have, or are to have.
fn check_no_template(catalog: &Catalog, device: &Path, path: &Path) -> Result<(), StorageError> {
    let templates = catalog.templates();
    if let Some((set, template)) = templates.above(device) {
        let message = format!(
            "Cannot create view [{path}] since device template [{}] already set on path [{set}].",
            template.name
        );
        return Err(StorageError::rejected(StatusCode::TEMPLATE_INCOMPATIBLE, message));
    }
    if templates.sets().any(|(set, _)| path.is_prefix_of(set)) {
        return Err(super::rules::already(path));
    }
    Ok(())
}

impl Catalog {
    /// The logical views. As long as none changes, this is the same one.
    pub(crate) fn views(&self) -> &Arc<LogicalViews> {
        &self.views
    }

    /// Whether no view is in the way of a series.
    pub(super) fn check_no_view(&self, device: &Path, series: &Path) -> Result<(), StorageError> {
        if self.views.is_empty() || !self.views.cuts(series) && !self.views.has_device_below(series) {
            return Ok(());
        }
        let own = series.split_last().is_some_and(|(_, name)| self.views.get(device, name).is_some());
        if own { Err(already(series)) } else { Err(super::rules::already(series)) }
    }

    /// Whether no view lies on the way to a device.
    pub(super) fn check_no_view_above(&self, device: &Path) -> Result<(), StorageError> {
        if self.views.cuts(device) { Err(super::rules::already(device)) } else { Ok(()) }
    }

    /// The changes that make views, all of them or, in `Err`, why one cannot be made.
    pub(crate) fn plan_views(&self, views: Vec<LogicalView>) -> Result<Vec<CatalogOp>, StorageError> {
        let mut trial = self.clone();
        let mut ops = Vec::with_capacity(views.len());
        for view in views {
            let path = view.path();
            check_measurement(&view.measurement)?;
            if let Some(device) = trial.device(&view.device) {
                if device.series_or_alias(&view.measurement).is_some() {
                    return Err(already(&path));
                }
            } else {
                check_device(&trial, &view.device)?;
            }
            check_no_template(&trial, &view.device, &path)?;
            trial.check_no_view(&view.device, &path)?;
            check_no_device_below(&trial, &path)?;
            if let Err(database) = database_for(&trial, &view.device)? {
                ops.push(CatalogOp::CreateDatabase {
                    id: trial.next_id(),
                    path: database,
                    ttl: None,
                    partition: None,
                });
                ops.last().into_iter().for_each(|op| drop(trial.apply(op, 0)));
            }
            let op = CatalogOp::PutView(Box::new(view));
            trial.apply(&op, 0);
            ops.push(op);
        }
        Ok(ops)
    }

    /// The changes that put views in the place of those of the same names, which must be there.
    pub(crate) fn plan_altered(&self, views: Vec<LogicalView>) -> Result<Vec<CatalogOp>, StorageError> {
        let known = |view: &LogicalView| self.views.get(&view.device, &view.measurement).is_some();
        if let Some(unknown) = views.iter().find(|view| !known(view)) {
            return Err(self.no_view(&unknown.path()));
        }
        Ok(views.into_iter().map(|view| CatalogOp::PutView(Box::new(view))).collect())
    }

    /// The rejection of a path that is to be a view.
    fn no_view(&self, path: &Path) -> StorageError {
        if !self.any_series(&PathPattern::from(path)) {
            return missing(path);
        }
        StorageError::rejected(StatusCode::METADATA_ERROR, format!("[{path}] is no view."))
    }

    /// The changes that take the views out that patterns match.
    pub(crate) fn plan_drop_views(&self, patterns: &[PathPattern]) -> Vec<CatalogOp> {
        let found = patterns.iter().flat_map(|pattern| self.views.matching(pattern));
        let paths: BTreeSet<Path> = found.map(|view| view.path()).collect();
        paths.into_iter().map(|path| CatalogOp::DropView { path }).collect()
    }

    /// The changes that give a view another name.
    pub(crate) fn plan_rename(&self, from: &Path, to: &Path) -> Result<Vec<CatalogOp>, StorageError> {
        let known = from.split_last().and_then(|(device, name)| self.views.get(&device, name));
        let known = known.ok_or_else(|| self.no_view(from))?;
        let (device, name) = to.split_last().ok_or_else(|| missing(to))?;
        let view = LogicalView { device, measurement: name.into(), ..known.as_ref().clone() };
        let mut ops = self.plan_views(vec![view])?;
        ops.push(CatalogOp::DropView { path: from.clone() });
        Ok(ops)
    }
}

impl LogicalView {
    pub(crate) fn put(&self, bytes: &mut Vec<u8>) {
        bytes.put_str(self.device.as_str());
        bytes.put_str(&self.measurement);
        bytes.put_str(&self.source);
        bytes.put_u8(u8::from(self.is_alias));
        bytes.put_u8(self.data_type.code());
        bytes.put_len(self.bases.len());
        for base in &self.bases {
            bytes.put_str(base.device.as_str());
            bytes.put_str(&base.measurement);
            bytes.put_u8(base.data_type.code());
        }
        for pairs in [&self.tags, &self.attributes] {
            bytes.put_len(pairs.len());
            for (key, value) in pairs {
                bytes.put_str(key);
                bytes.put_str(value);
            }
        }
    }

    pub(crate) fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
        let device = from.path()?;
        let measurement = from.str()?.into();
        let source = from.str()?.into();
        let is_alias = from.flag()?;
        let data_type = from.data_type()?;
        let bases = (0..from.count(3)?)
            .map(|_| {
                Ok(ViewBase {
                    device: from.path()?,
                    measurement: from.str()?.into(),
                    data_type: from.data_type()?,
                })
            })
            .collect::<Result<Vec<_>, Malformed>>()?;
        if bases.is_empty() || is_alias && bases.len() > 1 {
            return Err(Malformed);
        }
        let mut pairs = || {
            (0..from.count(2)?)
                .map(|_| Ok((from.str()?.to_owned(), from.str()?.to_owned())))
                .collect::<Result<BTreeMap<_, _>, Malformed>>()
        };
        let (tags, attributes) = (pairs()?, pairs()?);
        Ok(Self { device, measurement, source, bases, is_alias, data_type, tags, attributes })
    }
}
