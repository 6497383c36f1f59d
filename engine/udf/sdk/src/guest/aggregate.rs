//! UDAFs as the host calls them.

use std::cell::RefCell;

use super::{
    Exports, Library,
    bindings::{exports::levada::udf::udaf as exported, levada::udf::types},
    convert, failure, tell_panics, to_wit, unknown,
};
use crate::{AnyUdaf, DataType, UdfParameters, Validator, ValueCollector};

impl<L: Library> exported::Guest for Exports<L> {
    type States = States<L>;
}

/// All groups of one call in one query.
pub struct States<L>(RefCell<State>, std::marker::PhantomData<L>);

impl<L> std::fmt::Debug for States<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("States").finish_non_exhaustive()
    }
}

struct State {
    function: Box<dyn AnyUdaf>,
    parameters: UdfParameters,
    types: Vec<DataType>,
    /// From the start on.
    output: DataType,
}

impl<L: Library> exported::GuestStates for States<L> {
    fn make(id: String, parameters: types::Parameters) -> Result<exported::States, types::Failure> {
        tell_panics();
        let function = L::udaf(&id).ok_or_else(|| unknown(&id))?;
        let parameters = convert::parameters(parameters);
        let types = parameters.inputs().iter().map(|input| input.data_type).collect();
        let state = RefCell::new(State { function, parameters, types, output: DataType::Double });
        Ok(exported::States::new(Self(state, std::marker::PhantomData)))
    }

    fn validate(&self) -> Result<(), types::Failure> {
        let state = self.0.borrow();
        state.function.validate(&Validator::new(&state.parameters)).map_err(failure)
    }

    fn before_start(&self) -> Result<types::DataType, types::Failure> {
        let state = &mut *self.0.borrow_mut();
        state.output = state.function.before_start(&state.parameters).map_err(failure)?;
        Ok(to_wit(state.output))
    }

    fn add(&self, input: types::Batch, rows: Vec<types::GroupRows>) -> Result<(), types::Failure> {
        let state = &mut *self.0.borrow_mut();
        let function = &mut state.function;
        convert::with_columns(&input, &state.types, |columns| {
            rows.iter().try_for_each(|rows| {
                function.add(rows.group as usize, columns.range(rows.first as usize, rows.last as usize))
            })
        })
    }

    fn combine(&self, group: u32, saved: Vec<u8>) -> Result<(), types::Failure> {
        self.0.borrow_mut().function.combine(group as usize, &saved).map_err(failure)
    }

    fn save(&self, group: u32) -> Option<Vec<u8>> {
        self.0.borrow_mut().function.save(group as usize)
    }

    fn output(&self, groups: u32) -> Result<types::Column, types::Failure> {
        let state = &mut *self.0.borrow_mut();
        let mut values = ValueCollector::new(state.output);
        state.function.output(groups as usize, &mut values).map_err(failure)?;
        let (values, validity) = values.into_parts();
        Ok(types::Column { validity: Some(validity), values: convert::values_of(values) })
    }

    fn before_destroy(&self) {
        self.0.borrow_mut().function.before_destroy();
    }
}
