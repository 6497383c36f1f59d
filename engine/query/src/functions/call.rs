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
pub(crate) struct Call<'a> {
    /// As typed.
    pub(crate) function: &'a Function,
    /// The type of every argument.
    pub(crate) types: &'a [DataType],
}

impl Call<'_> {
    /// The name, in lower case.
    pub(crate) fn name(&self) -> String {
        self.function.name.to_ascii_lowercase()
    }

    /// Checks how many inputs there are and their types.
    pub(crate) fn expect(&self, inputs: usize, allowed: &[DataType]) -> Result<(), QueryError> {
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
    pub(crate) fn expect_each(&self, allowed: &[DataType]) -> Result<(), QueryError> {
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
            _ => Err(self.refuse(format!("argument {} must be a whole number", at + 1))),
        }
    }

    /// An attribute, where given.
    pub(crate) fn attribute(&self, key: &str) -> Option<&str> {
        let found = self.function.attributes.iter().find(|(each, _)| each.eq_ignore_ascii_case(key));
        found.map(|(_, value)| value.as_str())
    }

    /// An attribute that must be given.
    pub(crate) fn required(&self, key: &str) -> Result<&str, QueryError> {
        self.attribute(key)
            .ok_or_else(|| self.refuse(format!("attribute \"{key}\" is required but was not provided.")))
    }

    /// An attribute's value, or what it is where not given.
    pub(crate) fn parsed<T: FromStr>(&self, key: &str, otherwise: T) -> Result<T, QueryError> {
        self.attribute(key).map_or(Ok(otherwise), |text| self.parse(key, text))
    }

    /// The value of an attribute that must be given.
    pub(crate) fn parsed_required<T: FromStr>(&self, key: &str) -> Result<T, QueryError> {
        self.required(key).and_then(|text| self.parse(key, text))
    }

    fn parse<T: FromStr>(&self, key: &str, text: &str) -> Result<T, QueryError> {
        let text = text.trim();
        // Truths are written in any case.
        text.parse()
            .or_else(|_| text.to_ascii_lowercase().parse())
            .map_err(|_| self.refuse(format!("attribute \"{key}\" cannot be `{text}`")))
    }

    /// An error that names the function.
    pub(crate) fn refuse(&self, why: impl std::fmt::Display) -> QueryError {
        QueryError::semantic(format!("{}: {why}", self.function.name))
    }
}
