//! Rows change on their way; their positions do not.

use arrow_array::{BooleanArray, cast::AsArray, types::Int64Type};
use levada_connector_api::{
    Batch, BuildContext, Emitter, Readings, RejectedRecord, Result, Transform, TransformType,
    model::Checkpoint,
};
use levada_runtime::Outcome;
use levada_testkit::{NUMBER, ScriptedSink, SourceScript};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::harness::{Harness, numbers};

/// Which rows to keep.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeepOptions {
    multiples_of: i64,
}

/// Keeps the rows whose number is a multiple, and cannot handle 13.
pub(crate) struct Keep(i64);

impl Transform for Keep {
    fn apply(&mut self, batch: Batch, out: &mut Emitter) -> Result<()> {
        let mut kept = Batch { positions: batch.positions, rejected: batch.rejected, readings: Vec::new() };
        for readings in batch.readings {
            let all = numbers_of(&readings);
            for (row, &number) in all.iter().enumerate() {
                if let (13, Some(record)) = (number, readings.record(row)) {
                    kept.rejected.push(RejectedRecord { record, error: "13 brings bad luck".to_owned() });
                }
            }
            let keep: BooleanArray = all.iter().map(|number| Some(number % self.0 == 0)).collect();
            kept.readings.push(readings.filter(&keep)?);
        }
        out.pass(kept);
        Ok(())
    }
}

fn numbers_of(readings: &Readings) -> Vec<i64> {
    let column = readings.tablet.columns().iter().find(|column| &*column.name == NUMBER).expect("numbered");
    column.values.as_primitive::<Int64Type>().values().to_vec()
}

impl TransformType for Keep {
    const NAME: &'static str = "keep";
    const SUMMARY: &'static str = "Keeps some rows.";
    type Options = KeepOptions;

    fn build(options: KeepOptions, _: &BuildContext) -> Result<Box<dyn Transform>> {
        Ok(Box::new(Self(options.multiples_of)))
    }
}

#[tokio::test(start_paused = true)]
async fn rows_that_are_dropped_on_the_way_are_settled() {
    let harness = Harness::new("keep").source("in").keep("even", &["in"], 2).sink("out", &["even"]);
    let script = SourceScript::numbered("s", 1_000, 10).named(harness.script("in"));
    let sink = ScriptedSink::new().with_checkpoints().named(harness.script("out"));
    let report = harness.start().wait().await;
    assert_eq!((report.outcome, report.rows_read, report.rows_sent), (Outcome::Completed, 1_000, 500));
    assert!(sink.rows().iter().all(|row| row.time % 2 == 0));
    assert_eq!((script.settled(), sink.stored()), (at_end(), at_end()));
    let letters = harness.dead_letters();
    assert_eq!(
        (letters.len(), &letters[0]["stage"], &letters[0]["text"]),
        (1, &json!("transform"), &json!("row 13"))
    );
}

fn at_end() -> Checkpoint {
    Checkpoint::from([("s".into(), 1_000)])
}

#[tokio::test(start_paused = true)]
async fn branches_part_and_meet_again() {
    let harness = Harness::new("diamond")
        .source("in")
        .keep("threes", &["in"], 3)
        .keep("fives", &["in"], 5)
        .sink("out", &["threes", "fives"]);
    let script = SourceScript::numbered("s", 900, 10).named(harness.script("in"));
    let sink = ScriptedSink::new().named(harness.script("out"));
    let report = harness.start().wait().await;
    assert_eq!((report.outcome, report.rows_sent), (Outcome::Completed, 300 + 180));
    assert_eq!(numbers(&sink.rows()).len(), 300 + 180 - 60);
    assert_eq!(script.settled(), Checkpoint::from([("s".into(), 900)]));
}
