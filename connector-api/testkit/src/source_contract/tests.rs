//! The suite passes a source that keeps the contract and catches those that do not.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use levada_connector_api::{Result, SourceCapabilities};

use super::*;
use crate::{Fault, SourceScript, Step, numbered};

struct Scripted {
    make: fn() -> SourceScript,
    script: SourceScript,
    loses_on_cancel: bool,
    ignores_stored: bool,
    /// What it makes of an error that gives a split up.
    gives_up: fn(&str) -> Fault,
}

impl Scripted {
    fn new(make: fn() -> SourceScript) -> Self {
        Self {
            make,
            script: make(),
            loses_on_cancel: false,
            ignores_stored: false,
            gives_up: |split| Fault::giving_up(split, "broken"),
        }
    }
}

#[async_trait]
impl SourceHarness for Scripted {
    fn source(&mut self) -> Box<dyn Source> {
        Box::new(Faulty {
            source: Box::new(self.script.source()),
            loses_on_cancel: self.loses_on_cancel,
            ignores_stored: self.ignores_stored,
        })
    }

    async fn fresh(&mut self) {
        self.script = (self.make)();
    }

    fn expected(&self) -> Vec<Row> {
        rows_of(&numbered("s", 0..90, 4))
    }

    async fn break_one(&mut self) -> Option<Vec<Row>> {
        // The last batch cannot be had, and the script has other batches before and, of other splits, behind.
        let lost = numbered("s", 80..90, 4);
        let fault = Step::Fail((self.gives_up)("s"));
        self.script = SourceScript::new([
            Step::Batch(numbered("s", 0..10, 4)),
            fault,
            Step::Batch(renamed(numbered("s", 10..80, 4), "t")),
        ]);
        Some(rows_of(&lost))
    }

    fn remembers(&self) -> bool {
        true
    }
}

/// Passes everything on, but for its faults.
struct Faulty {
    source: Box<dyn Source>,
    loses_on_cancel: bool,
    ignores_stored: bool,
}

#[async_trait]
impl Source for Faulty {
    fn capabilities(&self) -> SourceCapabilities {
        self.source.capabilities()
    }

    async fn connect(&mut self, stored: &Checkpoint) -> Result<()> {
        let nothing = Checkpoint::new();
        self.source.connect(if self.ignores_stored { &nothing } else { stored }).await
    }

    async fn next(&mut self) -> Result<Option<Batch>> {
        let batch = self.source.next().await;
        if self.loses_on_cancel {
            yields(3).await;
        }
        batch
    }

    async fn settle(&mut self, settled: &[SplitPosition]) -> Result<()> {
        self.source.settle(settled).await
    }

    async fn close(&mut self) -> Result<()> {
        self.source.close().await
    }
}

/// A batch of rows that are a split's of another name.
fn renamed(mut batch: Batch, split: &str) -> Batch {
    batch.positions[0].split = split.into();
    for readings in &mut batch.readings {
        readings.records = None;
    }
    batch
}

fn two_splits() -> SourceScript {
    let wait = Step::Wait(Duration::from_millis(5));
    let batches = (0..9).flat_map(|batch| {
        let split = if batch % 3 == 0 { "a" } else { "b" };
        let mut step = numbered(split, batch * 10..(batch + 1) * 10, 4);
        // Positions of a split touch, though its numbers do not.
        let at = if batch % 3 == 0 { batch / 3 } else { batch - batch / 3 - 1 };
        step.positions[0].range = at * 10..(at + 1) * 10;
        for readings in &mut step.readings {
            readings.records = None;
        }
        [Step::Batch(step), wait.clone()]
    });
    SourceScript::new(batches)
}

async fn complaint(harness: &mut Scripted) -> String {
    let panic =
        AssertUnwindSafe(source_contract(harness)).catch_unwind().await.expect_err("the fault is found");
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_faithful_source_passes() {
    source_contract(&mut Scripted::new(|| SourceScript::numbered("s", 90, 7))).await;
    source_contract(&mut Scripted::new(|| SourceScript::numbered("s", 90, 7).unbounded())).await;
    source_contract(&mut Scripted::new(two_splits)).await;
}

#[tokio::test(start_paused = true)]
async fn a_source_that_loses_a_batch_when_cancelled_is_caught() {
    let mut harness = Scripted { loses_on_cancel: true, ..Scripted::new(two_splits) };
    let complaint = complaint(&mut harness).await;
    assert!(complaint.contains("cancelled next"), "{complaint}");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_starts_over_is_caught() {
    let make = || SourceScript::numbered("s", 90, 7).forgetful();
    let mut harness = Scripted { ignores_stored: true, ..Scripted::new(make) };
    let complaint = complaint(&mut harness).await;
    assert!(complaint.contains("restart from stored positions"), "{complaint}");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_leaves_rows_out_is_caught() {
    let mut harness = Scripted::new(|| SourceScript::numbered("s", 80, 7));
    let complaint = complaint(&mut harness).await;
    assert!(complaint.contains("every row in order: 10 rows are missing"), "{complaint}");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_fails_as_a_whole_where_one_split_is_broken_is_caught() {
    let make = || SourceScript::numbered("s", 90, 7);
    let mut harness = Scripted { gives_up: |_| Fault::fatal("broken"), ..Scripted::new(make) };
    let complaint = complaint(&mut harness).await;
    assert!(complaint.contains("a split that is given up: next fails: broken"), "{complaint}");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_reads_on_in_a_split_that_it_gave_up_is_caught() {
    let make = || SourceScript::numbered("s", 90, 7);
    let mut harness = Scripted { gives_up: |_| Fault::giving_up("t", "broken"), ..Scripted::new(make) };
    let complaint = complaint(&mut harness).await;
    assert!(complaint.contains("came of a split that was given up"), "{complaint}");
}
