//! Transforms that hold rows, for tests of whoever runs them.

use std::{collections::VecDeque, sync::Arc, time::Duration, time::Instant};

use arrow_array::Int64Array;
use levada_connector_api::{
    Batch, BuildContext, Emitter, Error, Holds, Readings, Result, Transform, TransformType,
    model::{Column, DataType, Path, Tablet},
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{NUMBER, Row, rows_of};

/// How much is held.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldOptions {
    /// So many of the last rows.
    pub rows: usize,
    /// Milliseconds after the last batch until the held rows are emitted; no limit if absent.
    #[serde(default)]
    pub millis: Option<u64>,
}

/// Holds the last rows that came, and saves nothing: what came too early to be held is emitted, row by row.
#[derive(Debug)]
pub struct HoldRows {
    options: HoldOptions,
    /// Each with the number of its batch.
    held: VecDeque<(u64, Row)>,
    due: Option<Instant>,
}

/// Holds the last rows that came, and has them in its state. A change of the state is what came and how much was emitted.
#[derive(Debug)]
pub struct HoldState {
    options: HoldOptions,
    held: VecDeque<Row>,
    /// Rows that came since the last save, and how many were emitted since.
    came: Vec<Row>,
    emitted: usize,
    due: Option<Instant>,
}

/// A saved state: whether it is whole, rows that came, and how many were emitted.
type Saved = (bool, Vec<SavedRow>, usize);

/// Device, time and number.
type SavedRow = (String, i64, Option<i64>);

impl TransformType for HoldRows {
    const NAME: &'static str = "hold_rows";
    const SUMMARY: &'static str = "Holds rows.";
    const HOLDS: Holds = Holds::Rows;
    type Options = HoldOptions;

    fn build(options: HoldOptions, _: &BuildContext) -> Result<Box<dyn Transform>> {
        Ok(Box::new(Self { options, held: VecDeque::new(), due: None }))
    }
}

impl TransformType for HoldState {
    const NAME: &'static str = "hold_state";
    const SUMMARY: &'static str = "Holds rows in its state.";
    const HOLDS: Holds = Holds::State;
    type Options = HoldOptions;

    fn build(options: HoldOptions, _: &BuildContext) -> Result<Box<dyn Transform>> {
        Ok(Box::new(Self { options, held: VecDeque::new(), came: Vec::new(), emitted: 0, due: None }))
    }
}

impl HoldOptions {
    fn due(&self, now: Instant) -> Option<Instant> {
        self.millis.map(|millis| now + Duration::from_millis(millis))
    }
}

impl Transform for HoldRows {
    fn apply(&mut self, batch: Batch, out: &mut Emitter) -> Result<()> {
        self.held.extend(rows_of(&batch).into_iter().map(|row| (out.input(), row)));
        while self.held.len() > self.options.rows
            && let Some((_, row)) = self.held.pop_front()
        {
            out.emit(readings(&row));
        }
        self.due = self.options.due(out.now());
        Ok(())
    }

    fn oldest_held(&self) -> Option<u64> {
        self.held.front().map(|(input, _)| *input)
    }

    fn tick_at(&self) -> Option<Instant> {
        self.due.filter(|_| !self.held.is_empty())
    }

    fn tick(&mut self, out: &mut Emitter) -> Result<()> {
        self.finish(out)
    }

    fn finish(&mut self, out: &mut Emitter) -> Result<()> {
        self.held.drain(..).for_each(|(_, row)| out.emit(readings(&row)));
        Ok(())
    }
}

impl Transform for HoldState {
    fn apply(&mut self, batch: Batch, out: &mut Emitter) -> Result<()> {
        for row in rows_of(&batch) {
            self.came.push(row.clone());
            self.held.push_back(row);
        }
        self.emit(self.held.len().saturating_sub(self.options.rows), out);
        self.due = self.options.due(out.now());
        Ok(())
    }

    fn tick_at(&self) -> Option<Instant> {
        self.due.filter(|_| !self.held.is_empty())
    }

    fn tick(&mut self, out: &mut Emitter) -> Result<()> {
        self.finish(out)
    }

    fn finish(&mut self, out: &mut Emitter) -> Result<()> {
        self.emit(self.held.len(), out);
        Ok(())
    }

    fn save(&mut self, whole: bool, state: &mut Vec<u8>) -> Result<()> {
        let (came, emitted) = (std::mem::take(&mut self.came), std::mem::take(&mut self.emitted));
        let rows = if whole { self.held.iter().cloned().collect() } else { came };
        let emitted = if whole { 0 } else { emitted };
        let rows: Vec<_> = rows.iter().map(|row| (&row.device, row.time, row.number)).collect();
        serde_json::to_writer(state, &(whole, rows, emitted)).expect("a vector takes everything");
        Ok(())
    }

    fn restore(&mut self, state: &[u8]) -> Result<()> {
        let saved: Saved = serde_json::from_slice(state).map_err(|error| Error::data(error.to_string()))?;
        let (whole, rows, emitted) = saved;
        for (device, ..) in &rows {
            Path::parse(device).map_err(|error| Error::data(error.to_string()))?;
        }
        if whole {
            self.held.clear();
        }
        self.held.extend(rows.into_iter().map(|(device, time, number)| Row { device, time, number }));
        if emitted > self.held.len() {
            return Err(Error::data("more rows were emitted than were held"));
        }
        self.held.drain(..emitted);
        Ok(())
    }
}

impl HoldState {
    fn emit(&mut self, rows: usize, out: &mut Emitter) {
        self.emitted += rows;
        self.held.drain(..rows).for_each(|row| out.emit(readings(&row)));
    }
}

fn readings(row: &Row) -> Readings {
    let device = Path::parse(&row.device).expect("it was a path");
    let values = Arc::new(Int64Array::from(vec![row.number]));
    let column = Column { name: NUMBER.into(), data_type: DataType::Int64, values };
    let times = Int64Array::from(vec![row.time]);
    Readings::synthetic(Tablet::try_new(device, false, times, vec![column]).expect("columns of one length"))
}
