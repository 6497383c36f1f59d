//! Calls of users' functions of series: what each remembers of a device.
//!
//! ```text
//!   rows of a device ─▶ inputs of call 0 ─▶ its instance ─▶ points ─┬─ at the times of rows: a column of theirs
//!                       inputs of call 1 …                          └─ at other times: rows of their own
//! ```
//!
//! Each device and each call has an instance of its own, which lives as long as the transform; what it saves goes on in the next
//! ([`kept`]), with the rows that wait for their window. Rows come in order of time: one that is not behind those before it is
//! rejected. What a function of windows gives is behind the rows of its window ([`clock`]).

mod clock;
pub(super) mod kept;
mod room;

use std::{collections::BTreeMap, sync::Arc};

use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array, UInt32Array, new_null_array};
use arrow_buffer::BooleanBuffer;
use arrow_select::{concat::concat, filter::filter, take::take};
use levada_connector_api::{
    Error, Readings, Result,
    model::{Column, DataType, Path, Tablet},
};
use levada_engine::{
    expressions::{RowExpressions, RowQuery, SeriesCall},
    functions::{Chunk, QueryError},
};

use self::{
    clock::{Clock, Origin},
    kept::{Slot, cannot_go_on},
};
use crate::transform::{rejection::Rejection, rows};

/// Devices that are remembered, at most.
const MOST_DEVICES: usize = 10_000;

/// The calls of a query, and what they remember.
#[derive(Debug)]
pub(super) struct Calls {
    node: String,
    /// Each with what computes its inputs.
    calls: Vec<(SeriesCall, RowQuery)>,
    /// What the inputs of each are computed from, and what each column of the query is.
    inputs: Vec<Origin>,
    columns: Vec<Origin>,
    devices: BTreeMap<Path, Device>,
    /// Whether it was told that functions do not save.
    told: bool,
}

/// What is remembered of a device.
#[derive(Debug)]
struct Device {
    /// The time of the last row.
    last: Option<i64>,
    aligned: bool,
    /// Whether it had rows since it was saved.
    changed: bool,
    /// One for each call.
    slots: Vec<Slot>,
}

/// Rows with what the calls have given so far.
struct Rows {
    times: Vec<i64>,
    /// Which row of the tablet each is; none for one that a call gave.
    origins: Vec<Option<u32>>,
    columns: Vec<Column>,
}

/// What came of a tablet: its rows, and rows that calls gave at other times.
pub(super) struct Computed {
    pub(super) tablet: Tablet,
    pub(super) others: Option<Tablet>,
}

impl Calls {
    /// The calls of a query; `rest` is computed of what they give.
    pub(super) fn new(node: &str, query: &RowQuery, calls: Vec<SeriesCall>, rest: &RowQuery) -> Self {
        let inputs =
            calls.iter().map(|call| Origin::new(call.text(), &call.measurements(), &calls)).collect();
        let columns = rest.columns().map(|(text, names)| Origin::new(text, &names, &calls)).collect();
        let calls = calls.into_iter().map(|call| (call.clone(), query.inputs(&call))).collect();
        Self { node: node.to_owned(), calls, inputs, columns, devices: BTreeMap::new(), told: false }
    }

    /// Rejects rows that are not behind those before; which of a tablet's rows are left, where not all are.
    pub(super) fn in_order(
        &mut self,
        each: &Readings,
        rejection: &mut Rejection,
    ) -> Result<Option<BooleanArray>> {
        let device = self.device(&each.tablet)?;
        let mut late = Vec::new();
        let mut last = device.last;
        for (row, &time) in each.tablet.times().values().iter().enumerate() {
            if last >= Some(time) {
                late.push((row, last.unwrap_or_default()));
            } else {
                last = Some(time);
            }
        }
        for &(row, before) in &late {
            let time = each.tablet.times().value(row);
            let reason = format!(
                "{}: the row of {time} came behind that of {before}, and a function of series takes rows in order of time",
                each.tablet.device()
            );
            rejection.rows(&each.records, [row], &reason)?;
        }
        let keep = |row| late.binary_search_by_key(&row, |(late, _)| *late).is_err();
        Ok((!late.is_empty())
            .then(|| BooleanArray::new(BooleanBuffer::collect_bool(each.tablet.rows(), keep), None)))
    }

    /// The rows of a tablet, in order of time, with what the calls give.
    ///
    /// # Errors
    /// A function failed; nothing more can be computed.
    pub(super) fn compute(&mut self, tablet: &Tablet) -> Result<Computed> {
        let device = self.device(tablet)?;
        device.last = tablet.times().values().last().copied().or(device.last);
        let mut slots = std::mem::take(&mut device.slots);
        let mut rows = Rows::of(tablet);
        self.advance(tablet, &mut rows, &mut slots, |_| false)?;
        if let Some(device) = self.devices.get_mut(tablet.device()) {
            device.slots = slots;
        }
        rows.into_tablets(tablet)
    }

    /// What the calls give behind the last rows, device by device.
    ///
    /// # Errors
    /// As [`Calls::compute`].
    pub(super) fn finish(&mut self) -> Result<Vec<Tablet>> {
        let mut tablets = Vec::new();
        for (path, mut device) in std::mem::take(&mut self.devices) {
            let ends = vec![true; device.slots.len()];
            tablets.extend(self.rest(&path, &mut device, &ends)?);
        }
        Ok(tablets)
    }

    /// What those calls give behind the last rows that do not save what they remember: they end with this run. The others go on
    /// in the next.
    ///
    /// # Errors
    /// As [`Calls::compute`].
    pub(super) fn stop(&mut self) -> Result<Vec<Tablet>> {
        let mut tablets = Vec::new();
        let mut devices = std::mem::take(&mut self.devices);
        for (path, device) in &mut devices {
            let failed = |error: QueryError| Error::data(format!("{path}: {error}"));
            let ends = device.slots.iter_mut().map(Slot::is_forgetful).collect::<Result<Vec<_>, _>>();
            let ends = ends.map_err(failed)?;
            if ends.contains(&true) {
                tablets.extend(self.rest(path, device, &ends)?);
                let ended = device.slots.iter_mut().zip(ends).filter(|(_, ends)| *ends);
                ended.for_each(|(slot, _)| *slot = Slot::Idle);
                device.changed = true;
            }
        }
        self.devices = devices;
        Ok(tablets)
    }

    /// What the calls of a device give where some of them end.
    fn rest(&self, path: &Path, device: &mut Device, ends: &[bool]) -> Result<Option<Tablet>> {
        let nothing = Tablet::try_new(path.clone(), device.aligned, Int64Array::new_null(0), Vec::new());
        let nothing = nothing.map_err(|error| Error::bug(error.to_string()))?;
        let mut rows = Rows { times: Vec::new(), origins: Vec::new(), columns: Vec::new() };
        self.advance(&nothing, &mut rows, &mut device.slots, |at| ends.get(at) == Some(&true))?;
        Ok(rows.into_tablets(&nothing)?.others)
    }

    fn device(&mut self, tablet: &Tablet) -> Result<&mut Device> {
        if !self.devices.contains_key(tablet.device()) && self.devices.len() >= MOST_DEVICES {
            return Err(Error::config(format!(
                "the functions of `select` remember each device, and there are more than {MOST_DEVICES}: divide the pipeline"
            )));
        }
        let calls = self.calls.len();
        let device = self.devices.entry(tablet.device().clone()).or_insert_with(|| Device {
            last: None,
            aligned: tablet.aligned(),
            changed: true,
            slots: (0..calls).map(|_| Slot::Idle).collect(),
        });
        device.changed = true;
        Ok(device)
    }

    /// Gives each call the rows, and the rows what it gives; some end with them.
    fn advance(
        &self,
        tablet: &Tablet,
        rows: &mut Rows,
        slots: &mut [Slot],
        is_end: impl Fn(usize) -> bool,
    ) -> Result<()> {
        let mut clocks = Vec::with_capacity(slots.len());
        for ((at, slot), origin) in slots.iter_mut().enumerate().zip(&self.inputs) {
            let clock = origin.clock(&clocks)?;
            self.advance_one(tablet, rows, (at, clock), slot, is_end(at))?;
            clocks.push(if slot.holds_rows() { Some(at) } else { clock });
        }
        if clocks.iter().any(Option::is_some) {
            self.columns.iter().try_for_each(|column| column.clock(&clocks).map(drop))?;
        }
        Ok(())
    }

    /// Gives a call the rows, or the points of the call that they come with; and the rows what it gives.
    fn advance_one(
        &self,
        tablet: &Tablet,
        rows: &mut Rows,
        (at, clock): (usize, Clock),
        slot: &mut Slot,
        is_end: bool,
    ) -> Result<()> {
        let (call, inputs) = &self.calls[at];
        let failed = |error: QueryError| Error::data(format!("{}: {error}", tablet.device()));
        slot.wake(call).map_err(|error| cannot_go_on(&self.node, tablet, call, &error))?;
        let mut given = Vec::new();
        let of_call =
            clock.map(|clock| rows.given_by(self.calls[clock].0.name()).map_err(failed)).transpose()?;
        let source = of_call.as_ref().unwrap_or(rows);
        if !source.times.is_empty()
            && let Some(columns) = input_columns(tablet, source, call, inputs, slot.types())?
        {
            let types = || columns.iter().map(|column| column.data_type).collect();
            let running = slot.begun(call, types).map_err(failed)?;
            let columns = columns.into_iter().map(|column| column.values).collect();
            let first = running.function.chunk(Chunk { times: source.times.clone().into(), columns });
            given.push(first.map_err(failed)?);
        }
        let Slot::Begun(running) = slot else { return Ok(()) };
        while let Some(more) = running.function.more().map_err(failed)? {
            given.push(more);
        }
        if is_end && let Some(more) = running.function.finish().map_err(failed)? {
            given.push(more);
            while let Some(more) = running.function.more().map_err(failed)? {
                given.push(more);
            }
        }
        rows.join(call.name(), running.data_type, &given).map_err(failed)
    }
}

/// What a call is given; `None` while no row has had what it is computed from.
fn input_columns(
    tablet: &Tablet,
    rows: &Rows,
    call: &SeriesCall,
    inputs: &RowQuery,
    types: Option<&[DataType]>,
) -> Result<Option<Vec<Column>>> {
    let data = |error: &dyn std::fmt::Display| Error::data(format!("{}: {error}", tablet.device()));
    let whole = Tablet::try_new(
        tablet.device().clone(),
        tablet.aligned(),
        rows.times.clone().into(),
        rows.columns.clone(),
    )
    .map_err(|error| Error::bug(error.to_string()))?;
    let bound = inputs.bind(&RowExpressions::schema_of(&whole)).map_err(|error| data(&error))?;
    let computed = bound.compute(&whole, None).map_err(|error| data(&error))?;
    let is_known = |at: usize| {
        let input = call.inputs().columns.get(at);
        let named = input.map(|input| input.expression.series()).unwrap_or_default();
        named.iter().all(|name| {
            let name = name.to_string();
            whole.columns().iter().any(|column| *column.name == *name)
        })
    };
    let mut columns = Vec::with_capacity(computed.columns().len());
    for (at, column) in computed.columns().iter().enumerate() {
        let expected = types.and_then(|types| types.get(at).copied());
        columns.push(match (is_known(at), expected) {
            (true, Some(expected)) if expected != column.data_type => {
                return Err(data(&format!(
                    "`{}` was {expected} in the rows before and is {} now, which a function of series cannot take",
                    call.input(at),
                    column.data_type
                )));
            }
            (true, _) => column.clone(),
            (false, Some(expected)) => Column {
                name: Arc::clone(&column.name),
                data_type: expected,
                values: new_null_array(&expected.arrow(), whole.rows()),
            },
            (false, None) => return Ok(None),
        });
    }
    Ok(Some(columns))
}

impl Rows {
    fn of(tablet: &Tablet) -> Self {
        Self {
            times: tablet.times().values().to_vec(),
            origins: (0..).take(tablet.rows()).map(Some).collect(),
            columns: tablet.columns().to_vec(),
        }
    }

    /// The rows in which a call has given something.
    fn given_by(&self, name: &str) -> Result<Self, QueryError> {
        let given = self.columns.iter().find(|column| *column.name == *name);
        let has = |row| given.is_some_and(|column| column.values.is_valid(row));
        let keep = BooleanArray::new(BooleanBuffer::collect_bool(self.times.len(), has), None);
        let columns = self.columns.iter().map(|column| {
            let values = filter(&column.values, &keep)?;
            Ok(Column { name: Arc::clone(&column.name), data_type: column.data_type, values })
        });
        let kept = |row: &usize| keep.value(*row);
        Ok(Self {
            times: (0..self.times.len()).filter(kept).map(|row| self.times[row]).collect(),
            origins: (0..self.times.len()).filter(kept).map(|row| self.origins[row]).collect(),
            columns: columns.collect::<Result<_, QueryError>>()?,
        })
    }

    /// Puts points beside the rows of their times; those of other times are rows of their own.
    fn join(&mut self, name: &Arc<str>, data_type: DataType, given: &[Chunk]) -> Result<(), QueryError> {
        let parts: Vec<_> =
            given.iter().filter_map(|chunk| chunk.columns.first()).map(|each| &**each).collect();
        let values = match parts.as_slice() {
            [] => new_null_array(&data_type.arrow(), 0),
            parts => concat(parts)?,
        };
        let points: Vec<i64> = given.iter().flat_map(|chunk| chunk.times.values()).copied().collect();
        let (mut times, mut of_rows, mut of_points) = (Vec::new(), Vec::new(), Vec::new());
        let (mut row, mut point) = (0, 0);
        let at = |index: usize| u32::try_from(index).ok();
        while row < self.times.len() || point < points.len() {
            let (of_row, of_point) = (self.times.get(row), points.get(point));
            let takes_row = of_row.is_some() && (of_point.is_none() || of_row <= of_point);
            let takes_point = of_point.is_some() && (of_row.is_none() || of_point <= of_row);
            times.extend(if takes_row { of_row } else { of_point }.copied());
            of_rows.push(takes_row.then_some(row).and_then(at));
            of_points.push(takes_point.then_some(point).and_then(at));
            row += usize::from(takes_row);
            point += usize::from(takes_point);
        }
        if times.len() > self.times.len() {
            let indexes = UInt32Array::from(of_rows.clone());
            for column in &mut self.columns {
                column.values = take(&column.values, &indexes, None)?;
            }
            let origin = |row: &Option<u32>| row.and_then(|row| self.origins[row as usize]);
            self.origins = of_rows.iter().map(origin).collect();
            self.times = times;
        }
        let values: ArrayRef = take(&values, &UInt32Array::from(of_points), None)?;
        self.columns.push(Column { name: Arc::clone(name), data_type, values });
        Ok(())
    }

    /// The rows of the tablet, and those that calls gave.
    fn into_tablets(self, tablet: &Tablet) -> Result<Computed> {
        let bug = |error: &dyn std::fmt::Display| Error::bug(error.to_string());
        let whole = |rows: Self| {
            Tablet::try_new(tablet.device().clone(), tablet.aligned(), rows.times.into(), rows.columns)
                .map_err(|error| bug(&error))
        };
        let own = BooleanBuffer::collect_bool(self.origins.len(), |row| self.origins[row].is_some());
        if own.count_set_bits() == own.len() {
            return Ok(Computed { tablet: whole(self)?, others: None });
        }
        let others = BooleanArray::new(!&own, None);
        let all = whole(self)?;
        Ok(Computed {
            tablet: all.filter(&BooleanArray::new(own, None)).map_err(|error| bug(&error))?,
            others: Some(all.filter(&others).map_err(|error| bug(&error))?),
        })
    }
}

/// Rows of a tablet that are left, in step with their records.
pub(super) fn left(each: Readings, keep: &Option<BooleanArray>) -> Result<Readings> {
    let Some(keep) = keep else { return Ok(each) };
    let records = rows::kept(&each.records, keep);
    let tablet = each.tablet.filter(keep).map_err(|error| Error::bug(error.to_string()))?;
    Ok(Readings { tablet, records })
}

#[cfg(test)]
mod tests;
