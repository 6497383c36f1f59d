//! Functions of users in a pipeline: what they remember goes on behind crashes and stops.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use levada_connector_api::Registry;
use levada_engine::functions::udf::{
    Access, Configuration, DataType, Failure, PointCollector, Row, UdfError, UdfFactory, UdfLoader,
    UdfParameters, Udtf, udtf,
};
use levada_testkit::{Reaction, ScriptedSink, SourceScript};
use serde_json::json;

use crate::harness::Harness;

const ROWS: u64 = 2_000;

/// The sum of the values so far.
#[derive(Debug, Default)]
struct Total(i64);

impl Udtf for Total {
    fn before_start(&mut self, _: &UdfParameters) -> Result<Configuration, Failure> {
        Ok(Configuration::new(Access::RowByRow, DataType::Int64))
    }

    fn row(&mut self, row: Row<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        self.0 += row.get::<i64>(0)?.unwrap_or(0);
        points.put(row.time(), self.0)
    }

    fn save(&self) -> Option<Vec<u8>> {
        Some(self.0.to_le_bytes().to_vec())
    }

    fn restore(&mut self, saved: &[u8]) -> Result<(), Failure> {
        self.0 = i64::from_le_bytes(saved.try_into()?);
        Ok(())
    }
}

/// Has the same function in every file.
#[derive(Debug)]
struct Native;

impl UdfLoader for Native {
    fn reads(&self, _: &Path) -> bool {
        true
    }

    fn load(&self, _: &Path) -> Result<Vec<Arc<dyn UdfFactory>>, UdfError> {
        Ok(vec![udtf("test.Total", Total::default)])
    }
}

/// The runtime's own transforms, and a function for them.
pub(crate) fn register(registry: Registry) -> Registry {
    levada_runtime::transform::register(registry).lending::<Arc<dyn UdfLoader>>(Arc::new(Native))
}

#[tokio::test(start_paused = true)]
async fn a_running_sum_counts_each_row_once_whatever_crashes_and_stops_there_are() {
    for seed in 0..16_u64 {
        let checkpoints = seed % 4 > 0;
        let harness = Harness::new(&format!("sums-{seed}"));
        let modules = harness.folder.path().join("functions");
        std::fs::create_dir(&modules).expect("writable");
        std::fs::write(modules.join("total"), "").expect("writable");
        let options = json!({"select": "total(n) as n", "functions": modules});
        let harness = harness.source("in").transform("sums", &["in"], "sql", options).sink("out", &["sums"]);
        let script = SourceScript::numbered("s", ROWS, 7 + seed).forgetful().named(harness.script("in"));
        let delays = (0..400).map(|n| Reaction::Delay(Duration::from_millis((seed * 7 + n * 13) % 50)));
        let sink = ScriptedSink::new().reacting(delays);
        let sink = if checkpoints { sink.with_checkpoints() } else { sink };
        let sink = sink.named(harness.script("out"));
        let end = |run| ((seed * 31 + run * 17) % 900, run % 5 == 4);
        harness.complete_through_crashes(&format!("seed {seed}"), 300, end).await;
        let mut arrived: BTreeMap<(String, i64), Vec<i64>> = BTreeMap::new();
        for row in sink.rows() {
            arrived.entry((row.device, row.time)).or_default().extend(row.number);
        }
        let mut sums: BTreeMap<u64, i64> = BTreeMap::new();
        for number in 0..ROWS {
            let sum = sums.entry(number % 4).or_default();
            *sum += number.cast_signed();
            let row = (format!("root.contract.d{}", number % 4), number.cast_signed());
            let here = arrived.remove(&row).unwrap_or_default();
            assert!(
                here.iter().all(|each| each == sum) && !here.is_empty(),
                "seed {seed}, {row:?}: {here:?}"
            );
            assert!(here.len() == 1 || !checkpoints, "seed {seed}, {row:?}: {here:?}");
        }
        assert!(arrived.is_empty(), "seed {seed}: {arrived:?}");
        assert_eq!(script.violations(), Vec::<String>::new());
    }
}
