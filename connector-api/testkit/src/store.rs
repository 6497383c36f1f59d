//! A store in memory, for connectors that want a [`Session`]: no disk, no network, errors on demand.
//!
//! It knows databases, series with their types, rows, and positions by owner; it understands no statement.

mod session;

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::Arc,
};

use async_trait::async_trait;
use levada_connector_api::{
    Result, StoreTarget, Stores,
    model::{Checkpoint, Path, SeriesSchema, Session, SessionError, StatusCode, Value},
};
use parking_lot::Mutex;
use tokio::sync::watch;

pub use session::SimulatedSession;

use crate::{Fault, NUMBER, Row, positions::Positions};

type Reject = dyn Fn(&str, i64) -> Option<String> + Send + Sync;

/// A store in memory. Clones share it; it outlives its sessions, as a server does its clients.
#[derive(Clone)]
pub struct SimulatedStore(Arc<Inner>);

struct Inner {
    checkpoints: bool,
    state: Mutex<State>,
    trouble: watch::Sender<Option<Trouble>>,
}

/// What holds for every request until it is healed.
#[derive(Clone, Debug)]
enum Trouble {
    Stalls,
    Fails(StatusCode),
}

#[derive(Default)]
struct State {
    databases: Vec<Path>,
    series: BTreeMap<(String, String), Stored>,
    positions: BTreeMap<String, Positions>,
    opened: Vec<StoreTarget>,
    open_sessions: usize,
    writes: Vec<usize>,
    open_faults: VecDeque<Fault>,
    write_faults: VecDeque<(StatusCode, bool)>,
    database_fault: Option<StatusCode>,
    reject: Option<Arc<Reject>>,
    arrivals: Vec<Row>,
}

/// A series with its values.
struct Stored {
    schema: SeriesSchema,
    aligned: bool,
    values: BTreeMap<i64, Value>,
}

impl Default for SimulatedStore {
    fn default() -> Self {
        Self::embedded()
    }
}

impl SimulatedStore {
    /// One that stores positions with the rows, as the embedded engine does.
    pub fn embedded() -> Self {
        Self::with_checkpoints(true)
    }

    /// One that stores no positions, as a remote IoTDB.
    pub fn remote() -> Self {
        Self::with_checkpoints(false)
    }

    fn with_checkpoints(checkpoints: bool) -> Self {
        Self(Arc::new(Inner { checkpoints, state: Mutex::default(), trouble: watch::Sender::new(None) }))
    }

    /// Rows (device and time) for which `reject` gives a reason are rejected for it.
    #[must_use]
    pub fn rejecting(self, reject: impl Fn(&str, i64) -> Option<String> + Send + Sync + 'static) -> Self {
        self.0.state.lock().reject = Some(Arc::new(reject));
        self
    }

    /// A session, as [`Stores::open`] gives it.
    pub fn session(&self) -> Arc<dyn Session> {
        self.0.state.lock().open_sessions += 1;
        Arc::new(SimulatedSession::new(self.clone()))
    }

    /// The next session cannot be opened.
    pub fn fail_next_open(&self, fault: Fault) {
        self.0.state.lock().open_faults.push_back(fault);
    }

    /// The next write fails with a code; its rows are stored nevertheless where `stores` holds true (the answer is lost).
    pub fn fail_next_write(&self, code: StatusCode, stores: bool) {
        self.0.state.lock().write_faults.push_back((code, stores));
    }

    /// From now on no database can be created: a request for one fails with a code, also where it exists.
    pub fn fail_databases(&self, code: StatusCode) {
        self.0.state.lock().database_fault = Some(code);
    }

    /// From now on every request fails with a code, until [`SimulatedStore::heal`].
    pub fn fail(&self, code: StatusCode) {
        self.0.trouble.send_replace(Some(Trouble::Fails(code)));
    }

    /// From now on no request is answered, until [`SimulatedStore::heal`].
    pub fn stall(&self) {
        self.0.trouble.send_replace(Some(Trouble::Stalls));
    }

    /// Ends [`SimulatedStore::fail`] and [`SimulatedStore::stall`]; requests that wait go on.
    pub fn heal(&self) {
        self.0.trouble.send_replace(None);
    }

    /// The databases, in order of creation.
    pub fn databases(&self) -> Vec<String> {
        self.0.state.lock().databases.iter().map(Path::to_string).collect()
    }

    /// The schema of a series, and whether its device is aligned.
    pub fn schema(&self, device: &str, measurement: &str) -> Option<(SeriesSchema, bool)> {
        let state = self.0.state.lock();
        let series = state.series.get(&(device.to_owned(), measurement.to_owned()))?;
        Some((series.schema, series.aligned))
    }

    /// The values of a series by time.
    pub fn values(&self, device: &str, measurement: &str) -> BTreeMap<i64, Value> {
        let state = self.0.state.lock();
        state
            .series
            .get(&(device.to_owned(), measurement.to_owned()))
            .map(|series| series.values.clone())
            .unwrap_or_default()
    }

    /// Every row (device and time) with its [`NUMBER`], by device and time.
    pub fn rows(&self) -> Vec<Row> {
        let state = self.0.state.lock();
        let mut rows: BTreeMap<(&str, i64), Option<i64>> = BTreeMap::new();
        for ((device, measurement), series) in &state.series {
            for (&time, value) in &series.values {
                let number = rows.entry((device, time)).or_default();
                if let (NUMBER, Value::Int64(value)) = (measurement.as_str(), value) {
                    *number = Some(*value);
                }
            }
        }
        rows.into_iter()
            .map(|((device, time), number)| Row { device: device.to_owned(), time, number })
            .collect()
    }

    /// The rows in the order in which they were stored, twice where they were stored twice.
    pub fn arrivals(&self) -> Vec<Row> {
        self.0.state.lock().arrivals.clone()
    }

    /// The positions an owner's writes stored.
    pub fn stored(&self, owner: &str) -> Checkpoint {
        self.0.state.lock().positions.get(owner).map(Positions::checkpoint).unwrap_or_default()
    }

    /// What every session was opened with, in order.
    pub fn opened(&self) -> Vec<StoreTarget> {
        self.0.state.lock().opened.clone()
    }

    /// How many sessions are open.
    pub fn open_sessions(&self) -> usize {
        self.0.state.lock().open_sessions
    }

    /// The number of tablets of every write stored, in order.
    pub fn writes(&self) -> Vec<usize> {
        self.0.state.lock().writes.clone()
    }

    /// Waits while the store stalls; then says whether it fails.
    async fn pass(&self) -> Result<(), SessionError> {
        let mut trouble = self.0.trouble.subscribe();
        let now = trouble
            .wait_for(|trouble| !matches!(trouble, Some(Trouble::Stalls)))
            .await
            .expect("the sender lives as long as this store")
            .clone();
        match now {
            Some(Trouble::Fails(code)) => Err(SessionError::new(code, "injected")),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Stores for SimulatedStore {
    async fn open(&self, target: &StoreTarget) -> Result<Arc<dyn Session>> {
        self.pass().await?;
        let fault = {
            let mut state = self.0.state.lock();
            state.opened.push(target.clone());
            state.open_faults.pop_front()
        };
        match fault {
            Some(fault) => Err(fault.error()),
            None => Ok(self.session()),
        }
    }
}

impl fmt::Debug for SimulatedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedStore").field("checkpoints", &self.0.checkpoints).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
