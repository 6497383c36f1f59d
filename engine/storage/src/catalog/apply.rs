//! Changes of the catalog.

use std::sync::Arc;

use levada_model::Path;

use super::{Catalog, Database, Deleted, Device, Matching, Series, Template, tree::Leaf};
use crate::catalog_op::{CatalogOp, SeriesDef};

/// What a change took away. To drop it takes long where it is much.
#[derive(Debug, Default)]
pub(crate) struct Removed {
    /// A database with all that is in it.
    pub(crate) database: Option<u32>,
    _devices: Vec<Arc<Leaf>>,
}

impl Catalog {
    /// Makes a change that belongs to a write. What does not fit (in a log that was damaged) is left out.
    pub(crate) fn apply(&mut self, op: &CatalogOp, seq: u64) -> Removed {
        match op {
            CatalogOp::CreateDatabase { id, path, ttl, partition } => {
                let database = Database { id: *id, path: path.clone(), partition: *partition };
                Arc::make_mut(&mut self.by_id).insert(*id, path.clone());
                Arc::make_mut(&mut self.databases).insert(path.clone(), database);
                self.next_id = self.next_id.max(id + 1);
                if ttl.is_some() {
                    Arc::make_mut(&mut self.lives).set_database(path, *ttl);
                }
            }
            CatalogOp::DeleteDatabase { id, .. } => return self.delete_database(*id),
            CatalogOp::SetTtl { id, ttl, .. } => {
                if let Some(path) = self.by_id.get(id) {
                    Arc::make_mut(&mut self.lives).set_database(path, *ttl);
                }
            }
            CatalogOp::SetPathTtl { pattern, ttl } => {
                Arc::make_mut(&mut self.lives).set(pattern, *ttl);
            }
            CatalogOp::CreateSeries { device, aligned, series } => {
                self.create_series(device, *aligned, series.iter().cloned().map(|def| (def, seq)));
            }
            CatalogOp::Activate { device, template, aligned, series } => {
                self.create_series(device, *aligned, series.iter().cloned().map(|def| (def, seq)));
                let name = self.template_name(template);
                if let Some(device) = self.devices.get_mut(device) {
                    device.template = Some(name);
                }
            }
            CatalogOp::PutTemplate { name, aligned, series } => {
                self.put_template(name, *aligned, series, seq);
            }
            CatalogOp::DropTemplate { name } => Arc::make_mut(&mut self.templates).remove(name),
            CatalogOp::SetTemplate { name, path } => {
                let name = self.template_name(name);
                Arc::make_mut(&mut self.templates).set(path, &name);
            }
            CatalogOp::UnsetTemplate { path } => Arc::make_mut(&mut self.templates).unset(path),
            CatalogOp::AlterSeries { device, series, .. } => self.alter_series(device, series),
            CatalogOp::DeleteSeries { patterns, .. } => {
                let next = Matching::find(self.clone(), patterns, Deleted::Series).next();
                self.replace(next);
            }
            CatalogOp::AlterStored { device, measurements, encoding, compressor, .. } => {
                if let Some(device) = self.devices.get_mut(device) {
                    device.alter_stored(measurements, *encoding, *compressor);
                }
            }
            CatalogOp::PutView(view) => {
                Arc::make_mut(&mut self.views).put(view.as_ref().clone());
            }
            CatalogOp::DropView { path } => Arc::make_mut(&mut self.views).remove(path),
            CatalogOp::Delete { .. } => {}
        }
        Removed::default()
    }

    /// Adds series to a device, which is made where it is missing.
    pub(crate) fn create_series(
        &mut self,
        path: &Path,
        aligned: bool,
        series: impl Iterator<Item = (SeriesDef, u64)>,
    ) {
        let Some(database) = self.database_of(path).map(|database| database.id) else { return };
        if self.devices.get(path).is_none() {
            self.devices.put(Device::new(path.clone(), database, aligned));
        }
        let names = &mut self.names;
        let Some(device) = self.devices.get_mut(path) else { return };
        self.series += device.add(series.map(|(def, since)| Series::new(def, since, names)).collect());
    }

    /// The name of a template, shared with it.
    fn template_name(&self, name: &Arc<str>) -> Arc<str> {
        Arc::clone(self.templates.get(name).map_or(name, |template| &template.name))
    }

    /// Puts a template in, in place of one of the same name, whose devices get the series that are new.
    fn put_template(&mut self, name: &Arc<str>, aligned: bool, series: &[SeriesDef], seq: u64) {
        let known = self.templates.get(name).map_or(&[][..], |template| &template.series);
        let is_known = |def: &SeriesDef| known.iter().any(|each| each.measurement == def.measurement);
        let new: Vec<SeriesDef> = series.iter().filter(|def| !is_known(def)).cloned().collect();
        let devices = self.activated_with(name);
        let name = self.template_name(name);
        Arc::make_mut(&mut self.templates).put(Template { name, aligned, series: series.to_vec() });
        for path in devices {
            let names = &mut self.names;
            if let Some(device) = self.devices.get_mut(&path) {
                let new = new.iter().cloned().map(|def| Series::new(def, seq, names));
                self.series += device.add(new.collect());
            }
        }
    }

    /// Puts a device in that is not there, as a snapshot has it: its series by measurement.
    pub(crate) fn load_device(
        &mut self,
        path: Path,
        aligned: bool,
        template: Option<Arc<str>>,
        series: Vec<(SeriesDef, u64)>,
    ) {
        // Devices come by path, so that a device is mostly of the database of the one before.
        let before =
            self.loading.and_then(|id| self.database(id)).filter(|before| before.path.is_prefix_of(&path));
        let Some(database) = before.or_else(|| self.database_of(&path)).map(|database| database.id) else {
            return;
        };
        self.loading = Some(database);
        let template = template.map(|name| self.template_name(&name));
        let names = &mut self.names;
        let mut device = Device::new(path, database, aligned);
        device.template = template;
        self.series +=
            device.add(series.into_iter().map(|(def, since)| Series::new(def, since, names)).collect());
        self.devices.put(device);
    }

    fn alter_series(&mut self, path: &Path, def: &SeriesDef) {
        if let Some(device) = self.devices.get_mut(path) {
            device.alter(def, &mut self.names);
        }
    }

    fn delete_database(&mut self, id: u32) -> Removed {
        let Some(path) = Arc::make_mut(&mut self.by_id).remove(&id) else { return Removed::default() };
        Arc::make_mut(&mut self.databases).remove(&path);
        if self.lives.is_set_for_database(&path) {
            Arc::make_mut(&mut self.lives).set_database(&path, None);
        }
        if self.templates.sets().any(|(set, _)| path.is_prefix_of(set)) {
            Arc::make_mut(&mut self.templates).unset_below(&path);
        }
        if !self.views.is_empty() {
            Arc::make_mut(&mut self.views).remove_below(&path);
        }
        let devices = self.devices.take_below(&path);
        let series = devices.iter().flat_map(|leaf| leaf.iter()).map(|device| device.all().len());
        self.series -= series.sum::<usize>();
        Removed { database: Some(id), _devices: devices }
    }
}
