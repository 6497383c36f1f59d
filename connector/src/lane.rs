//! A lane: the rows of some devices, in order, until they are written.

use std::sync::Arc;

use levada_connector_api::{
    Batch, BatchBuilder, Delivery, FieldValue, Result, Sink,
    model::{Kind, Value},
};
use levada_sink::iotdb::IotdbSink as Store;
use tokio::{sync::Mutex, time::Instant};

use crate::{Event, EventValue, Rejected};

/// The rows of some devices. Who writes or adds holds the lock, so that rows keep their order.
#[derive(Debug)]
pub(crate) struct Lane {
    store: Store,
    buffer: Mutex<Buffer>,
}

/// What is not written yet.
#[derive(Debug, Default)]
struct Buffer {
    events: Vec<Event>,
    /// Since when the first of them waits.
    since: Option<Instant>,
}

impl Lane {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, buffer: Mutex::default() }
    }

    /// Creates what has to be there.
    pub(crate) async fn connect(&self) -> Result<()> {
        self.store.connect().await
    }

    /// Takes a row, and writes where `batch` of them are there. After an error the row is not taken; those before it wait on.
    pub(crate) async fn send(&self, event: Event, batch: usize) -> Result<Vec<Rejected>> {
        let mut buffer = self.buffer.lock().await;
        buffer.since.get_or_insert_with(Instant::now);
        buffer.events.push(event);
        if buffer.events.len() < batch {
            return Ok(Vec::new());
        }
        let written = buffer.write(&self.store).await;
        if written.is_err() {
            buffer.events.pop();
            if buffer.events.is_empty() {
                buffer.since = None;
            }
        }
        written
    }

    /// Writes what waits, if its first row has waited since `before`.
    pub(crate) async fn flush(&self, before: Instant) -> Result<Vec<Rejected>> {
        let mut buffer = self.buffer.lock().await;
        match buffer.since {
            Some(since) if since <= before => buffer.write(&self.store).await,
            _ => Ok(Vec::new()),
        }
    }

    /// How many rows wait.
    pub(crate) async fn waiting(&self) -> usize {
        self.buffer.lock().await.events.len()
    }

    pub(crate) async fn close(&self) -> Result<()> {
        self.store.close().await
    }
}

impl Buffer {
    /// Writes all; after an error all are still there.
    async fn write(&mut self, store: &Store) -> Result<Vec<Rejected>> {
        let (batch, mut reasons) = batch_of(&self.events);
        if batch.rows() > 0 {
            let delivery = store.write(&batch).await?;
            reasons.extend(reasons_of(&batch, delivery));
        }
        reasons.sort_by_key(|(at, _)| *at);
        let mut rejected: Vec<Rejected> = Vec::with_capacity(reasons.len());
        let mut last = None;
        for (at, reason) in reasons {
            match rejected.last_mut().filter(|_| last == Some(at)) {
                Some(known) => known.reason = format!("{}; {reason}", known.reason),
                None => rejected.extend(self.events.get(at).cloned().map(|event| Rejected { event, reason })),
            }
            last = Some(at);
        }
        self.events.clear();
        self.since = None;
        Ok(rejected)
    }
}

/// The rows of events as columns, and the events that make none: their places, and why.
fn batch_of(events: &[Event]) -> (Batch, Vec<(usize, String)>) {
    let mut rows = BatchBuilder::new();
    let mut reasons = Vec::new();
    let mut fields = Vec::new();
    for (at, event) in events.iter().enumerate() {
        // A row's record is the place of its event.
        rows.record(&[], at as u64);
        fields.clear();
        fields.extend(event.values.iter().map(|(name, value)| (name.as_str(), field(value))));
        if fields.is_empty() {
            reasons.push((at, "the row has no value".to_owned()));
        } else if let Err(error) = rows.row(&event.device, event.timestamp, &fields) {
            reasons.push((at, error.to_string()));
        }
    }
    (rows.finish(Vec::new()), reasons)
}

fn reasons_of(batch: &Batch, delivery: Delivery) -> Vec<(usize, String)> {
    let mut reasons = Vec::new();
    for rejection in delivery.rejected {
        let Some(readings) = batch.readings.get(rejection.readings) else { continue };
        let Some((_, events)) = &readings.records else { continue };
        let events: &Arc<[u32]> = events;
        let rows = rejection.rows.unwrap_or_else(|| (0..).take(events.len()).collect());
        let places = rows.into_iter().filter_map(|row| events.get(row as usize));
        reasons.extend(places.map(|&at| (at as usize, rejection.error.clone())));
    }
    reasons
}

fn field(value: &EventValue) -> FieldValue<'_> {
    match value {
        EventValue::Typed(value) => match value {
            Value::Boolean(value) => FieldValue::Boolean(*value),
            Value::Int32(value) => FieldValue::Int32(*value),
            Value::Int64(value) => FieldValue::Int64(*value),
            Value::Float(value) => FieldValue::Float(*value),
            Value::Double(value) => FieldValue::Double(*value),
            Value::Text(text) => FieldValue::Text(text),
            Value::Timestamp(millis) => FieldValue::Timestamp(*millis),
            Value::Date(date) => FieldValue::Date(*date),
            Value::Blob(bytes) => FieldValue::Blob(bytes),
            Value::String(text) => FieldValue::String(text),
        },
        EventValue::Written(text) => {
            let kind = match text.as_str() {
                "true" | "false" => Kind::Boolean,
                text if text.parse::<f64>().is_ok() => Kind::Number,
                _ => Kind::Text,
            };
            FieldValue::Written(kind, text)
        }
    }
}
