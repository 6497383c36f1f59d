//! A device and its series.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use levada_model::{Compressor, Encoding, Path, SeriesSchema};

use super::Names;
use crate::{Deadband, catalog_op::SeriesDef};

/// A device is sorted anew where it gets more than one in so many of its series at once.
const SORT_SHARE: usize = 16;

/// A device with its series.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub(crate) path: Path,
    pub(crate) database: u32,
    pub(crate) aligned: bool,
    /// The template whose series it has, if any: then it has no others.
    pub(crate) template: Option<Arc<str>>,
    /// By measurement.
    series: Vec<Series>,
    /// Measurements by alias; most devices have none.
    aliases: Option<Box<Aliases>>,
}

type Aliases = HashMap<String, Arc<str>, foldhash::fast::RandomState>;

/// A series.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) measurement: Arc<str>,
    pub(crate) schema: SeriesSchema,
    /// The write that made it: rows of earlier ones are of another series of this name.
    pub(crate) since: u64,
    /// Most have none.
    pub(crate) extras: Option<Arc<Extras>>,
}

/// What few series have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extras {
    pub(crate) alias: Option<String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) deadband: Option<Deadband>,
}

impl Device {
    /// A device without a series.
    pub(super) fn new(path: Path, database: u32, aligned: bool) -> Self {
        Self { path, database, aligned, template: None, series: Vec::new(), aliases: None }
    }

    /// Its series, by measurement.
    pub(crate) fn all(&self) -> &[Series] {
        &self.series
    }

    pub(crate) fn series(&self, measurement: &str) -> Option<&Series> {
        self.series.get(self.position(measurement, 0)?)
    }

    /// Where among its series one is. That it may be at `likely` makes it cheap where it is.
    pub(crate) fn position(&self, measurement: &str, likely: usize) -> Option<usize> {
        if self.series.get(likely).is_some_and(|series| *series.measurement == *measurement) {
            return Some(likely);
        }
        self.find(measurement).ok()
    }

    /// By name, or by alias.
    pub(crate) fn series_or_alias(&self, name: &str) -> Option<&Series> {
        self.series(name).or_else(|| self.series(self.aliases.as_ref()?.get(name)?))
    }

    fn find(&self, measurement: &str) -> Result<usize, usize> {
        self.series.binary_search_by(|series| (*series.measurement).cmp(measurement))
    }

    /// Adds series; those that are there stay as they are, and of two of one name the first counts. Gives how many came.
    pub(super) fn add(&mut self, mut added: Vec<Series>) -> usize {
        let before = self.series.len();
        added.sort_by(|a, b| a.measurement.cmp(&b.measurement));
        added.dedup_by(|second, first| first.measurement == second.measurement);
        added.retain(|series| self.find(&series.measurement).is_err());
        for series in &added {
            self.note_alias(series);
        }
        if before == 0 {
            self.series = added;
        } else if added.len() * SORT_SHARE < before {
            for series in added {
                if let Err(place) = self.find(&series.measurement) {
                    self.series.insert(place, series);
                }
            }
        } else {
            self.series.reserve_exact(added.len());
            self.series.append(&mut added);
            self.series.sort_by(|a, b| a.measurement.cmp(&b.measurement));
        }
        self.series.len() - before
    }

    /// Changes all that may change of a series.
    pub(super) fn alter(&mut self, def: &SeriesDef, names: &mut Names) {
        let Ok(found) = self.find(&def.measurement) else { return };
        let before = &self.series[found];
        let after = Series::new(SeriesDef { schema: before.schema, ..def.clone() }, before.since, names);
        if before.alias() != after.alias() {
            if let (Some(alias), Some(aliases)) = (before.alias(), &mut self.aliases) {
                aliases.remove(alias);
            }
            self.note_alias(&after);
        }
        self.series[found] = after;
    }

    /// Changes how new rows of some of its series are stored; what is `None` stays.
    pub(super) fn alter_stored(
        &mut self,
        measurements: &[Arc<str>],
        encoding: Option<Encoding>,
        compressor: Option<Compressor>,
    ) {
        for name in measurements {
            if let Ok(found) = self.find(name) {
                let schema = &mut self.series[found].schema;
                schema.encoding = encoding.unwrap_or(schema.encoding);
                schema.compressor = compressor.unwrap_or(schema.compressor);
            }
        }
    }

    /// Takes the series at some places out, which ascend.
    pub(super) fn remove(&mut self, places: &[usize]) {
        let (mut at, mut places) = (0, places.iter().copied().peekable());
        let aliases = &mut self.aliases;
        self.series.retain(|series| {
            let goes = places.next_if_eq(&at).is_some();
            at += 1;
            if goes && let (Some(alias), Some(aliases)) = (series.alias(), &mut *aliases) {
                aliases.remove(alias);
            }
            !goes
        });
    }

    /// Whether any of its series has an alias.
    pub(super) fn has_aliases(&self) -> bool {
        self.aliases.as_ref().is_some_and(|aliases| !aliases.is_empty())
    }

    fn note_alias(&mut self, series: &Series) {
        if let Some(alias) = series.alias() {
            let aliases = self.aliases.get_or_insert_default();
            aliases.entry(alias.to_owned()).or_insert_with(|| Arc::clone(&series.measurement));
        }
    }
}

impl Series {
    pub(super) fn new(def: SeriesDef, since: u64, names: &mut Names) -> Self {
        let SeriesDef { measurement, schema, alias, tags, attributes, deadband } = def;
        let extras = Extras { alias, tags, attributes, deadband };
        Self {
            measurement: names.shared(&measurement),
            schema,
            since,
            extras: (extras != Extras::default()).then(|| Arc::new(extras)),
        }
    }

    pub(crate) fn alias(&self) -> Option<&str> {
        self.extras.as_ref()?.alias.as_deref()
    }

    pub(crate) fn def(&self) -> SeriesDef {
        let extras = self.extras.as_deref().cloned().unwrap_or_default();
        SeriesDef {
            measurement: Arc::clone(&self.measurement),
            schema: self.schema,
            alias: extras.alias,
            tags: extras.tags,
            attributes: extras.attributes,
            deadband: extras.deadband,
        }
    }
}

#[cfg(test)]
mod tests {
    use levada_model::DataType;

    use super::*;

    fn series(name: &str, alias: Option<&str>) -> Series {
        let plain = SeriesDef::plain(name.into(), SeriesSchema::default_for(DataType::Double));
        let def = SeriesDef { alias: alias.map(str::to_owned), ..plain };
        Series::new(def, 1, &mut Names::default())
    }

    fn found<'a>(device: &'a Device, name: &str) -> Option<&'a str> {
        device.series_or_alias(name).map(|series| &*series.measurement)
    }

    #[test]
    fn aliases_come_and_go_with_their_series() {
        let mut device = Device::new(Path::parse("root.a.d").expect("a path"), 0, false);
        assert_eq!(device.add(vec![series("b", Some("nick")), series("a", None), series("b", None)]), 2);
        assert_eq!(device.add(vec![series("a", Some("other"))]), 0);
        assert_eq!(
            ["a", "b", "nick", "other"].map(|name| found(&device, name)),
            [Some("a"), Some("b"), Some("b"), None]
        );

        device.alter(&series("b", Some("renamed")).def(), &mut Names::default());
        assert_eq!(["nick", "renamed"].map(|name| found(&device, name)), [None, Some("b")]);
        device.remove(&[1]);
        assert_eq!(device.all().len(), 1);
        assert_eq!(["b", "renamed"].map(|name| found(&device, name)), [None, None]);
    }

    #[test]
    fn series_are_in_order_however_they_come() {
        let mut device = Device::new(Path::parse("root.a.d").expect("a path"), 0, false);
        for round in 0..200 {
            // Single ones, and then many at once.
            let names = (0..if round % 10 == 0 { 30 } else { 1 })
                .map(|at| format!("s{}", (round * 7 + at * 13) % 400));
            device.add(names.map(|name| series(&name, None)).collect());
            assert!(device.all().is_sorted_by(|a, b| a.measurement < b.measurement));
        }
        let last = device.all().len() - 1;
        for (at, series) in device.all().iter().enumerate() {
            for likely in [at, 0, last, last + 1] {
                assert_eq!(device.position(&series.measurement, likely), Some(at));
            }
        }
    }
}
