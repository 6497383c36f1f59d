//! UDTFs as the host calls them.

use std::cell::RefCell;

use super::{
    Exports, Library,
    bindings::{exports::levada::udf::udtf as exported, levada::udf::types},
    convert, failure,
    pages::HostPages,
    tell_panics, unknown,
};
use crate::{DataType, Pager, PointCollector, RowWindow, UdfParameters, Udtf, Validator};

impl<L: Library> exported::Guest for Exports<L> {
    type Instance = Instance<L>;
}

/// One call in one query.
pub struct Instance<L>(RefCell<State>, std::marker::PhantomData<L>);

impl<L> std::fmt::Debug for Instance<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").finish_non_exhaustive()
    }
}

struct State {
    function: Box<dyn Udtf>,
    parameters: UdfParameters,
    types: Vec<DataType>,
    /// From the start on.
    points: PointCollector,
}

impl State {
    fn take(&mut self) -> types::Points {
        convert::points(&mut self.points)
    }
}

impl<L: Library> exported::GuestInstance for Instance<L> {
    fn make(id: String, parameters: types::Parameters) -> Result<exported::Instance, types::Failure> {
        tell_panics();
        let function = L::udtf(&id).ok_or_else(|| unknown(&id))?;
        let parameters = convert::parameters(parameters);
        let types = parameters.inputs().iter().map(|input| input.data_type).collect();
        let points = PointCollector::new(DataType::Double);
        let state = RefCell::new(State { function, parameters, types, points });
        Ok(exported::Instance::new(Self(state, std::marker::PhantomData)))
    }

    fn validate(&self) -> Result<(), types::Failure> {
        let state = self.0.borrow();
        state.function.validate(&Validator::new(&state.parameters)).map_err(failure)
    }

    fn before_start(&self) -> Result<types::Configuration, types::Failure> {
        let state = &mut *self.0.borrow_mut();
        let configuration = state.function.before_start(&state.parameters).map_err(failure)?;
        state.points = PointCollector::new(configuration.output);
        Ok(convert::configuration(configuration))
    }

    fn rows(&self, input: types::Batch) -> Result<types::Points, types::Failure> {
        let state = &mut *self.0.borrow_mut();
        let (function, points) = (&mut state.function, &mut state.points);
        convert::with_columns(&input, &state.types, |columns| function.columns(columns, points))?;
        Ok(state.take())
    }

    fn windows(
        &self,
        input: types::Batch,
        windows: Vec<types::Window>,
    ) -> Result<types::Points, types::Failure> {
        let state = &mut *self.0.borrow_mut();
        let (function, points) = (&mut state.function, &mut state.points);
        // A window without rows may be one that the host keeps.
        if let ([], [window]) = (&*input.times, &*windows)
            && let Some(pages) = HostPages::of_this_call(&state.types)
        {
            let pager = Pager::new(&pages);
            let window = RowWindow::paged(&pager, window.begin, window.end);
            function.window(window, points).map_err(failure)?;
            return Ok(state.take());
        }
        convert::with_columns(&input, &state.types, |columns| {
            windows.iter().try_for_each(|window| {
                let rows = columns.range(window.first as usize, window.last as usize);
                function.window(RowWindow::new(rows, window.begin, window.end), points)
            })
        })?;
        Ok(state.take())
    }

    fn terminate(&self) -> Result<types::Points, types::Failure> {
        let state = &mut *self.0.borrow_mut();
        state.function.terminate(&mut state.points).map_err(failure)?;
        Ok(state.take())
    }

    fn save(&self) -> Option<Vec<u8>> {
        self.0.borrow().function.save()
    }

    fn restore(&self, saved: Vec<u8>) -> Result<(), types::Failure> {
        self.0.borrow_mut().function.restore(&saved).map_err(failure)
    }

    fn before_destroy(&self) {
        self.0.borrow_mut().function.before_destroy();
    }
}
