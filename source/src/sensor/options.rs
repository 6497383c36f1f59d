//! The options of simulated sensors.

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use levada_connector_api::{
    Error, Interval, Problem, Result,
    model::{DataType, Path},
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::decode::date_time;

/// Each device is in memory with its name.
const MOST_DEVICES: u32 = 1_000_000;

/// What the sensors are and what they say.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SensorOptions {
    /// The name of each device; `{n}` becomes its number, from 1 on.
    pub device: String,
    /// How many devices, a million at most.
    pub devices: NonZeroU32,
    /// What each device measures, by name; `temperature`, `humidity` and `status` unless given.
    #[schemars(example = serde_json::json!({"temperature": {"min": 10.0, "max": 30.0, "decimals": 1}}))]
    pub measurements: Option<BTreeMap<String, MeasurementOptions>>,
    /// Rows each device says in a second; as many as are taken unless given.
    pub rate: Option<f64>,
    /// How many rows in all; no end unless given.
    #[schemars(example = 1000)]
    pub rows: Option<u64>,
    /// The time of the first rows, as in 2026-05-01T12:00:00Z; that of the first run unless given.
    #[schemars(example = &"2026-05-01T12:00:00Z")]
    pub start: Option<String>,
    /// The time between a device's rows; what the rate says, or a second, unless given.
    #[schemars(example = &"1s")]
    pub interval: Option<Interval>,
    /// Another number makes other noise.
    pub seed: u64,
}

/// The form of a wave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaveForm {
    /// Up and down smoothly.
    #[default]
    Sine,
    /// The most for half a period, then the least.
    Square,
    /// Up evenly, then down at once.
    Sawtooth,
    /// Wanders about between the least and the most.
    RandomWalk,
    /// Always the middle.
    Constant,
}

/// One measurement of every device.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MeasurementOptions {
    /// The form of its wave.
    pub wave: WaveForm,
    /// The least of the wave; noise may go below.
    pub min: f64,
    /// The most of the wave; noise may go above.
    pub max: f64,
    /// Rows from one crest to the next.
    #[schemars(range(min = 1))]
    pub period: NonZeroU32,
    /// How far noise moves a value up or down at most.
    pub noise: f64,
    /// Digits behind the point; all unless given.
    #[schemars(range(max = 9))]
    pub decimals: Option<u8>,
    /// Its type: BOOLEAN (above the middle), INT32, INT64, FLOAT, DOUBLE or TEXT.
    #[serde(rename = "type")]
    #[schemars(with = "String")]
    pub data_type: DataType,
}

impl Default for SensorOptions {
    fn default() -> Self {
        Self {
            device: "sensors.d{n}".to_owned(),
            devices: NonZeroU32::MIN,
            measurements: None,
            rate: None,
            rows: None,
            start: None,
            interval: None,
            seed: 0,
        }
    }
}

impl Default for MeasurementOptions {
    fn default() -> Self {
        Self {
            wave: WaveForm::Sine,
            min: 10.0,
            max: 30.0,
            period: NonZeroU32::new(600).unwrap_or(NonZeroU32::MIN),
            noise: 0.0,
            decimals: None,
            data_type: DataType::Double,
        }
    }
}

impl SensorOptions {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Err(error) = Path::parse(&self.device.replace("{n}", "1")) {
            problems.push(Problem::new("device", error.to_string()));
        } else if self.devices.get() > 1 && !self.device.contains("{n}") {
            problems.push(Problem::new("device", "must hold {n}, or all devices have the same name"));
        }
        if self.devices.get() > MOST_DEVICES {
            problems.push(Problem::new("devices", format!("must be at most {MOST_DEVICES}")));
        }
        if self.rate.is_some_and(|rate| !rate.is_finite() || rate <= 0.0) {
            problems.push(Problem::new("rate", "must be more than 0"));
        }
        if let Err(error) = self.start_millis() {
            problems.push(Problem::new("start", error.message()));
        }
        if self.interval.is_some_and(|interval| i64::try_from(interval.0.as_nanos()).is_err()) {
            problems.push(Problem::new("interval", "must be less than 292 years"));
        }
        for (name, each) in self.measurements.iter().flatten() {
            let problem =
                |option: &str, message: &str| Problem::new(format!("measurements.{name}.{option}"), message);
            if !each.min.is_finite() || !each.max.is_finite() || each.max < each.min {
                problems.push(problem("max", "must not be less than `min`"));
            }
            if !each.noise.is_finite() || each.noise < 0.0 {
                problems.push(problem("noise", "must not be less than 0"));
            }
            if matches!(
                each.data_type,
                DataType::Timestamp | DataType::Date | DataType::Blob | DataType::String
            ) {
                problems.push(problem("type", "must be BOOLEAN, INT32, INT64, FLOAT, DOUBLE or TEXT"));
            }
        }
        problems
    }

    pub(super) fn start_millis(&self) -> Result<Option<i64>> {
        let Some(text) = &self.start else { return Ok(None) };
        match date_time(text).or_else(|| text.parse().ok()) {
            Some(millis) => Ok(Some(millis)),
            None => Err(Error::config(format!("`{text}` is not a time, as in 2026-05-01T12:00:00Z"))),
        }
    }

    pub(super) fn interval_nanos(&self) -> i64 {
        let interval = match (self.interval, self.rate) {
            (Some(interval), _) => interval.0,
            (None, Some(rate)) => Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::from_secs(1)),
            (None, None) => Duration::from_secs(1),
        };
        i64::try_from(interval.as_nanos()).unwrap_or(i64::MAX)
    }

    pub(super) fn measurements(&self) -> BTreeMap<String, MeasurementOptions> {
        self.measurements.clone().unwrap_or_else(|| {
            let usual = MeasurementOptions { noise: 0.5, decimals: Some(2), ..MeasurementOptions::default() };
            let status =
                MeasurementOptions { wave: WaveForm::Square, data_type: DataType::Boolean, ..usual.clone() };
            let humidity =
                MeasurementOptions { wave: WaveForm::RandomWalk, min: 30.0, max: 70.0, ..usual.clone() };
            [("temperature", usual), ("humidity", humidity), ("status", status)]
                .map(|(name, options)| (name.to_owned(), options))
                .into()
        })
    }
}
