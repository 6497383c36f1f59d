//! Functions that make one value of rows.

use crate::{Columns, DataType, Failure, Row, UdfParameters, Validator, ValueCollector};

/// A function that makes one value of the rows of a group (a user-defined aggregate function).
///
/// For each call of each query there is an instance of its own, and for each group a state:
///
/// ```text
///   validate → before_start → create, add…, combine…, output (of each group) → before_destroy
/// ```
pub trait Udaf {
    /// What is known of a group's rows.
    type State;

    /// Checks the inputs and attributes of the call.
    ///
    /// # Errors
    /// They are not what the function takes.
    fn validate(&self, _validator: &Validator<'_>) -> Result<(), Failure> {
        Ok(())
    }

    /// Reads the attributes, and decides which type the value has.
    ///
    /// # Errors
    /// The function cannot start.
    fn before_start(&mut self, parameters: &UdfParameters) -> Result<DataType, Failure>;

    /// The state of a group without rows.
    fn create(&self) -> Self::State;

    /// Adds a row. Those of one series come in order of time.
    ///
    /// # Errors
    /// The function cannot go on.
    fn add(&self, state: &mut Self::State, row: Row<'_>) -> Result<(), Failure>;

    /// Adds what another state knows: of later rows, or of other series.
    ///
    /// # Errors
    /// The function cannot go on.
    fn combine(&self, state: &mut Self::State, other: Self::State) -> Result<(), Failure>;

    /// Gives the group's value; none where it puts none. Called once for each group.
    ///
    /// # Errors
    /// There is none that can be given.
    fn output(&self, state: &Self::State, value: &mut ValueCollector) -> Result<(), Failure>;

    /// Called once at the end, also after a failure.
    fn before_destroy(&mut self) {}

    /// What a pipeline stores of a state; `None` where it cannot.
    fn save(&self, _state: &Self::State) -> Option<Vec<u8>> {
        None
    }

    /// The state that was saved.
    ///
    /// # Errors
    /// The function does not save, or this is not what it saved.
    fn restore(&self, _saved: &[u8]) -> Result<Self::State, Failure> {
        Err(Failure::new("it does not save what it holds"))
    }
}

/// A [`Udaf`] with the states of all its groups, by number: what drives one sees. Not for others to implement.
pub trait AnyUdaf {
    /// See [`Udaf::validate`].
    ///
    /// # Errors
    /// As there.
    fn validate(&self, validator: &Validator<'_>) -> Result<(), Failure>;

    /// See [`Udaf::before_start`].
    ///
    /// # Errors
    /// As there.
    fn before_start(&mut self, parameters: &UdfParameters) -> Result<DataType, Failure>;

    /// Adds rows to a group. It and those before it come into being where they are not there.
    ///
    /// # Errors
    /// The function cannot go on.
    fn add(&mut self, group: usize, rows: Columns<'_>) -> Result<(), Failure>;

    /// Adds what was saved of a group, here or by another instance.
    ///
    /// # Errors
    /// It is not what the function saved.
    fn combine(&mut self, group: usize, saved: &[u8]) -> Result<(), Failure>;

    /// What there is to store of a group; `None` where the function does not save.
    fn save(&mut self, group: usize) -> Option<Vec<u8>>;

    /// The values of the first groups, which are forgotten: those behind move to the front.
    ///
    /// # Errors
    /// A value cannot be given.
    fn output(&mut self, groups: usize, values: &mut ValueCollector) -> Result<(), Failure>;

    /// See [`Udaf::before_destroy`].
    fn before_destroy(&mut self);
}

/// The states of a [`Udaf`]'s groups.
#[derive(Debug)]
pub struct States<U: Udaf> {
    function: U,
    groups: std::collections::VecDeque<U::State>,
}

impl<U: Udaf> States<U> {
    /// No groups as yet.
    pub fn new(function: U) -> Self {
        Self { function, groups: std::collections::VecDeque::new() }
    }

    fn reserve(&mut self, groups: usize) {
        while self.groups.len() < groups {
            self.groups.push_back(self.function.create());
        }
    }
}

impl<U: Udaf> AnyUdaf for States<U> {
    fn validate(&self, validator: &Validator<'_>) -> Result<(), Failure> {
        self.function.validate(validator)
    }

    fn before_start(&mut self, parameters: &UdfParameters) -> Result<DataType, Failure> {
        self.function.before_start(parameters)
    }

    fn add(&mut self, group: usize, rows: Columns<'_>) -> Result<(), Failure> {
        self.reserve(group + 1);
        let state = &mut self.groups[group];
        rows.rows().try_for_each(|row| self.function.add(state, row))
    }

    fn combine(&mut self, group: usize, saved: &[u8]) -> Result<(), Failure> {
        self.reserve(group + 1);
        let other = self.function.restore(saved)?;
        self.function.combine(&mut self.groups[group], other)
    }

    fn save(&mut self, group: usize) -> Option<Vec<u8>> {
        self.reserve(group + 1);
        self.function.save(&self.groups[group])
    }

    fn output(&mut self, groups: usize, values: &mut ValueCollector) -> Result<(), Failure> {
        self.reserve(groups);
        for at in 0..groups {
            let before = values.len();
            self.function.output(&self.groups[at], values)?;
            match values.len() - before {
                0 => values.put_null(),
                1 => {}
                more => return Err(Failure::new(format!("it gave {more} values for one group"))),
            }
        }
        self.groups.drain(..groups);
        Ok(())
    }

    fn before_destroy(&mut self) {
        self.function.before_destroy();
    }
}
