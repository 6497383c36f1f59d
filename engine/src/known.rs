//! What the catalog has of the series that rows are written to.

use std::{collections::HashMap, sync::Arc};

use levada_model::{DataType, Path};
use levada_storage::Catalog;

/// A device's series.
#[derive(Debug, Default)]
pub(crate) struct KnownDevice {
    /// Whether they share one time column; `None` where there is no such device.
    pub(crate) aligned: Option<bool>,
    /// Measurement and type, by measurement and by alias.
    series: HashMap<String, (Arc<str>, DataType)>,
}

impl KnownDevice {
    /// What it has of some series, by their measurements or aliases; the others are not looked at.
    pub(crate) fn find(catalog: &dyn Catalog, device: &Path, names: &[Arc<str>]) -> Self {
        let aligned = catalog.device(device).map(|device| device.aligned);
        let mut known = Self { aligned, ..Self::default() };
        if aligned.is_none()
            && let Some(template) = catalog.template_above(device)
        {
            // It is made with the first row, and has these then.
            known.aligned = Some(template.aligned);
            let named = template.series.into_iter().filter(|(name, _)| names.contains(name));
            known.series.extend(named.map(|(name, schema)| (name.to_string(), (name, schema.data_type))));
            return known;
        }
        for series in catalog.series_named(device, names) {
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
            None => (name.into(), None),
        }
    }
}

#[cfg(test)]
mod tests {
    use levada_model::PathPattern;
    use levada_storage::{DatabaseInfo, DeviceInfo, SeriesInfo};

    use super::*;

    /// A device of so many series that nobody may ask for all of them.
    #[derive(Debug)]
    struct Wide;

    impl Catalog for Wide {
        fn databases(&self, _: &PathPattern) -> Vec<DatabaseInfo> {
            Vec::new()
        }

        fn devices(&self, pattern: &PathPattern) -> Vec<DeviceInfo> {
            let info =
                |path: Path| DeviceInfo { database: path.clone(), path, aligned: true, template: None };
            pattern.as_path().into_iter().map(info).collect()
        }

        fn series(&self, pattern: &PathPattern) -> Vec<SeriesInfo> {
            panic!("{pattern}: an insert looks at all series");
        }

        fn series_named(&self, device: &Path, names: &[Arc<str>]) -> Vec<SeriesInfo> {
            let info = |name: &Arc<str>| SeriesInfo {
                path: device.child(name),
                device: device.clone(),
                measurement: Arc::clone(name),
                database: device.clone(),
                aligned: true,
                schema: levada_model::SeriesSchema::default_for(DataType::Int64),
                alias: Some(format!("{name}_too")),
                tags: Default::default(),
                attributes: Default::default(),
                deadband: None,
                view: None,
            };
            names.iter().map(info).collect()
        }

        fn path_ttls(&self) -> Vec<(PathPattern, i64)> {
            Vec::new()
        }

        fn ttl(&self, _: &Path) -> Option<i64> {
            None
        }
    }

    #[test]
    fn an_insert_looks_at_the_series_it_names_alone() {
        let device = Path::parse("root.a.d").expect("legal");
        let known = KnownDevice::find(&Wide, &device, &["s".into()]);
        assert_eq!(known.aligned, Some(true));
        assert_eq!(known.series("s"), ("s".into(), Some(DataType::Int64)));
        assert_eq!(known.series("s_too"), ("s".into(), Some(DataType::Int64)));
        assert_eq!(known.series("t"), ("t".into(), None));
    }
}
