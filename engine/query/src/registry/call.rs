//! A call as a function sees it while it is bound: the types of its inputs, its constants and its attributes.

use std::str::FromStr;

use levada_model::DataType;
use levada_sql::ast::{Constant, Expression, ExpressionKind, Function};

use crate::QueryError;

/// Types arithmetic works on.
pub(crate) const NUMERIC: &[DataType] =
    &[DataType::Int32, DataType::Int64, DataType::Float, DataType::Double];
/// Types of texts.
pub(crate) const TEXT: &[DataType] = &[DataType::Text, DataType::String];
/// Numbers and truths.
pub(crate) const TRUTH_OR_NUMERIC: &[DataType] =
    &[DataType::Int32, DataType::Int64, DataType::Float, DataType::Double, DataType::Boolean];
/// All.
pub(crate) const ANY: &[DataType] = &DataType::ALL;

/// A call that is being bound.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// As typed.
    pub(crate) function: &'a Function,
    /// The type of every argument.
    pub(crate) types: &'a [DataType],
}

impl Call<'_> {
    /// The name, as it was written in the call.
    pub fn name(&self) -> &str {
        &self.function.name
    }

    /// The type of every input.
    pub fn types(&self) -> &[DataType] {
        self.types
    }

    /// The paths of the inputs that are series, in full where the query's columns are; other inputs as they would head a
    /// column.
    pub fn paths(&self) -> impl Iterator<Item = String> {
        self.function.arguments.iter().map(Expression::column_name)
    }

    /// All attributes, in the order in which they were written.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.function.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Checks how many inputs there are and their types.
    ///
    /// # Errors
    /// There are more or fewer, or one is of another type; the error names function and input.
    pub fn expect(&self, inputs: usize, allowed: &[DataType]) -> Result<(), QueryError> {
        if self.types.len() != inputs {
            return Err(QueryError::semantic(format!(
                "{}: the number of the input series is not valid. expected: {inputs}. actual: {}.",
                self.function.name,
                self.types.len()
            )));
        }
        self.expect_each(allowed)
    }

    /// Checks the types of all inputs.
    ///
    /// # Errors
    /// An input is of another type.
    pub fn expect_each(&self, allowed: &[DataType]) -> Result<(), QueryError> {
        self.types.iter().enumerate().try_for_each(|(at, data_type)| {
            if allowed.contains(data_type) {
                return Ok(());
            }
            let names: Vec<&str> = allowed.iter().map(|each| each.name()).collect();
            Err(QueryError::semantic(format!(
                "{}: the data type of the input series (index: {at}) is not valid. expected: [{}]. actual: {data_type}.",
                self.function.name,
                names.join(", ")
            )))
        })
    }

    /// The constant that an argument is.
    pub(crate) fn constant(&self, at: usize) -> Option<&Constant> {
        match self.function.arguments.get(at) {
            Some(Expression { kind: ExpressionKind::Constant(constant), .. }) => Some(constant),
            _ => None,
        }
    }

    /// The whole number that an argument is.
    pub(crate) fn integer(&self, at: usize) -> Result<i64, QueryError> {
        match self.constant(at) {
            Some(Constant::Integer { value, .. }) => Ok(*value),
            _ => Err(self.reject(format!("argument {} must be a whole number", at + 1))),
        }
    }

    /// An attribute, where given; its key is known in any case.
    pub fn attribute(&self, key: &str) -> Option<&str> {
        let found = self.function.attributes.iter().find(|(each, _)| each.eq_ignore_ascii_case(key));
        found.map(|(_, value)| value.as_str())
    }

    /// An attribute that must be given.
    ///
    /// # Errors
    /// It is not there.
    pub fn required(&self, key: &str) -> Result<&str, QueryError> {
        self.attribute(key)
            .ok_or_else(|| self.reject(format!("attribute \"{key}\" is required but was not provided.")))
    }

    /// An attribute's value, or what it is where not given.
    ///
    /// # Errors
    /// It cannot be read as a value of the type.
    pub fn parsed<T: FromStr>(&self, key: &str, otherwise: T) -> Result<T, QueryError> {
        self.attribute(key).map_or(Ok(otherwise), |text| self.parse(key, text))
    }

    /// The value of an attribute that must be given.
    ///
    /// # Errors
    /// It is not there, or cannot be read as a value of the type.
    pub fn parsed_required<T: FromStr>(&self, key: &str) -> Result<T, QueryError> {
        self.required(key).and_then(|text| self.parse(key, text))
    }

    fn parse<T: FromStr>(&self, key: &str, text: &str) -> Result<T, QueryError> {
        let text = text.trim();
        // Truths are written in any case.
        text.parse()
            .or_else(|_| text.to_ascii_lowercase().parse())
            .map_err(|_| self.reject(format!("attribute \"{key}\" cannot be `{text}`")))
    }

    /// An error that names the function.
    pub fn reject(&self, why: impl std::fmt::Display) -> QueryError {
        QueryError::semantic(format!("{}: {why}", self.function.name))
    }
}
