//! The instances that compute users' aggregates.
//!
//! ```text
//!   fold    when state is saved, or much waits:   combine what was saved, add rows, save
//!   close   when windows are closed:              combine what was saved, add rows, output
//! ```
//!
//! Windows hold bytes and rows, and no instance: a thousand windows are groups of one instance for as long as it computes. So memory
//! grows with what functions save, and what is stored is what is there anyway. What is folded when does not show: the rows before are
//! always combined first, into a state without rows.

use std::{collections::BTreeMap, sync::Arc};

use levada_connector_api::{
    Error, Result,
    model::{DataType, Value},
};
use levada_engine::functions::{
    Accumulator, AggregateFunction, InputRows, QueryError,
    udf::{FaultKind, Method, UdfError},
};

use super::{
    call::Call,
    partial::{Partial, Types},
};
use crate::transform::functions::giving_up;

/// Windows that an instance computes at once.
const GROUPS: usize = 1024;

/// Calls that keep an instance while they compute nothing, at most.
const MOST_IDLE: usize = 64;

/// Calls that are remembered: a pattern may ask for one of each measurement.
const MOST_CALLS: usize = 50_000;

/// Bytes of rows that wait before they are folded, in all windows.
const WAITING: usize = 8 << 20;

/// Bytes that a function may save of a window; and of a device's rows that may wait for a function that does not save.
pub(super) const MOST_BYTES: usize = 16 << 20;

/// What computes the calls, by name and types.
#[derive(Debug)]
pub(super) struct States {
    node: String,
    bound: BTreeMap<(Arc<str>, Types), Fit>,
    /// Bytes of rows that came since they were folded.
    waiting: usize,
}

/// What computes a call with inputs of some types, or why it does not take them.
type Fit = std::result::Result<Bound, String>;

#[derive(Debug)]
struct Bound {
    function: Arc<dyn AggregateFunction>,
    data_type: DataType,
    /// Without groups, for windows that are closed.
    idle: Option<Box<dyn Accumulator>>,
    /// It was seen not to save.
    is_forgetful: bool,
}

impl States {
    pub(super) fn new(node: &str) -> Self {
        Self { node: node.to_owned(), bound: BTreeMap::new(), waiting: 0 }
    }

    /// Why a call does not take inputs of these types; `None` where it does.
    ///
    /// # Errors
    /// The function cannot be loaded, or fails otherwise.
    pub(super) fn misfit(&mut self, call: &Call, types: &Types) -> Result<Option<String>> {
        Ok(self.fit(call, types)?.as_ref().err().cloned())
    }

    /// Whether a call is of a function that does not save.
    pub(super) fn is_forgetful(&self, call: &Call, types: &Types) -> bool {
        let bound = self.bound.get(&(Arc::clone(&call.name), Arc::clone(types)));
        matches!(bound, Some(Ok(bound)) if bound.is_forgetful)
    }

    /// Notes that so many bytes of rows wait; whether they are to be folded.
    pub(super) fn note(&mut self, bytes: usize) -> bool {
        self.waiting += bytes;
        self.waiting > WAITING
    }

    /// Puts what functions save in the place of rows.
    ///
    /// # Errors
    /// A function failed, or saves too much.
    pub(super) fn fold<'p>(&mut self, partials: impl Iterator<Item = &'p mut Partial>) -> Result<()> {
        self.waiting = 0;
        let unfolded = partials.filter(|each| !each.pieces.is_empty() || each.saved.len() > 1);
        'calls: for mut partials in by_call(unfolded) {
            let Some(first) = partials.first() else { continue };
            let (call, types) = (Arc::clone(&first.call), Arc::clone(&first.types));
            let node = self.node.clone();
            let bound = self.bound(&call, &types)?;
            if bound.is_forgetful {
                continue;
            }
            for some in partials.chunks_mut(GROUPS) {
                let mut states = bound.function.accumulator();
                fill(&mut *states, some).map_err(|error| failed(&node, &call, error))?;
                for (group, partial) in some.iter_mut().enumerate() {
                    let saved = states.save(group).map_err(|error| failed(&node, &call, error))?;
                    let Some(saved) = saved else {
                        bound.is_forgetful = true;
                        continue 'calls;
                    };
                    if saved.len() > MOST_BYTES {
                        return Err(Error::data(format!(
                            "function {}: save: it gave more than the {MOST_BYTES} bytes that may be stored of a window",
                            call.call.function()
                        )));
                    }
                    partial.saved = vec![saved];
                    partial.pieces = Vec::new();
                    partial.stored = 0;
                }
            }
        }
        Ok(())
    }

    /// Gives windows that are closed their values.
    ///
    /// # Errors
    /// A function failed.
    pub(super) fn close<'p>(&mut self, partials: impl Iterator<Item = &'p mut Partial>) -> Result<()> {
        for mut partials in by_call(partials) {
            let Some(first) = partials.first() else { continue };
            let (call, types) = (Arc::clone(&first.call), Arc::clone(&first.types));
            let node = self.node.clone();
            let keeps_idle = self.bound.len() <= MOST_IDLE;
            let bound = self.bound(&call, &types)?;
            for some in partials.chunks_mut(GROUPS) {
                let mut states = bound.idle.take().unwrap_or_else(|| bound.function.accumulator());
                let values = fill(&mut *states, some).and_then(|()| states.finish(some.len()));
                let values = values.map_err(|error| failed(&node, &call, error))?;
                for (row, partial) in some.iter_mut().enumerate() {
                    partial.value = Value::at(&values, bound.data_type, row);
                }
                bound.idle = keeps_idle.then_some(states);
            }
        }
        Ok(())
    }

    fn bound(&mut self, call: &Call, types: &Types) -> Result<&mut Bound> {
        let fit = self.fit(call, types)?;
        fit.as_mut().map_err(|reason| Error::data(reason.clone()))
    }

    fn fit(&mut self, call: &Call, types: &Types) -> Result<&mut Fit> {
        let key = (Arc::clone(&call.name), Arc::clone(types));
        if !self.bound.contains_key(&key) {
            if self.bound.len() >= MOST_CALLS {
                self.bound.clear();
            }
            let fit = match call.call.bind(types) {
                Ok((function, data_type)) => {
                    if self.bound.len() >= MOST_IDLE {
                        // The instance that told the type.
                        drop(function.accumulator());
                    }
                    Ok(Bound { function, data_type, idle: None, is_forgetful: false })
                }
                Err(QueryError::Function(error)) if is_of_the_call(&error) => Err(error.to_string()),
                Err(error) => return Err(Error::config(error.to_string())),
            };
            self.bound.insert(key.clone(), fit);
        }
        self.bound.get_mut(&key).ok_or_else(|| Error::bug("it was put there"))
    }
}

/// Whether a function says that it does not take a call.
fn is_of_the_call(error: &UdfError) -> bool {
    matches!(error.method, Method::Validate | Method::BeforeStart)
        && matches!(error.fault.kind, FaultKind::Failed(_))
}

/// Those of each call together.
fn by_call<'p>(partials: impl Iterator<Item = &'p mut Partial>) -> Vec<Vec<&'p mut Partial>> {
    let mut calls: BTreeMap<(Arc<str>, Types), Vec<&'p mut Partial>> = BTreeMap::new();
    for partial in partials {
        let key = (Arc::clone(&partial.call.name), Arc::clone(&partial.types));
        calls.entry(key).or_default().push(partial);
    }
    calls.into_values().collect()
}

/// Gives a group of states to each of some windows, with what was saved and the rows since.
fn fill(states: &mut dyn Accumulator, partials: &[&mut Partial]) -> Result<(), QueryError> {
    states.reserve(partials.len());
    for (group, partial) in partials.iter().enumerate() {
        partial.saved.iter().try_for_each(|saved| states.combine(group, saved))?;
    }
    for (group, partial) in partials.iter().enumerate() {
        for piece in &partial.pieces {
            let rows = InputRows { times: &piece.times, inputs: &piece.columns };
            states.rows(group, rows, 0..piece.times.len())?;
        }
    }
    Ok(())
}

fn failed(node: &str, call: &Call, error: QueryError) -> Error {
    match error {
        QueryError::Function(error) if error.method == Method::Combine => Error::config(format!(
            "{error}; `{}` cannot go on from what was saved: put the module back that saved it, or begin without it, with {}",
            call.call.text(),
            giving_up(node)
        )),
        error => Error::data(error.to_string()),
    }
}
