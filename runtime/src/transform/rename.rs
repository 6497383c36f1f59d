//! `rename`: other names for devices and measurements.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use arrow_array::{Array, BooleanArray};
use arrow_buffer::BooleanBuffer;
use levada_connector_api::{
    Batch, BuildContext, Emitter, Error, Problem, Readings, Result, Transform, TransformType,
    model::{Column, DataType, Kind, Kinds, Path},
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{memo::Memo, names, rejection::Rejection, rows::compact};

/// New names. Where two measurements of a device get one name their values become one series; a row that has both is rejected.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(example = serde_json::json!({"measurements": {"temp": "temperature"}, "device": {"prefix": "root.plant"}}))]
#[schemars(example = serde_json::json!({"devices": {"gateway7": "root.plant.line1.press"}}))]
pub struct RenameOptions {
    /// New names of measurements by their old ones.
    pub measurements: BTreeMap<String, String>,
    /// New paths of devices by their old ones.
    #[schemars(example = serde_json::json!({"gateway7": "root.plant.line1.press"}))]
    pub devices: BTreeMap<String, String>,
    /// What becomes of the paths of all devices that are not in `devices`.
    pub device: PathPrefix,
}

/// What a path begins with, before and after.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PathPrefix {
    /// Taken away where a path begins with it and goes on.
    pub strip: Option<String>,
    /// Put in front of what is left.
    pub prefix: Option<String>,
}

/// The component `rename`.
#[derive(Debug)]
pub struct Rename {
    measurements: HashMap<Arc<str>, Arc<str>>,
    devices: HashMap<Path, Path>,
    strip: Option<Path>,
    prefix: Option<Path>,
    known: Memo<Path>,
}

impl TransformType for Rename {
    const NAME: &'static str = "rename";
    const SUMMARY: &'static str = "Gives devices and measurements other names.";
    type Options = RenameOptions;

    fn check(options: &RenameOptions) -> Vec<Problem> {
        Self::new(options).err().unwrap_or_default()
    }

    fn build(options: RenameOptions, _: &BuildContext) -> Result<Box<dyn Transform>> {
        match Self::new(&options) {
            Ok(rename) => Ok(Box::new(rename)),
            Err(problems) => {
                let messages: Vec<_> = problems.into_iter().map(|each| each.message).collect();
                Err(Error::config(messages.join("; ")))
            }
        }
    }
}

/// A name, and the rows that have two values of it.
type Twice = (Arc<str>, BooleanBuffer);

impl Rename {
    fn new(options: &RenameOptions) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut path = |option: &str, text: &str| {
            names::path(|| option.to_owned(), text).map_err(|problem| problems.push(problem)).ok()
        };
        let mut devices = HashMap::new();
        for (old, new) in &options.devices {
            let option = format!("devices.{old}");
            if let (Some(old), Some(new)) = (path(&option, old), path(&option, new)) {
                devices.insert(old, new);
            }
        }
        let strip = options.device.strip.as_ref().and_then(|text| path("device.strip", text));
        let prefix = options.device.prefix.as_ref().and_then(|text| path("device.prefix", text));
        let mut measurements = HashMap::new();
        for (old, new) in &options.measurements {
            if old.is_empty() || new.is_empty() {
                problems
                    .push(Problem::new(format!("measurements.{old}"), "a measurement's name is not empty"));
            }
            measurements.insert(names::measurement(old), names::measurement(new));
        }
        if measurements.is_empty()
            && devices.is_empty()
            && strip.is_none()
            && prefix.is_none()
            && problems.is_empty()
        {
            problems.push(Problem::new("", "nothing is renamed: give `measurements`, `devices` or `device`"));
        }
        if problems.is_empty() {
            Ok(Self { measurements, devices, strip, prefix, known: Memo::new() })
        } else {
            Err(problems)
        }
    }

    fn device(&mut self, old: &Path) -> Path {
        let Self { devices, strip, prefix, known, .. } = self;
        known.get_or(&old.shared(), || {
            if let Some(new) = devices.get(old) {
                return new.clone();
            }
            let rest = strip.as_ref().and_then(|strip| behind(old, strip)).unwrap_or(old.as_str());
            match prefix {
                Some(prefix) => prefix.child(rest),
                None if rest.len() < old.as_str().len() => Path::parse(rest).unwrap_or_else(|_| old.clone()),
                None => old.clone(),
            }
        })
    }

    /// Adds the readings under their new names.
    fn readings(
        &mut self,
        readings: Readings,
        rejection: &mut Rejection,
        into: &mut Vec<Readings>,
    ) -> Result<()> {
        let Readings { tablet, records } = readings;
        let device = self.device(tablet.device());
        let tablet = tablet.with_device(device);
        if !tablet.columns().iter().any(|column| self.measurements.contains_key(&column.name)) {
            into.push(Readings { tablet, records });
            return Ok(());
        }
        let (columns, twice) = self.columns(tablet.columns())?;
        let tablet = tablet.with_columns(columns).map_err(|error| Error::bug(error.to_string()))?;
        if twice.is_empty() {
            into.push(Readings { tablet, records });
            return Ok(());
        }
        let mut keep = BooleanBuffer::new_set(tablet.rows());
        for (name, rows) in twice {
            let reason = format!("{}: two values of one row are named `{name}`", tablet.device());
            rejection.rows(&records, rows.set_indices(), &reason)?;
            keep = &keep & &!&rows;
        }
        let Readings { tablet, records } =
            Readings { tablet, records }.filter(&BooleanArray::new(keep, None))?;
        into.extend(compact(tablet, records)?);
        Ok(())
    }

    /// Columns under their new names, those of one name as one, and the rows that have two values of a name.
    fn columns(&self, columns: &[Column]) -> Result<(Vec<Column>, Vec<Twice>)> {
        let mut renamed: Vec<Column> = Vec::new();
        let mut twice = Vec::new();
        for column in columns {
            let name = self.measurements.get(&column.name).unwrap_or(&column.name);
            let column = Column { name: Arc::clone(name), ..column.clone() };
            match renamed.iter_mut().find(|each| each.name == column.name) {
                None => renamed.push(column),
                Some(earlier) => {
                    let both = &filled(earlier) & &filled(&column);
                    if both.count_set_bits() > 0 {
                        twice.push((Arc::clone(name), both));
                    }
                    merge(earlier, column)?;
                }
            }
        }
        Ok((renamed, twice))
    }
}

impl Transform for Rename {
    fn apply(&mut self, mut batch: Batch, out: &mut Emitter) -> Result<()> {
        let mut readings = Vec::with_capacity(batch.readings.len());
        let mut rejection = Rejection::default();
        for each in batch.readings {
            self.readings(each, &mut rejection, &mut readings)?;
        }
        batch.readings = readings;
        batch.rejected.extend(rejection.into_rejected());
        out.pass(batch);
        Ok(())
    }
}

/// What a path has behind a prefix of whole nodes; `None` where it does not begin with it or ends there.
fn behind<'p>(path: &'p Path, prefix: &Path) -> Option<&'p str> {
    path.as_str().strip_prefix(prefix.as_str())?.strip_prefix('.')
}

/// The rows that have a value.
fn filled(column: &Column) -> BooleanBuffer {
    let all = || BooleanBuffer::new_set(column.values.len());
    column.values.nulls().map_or_else(all, |nulls| nulls.inner().clone())
}

/// What values of a column are like: numbers whose type was inferred stay so.
fn kind(column: &Column) -> Kind {
    match column.data_type {
        DataType::Double if column.is_written() => Kind::Number,
        DataType::Int64 if column.is_written() => Kind::Integer,
        data_type => Kind::Typed(data_type),
    }
}

/// The later column's values, and the earlier's where that has none. Where they are of two types, each value keeps its own.
fn merge(earlier: &mut Column, mut later: Column) -> Result<()> {
    if earlier.data_type != later.data_type || earlier.is_written() || later.is_written() {
        let mut kinds = Kinds::new(kind(earlier));
        kinds.see(kind(&later));
        *earlier = Column { data_type: kinds.data_type(), ..earlier.to_written() };
        later = later.to_written();
    }
    let filled = BooleanArray::new(filled(&later), None);
    earlier.values = arrow_select::zip::zip(&filled, &later.values, &earlier.values)
        .map_err(|error| Error::bug(error.to_string()))?;
    Ok(())
}
