//! The windows of one device.

use std::{ops::Range, sync::Arc, time::Instant};

use arrow_buffer::ScalarBuffer;
use levada_connector_api::{Result, model::Column};

use super::{
    super::saved::{Put, Take, damaged},
    accumulator::Accumulator,
    call::Call,
    partial::{self, Given, Partial, Types},
    shape::{Shape, Span},
};

/// What is known of a device.
#[derive(Debug, Default)]
pub(super) struct Device {
    /// The latest time that it has sent; `None` before the first.
    pub(super) watermark: Option<i64>,
    /// By start.
    open: Vec<Open>,
    /// When its last rows came.
    pub(super) heard: Option<Instant>,
    /// It is not saved as it is.
    pub(super) changed: bool,
}

/// A window, with what its rows have come to so far.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) span: Span,
    pub(super) values: Values,
    /// Of users' aggregates.
    pub(super) partials: Vec<Partial>,
    /// It is not saved as it is.
    changed: bool,
}

/// What is aggregated of a tablet.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    pub(super) columns: Vec<Column>,
    pub(super) given: Vec<Given>,
}

/// What is known of each measurement.
type Values = Vec<(Arc<str>, Accumulator)>;

impl Open {
    fn new(span: Span) -> Self {
        Self { span, values: Values::new(), partials: Vec::new(), changed: true }
    }
}

impl Device {
    /// Whether no window is open.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// What is known for users' aggregates.
    pub(super) fn partials(&mut self) -> impl Iterator<Item = &mut Partial> {
        self.open.iter_mut().flat_map(|open| &mut open.partials)
    }

    /// The types that a call's inputs have in open windows.
    pub(super) fn types_of(&self, call: &Arc<Call>) -> Option<&Types> {
        let mut partials = self.open.iter().flat_map(|open| &open.partials);
        partials.find(|partial| partial.call.name == call.name).map(|partial| &partial.types)
    }

    /// Bytes of the rows that wait for a call, about.
    pub(super) fn waiting_bytes(&self, call: &Arc<Call>) -> usize {
        let partials = self.open.iter().flat_map(|open| &open.partials);
        partials.filter(|partial| partial.call.name == call.name).map(Partial::waiting_bytes).sum()
    }

    /// Takes rows that are in the same windows; true where all of those are closed, and nothing is taken.
    pub(super) fn take(
        &mut self,
        shape: &Shape,
        lateness: i64,
        times: &ScalarBuffer<i64>,
        rows: Range<usize>,
        inputs: &Inputs,
    ) -> bool {
        let run = times.get(rows.clone()).unwrap_or_default();
        let Some((first, last)) = run.iter().min().zip(run.iter().max()) else { return false };
        let mut late = true;
        for span in shape.windows(*first, *last) {
            // Of a session, the row that begins it decides.
            let decides = if shape.is_session() { self.decisive(shape, *first, span) } else { span };
            if decides.is_closed(self.watermark, lateness) {
                continue;
            }
            late = false;
            let at = if shape.is_session() { self.session(span) } else { self.pane(span) };
            let Some(open) = self.open.get_mut(at) else { continue };
            open.changed = true;
            for column in &inputs.columns {
                add(&mut open.values, column, times, rows.clone());
            }
            for given in &inputs.given {
                partial::add(&mut open.partials, given, times, &rows);
            }
        }
        if !late {
            self.watermark = self.watermark.max(Some(*last));
        }
        late
    }

    /// What a session's first row would be by itself.
    fn decisive(&self, shape: &Shape, first: i64, span: Span) -> Span {
        shape.windows(first, first).next().unwrap_or(span)
    }

    /// The place of a window, which is opened if there is none.
    fn pane(&mut self, span: Span) -> usize {
        let at = self.open.partition_point(|open| open.span.start < span.start);
        if self.open.get(at).is_none_or(|open| open.span != span) {
            self.open.insert(at, Open::new(span));
        }
        at
    }

    /// The place of the session that a span belongs to: all that it touches become one.
    fn session(&mut self, span: Span) -> usize {
        let from = self.open.partition_point(|open| open.span.end <= span.start);
        let touching = self.open[from..].iter().take_while(|open| open.span.start < span.end).count();
        let mut joined = Open::new(span);
        for open in self.open.drain(from..from + touching) {
            joined.span.start = joined.span.start.min(open.span.start);
            joined.span.end = joined.span.end.max(open.span.end);
            for (name, accumulator) in open.values {
                match joined.values.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, known)) => known.merge(accumulator),
                    None => joined.values.push((name, accumulator)),
                }
            }
            partial::merge(&mut joined.partials, open.partials);
        }
        self.open.insert(from, joined);
        from
    }

    /// Closes the windows that the watermark has passed.
    pub(super) fn close(&mut self, lateness: i64) -> Vec<Open> {
        let watermark = self.watermark;
        let is_closed = |open: &mut Open| open.span.is_closed(watermark, lateness);
        self.open.extract_if(.., is_closed).collect()
    }

    /// Closes all windows; what comes for them is late from now on.
    pub(super) fn close_all(&mut self, lateness: i64) -> Vec<Open> {
        let end = self.open.iter().map(|open| open.span.end.saturating_add(lateness)).max();
        self.watermark = self.watermark.max(end);
        self.changed |= end.is_some();
        std::mem::take(&mut self.open)
    }

    /// Puts what has changed since it was saved, or all: of windows that are open as they were, that they are.
    pub(super) fn save(&mut self, whole: bool, put: &mut Put<'_>) {
        put.byte(u8::from(self.watermark.is_some()));
        put.signed(self.watermark.unwrap_or(0));
        put.number(self.open.len() as u64);
        for Open { span, values, partials, changed } in &mut self.open {
            put.signed(span.start);
            put.signed(span.end);
            let is_put = std::mem::take(changed) || whole;
            put.byte(u8::from(is_put));
            if !is_put {
                continue;
            }
            put.number(values.len() as u64);
            for (name, accumulator) in values {
                put.text(name);
                accumulator.save(put);
            }
            put.number(partials.len() as u64);
            partials.iter_mut().for_each(|partial| partial.save(whole, put));
        }
    }

    /// What [`Device::save`] put; `before` is what was restored of it before. States of before there were users' aggregates have all
    /// windows each time, and no partials. `find` gives the call of a measurement that is written like this.
    ///
    /// # Errors
    /// It is damaged.
    pub(super) fn restored(
        take: &mut Take<'_>,
        before: Option<Self>,
        is_old: bool,
        mut find: impl FnMut(&str, &str) -> Option<Arc<Call>>,
    ) -> Result<Self> {
        let has_watermark = take.byte()? == 1;
        let watermark = take.signed()?;
        let mut device = Self { watermark: has_watermark.then_some(watermark), ..Self::default() };
        let mut before = before.map(|device| device.open).unwrap_or_default();
        for _ in 0..take.count()? {
            let span = Span { start: take.signed()?, end: take.signed()? };
            let known = before.iter().position(|open| open.span == span).map(|at| before.swap_remove(at));
            if !is_old && take.byte()? == 0 {
                device.open.push(known.ok_or_else(damaged)?);
                continue;
            }
            let values = (0..take.count()?)
                .map(|_| Ok((take.text()?.into(), Accumulator::restored(take)?)))
                .collect::<Result<_>>()?;
            let mut of_before = known.map(|open| open.partials).unwrap_or_default();
            let mut partials = Vec::new();
            for _ in 0..if is_old { 0 } else { take.count()? } {
                partials.extend(Partial::restored(take, &mut of_before, &mut find)?);
            }
            device.open.push(Open { span, values, partials, changed: false });
        }
        device.open.sort_by_key(|open| open.span);
        Ok(device)
    }
}

fn add(values: &mut Values, column: &Column, times: &[i64], rows: Range<usize>) {
    let mut added = Accumulator::default();
    added.add(column, times, rows);
    if added.is_empty() {
        return;
    }
    match values.iter_mut().find(|(name, _)| *name == column.name) {
        Some((_, known)) => known.merge(added),
        None => values.push((Arc::clone(&column.name), added)),
    }
}
