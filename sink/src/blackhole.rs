//! `blackhole`: counts rows and forgets them. For trying out how fast everything before it is.
//!
//! # Delivery
//!
//! None: nothing is kept. What it is asked of as a sink it does; proven by `the_black_hole_passes_the_contract`.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use levada_connector_api::{
    Batch, BuildContext, Delivery, Guarantee, Result, Sink, SinkCapabilities, SinkType,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// There is nothing to choose.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BlackholeOptions {}

/// The component `blackhole`.
#[derive(Debug)]
pub struct Blackhole;

/// Counts rows and forgets them.
#[derive(Debug, Default)]
pub struct BlackholeSink {
    rows: AtomicU64,
    points: AtomicU64,
}

impl BlackholeSink {
    /// Rows taken so far.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Values taken so far, without nulls.
    pub fn points(&self) -> u64 {
        self.points.load(Ordering::Relaxed)
    }
}

impl SinkType for Blackhole {
    const NAME: &'static str = "blackhole";
    const SUMMARY: &'static str = "Counts rows and forgets them.";
    const GUARANTEE: Option<Guarantee> = Some(Guarantee {
        text: "None: rows are counted and forgotten.",
        tests: &["the_black_hole_passes_the_contract"],
    });
    type Options = BlackholeOptions;

    fn build(_: BlackholeOptions, _: &BuildContext) -> Result<Arc<dyn Sink>> {
        Ok(Arc::new(BlackholeSink::default()))
    }
}

#[async_trait]
impl Sink for BlackholeSink {
    fn capabilities(&self) -> SinkCapabilities {
        SinkCapabilities { lasting: false, ..SinkCapabilities::default() }
    }

    async fn connect(&self) -> Result<()> {
        Ok(())
    }

    async fn write(&self, batch: &Batch) -> Result<Delivery> {
        self.rows.fetch_add(batch.rows() as u64, Ordering::Relaxed);
        self.points.fetch_add(batch.points() as u64, Ordering::Relaxed);
        Ok(Delivery::default())
    }

    async fn close(&self) -> Result<()> {
        tracing::info!(rows = self.rows(), points = self.points(), "black hole closed");
        Ok(())
    }
}
