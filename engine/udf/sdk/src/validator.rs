//! Checks of a call, with messages as users of Apache IoTDB know them.

use std::ops::RangeBounds;

use crate::{DataType, Failure, UdfParameters};

/// Checks what a call was given. Each check gives the validator back, so that they chain:
///
/// ```
/// # use levada_udf_sdk::*;
/// # fn validate(validator: &Validator<'_>) -> Result<(), Failure> {
/// validator.inputs(1)?.input_type(0, &DataType::NUMERIC)?.required("k")?;
/// validator.check(validator.parameters().required_int("k")? > 0, "k has to be greater than 0")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Validator<'a>(&'a UdfParameters);

impl<'a> Validator<'a> {
    /// Checks these parameters.
    pub fn new(parameters: &'a UdfParameters) -> Self {
        Self(parameters)
    }

    /// What is checked.
    pub fn parameters(&self) -> &'a UdfParameters {
        self.0
    }

    /// There are so many inputs.
    ///
    /// # Errors
    /// There are more or fewer.
    pub fn inputs(&self, expected: usize) -> Result<&Self, Failure> {
        let actual = self.0.inputs().len();
        self.check(
            actual == expected,
            format_args!(
                "the number of the input series is not valid. expected: {expected}. actual: {actual}."
            ),
        )
    }

    /// The number of inputs is in a range.
    ///
    /// # Errors
    /// It is not.
    pub fn inputs_in(&self, expected: impl RangeBounds<usize> + std::fmt::Debug) -> Result<&Self, Failure> {
        let actual = self.0.inputs().len();
        self.check(
            expected.contains(&actual),
            format_args!(
                "the number of the input series is not valid. expected: {expected:?}. actual: {actual}."
            ),
        )
    }

    /// An input is of one of some types.
    ///
    /// # Errors
    /// It is of another, or there is no such input.
    pub fn input_type(&self, index: usize, allowed: &[DataType]) -> Result<&Self, Failure> {
        let actual = self.0.data_type(index)?;
        if allowed.contains(&actual) {
            return Ok(self);
        }
        let names: Vec<&str> = allowed.iter().map(|each| each.name()).collect();
        Err(Failure::parameters(format!(
            "the data type of the input series (index: {index}) is not valid. expected: [{}]. actual: {actual}.",
            names.join(", ")
        )))
    }

    /// Each input is of one of some types.
    ///
    /// # Errors
    /// One is of another.
    pub fn input_types(&self, allowed: &[DataType]) -> Result<&Self, Failure> {
        for index in 0..self.0.inputs().len() {
            self.input_type(index, allowed)?;
        }
        Ok(self)
    }

    /// An attribute is given.
    ///
    /// # Errors
    /// It is not.
    pub fn required(&self, key: &str) -> Result<&Self, Failure> {
        self.0.required(key).map(|_| self)
    }

    /// A condition of the function's own holds.
    ///
    /// # Errors
    /// It does not; the message says what does.
    pub fn check(&self, holds: bool, message: impl std::fmt::Display) -> Result<&Self, Failure> {
        if holds { Ok(self) } else { Err(Failure::parameters(message.to_string())) }
    }
}
