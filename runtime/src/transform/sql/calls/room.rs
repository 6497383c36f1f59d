//! Rows that wait for their window are stored: of each call of a device so many, and a row that there is no room for is rejected. The window goes on with those that it has, and the next begins as ever.

use std::ops::Range;

use arrow_array::BooleanArray;
use arrow_buffer::BooleanBuffer;
use levada_connector_api::{Error, Readings, Result, model::Tablet};
use levada_engine::functions::Chunk;

use super::{
    Calls, Rows, input_columns,
    kept::{MOST_BYTES, Slot, cannot_go_on},
};
use crate::transform::rejection::Rejection;

impl Calls {
    /// Rejects rows, which are in order, that a call of windows would have to wait with, and has no room for; which of the tablet's
    /// rows are left, where not all are. Calls of what other calls give are not asked: those give less than the rows that came.
    ///
    /// # Errors
    /// The inputs cannot be computed, or the function cannot go on from what was saved.
    pub(in crate::transform::sql) fn in_room(
        &mut self,
        each: &Readings,
        rejection: &mut Rejection,
    ) -> Result<Option<BooleanArray>> {
        let tablet = &each.tablet;
        let Some(device) = self.devices.get_mut(tablet.device()).filter(|_| tablet.rows() > 0) else {
            return Ok(None);
        };
        let mut without = Vec::new();
        for ((at, slot), origin) in device.slots.iter_mut().enumerate().zip(&self.inputs) {
            if !origin.is_of_rows() || slot.waiting_bytes().saturating_add(tablet.bytes()) <= MOST_BYTES {
                continue;
            }
            let (call, inputs) = &self.calls[at];
            slot.wake(call).map_err(|error| cannot_go_on(&self.node, tablet, call, &error))?;
            let columns = input_columns(tablet, &Rows::of(tablet), call, inputs, slot.types())?;
            let (Slot::Begun(running), Some(columns)) = (&*slot, columns) else { continue };
            let columns = columns.into_iter().map(|column| column.values).collect();
            let rows = Chunk { times: tablet.times().clone(), columns };
            let rows = running.function.without_room(rows, MOST_BYTES);
            let rows = rows.map_err(|error| Error::data(format!("{}: {error}", tablet.device())))?;
            let reason = |row: usize| reason(tablet, call.function(), row);
            rows.clone().try_for_each(|row| rejection.rows(&each.records, [row], &reason(row)))?;
            without.push(rows);
        }
        let keep = |row: usize| !without.iter().any(|rows: &Range<usize>| rows.contains(&row));
        let is_any = without.iter().any(|rows| !rows.is_empty());
        Ok(is_any.then(|| BooleanArray::new(BooleanBuffer::collect_bool(tablet.rows(), keep), None)))
    }
}

fn reason(tablet: &Tablet, function: &str, row: usize) -> String {
    format!(
        "{}: function {function}: the row of {} has no room: the rows that wait for their window would have more than the {MOST_BYTES} \
         bytes that may be stored of a call; make the window smaller, or give the function fewer rows",
        tablet.device(),
        tablet.times().value(row)
    )
}
