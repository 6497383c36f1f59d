//! Rows into IoTDB, for programs.

use std::{fmt, sync::Arc, time::Duration};

use levada_connector_api::{Error, Result};
use parking_lot::Mutex;
use tokio::{task::JoinHandle, time::Instant};
use twox_hash::XxHash64;

use crate::{Event, IotdbSinkBuilder, Rejected, SerializationSchema, lane::Lane};

/// Writes items as rows into IoTDB.
///
/// All methods may be called at the same time, from several tasks. The rows of a device are written in the order in which their calls
/// of `send` were begun; those of different devices, by as many lanes as the parallelism says, at the same time.
///
/// # What is kept
/// A row that [`send`](Self::send) has taken is stored when `send` returned with a batch size of 1, and else when a
/// [`flush`](Self::flush) behind it succeeded. Until then it is in memory alone: a program that keeps track of its input goes on,
/// after a crash, behind its last flush. A row that is written twice replaces itself. After an error nothing is dropped: rows wait for
/// the next flush.
pub struct IotdbSink<T> {
    inner: Arc<Inner<T>>,
    timer: Option<JoinHandle<()>>,
}

struct Inner<T> {
    schema: Box<dyn SerializationSchema<T>>,
    lanes: Vec<Lane>,
    batch: usize,
    /// What the timer met, until somebody can be told.
    untold: Mutex<Untold>,
}

#[derive(Default)]
struct Untold {
    rejected: Vec<Rejected>,
    /// The last error; a flush that succeeds makes it good.
    error: Option<Error>,
}

impl IotdbSink<()> {
    /// Builds a sink. The schema that [`open`](IotdbSinkBuilder::open) takes determines the type of its items.
    pub fn builder() -> IotdbSinkBuilder {
        IotdbSinkBuilder::default()
    }
}

impl<T: Send + 'static> IotdbSink<T> {
    pub(crate) fn new(
        schema: Box<dyn SerializationSchema<T>>,
        lanes: Vec<Lane>,
        batch: usize,
        interval: Option<Duration>,
    ) -> Self {
        let inner = Arc::new(Inner { schema, lanes, batch, untold: Mutex::default() });
        let timer = interval.map(|interval| {
            let of = Arc::downgrade(&inner);
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(interval / 2).await;
                    let Some(inner) = of.upgrade() else { return };
                    inner.flush_aged(interval).await;
                }
            })
        });
        Self { inner, timer }
    }

    /// Takes an item, and writes its lane's rows where there are as many as the batch size says. Gives back rows that the store will
    /// never take.
    ///
    /// # Errors
    /// The item is none, or its lane's rows could not be written. **The item was not taken**: send it again. Rows that were taken
    /// before wait on.
    pub async fn send(&self, item: T) -> Result<Vec<Rejected>> {
        let Some(event) = self.inner.schema.serialize(item)? else { return Ok(Vec::new()) };
        let lane = self.inner.lane(&event);
        let mut rejected = lane.send(event, self.inner.batch).await?;
        rejected.append(&mut self.inner.untold.lock().rejected);
        Ok(rejected)
    }

    /// Writes all rows that were taken. Gives back rows that the store will never take. When it returns, all others are stored.
    ///
    /// # Errors
    /// Rows of a lane could not be written: they wait on, flush again. All other lanes' are stored.
    pub async fn flush(&self) -> Result<Vec<Rejected>> {
        let mut outcome = Ok(());
        let mut rejected = Vec::new();
        for flushed in
            futures::future::join_all(self.inner.lanes.iter().map(|lane| lane.flush(Instant::now()))).await
        {
            match flushed {
                Ok(more) => rejected.extend(more),
                Err(error) => outcome = Err(error),
            }
        }
        let mut untold = self.inner.untold.lock();
        untold.rejected.append(&mut rejected);
        outcome?;
        untold.error = None;
        Ok(std::mem::take(&mut untold.rejected))
    }

    /// How many rows were taken and are not written.
    pub async fn waiting(&self) -> usize {
        let mut waiting = 0;
        for lane in &self.inner.lanes {
            waiting += lane.waiting().await;
        }
        waiting
    }

    /// The error of the last flush that the interval caused, if none succeeded since. Its rows wait on.
    pub fn trouble(&self) -> Option<Error> {
        self.inner.untold.lock().error.take()
    }

    /// Writes all rows that were taken, and closes the connections. Gives back rows that the store will never take.
    ///
    /// # Errors
    /// Rows could not be written: the error says how many. They are lost with the sink, so flush before where that matters.
    pub async fn close(mut self) -> Result<Vec<Rejected>> {
        if let Some(timer) = self.timer.take() {
            timer.abort();
        }
        let flushed = self.flush().await;
        let waiting = self.waiting().await;
        let mut closed = Ok(());
        for lane in &self.inner.lanes {
            closed = closed.and(lane.close().await);
        }
        let rejected = flushed.map_err(|error| error.with("rows_lost", waiting))?;
        closed.map(|()| rejected)
    }
}

impl<T> Inner<T> {
    /// The lane of an event's device.
    fn lane(&self, event: &Event) -> &Lane {
        let at = XxHash64::oneshot(0, event.device.as_bytes()) % self.lanes.len().max(1) as u64;
        &self.lanes[at as usize]
    }

    /// Writes what has waited for so long.
    async fn flush_aged(&self, age: Duration) {
        let Some(before) = Instant::now().checked_sub(age) else { return };
        for lane in &self.lanes {
            let flushed = lane.flush(before).await;
            let mut untold = self.untold.lock();
            match flushed {
                Ok(mut rejected) => untold.rejected.append(&mut rejected),
                Err(error) => untold.error = Some(error),
            }
        }
    }
}

impl<T> Drop for IotdbSink<T> {
    fn drop(&mut self) {
        if let Some(timer) = &self.timer {
            timer.abort();
        }
    }
}

impl<T> fmt::Debug for IotdbSink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IotdbSink").field("lanes", &self.inner.lanes).finish_non_exhaustive()
    }
}
