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
    Checkpoint, Outcome, RejectedRows, Rows, SeriesSchema, Session, SessionCapabilities, SessionError,
    StatusCode, Tablet, Value, Write, WriteReport,
};

use super::{Series, SimulatedStore, State, sql};
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
        let mut state = self.store.0.state.lock();
        state.statements.push(statement.to_owned());
        if let Some(code) = state.statement_faults.pop_front() {
            return Err(SessionError::new(code, "injected"));
        }
        sql::execute(&mut state, statement)
    }

    async fn query(&self, statement: &str) -> Result<Rows, SessionError> {
        // Of what this store understands, only this reads.
        let reads = statement.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("show"));
        if reads && let Outcome::Rows(rows) = self.execute(statement).await? {
            return Ok(rows);
        }
        Err(SessionError::not_a_query(statement))
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
        let series = state.series.entry(key).or_insert_with(|| Series {
            schema: SeriesSchema::default_for(column.data_type),
            aligned: tablet.aligned(),
            values: BTreeMap::new(),
        });
        let data_type = series.schema.data_type;
        let fits = coerce || column.is_written() || column.data_type == data_type;
        let converted = fits.then(|| column.to(data_type));
        let mut refused = Vec::new();
        for row in (0..tablet.rows()).filter(|&row| keep(row) && column.values.is_valid(row)) {
            match converted.as_ref().and_then(|converted| Value::at(&converted.values, data_type, row)) {
                Some(value) => {
                    series.values.insert(tablet.times().value(row), value);
                }
                None => refused.push(u32::try_from(row).expect("few rows")),
            }
        }
        if !refused.is_empty() {
            report.rejected.push(RejectedRows {
                tablet: index,
                rows: Some(refused),
                measurement: Some(Arc::clone(&column.name)),
                code: StatusCode::DATA_TYPE_MISMATCH,
                message: format!("{} does not take {}", series.schema.data_type, column.data_type),
            });
        }
    }
}
