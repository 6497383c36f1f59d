//! The options of `enrich`.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use levada_connector_api::{
    Interval, Problem, StoreOptions, With,
    model::{Path, quote_node},
};
use schemars::JsonSchema;
use serde::Deserialize;

/// Adds values of a store's series to the readings of each device: the last values there are, or those that belong to the time of
/// the reading. Where none is found, the reading goes on as it is; a measurement that a reading has itself stays as it is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({
    "embedded": "./data", "device": "root.limits.{name}", "measurements": {"max": "limit"},
}))]
#[schemars(example = serde_json::json!({
    "nodes": ["10.0.0.5:6667"], "device": "root.weather", "measurements": {"temperature": "outside"}, "value": "nearest",
    "within": "10m",
}))]
pub struct Enrich {
    /// The device whose series are looked up. `{device}` stands for the whole path of the reading's device, `{name}` for the last node
    /// of it.
    #[schemars(example = &"root.limits.{name}")]
    pub device: String,
    /// The measurements that are looked up, and what each is called beside the readings.
    #[schemars(example = serde_json::json!({"max": "limit"}))]
    pub measurements: BTreeMap<String, String>,
    /// Which value of a series.
    #[serde(default)]
    pub value: Which,
    /// With `nearest` and `before`: how far from the reading's time a value may be.
    #[serde(default = "minutes")]
    pub within: Interval,
    /// How long what was looked up is taken for what is stored.
    #[serde(default = "seconds")]
    pub remembers: Interval,
}

/// Which value of a series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// The last there is, whatever the reading's time.
    #[default]
    Last,
    /// The one nearest to the reading's time; of two, the earlier.
    Nearest,
    /// The last at or before the reading's time.
    Before,
}

/// Which values belong to a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    pub(super) which: Which,
    /// How far a value may be from a reading, in milliseconds.
    pub(super) within: i64,
}

/// What users write: how to look up, and in which store.
pub(super) type All = With<Enrich, StoreOptions>;

fn minutes() -> Interval {
    Interval(Duration::from_secs(600))
}

fn seconds() -> Interval {
    Interval(Duration::from_secs(10))
}

impl Enrich {
    pub(super) fn reach(&self) -> Reach {
        Reach { which: self.value, within: i64::try_from(self.within.0.as_millis()).unwrap_or(i64::MAX) }
    }

    /// The measurements that are looked up and their new names, both as nodes in canonical form.
    pub(super) fn names(&self) -> Vec<(Arc<str>, Arc<str>)> {
        let node = |name: &String| Arc::from(&*quote_node(name));
        self.measurements.iter().map(|(name, as_name)| (node(name), node(as_name))).collect()
    }

    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        // Some device, to see whether a path comes out.
        let filled = self.device.replace("{device}", "root.a.b").replace("{name}", "b");
        match Path::parse(&filled) {
            Err(error) => problems.push(Problem::new("device", error.to_string())),
            Ok(path) if path.nodes().next() != Some("root") || path.nodes().count() < 2 => {
                let message = "a device begins with `root`, as in root.limits.{name}";
                problems.push(Problem::new("device", message));
            }
            Ok(_) => {}
        }
        if self.measurements.is_empty() {
            problems.push(Problem::new("measurements", "what is looked up is missing, as in {max: limit}"));
        }
        let mut names: Vec<_> = self.measurements.values().collect();
        names.sort();
        for (name, as_name) in &self.measurements {
            if name.is_empty() || as_name.is_empty() {
                problems.push(Problem::new("measurements", "a measurement's name is empty"));
            }
        }
        if names.windows(2).any(|pair| pair.first() == pair.last()) {
            problems.push(Problem::new("measurements", "two measurements get the same name"));
        }
        problems
    }
}
