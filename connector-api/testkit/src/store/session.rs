//! A session with the store in memory.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use levada_connector_api::model::{
    Checkpoint, Device, Outcome, Path, PathPattern, RejectedRows, Rows, Series, SeriesSchema, Session,
    SessionCapabilities, SessionError, StatusCode, Tablet, Value, Write, WriteReport,
};

use super::{SimulatedStore, State, Stored};
use crate::{NUMBER, Row};

/// A session of a [`SimulatedStore`].
#[derive(Debug)]
pub struct SimulatedSession {
    store: SimulatedStore,
    closed: AtomicBool,
}

impl SimulatedSession {
    pub(super) fn new(store: SimulatedStore) -> Self {
        Self { store, closed: AtomicBool::new(false) }
    }

    async fn ready(&self) -> Result<(), SessionError> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(SessionError::new(StatusCode::NOT_LOGIN, "the session is closed"));
        }
        self.store.pass().await
    }
}

#[async_trait]
impl Session for SimulatedSession {
    fn capabilities(&self) -> SessionCapabilities {
        SessionCapabilities { checkpoints: self.store.0.checkpoints }
    }

    async fn insert_tablets(&self, write: Write) -> Result<WriteReport, SessionError> {
        self.ready().await?;
        let mut state = self.store.0.state.lock();
        let fault = state.write_faults.pop_front();
        if let Some((code, false)) = fault {
            return Err(SessionError::new(code, "injected"));
        }
        let report = store(&mut state, &write);
        if self.store.0.checkpoints && !write.positions.is_empty() && report.rejected.is_empty() {
            let owner = write.owner.as_deref().ok_or_else(|| {
                SessionError::new(StatusCode::ILLEGAL_PARAMETER, "positions without an owner")
            })?;
            let positions = state.positions.entry(owner.to_owned()).or_default();
            write.positions.iter().for_each(|each| positions.add(each));
        }
        match fault {
            Some((code, _)) => Err(SessionError::new(code, "injected after the rows were stored")),
            None => Ok(report),
        }
    }

    async fn execute(&self, statement: &str) -> Result<Outcome, SessionError> {
        self.ready().await?;
        Err(SessionError::new(StatusCode::SQL_PARSE_ERROR, format!("not understood: {statement}")))
    }

    async fn query(&self, statement: &str) -> Result<Rows, SessionError> {
        self.ready().await?;
        Err(SessionError::not_a_query(statement))
    }

    async fn create_database(&self, database: &Path) -> Result<(), SessionError> {
        self.ready().await?;
        let mut state = self.store.0.state.lock();
        if let Some(code) = state.database_fault {
            return Err(SessionError::new(code, "injected"));
        }
        if state.databases.iter().any(|known| known.is_prefix_of(database)) {
            return Ok(());
        }
        if state.databases.iter().any(|known| database.is_prefix_of(known)) {
            let message = format!("some children of {database} have already been created as database");
            return Err(SessionError::new(StatusCode::DATABASE_CONFLICT, message));
        }
        state.databases.push(database.clone());
        Ok(())
    }

    async fn create_series(&self, series: &[Series]) -> Result<Vec<(usize, SessionError)>, SessionError> {
        self.ready().await?;
        let mut state = self.store.0.state.lock();
        for Series { device, aligned, measurement, schema } in series {
            let new = || Stored { schema: *schema, aligned: *aligned, values: BTreeMap::new() };
            state.series.entry((device.to_string(), measurement.to_string())).or_insert_with(new);
        }
        Ok(Vec::new())
    }

    async fn find_series(&self, pattern: &PathPattern) -> Result<Vec<Series>, SessionError> {
        self.ready().await?;
        let state = self.store.0.state.lock();
        let found = state.series.iter().filter_map(|((device, measurement), stored)| {
            let (device, measurement) = (Path::parse(device).ok()?, Arc::from(measurement.as_str()));
            let found = Series { device, aligned: stored.aligned, measurement, schema: stored.schema };
            pattern.matches(&found.path()).then_some(found)
        });
        Ok(found.collect())
    }

    async fn find_devices(&self, pattern: &PathPattern) -> Result<Vec<Device>, SessionError> {
        self.ready().await?;
        let state = self.store.0.state.lock();
        let found = state.series.iter().filter_map(|((device, _), stored)| {
            let path = Path::parse(device).ok().filter(|path| pattern.matches(path))?;
            Some(Device { path, aligned: stored.aligned })
        });
        let mut found: Vec<Device> = found.collect();
        found.dedup();
        Ok(found)
    }

    async fn rows_of(&self, device: &Path, _: &[(Arc<str>, SeriesSchema)]) -> Result<Rows, SessionError> {
        self.ready().await?;
        // Tests look at what is stored by the store's own methods.
        let message = format!("rows of {device} are asked for, and this store gives none");
        Err(SessionError::new(StatusCode::UNSUPPORTED_OPERATION, message))
    }

    async fn checkpoint(&self, owner: &str) -> Result<Checkpoint, SessionError> {
        self.ready().await?;
        Ok(self.store.stored(owner))
    }

    async fn close(&self) -> Result<(), SessionError> {
        if !self.closed.swap(true, Ordering::Relaxed) {
            self.store.0.state.lock().open_sessions -= 1;
        }
        Ok(())
    }
}

fn store(state: &mut State, write: &Write) -> WriteReport {
    let mut report = WriteReport::default();
    state.writes.push(write.tablets.len());
    for (index, tablet) in write.tablets.iter().enumerate() {
        let rejected = state.reject.clone().map_or_else(BTreeMap::new, |reject| {
            let reason = |row| reject(tablet.device().as_str(), tablet.times().value(row));
            (0..tablet.rows()).filter_map(|row| Some((row, reason(row)?))).collect()
        });
        for (&row, message) in &rejected {
            report.rejected.push(RejectedRows {
                tablet: index,
                rows: Some(vec![u32::try_from(row).expect("few rows")]),
                measurement: None,
                code: StatusCode::OUT_OF_TTL,
                message: message.clone(),
            });
        }
        arrive(state, tablet, |row| !rejected.contains_key(&row));
        store_columns(state, tablet, write.coerce, index, &|row| !rejected.contains_key(&row), &mut report);
    }
    report
}

fn arrive(state: &mut State, tablet: &Tablet, keep: impl Fn(usize) -> bool) {
    let number = tablet.columns().iter().find(|column| &*column.name == NUMBER);
    for row in (0..tablet.rows()).filter(|&row| keep(row)) {
        let value = number.and_then(|column| column.value(row));
        let number = if let Some(Value::Int64(number)) = value { Some(number) } else { None };
        let time = tablet.times().value(row);
        state.arrivals.push(Row { device: tablet.device().to_string(), time, number });
    }
}

fn store_columns(
    state: &mut State,
    tablet: &Tablet,
    coerce: bool,
    index: usize,
    keep: &dyn Fn(usize) -> bool,
    report: &mut WriteReport,
) {
    for column in tablet.columns() {
        let key = (tablet.device().to_string(), column.name.to_string());
        let series = state.series.entry(key).or_insert_with(|| Stored {
            schema: SeriesSchema::default_for(column.data_type),
            aligned: tablet.aligned(),
            values: BTreeMap::new(),
        });
        let data_type = series.schema.data_type;
        let fits = coerce || column.is_written() || column.data_type == data_type;
        let converted = fits.then(|| column.to(data_type));
        let mut rejected = Vec::new();
        for row in (0..tablet.rows()).filter(|&row| keep(row) && column.values.is_valid(row)) {
            match converted.as_ref().and_then(|converted| Value::at(&converted.values, data_type, row)) {
                Some(value) => {
                    series.values.insert(tablet.times().value(row), value);
                }
                None => rejected.push(u32::try_from(row).expect("few rows")),
            }
        }
        if !rejected.is_empty() {
            report.rejected.push(RejectedRows {
                tablet: index,
                rows: Some(rejected),
                measurement: Some(Arc::clone(&column.name)),
                code: StatusCode::DATA_TYPE_MISMATCH,
                message: format!("{} does not take {}", series.schema.data_type, column.data_type),
            });
        }
    }
}
