//! Samples of the rows that pass a node, for whoever looks.
//!
//! Where nobody looks, a batch costs one read of a counter. Where somebody does, the first rows of a batch are put into a short ring, at
//! most ten times a second; who reads too slowly misses samples. A node never waits. The arrays are shared, not copied.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use levada_connector_api::Readings;
use parking_lot::Mutex;
use serde_json::{Map, Value as Json};
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::Instant,
};

use crate::dead_letters::row_as_json;

/// Samples are so far apart at least.
const EVERY: Duration = Duration::from_millis(100);
/// Rows of a sample at most.
const ROWS: usize = 100;
/// Samples that wait at most.
const WAITING: usize = 4;

type Sample = Arc<Vec<Readings>>;

/// Where a node offers what passes.
#[derive(Debug)]
pub(crate) struct Tap {
    looking: AtomicUsize,
    last: Mutex<Option<Instant>>,
    samples: broadcast::Sender<Sample>,
}

/// Somebody who looks at a node, until it is dropped.
#[derive(Debug)]
pub struct Tapped {
    tap: Arc<Tap>,
    samples: broadcast::Receiver<Sample>,
}

impl Default for Tap {
    fn default() -> Self {
        let (samples, _) = broadcast::channel(WAITING);
        Self { looking: AtomicUsize::new(0), last: Mutex::default(), samples }
    }
}

impl Tap {
    /// Rows pass.
    pub(crate) fn offer<'r>(&self, rows: impl IntoIterator<Item = &'r Readings>) {
        if self.looking.load(Ordering::Relaxed) > 0 {
            self.sample(rows);
        }
    }

    #[cold]
    fn sample<'r>(&self, rows: impl IntoIterator<Item = &'r Readings>) {
        let now = Instant::now();
        if self.last.lock().is_some_and(|last| now.duration_since(last) < EVERY) {
            return;
        }
        let (mut sample, mut room) = (Vec::new(), ROWS);
        for readings in rows {
            let taken = readings.tablet.rows().min(room);
            if taken > 0 {
                sample.push(Readings::synthetic(readings.tablet.slice(0, taken)));
                room -= taken;
            }
        }
        if !sample.is_empty() {
            *self.last.lock() = Some(now);
            // Whoever looked has gone meanwhile.
            drop(self.samples.send(Arc::new(sample)));
        }
    }
}

impl Tapped {
    /// Looks at a node from now on.
    pub(crate) fn new(tap: &Arc<Tap>) -> Self {
        tap.looking.fetch_add(1, Ordering::Relaxed);
        Self { tap: Arc::clone(tap), samples: tap.samples.subscribe() }
    }

    /// The next rows, as objects with device, time, values and types. Cancel safe.
    pub async fn next(&mut self) -> Vec<Map<String, Json>> {
        loop {
            match self.samples.recv().await {
                Ok(sample) => {
                    let rows = sample.iter().flat_map(|readings| {
                        (0..readings.tablet.rows()).map(move |row| row_as_json(readings, row))
                    });
                    return rows.collect();
                }
                Err(RecvError::Lagged(_)) => {}
                // The other end lives as long as this.
                Err(RecvError::Closed) => return std::future::pending().await,
            }
        }
    }
}

impl Drop for Tapped {
    fn drop(&mut self) {
        self.tap.looking.fetch_sub(1, Ordering::Relaxed);
    }
}
