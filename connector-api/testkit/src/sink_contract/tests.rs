//! The suite passes a sink that keeps the contract and catches those that do not.

use std::{collections::VecDeque, panic::AssertUnwindSafe};

use futures::FutureExt;
use levada_connector_api::{Result, SinkCapabilities};
use parking_lot::Mutex;

use super::*;
use crate::{Fault, ScriptedSink};

/// The destination is the scripted sink itself; a restarted process finds the same.
struct Scripted {
    make: fn() -> ScriptedSink,
    sink: ScriptedSink,
    buffers: bool,
}

impl Scripted {
    fn new(make: fn() -> ScriptedSink) -> Self {
        Self { make, sink: make(), buffers: false }
    }
}

#[async_trait]
impl SinkHarness for Scripted {
    async fn fresh(&mut self) {
        self.sink = (self.make)();
    }

    fn sink(&mut self) -> Arc<dyn Sink> {
        if self.buffers {
            Arc::new(Buffering { sink: self.sink.clone(), buffer: Mutex::default() })
        } else {
            Arc::new(self.sink.clone())
        }
    }

    async fn stored(&mut self) -> Option<Vec<Row>> {
        Some(self.sink.rows())
    }

    fn trouble(&mut self, trouble: Trouble) -> bool {
        match trouble {
            Trouble::Fails => self.sink.fail(Fault::transient("no answer")),
            Trouble::Stalls => self.sink.stall(),
        }
        true
    }

    fn heal(&mut self) {
        self.sink.heal();
    }
}

/// Acknowledges a batch when it has the next, as a sink must not.
struct Buffering {
    sink: ScriptedSink,
    buffer: Mutex<VecDeque<Batch>>,
}

#[async_trait]
impl Sink for Buffering {
    fn capabilities(&self) -> SinkCapabilities {
        self.sink.capabilities()
    }

    async fn connect(&self) -> Result<()> {
        self.sink.connect().await
    }

    async fn write(&self, batch: &Batch) -> Result<Delivery> {
        let before = {
            let mut buffer = self.buffer.lock();
            buffer.push_back(batch.clone());
            if buffer.len() > 1 { buffer.pop_front() } else { None }
        };
        match before {
            Some(before) => self.sink.write(&before).await,
            None => Ok(Delivery::default()),
        }
    }

    async fn close(&self) -> Result<()> {
        let rest = std::mem::take(&mut *self.buffer.lock());
        for batch in rest {
            self.sink.write(&batch).await?;
        }
        self.sink.close().await
    }
}

async fn complaint(harness: &mut Scripted) -> String {
    let panic =
        AssertUnwindSafe(sink_contract(harness)).catch_unwind().await.expect_err("the fault is found");
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_faithful_sink_passes() {
    sink_contract(&mut Scripted::new(ScriptedSink::new)).await;
    sink_contract(&mut Scripted::new(|| ScriptedSink::new().with_checkpoints().with_max_in_flight(3))).await;
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_acknowledges_what_it_only_buffers_is_caught() {
    let mut harness = Scripted { buffers: true, ..Scripted::new(ScriptedSink::new) };
    let complaint = complaint(&mut harness).await;
    assert!(complaint.contains("restart without close"), "{complaint}");
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_rejects_good_rows_is_caught() {
    let make = || ScriptedSink::new().rejecting(|row| (row.time == 7).then(|| "seven".to_owned()));
    let complaint = complaint(&mut Scripted::new(make)).await;
    assert!(complaint.contains("good rows were rejected"), "{complaint}");
}
