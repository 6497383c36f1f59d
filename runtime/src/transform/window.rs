//! `window`: aggregates of each device's readings over windows of their own time.
//!
//! ```text
//!   size: 1m                 ├────┤├────┤├────┤           tumbling
//!   size: 1m, slide: 30s     ├────┤                       hopping: each reading is in two
//!                               ├────┤
//!   gap: 30s                 ├──────────┤    ├──┤         session: as long as readings follow each other
//! ```
//!
//! # Time
//! Each device has a watermark of its own: the latest time that it has sent. A window is closed, and its row emitted, when the
//! watermark has passed its end by the allowed lateness; so a device that is behind, or a partition that is read later, holds up
//! no other and is late for no other. A reading whose windows are all closed is *late*: it goes to the output `late`, or is
//! counted as left out where nobody reads that. A device that falls silent keeps its last window open until it speaks again, unless
//! `idle` closes it. At the end of bounded sources all windows are closed.
//!
//! # State
//! Open windows hold counts, sums and single values, never rows: memory grows with devices, measurements and open windows. Those
//! that changed are saved, with the watermarks.

mod accumulator;
mod device;
mod options;
mod shape;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use arrow_array::{Array, BooleanArray};
use levada_connector_api::{
    Batch, BatchBuilder, BuildContext, Emitter, Error, FieldValue, Holds, Problem, Readings, Repeats, Result,
    Transform, TransformType,
    model::{Column, DataType, Tablet, Value},
};
use tracing::warn;

use self::{accumulator::Function, device::Device, options::Wanted, shape::Shape};
use super::{
    rejection::Rejection,
    saved::{Put, Take, damaged},
};

pub use self::{
    accumulator::Function as WindowFunction,
    options::{Stamp, WindowOptions},
};

/// The output of late rows.
const LATE: &str = "late";

/// Late rows get at most one line in the log in this time.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// How the state is written.
const FORMAT: u8 = 1;

/// The component `window`.
#[derive(Debug)]
pub struct Window {
    node: String,
    shape: Shape,
    /// How far the watermark must be behind a window's end, in milliseconds.
    lateness: i64,
    idle: Option<Duration>,
    stamp: Stamp,
    wanted: Wanted,
    /// What of the options a state depends on.
    options: String,
    devices: BTreeMap<Arc<str>, Device>,
    look_at: Option<Instant>,
    late: Repeats,
}

impl TransformType for Window {
    const NAME: &'static str = "window";
    const SUMMARY: &'static str =
        "Aggregates each device's readings over tumbling, hopping or session windows.";
    const HOLDS: Holds = Holds::State;
    type Options = WindowOptions;

    fn check(options: &WindowOptions) -> Vec<Problem> {
        options.problems()
    }

    fn outputs(_: &WindowOptions) -> Vec<String> {
        vec![LATE.to_owned()]
    }

    fn build(options: WindowOptions, context: &BuildContext) -> Result<Box<dyn Transform>> {
        if let Some(problem) = options.problems().into_iter().next() {
            return Err(Error::config(problem.message).with("option", problem.path));
        }
        let shape = options.shape().ok_or_else(|| Error::bug("options without problems have a shape"))?;
        Ok(Box::new(Self {
            node: context.node.clone(),
            shape,
            lateness: options.lateness(),
            idle: options.idle.map(|idle| idle.0),
            stamp: options.time,
            options: options.fingerprint(),
            wanted: Wanted::new(&options.aggregates),
            devices: BTreeMap::new(),
            look_at: None,
            late: Repeats::new(TOLD_EVERY),
        }))
    }
}

impl Transform for Window {
    fn apply(&mut self, batch: Batch, out: &mut Emitter) -> Result<()> {
        let mut rejection = Rejection::default();
        let mut closed = BatchBuilder::new();
        for readings in batch.readings {
            self.readings(readings, &mut rejection, &mut closed, out)?;
        }
        batch.rejected.into_iter().chain(rejection.into_rejected()).for_each(|each| out.reject(each));
        emit(&mut closed, out);
        if let Some(idle) = self.idle {
            self.look_at.get_or_insert(out.now() + idle);
        }
        Ok(())
    }

    fn tick_at(&self) -> Option<Instant> {
        self.look_at
    }

    /// Closes the windows of devices that have been silent for so long.
    fn tick(&mut self, out: &mut Emitter) -> Result<()> {
        let Some(idle) = self.idle else { return Ok(()) };
        let (now, mut next) = (out.now(), None::<Instant>);
        let mut closed = BatchBuilder::new();
        for (name, device) in &mut self.devices {
            if device.is_empty() {
                continue;
            }
            let due = *device.heard.get_or_insert(now) + idle;
            if due <= now {
                let windows = device.close_all(self.lateness);
                put(name, windows, &mut self.wanted, self.stamp, &mut closed)?;
            } else {
                next = Some(next.map_or(due, |next| next.min(due)));
            }
        }
        self.look_at = next;
        emit(&mut closed, out);
        Ok(())
    }

    fn finish(&mut self, out: &mut Emitter) -> Result<()> {
        let mut closed = BatchBuilder::new();
        for (name, device) in &mut self.devices {
            put(name, device.close_all(self.lateness), &mut self.wanted, self.stamp, &mut closed)?;
        }
        emit(&mut closed, out);
        Ok(())
    }

    fn save(&mut self, whole: bool, state: &mut Vec<u8>) -> Result<()> {
        let mut put = Put(state);
        put.byte(FORMAT);
        put.byte(u8::from(whole));
        put.text(&self.options);
        for (name, device) in &mut self.devices {
            if whole || device.changed {
                put.text(name);
                device.save(&mut put);
            }
            device.changed = false;
        }
        Ok(())
    }

    fn restore(&mut self, state: &[u8]) -> Result<()> {
        let mut state = Take::new(state);
        if state.byte()? != FORMAT {
            return Err(damaged());
        }
        let whole = state.byte()? == 1;
        let options = state.text()?;
        if options != self.options {
            let message = format!(
                "the windows that are open were begun with other options, {options}: set them back, or begin without what \
                 is held, with `levada offsets FILE --reset POINT`"
            );
            return Err(Error::config(message));
        }
        if whole {
            self.devices.clear();
        }
        while !state.is_empty() {
            let name = state.text()?.into();
            self.devices.insert(name, Device::restored(&mut state)?);
        }
        Ok(())
    }
}

impl Window {
    /// Takes a device's rows in, and puts the rows of windows that they close.
    fn readings(
        &mut self,
        readings: Readings,
        rejection: &mut Rejection,
        closed: &mut BatchBuilder,
        out: &mut Emitter,
    ) -> Result<()> {
        let (readings, columns) = self.columns(readings, rejection)?;
        let tablet = &readings.tablet;
        let name = tablet.device().shared();
        let device = self.devices.entry(Arc::clone(&name)).or_default();
        device.heard = Some(out.now());
        device.changed = true;
        let mut late = vec![false; tablet.rows()];
        let times = tablet.times().values();
        let mut from = 0;
        while from < times.len() {
            let to = self.shape.run(times, from, device.watermark, self.lateness);
            if device.take(&self.shape, self.lateness, times, from..to, &columns) {
                late[from..to].fill(true);
            }
            from = to;
        }
        put(&name, device.close(self.lateness), &mut self.wanted, self.stamp, closed)?;
        let late = BooleanArray::from(late);
        let useless = columns.is_empty();
        match late.true_count() {
            0 if useless => out.leave_out(late.len()),
            0 => {}
            count => {
                if let Some(rows) = self.late.note(count as u64, out.now()) {
                    warn!(
                        node = %self.node, rows, device = %tablet.device(),
                        "rows came after their windows were closed; `allowed_lateness` keeps windows open for longer"
                    );
                }
                out.emit_to(1, readings.filter(&late)?);
            }
        }
        Ok(())
    }

    /// The columns that are aggregated, each of one type. Rows with a value that cannot be are rejected.
    fn columns(&mut self, readings: Readings, rejection: &mut Rejection) -> Result<(Readings, Vec<Column>)> {
        let Readings { tablet, records } = readings;
        let mut columns = Vec::new();
        let mut bad = vec![false; tablet.rows()];
        for column in tablet.columns() {
            let functions = self.wanted.of(&column.name);
            if functions.is_empty() {
                continue;
            }
            for column in column.apart() {
                match functions.misfit(column.data_type) {
                    None if functions.any(column.data_type) => columns.push(column),
                    None => {}
                    Some(function) => {
                        let is = (0..column.values.len()).filter(|&row| column.values.is_valid(row));
                        let is: Vec<_> = is.collect();
                        let reason = misfit(&tablet, &column, function);
                        rejection.rows(&records, is.iter().copied(), &reason)?;
                        is.into_iter().for_each(|row| bad[row] = true);
                    }
                }
            }
        }
        if !bad.contains(&true) {
            return Ok((Readings { tablet, records }, columns));
        }
        let keep: BooleanArray = bad.iter().map(|bad| Some(!bad)).collect();
        let bug = |error: &dyn std::error::Error| Error::bug(error.to_string());
        let aggregated = tablet.clone().with_columns(columns).map_err(|error| bug(&error))?;
        let columns = aggregated.filter(&keep).map_err(|error| bug(&error))?.columns().to_vec();
        Ok((Readings { tablet, records }.filter(&keep)?, columns))
    }
}

fn misfit(tablet: &Tablet, column: &Column, function: Function) -> String {
    let (device, name, data_type) = (tablet.device(), &column.name, column.data_type);
    format!("{device}.{name}: {} takes no {data_type}", function.name())
}

/// Puts a row for each window.
fn put(
    device: &Arc<str>,
    windows: Vec<device::Open>,
    wanted: &mut Wanted,
    stamp: Stamp,
    rows: &mut BatchBuilder,
) -> Result<()> {
    for closed in windows {
        let mut fields: Vec<(Arc<str>, Value)> = Vec::new();
        for (measurement, accumulator) in &closed.values {
            for (function, name) in wanted.of(measurement).iter() {
                fields.extend(accumulator.result(function).map(|value| (name, value)));
            }
        }
        let fields: Vec<_> = fields.iter().map(|(name, value)| (&**name, field(value))).collect();
        let time = match stamp {
            Stamp::Start => closed.span.start,
            Stamp::End => closed.span.end,
        };
        rows.row(device, time, &fields).map_err(|error| Error::data(format!("{device}: {error}")))?;
    }
    Ok(())
}

fn emit(rows: &mut BatchBuilder, out: &mut Emitter) {
    if !rows.is_empty() {
        rows.finish(Vec::new()).readings.into_iter().for_each(|each| out.emit(each));
    }
}

fn field(value: &Value) -> FieldValue<'_> {
    match value {
        Value::Boolean(value) => FieldValue::Boolean(*value),
        Value::Int32(value) => FieldValue::Int32(*value),
        Value::Int64(value) => FieldValue::Int64(*value),
        Value::Float(value) => FieldValue::Float(*value),
        Value::Double(value) => FieldValue::Double(*value),
        Value::Text(value) => FieldValue::Text(value),
        Value::Timestamp(value) => FieldValue::Timestamp(*value),
        Value::Date(value) => FieldValue::Date(*value),
        Value::Blob(value) => FieldValue::Blob(value),
        Value::String(value) => FieldValue::String(value),
    }
}

/// Whether a type is one of numbers to compute with.
fn is_number(data_type: DataType) -> bool {
    matches!(data_type, DataType::Int32 | DataType::Int64 | DataType::Float | DataType::Double)
}
