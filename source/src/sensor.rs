//! Simulated sensors: any number of devices, each with the same measurements, as fast as asked.
//!
//! ```text
//!   row       0   1   2   3   4   5   …      a row's number is its position
//!   device    d1  d2  d3  d1  d2  d3         row modulo devices
//!   tick      0   0   0   1   1   1          row divided by devices
//!   time      start + tick × interval
//! ```
//!
//! Every value follows from the seed, the device, the measurement and the tick alone: read again from any row, in batches
//! cut anywhere, the rows are the same.

use std::{path::PathBuf, sync::Arc, time::Duration};

use arrow_array::Int64Array;
use async_trait::async_trait;
use jiff::Timestamp;
use levada_connector_api::{
    Batch, BuildContext, Error, Guarantee, Problem, Progress, Readings, Result, Source, SourceCapabilities,
    SourceType,
    model::{Checkpoint, Column, Path, SplitName, SplitPosition, SplitRange, Tablet, quote_node},
};
use tokio::time::Instant;

mod options;
mod wave;

pub use self::options::{MeasurementOptions, SensorOptions, WaveForm};

use self::wave::Wave;

/// Rows of a batch where there is no rate.
const BATCH_ROWS: u64 = 20_000;
/// Rows of a batch are gathered that long where there is a rate.
const GATHERED: Duration = Duration::from_millis(10);

/// Simulated sensors.
#[derive(Debug)]
pub struct SensorSource {
    split: SplitName,
    devices: Vec<Path>,
    measurements: Vec<(Arc<str>, Wave)>,
    seed: u64,
    /// The time of the first tick, where it is given.
    start: Option<i64>,
    /// Where the time of the first tick is remembered, where it is not given.
    remembered: PathBuf,
    /// Time between ticks, in nanoseconds of the data.
    interval: i64,
    rate: Option<f64>,
    rows: Option<u64>,
    next: u64,
    first: i64,
    connected: Option<(Instant, u64)>,
}

impl SourceType for SensorSource {
    const NAME: &'static str = "sensor";
    const SUMMARY: &'static str = "Simulated sensors: waves with noise, at a rate or as fast as it goes.";
    const GUARANTEE: Option<Guarantee> = Some(Guarantee {
        text: "A row's number is its position, and every value follows from it: what is read again is the same.",
        tests: &["sensors_pass_the_contract"],
    });
    type Options = SensorOptions;

    fn check(options: &SensorOptions) -> Vec<Problem> {
        options.problems()
    }

    fn build(options: SensorOptions, context: &BuildContext) -> Result<Box<dyn Source>> {
        let devices = (1..=options.devices.get())
            .map(|n| Path::parse(&options.device.replace("{n}", &n.to_string())))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Error::config(error.to_string()))?;
        let measurements = options.measurements();
        Ok(Box::new(Self {
            split: SplitName::new(context.node.as_str()),
            devices,
            measurements: measurements
                .iter()
                .map(|(name, options)| (Arc::from(&*quote_node(name)), Wave::new(options)))
                .collect(),
            seed: options.seed,
            start: options.start_millis()?,
            remembered: context.state_dir.join(format!("{}.sensor-start", context.node)),
            interval: options.interval_nanos(),
            rate: options.rate,
            rows: options.rows,
            next: 0,
            first: 0,
            connected: None,
        }))
    }
}

#[async_trait]
impl Source for SensorSource {
    fn capabilities(&self) -> SourceCapabilities {
        // Sensors say something new in every run; where a sink stores positions they go on there.
        SourceCapabilities { bounded: self.rows.is_some(), replayable: true, remembers: true }
    }

    async fn connect(&mut self, stored: &Checkpoint) -> Result<()> {
        self.next = stored.get(&self.split).copied().unwrap_or(0);
        self.first = match self.start {
            Some(start) => start,
            None => self.remember_start()?,
        };
        self.connected = Some((Instant::now(), self.next));
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<Batch>> {
        let (began, from) = self.connected.ok_or_else(|| Error::bug("next before connect"))?;
        let end = self.rows.unwrap_or(u64::MAX);
        if self.next >= end {
            return Ok(None);
        }
        let devices = self.devices.len() as u64;
        let until = match self.rate {
            None => self.next.saturating_add(BATCH_ROWS),
            Some(rate) => loop {
                // Whole ticks fall due; a source far behind catches up batch by batch.
                let due = (began.elapsed().as_secs_f64() * rate) as u64;
                let due = (from / devices).saturating_add(due).saturating_add(1).saturating_mul(devices);
                if due > self.next {
                    break due.min(self.next.saturating_add(BATCH_ROWS));
                }
                let tick = (self.next / devices).saturating_sub(from / devices);
                let at = began + Duration::try_from_secs_f64(tick as f64 / rate).unwrap_or(Duration::MAX / 4);
                tokio::time::sleep_until(at.max(Instant::now() + GATHERED)).await;
            },
        };
        let range = self.next..until.min(end);
        let batch = self.batch(range.start, range.end)?;
        self.next = range.end;
        Ok(Some(batch))
    }

    async fn settle(&mut self, _: &[SplitPosition]) -> Result<()> {
        Ok(())
    }

    fn progress(&self) -> Progress {
        let from = self.connected.map_or(0, |(_, from)| from);
        Progress { read: self.next - from, total: self.rows.map(|rows| rows.saturating_sub(from)), lag: None }
    }

    async fn close(&mut self) -> Result<()> {
        Ok(())
    }
}

impl SensorSource {
    /// The time of the first tick: of the first run that is gone on with, otherwise now.
    fn remember_start(&self) -> Result<i64> {
        let what = || format!("cannot remember the first time in {}", self.remembered.display());
        if self.next > 0
            && let Ok(text) = std::fs::read_to_string(&self.remembered)
            && let Ok(first) = text.trim().parse()
        {
            return Ok(first);
        }
        let now = Timestamp::now().as_second().saturating_mul(1_000);
        if let Some(folder) = self.remembered.parent() {
            std::fs::create_dir_all(folder).map_err(|error| Error::io(what(), error))?;
        }
        std::fs::write(&self.remembered, format!("{now}\n")).map_err(|error| Error::io(what(), error))?;
        Ok(now)
    }

    fn batch(&self, from: u64, until: u64) -> Result<Batch> {
        let devices = self.devices.len() as u64;
        let mut readings = Vec::with_capacity(self.devices.len().min((until - from) as usize));
        for (at, device) in self.devices.iter().enumerate() {
            // The ticks whose row, tick × devices + at, lies in the range.
            let tick_of = |row: u64| row.saturating_sub(at as u64).div_ceil(devices);
            let ticks = tick_of(from)..tick_of(until);
            if ticks.is_empty() {
                continue;
            }
            let times =
                ticks.clone().map(|tick| self.first.saturating_add(self.elapsed(tick))).collect::<Vec<_>>();
            let columns = self
                .measurements
                .iter()
                .enumerate()
                .map(|(nth, (name, wave))| Column {
                    name: Arc::clone(name),
                    data_type: wave.data_type(),
                    values: wave.values(wave::key(self.seed, at, nth), ticks.clone()),
                })
                .collect();
            let tablet = Tablet::try_new(device.clone(), false, Int64Array::from(times), columns)
                .map_err(|error| Error::bug(error.to_string()))?;
            readings.push(Readings::synthetic(tablet));
        }
        let positions = vec![SplitRange { split: self.split.clone(), range: from..until }];
        Ok(Batch { readings, positions, rejected: Vec::new() })
    }

    /// Milliseconds from the first tick to another.
    fn elapsed(&self, tick: u64) -> i64 {
        let millis = i128::from(tick) * i128::from(self.interval) / 1_000_000;
        i64::try_from(millis).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use levada_connector_api::model::Value;
    use serde_json::json;

    use super::*;

    fn source(options: serde_json::Value, folder: &std::path::Path) -> Box<dyn Source> {
        let mut context = BuildContext::new("p", "sim");
        context.state_dir = folder.to_owned();
        let options = serde_json::from_value(options).expect("options that fit");
        assert_eq!(SensorSource::check(&options), []);
        SensorSource::build(options, &context).expect("options that work")
    }

    /// All points of rows `from` on: device, time, measurement, value.
    async fn points(
        options: serde_json::Value,
        from: u64,
        folder: &std::path::Path,
    ) -> Vec<(String, i64, String, Value)> {
        let mut source = source(options, folder);
        source.connect(&Checkpoint::from([("sim".into(), from)])).await.expect("connected");
        let mut points = Vec::new();
        let mut position = from;
        while let Some(batch) = source.next().await.expect("a batch") {
            assert_eq!(batch.positions[0].range.start, position);
            position = batch.positions[0].range.end;
            assert_eq!(batch.rows() as u64, position - batch.positions[0].range.start);
            for each in &batch.readings {
                for row in 0..each.tablet.rows() {
                    for column in each.tablet.columns() {
                        let value = Value::at(&column.values, column.data_type, row).expect("no nulls");
                        let device = each.tablet.device().to_string();
                        points.push((device, each.tablet.times().value(row), column.name.to_string(), value));
                    }
                }
            }
        }
        points.sort_by(|a, b| (a.1, &a.0, &a.2).cmp(&(b.1, &b.0, &b.2)));
        points
    }

    #[tokio::test]
    async fn rows_are_the_same_from_wherever_they_are_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let options = json!({
            "devices": 7, "rows": 45_001, "start": "2026-01-01T00:00:00Z", "interval": "250ms",
            "measurements": {
                "a": {"wave": "random_walk", "noise": 0.5, "decimals": 2}, "b": {"type": "BOOLEAN", "wave": "square"},
                "c": {"type": "INT32", "min": 0, "max": 100, "noise": 3}, "d": {"type": "TEXT", "wave": "sawtooth"},
            },
        });
        let mut all = points(options.clone(), 0, folder.path()).await;
        assert_eq!(all.len(), 45_001 * 4);
        assert_eq!(all[0].1, 1_767_225_600_000);
        let later = points(options, 20_003, folder.path()).await;
        assert_eq!(later.len(), (45_001 - 20_003) * 4);
        let kept: BTreeSet<_> = later.iter().map(|point| (&point.0, point.1)).collect();
        all.retain(|point| kept.contains(&(&point.0, point.1)));
        assert!(all == later, "the same points");
    }

    #[tokio::test]
    async fn a_start_that_is_not_given_is_remembered() {
        let folder = tempfile::tempdir().expect("a folder");
        let options = json!({"rows": 3, "interval": "1s"});
        let first = points(options.clone(), 0, folder.path()).await;
        std::fs::write(folder.path().join("sim.sensor-start"), "1000\n").expect("written");
        let again = points(options.clone(), 1, folder.path()).await;
        assert_eq!(again[0].1, 2_000);
        assert!(first[0].1 > 2_000 && points(options, 0, folder.path()).await[0].1 >= first[0].1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut source =
            source(json!({"devices": 3, "rate": 200.0, "start": "2026-01-01T00:00:00Z"}), folder.path());
        source.connect(&Checkpoint::new()).await.expect("connected");
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(2) {
            source.next().await.expect("a batch").expect("no end");
        }
        let read = source.progress().read;
        assert!((1_190..=1_215).contains(&read), "{read} rows in 2 s of 3 devices at 200 rows/s");
    }

    #[test]
    fn wrong_options_are_named() {
        for (options, path) in [
            (json!({"device": "root..{n}"}), "device"),
            (json!({"devices": 2, "device": "same"}), "device"),
            (json!({"rate": 0.0}), "rate"),
            (json!({"start": "noon"}), "start"),
            (json!({"measurements": {"a": {"min": 2, "max": 1}}}), "measurements.a.max"),
            (json!({"measurements": {"a": {"type": "BLOB"}}}), "measurements.a.type"),
        ] {
            let options: SensorOptions = serde_json::from_value(options).expect("options that fit");
            let problems = SensorSource::check(&options);
            assert_eq!(problems.iter().map(|each| each.path.as_str()).collect::<Vec<_>>(), [path]);
        }
    }
}
