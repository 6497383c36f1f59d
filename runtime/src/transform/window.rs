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
//! no other and is late for no other. A reading that is far ahead of the clock is rejected ([`super::earliness`]): it would make all
//! that follow late. A reading whose windows are all closed is *late*: it goes to the output `late`, or is
//! counted as left out where nobody reads that. A device that falls silent keeps its last window open until it speaks again, unless
//! `idle` closes it. At the end of bounded sources all windows are closed.
//!
//! # State
//! Open windows hold counts, sums and single values, and for aggregates of users what these save ([`states`]): memory grows with
//! devices, measurements and open windows. Rows stay only of a function that does not save, and are bounded. What changed is saved,
//! with the watermarks.

mod accumulator;
mod call;
mod device;
mod inputs;
mod options;
mod partial;
mod shape;
mod states;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use arrow_array::BooleanArray;
use levada_connector_api::{
    Batch, BatchBuilder, BuildContext, Emitter, Error, Facilities, FieldValue, Holds, Problem, Readings,
    Repeats, Result, Transform, TransformType,
    model::{DataType, Value},
};
use tracing::warn;

use self::{
    device::{Device, Open},
    options::Wanted,
    shape::Shape,
    states::States,
};
use super::{
    earliness::Earliness,
    functions,
    rejection::Rejection,
    saved::{Put, Take, damaged},
};

pub use self::options::{Stamp, WindowOptions};

/// The output of late rows.
const LATE: &str = "late";

/// Late rows get at most one line in the log in this time.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// How the state is written.
const FORMAT: u8 = 2;

/// How it was before there were users' aggregates.
const WITHOUT_CALLS: u8 = 1;

/// Windows that are closed, with their devices.
type Closed = Vec<(Arc<str>, Open)>;

/// The component `window`.
#[derive(Debug)]
pub struct Window {
    node: String,
    shape: Shape,
    /// How far the watermark must be behind a window's end, in milliseconds.
    lateness: i64,
    earliness: Earliness,
    idle: Option<Duration>,
    stamp: Stamp,
    wanted: Wanted,
    states: States,
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

    fn look(options: &WindowOptions, facilities: &Facilities) -> Vec<Problem> {
        let Some(named) = &options.functions else { return Vec::new() };
        functions::look(named, options.calls(), facilities, |functions| options.wrong_calls(functions))
    }

    fn outputs(_: &WindowOptions) -> Vec<String> {
        vec![LATE.to_owned()]
    }

    fn build(options: WindowOptions, context: &BuildContext) -> Result<Box<dyn Transform>> {
        if let Some(problem) = options.problems().into_iter().next() {
            return Err(Error::config(problem.message).with("option", problem.path));
        }
        let functions = functions::of(options.functions.as_deref(), &context.facilities)
            .map_err(|message| Error::config(message).with("option", "functions"))?;
        if let Some(problem) = options.wrong_calls(&functions).into_iter().next() {
            return Err(Error::config(problem.message).with("option", problem.path));
        }
        let shape = options.shape().ok_or_else(|| Error::bug("options without problems have a shape"))?;
        Ok(Box::new(Self {
            node: context.node.clone(),
            shape,
            lateness: options.lateness(),
            earliness: Earliness::new(options.allowed_earliness, &context.facilities),
            idle: options.idle.map(|idle| idle.0),
            stamp: options.time,
            options: options.fingerprint(),
            wanted: Wanted::new(&options.aggregates, functions),
            states: States::new(&context.node),
            devices: BTreeMap::new(),
            look_at: None,
            late: Repeats::new(TOLD_EVERY),
        }))
    }
}

impl Transform for Window {
    fn apply(&mut self, batch: Batch, out: &mut Emitter) -> Result<()> {
        let mut rejection = Rejection::default();
        let mut closed = Closed::new();
        for readings in batch.readings {
            self.readings(readings, &mut rejection, &mut closed, out)?;
        }
        batch.rejected.into_iter().chain(rejection.into_rejected()).for_each(|each| out.reject(each));
        self.emit(closed, out)?;
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
        let mut closed = Closed::new();
        for (name, device) in &mut self.devices {
            if device.is_empty() {
                continue;
            }
            let due = *device.heard.get_or_insert(now) + idle;
            if due <= now {
                closed.extend(of_device(name, device.close_all(self.lateness)));
            } else {
                next = Some(next.map_or(due, |next| next.min(due)));
            }
        }
        self.look_at = next;
        self.emit(closed, out)
    }

    fn finish(&mut self, out: &mut Emitter) -> Result<()> {
        let mut closed = Closed::new();
        for (name, device) in &mut self.devices {
            closed.extend(of_device(name, device.close_all(self.lateness)));
        }
        self.emit(closed, out)
    }

    /// Devices that fell silent before the run are silent since now.
    fn begin(&mut self, now: Instant) {
        let Some(idle) = self.idle else { return };
        for device in self.devices.values_mut().filter(|device| !device.is_empty()) {
            device.heard = Some(now);
            self.look_at = Some(now + idle);
        }
    }

    fn save(&mut self, whole: bool, state: &mut Vec<u8>) -> Result<()> {
        let mut put = Put(state);
        put.byte(FORMAT);
        put.byte(u8::from(whole));
        put.text(&self.options);
        let changed = self.devices.values_mut().filter(|device| whole || device.changed);
        self.states.fold(changed.flat_map(Device::partials))?;
        for (name, device) in &mut self.devices {
            if whole || device.changed {
                put.text(name);
                device.save(whole, &mut put);
            }
            device.changed = false;
        }
        Ok(())
    }

    fn restore(&mut self, state: &[u8]) -> Result<()> {
        let mut state = Take::new(state);
        let is_old = match state.byte()? {
            FORMAT => false,
            WITHOUT_CALLS => true,
            _ => return Err(damaged()),
        };
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
            let name: Arc<str> = state.text()?.into();
            let find = |measurement: &str, text: &str| self.wanted.call(measurement, text);
            let before = self.devices.remove(&name);
            let device = Device::restored(&mut state, before, is_old, find)?;
            self.devices.insert(name, device);
        }
        Ok(())
    }
}

impl Window {
    /// Takes a device's rows in, and closes the windows that they pass.
    fn readings(
        &mut self,
        readings: Readings,
        rejection: &mut Rejection,
        closed: &mut Closed,
        out: &mut Emitter,
    ) -> Result<()> {
        let readings = self.earliness.check(readings, rejection)?;
        let (readings, inputs) = self.inputs(readings, rejection)?;
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
            if device.take(&self.shape, self.lateness, times, from..to, &inputs) {
                late[from..to].fill(true);
            }
            from = to;
        }
        closed.extend(of_device(&name, device.close(self.lateness)));
        let bytes = inputs.given.iter().map(partial::Given::bytes).sum();
        if self.states.note(bytes) {
            self.states.fold(self.devices.values_mut().flat_map(Device::partials))?;
        }
        let late = BooleanArray::from(late);
        let useless = inputs.columns.is_empty() && inputs.given.is_empty();
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

    /// Emits a row for each of some windows.
    fn emit(&mut self, mut closed: Closed, out: &mut Emitter) -> Result<()> {
        self.states.close(closed.iter_mut().flat_map(|(_, open)| &mut open.partials))?;
        let mut rows = BatchBuilder::new();
        for (device, closed) in &closed {
            let mut fields: Vec<(Arc<str>, Value)> = Vec::new();
            for (measurement, accumulator) in &closed.values {
                for (function, name) in self.wanted.of(measurement).iter() {
                    fields.extend(accumulator.result(function).map(|value| (name, value)));
                }
            }
            for partial in &closed.partials {
                fields.extend(partial.value.clone().map(|value| (Arc::clone(&partial.call.name), value)));
            }
            let fields: Vec<_> = fields.iter().map(|(name, value)| (&**name, field(value))).collect();
            let time = match self.stamp {
                Stamp::Start => closed.span.start,
                Stamp::End => closed.span.end,
            };
            let put = rows.row(device, time, &fields);
            put.map_err(|error| Error::data(format!("{device}: {error}")))?;
        }
        if !rows.is_empty() {
            rows.finish(Vec::new()).readings.into_iter().for_each(|each| out.emit(each));
        }
        Ok(())
    }
}

/// Windows of a device.
fn of_device(device: &Arc<str>, windows: Vec<Open>) -> impl Iterator<Item = (Arc<str>, Open)> {
    windows.into_iter().map(|open| (Arc::clone(device), open))
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
