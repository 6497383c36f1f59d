//! `pick` and `drop`: which points go on.
//!
//! Both name a set of points: the measurements that fit one pattern, of the devices that fit one pattern. `pick` keeps the
//! set and `drop` all but the set.

use levada_connector_api::{
    Batch, BuildContext, Emitter, Error, Problem, Readings, Result, Transform, TransformType,
    model::{PathPattern, Tablet},
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{memo::Memo, names, rows::compact};

/// A set of points: those of the measurements *and* devices named. Patterns are those of SQL: `*` stands for any part of a
/// name, in a device's path `*` alone is one node and `**` any number of them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(example = serde_json::json!({"measurements": ["temperature", "hum*"]}))]
#[schemars(example = serde_json::json!({"devices": ["root.plant.*.test", "root.spare.**"]}))]
#[schemars(example = serde_json::json!({"measurements": ["debug_*"], "devices": ["root.plant.line1.**"]}))]
pub struct Points {
    /// Measurements, by name or pattern; all unless given.
    #[schemars(example = ["temperature", "hum*"])]
    pub measurements: Option<Vec<String>>,
    /// Devices, by path or pattern; all unless given.
    #[schemars(example = ["root.plant.**"])]
    pub devices: Option<Vec<String>>,
}

/// The component `pick`.
#[derive(Debug)]
pub struct Pick;

/// The component `drop`.
#[derive(Debug)]
pub struct Drop;

impl TransformType for Pick {
    const NAME: &'static str = "pick";
    const SUMMARY: &'static str = "Keeps some measurements and devices, and nothing else.";
    type Options = Points;

    fn check(options: &Points) -> Vec<Problem> {
        options.problems()
    }

    fn build(options: Points, _: &BuildContext) -> Result<Box<dyn Transform>> {
        Filter::boxed(&options, true)
    }
}

impl TransformType for Drop {
    const NAME: &'static str = "drop";
    const SUMMARY: &'static str = "Leaves some measurements or devices out.";
    type Options = Points;

    fn check(options: &Points) -> Vec<Problem> {
        options.problems()
    }

    fn build(options: Points, _: &BuildContext) -> Result<Box<dyn Transform>> {
        Filter::boxed(&options, false)
    }
}

impl Points {
    fn problems(&self) -> Vec<Problem> {
        if self.measurements.is_none() && self.devices.is_none() {
            return vec![Problem::new(
                "",
                "name `measurements` or `devices`: without either all points are meant",
            )];
        }
        let (_, mut problems) =
            names::patterns("measurements", self.measurements.as_deref().unwrap_or_default(), true);
        problems.extend(names::patterns("devices", self.devices.as_deref().unwrap_or_default(), false).1);
        problems
    }
}

/// Keeps a set of points, or all but the set.
#[derive(Debug)]
struct Filter {
    keep: bool,
    measurements: Set,
    devices: Set,
}

/// Names that fit one of some patterns.
#[derive(Debug)]
struct Set {
    /// All names where `None`.
    patterns: Option<Vec<PathPattern>>,
    known: Memo<bool>,
}

impl Filter {
    fn boxed(options: &Points, keep: bool) -> Result<Box<dyn Transform>> {
        if let Some(problem) = options.problems().into_iter().next() {
            return Err(Error::config(problem.message).with("option", problem.path));
        }
        let set = |texts: &Option<Vec<String>>| Set {
            patterns: texts.as_ref().map(|texts| names::patterns("", texts, false).0),
            known: Memo::new(),
        };
        Ok(Box::new(Self { keep, measurements: set(&options.measurements), devices: set(&options.devices) }))
    }

    fn readings(&mut self, readings: Readings) -> Result<Option<Readings>> {
        if !self.devices.has_device(&readings.tablet) {
            return Ok((!self.keep).then_some(readings));
        }
        let columns = readings.tablet.columns();
        let kept: Vec<_> = columns
            .iter()
            .filter(|column| self.measurements.has(&column.name) == self.keep)
            .cloned()
            .collect();
        if kept.len() == columns.len() {
            return Ok(Some(readings));
        }
        let Readings { tablet, records } = readings;
        compact(tablet.with_columns(kept).map_err(|error| Error::bug(error.to_string()))?, records)
    }
}

impl Transform for Filter {
    fn apply(&mut self, mut batch: Batch, out: &mut Emitter) -> Result<()> {
        let mut readings = Vec::with_capacity(batch.readings.len());
        for each in batch.readings {
            readings.extend(self.readings(each)?);
        }
        batch.readings = readings;
        out.pass(batch);
        Ok(())
    }
}

impl Set {
    fn has(&mut self, measurement: &std::sync::Arc<str>) -> bool {
        let Some(patterns) = &self.patterns else { return true };
        self.known
            .get_or(measurement, || patterns.iter().any(|pattern| pattern.matches_nodes(&[measurement])))
    }

    fn has_device(&mut self, tablet: &Tablet) -> bool {
        let Some(patterns) = &self.patterns else { return true };
        let device = tablet.device();
        self.known.get_or(&device.shared(), || patterns.iter().any(|pattern| pattern.matches(device)))
    }
}
