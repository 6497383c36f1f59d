//! Expressions over a chunk's columns: bound, typed, evaluated a whole column at a time.
//!
//! ```text
//!   Expr { kind: Arithmetic(Add), DOUBLE }
//!     ├─ Expr { kind: Column(0), INT32 }        evaluate(chunk) ──▶ Values::Array
//!     └─ Expr { kind: Constant(1), INT64 }      evaluate(chunk) ──▶ Values::Single
//! ```
//!
//! Invariant: evaluating gives arrays of the Arrow type that belongs to [`Expr::data_type`]; types were checked when the
//! expression was bound, so evaluating fails only for values (a text that is no number).

pub(crate) mod arithmetic;
pub(crate) mod cast;
pub(crate) mod comparison;
pub(crate) mod constant;
pub(crate) mod java_number;
pub(crate) mod logic;
pub(crate) mod matching;
pub(crate) mod membership;
pub(crate) mod pattern;

use std::{fmt, sync::Arc};

use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array, UInt32Array, cast::AsArray, new_null_array};
use levada_model::DataType;

use crate::{QueryError, chunk::Chunk};
use arithmetic::Arithmetic;
use comparison::{Comparison, Domain};
use matching::Matcher;
use membership::Membership;

/// A function that gives one value for each row.
pub trait RowFunction: fmt::Debug + Send + Sync {
    /// A value, or null, for each of the rows: their times, and an array of that length for every input.
    ///
    /// Called on the thread that pulls the query's rows, for one batch after the other.
    ///
    /// # Errors
    /// A value cannot be computed; the query ends.
    fn evaluate(&self, times: &Int64Array, inputs: &[ArrayRef]) -> Result<ArrayRef, QueryError>;
}

/// A bound expression and the type of its values.
#[derive(Clone, Debug)]
pub(crate) struct Expr {
    pub(crate) kind: Kind,
    pub(crate) data_type: DataType,
}

/// What is computed.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// A column of the chunk.
    Column(usize),
    /// The chunk's times.
    Time,
    /// An array of one value.
    Constant(ArrayRef),
    Negate(Box<Expr>),
    Arithmetic(Arithmetic, Box<Expr>, Box<Expr>),
    Compare(Comparison, Domain, Box<Expr>, Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Matches(Matcher, Box<Expr>),
    IsNull(Box<Expr>),
    IsNotNull(Box<Expr>),
    In(Membership, Box<Expr>),
    /// Conditions with what they give, and what is given where none holds.
    Case(Vec<(Expr, Expr)>, Option<Box<Expr>>),
    Cast(Box<Expr>),
    Function(Arc<dyn RowFunction>, Vec<Expr>),
}

/// What evaluating gives: a value for each row, or one for all.
#[derive(Clone, Debug)]
pub(crate) enum Values {
    Array(ArrayRef),
    /// An array of one value.
    Single(ArrayRef),
}

impl Values {
    /// The array behind it, of one value for [`Values::Single`].
    pub(crate) fn array(&self) -> &ArrayRef {
        match self {
            Self::Array(array) | Self::Single(array) => array,
        }
    }

    /// A value for each of so many rows.
    pub(crate) fn into_array(self, rows: usize) -> Result<ArrayRef, QueryError> {
        match self {
            Self::Array(array) => Ok(array),
            Self::Single(array) if array.is_null(0) => Ok(new_null_array(array.data_type(), rows)),
            Self::Single(array) => {
                Ok(arrow_select::take::take(&array, &UInt32Array::from(vec![0; rows]), None)?)
            }
        }
    }

    /// The result of a kernel whose inputs were these: one value where all were.
    pub(crate) fn of_kernel(result: ArrayRef, inputs: &[&Self]) -> Self {
        if inputs.iter().all(|input| matches!(input, Self::Single(_))) {
            Self::Single(result)
        } else {
            Self::Array(result)
        }
    }
}

impl Expr {
    pub(crate) fn new(kind: Kind, data_type: DataType) -> Self {
        Self { kind, data_type }
    }

    /// A column of the chunk.
    pub(crate) fn column(at: usize, data_type: DataType) -> Self {
        Self::new(Kind::Column(at), data_type)
    }

    /// A value for each row of a chunk.
    pub(crate) fn array(&self, chunk: &Chunk) -> Result<ArrayRef, QueryError> {
        self.evaluate(chunk)?.into_array(chunk.rows())
    }

    /// Whether it is a constant that is null.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Constant(value) if value.is_null(0))
    }

    /// Whether a condition is true for no row, as far as it can be told without looking at rows: a name that stands for
    /// nothing is null, and so is what is computed of it.
    pub(crate) fn is_never(&self) -> bool {
        self.is_never_known_as(true)
    }

    /// Whether a condition has this truth for no row.
    fn is_never_known_as(&self, truth: bool) -> bool {
        match &self.kind {
            Kind::Constant(value) => {
                value.is_null(0) || value.as_boolean_opt().is_some_and(|value| value.value(0) != truth)
            }
            Kind::And(operands) if truth => operands.iter().any(|each| each.is_never_known_as(true)),
            Kind::And(operands) => operands.iter().all(|each| each.is_never_known_as(false)),
            Kind::Or(operands) if truth => operands.iter().all(|each| each.is_never_known_as(true)),
            Kind::Or(operands) => operands.iter().any(|each| each.is_never_known_as(false)),
            Kind::Not(operand) => operand.is_never_known_as(!truth),
            Kind::IsNull(operand) => !truth && operand.is_null_for_all(),
            Kind::IsNotNull(operand) => truth && operand.is_null_for_all(),
            _ => self.is_null_for_all(),
        }
    }

    /// Whether it is null for every row, as far as it can be told without looking at rows.
    fn is_null_for_all(&self) -> bool {
        match &self.kind {
            Kind::Constant(value) => value.is_null(0),
            Kind::Negate(operand)
            | Kind::Not(operand)
            | Kind::Matches(_, operand)
            | Kind::In(_, operand)
            | Kind::Cast(operand) => operand.is_null_for_all(),
            Kind::Arithmetic(_, left, right) | Kind::Compare(_, _, left, right) => {
                left.is_null_for_all() || right.is_null_for_all()
            }
            Kind::And(_) | Kind::Or(_) => self.is_never_known_as(true) && self.is_never_known_as(false),
            Kind::Column(_)
            | Kind::Time
            | Kind::IsNull(_)
            | Kind::IsNotNull(_)
            | Kind::Case(..)
            | Kind::Function(..) => false,
        }
    }

    /// The rows of a chunk for which it is true; it is of type BOOLEAN.
    pub(crate) fn mask(&self, chunk: &Chunk) -> Result<BooleanArray, QueryError> {
        Ok(self.array(chunk)?.as_boolean().clone())
    }

    /// Its values for a chunk.
    pub(crate) fn evaluate(&self, chunk: &Chunk) -> Result<Values, QueryError> {
        match &self.kind {
            Kind::Column(at) => Ok(Values::Array(Arc::clone(&chunk.columns[*at]))),
            Kind::Time => Ok(Values::Array(Arc::new(chunk.times.clone()))),
            Kind::Constant(value) => Ok(Values::Single(Arc::clone(value))),
            Kind::Negate(operand) => arithmetic::negate(&operand.evaluate(chunk)?),
            Kind::Arithmetic(..) => self.evaluate_chain(chunk),
            Kind::Compare(operator, domain, left, right) => {
                comparison::compare(*operator, *domain, &left.evaluate(chunk)?, &right.evaluate(chunk)?)
            }
            Kind::And(operands) => logic::fold(operands, chunk, arrow_arith::boolean::and_kleene),
            Kind::Or(operands) => logic::fold(operands, chunk, arrow_arith::boolean::or_kleene),
            Kind::Not(operand) => logic::not(&operand.evaluate(chunk)?),
            Kind::Matches(matcher, operand) => matching::matches(matcher, &operand.evaluate(chunk)?),
            Kind::IsNull(operand) => logic::is_null(&operand.evaluate(chunk)?, true),
            Kind::IsNotNull(operand) => logic::is_null(&operand.evaluate(chunk)?, false),
            Kind::In(membership, operand) => membership::contains(membership, &operand.evaluate(chunk)?),
            Kind::Case(branches, otherwise) => {
                logic::choose(branches, otherwise.as_deref(), self.data_type, chunk)
            }
            Kind::Cast(operand) => cast::cast(&operand.evaluate(chunk)?, operand.data_type, self.data_type),
            Kind::Function(function, arguments) => {
                let inputs = arguments.iter().map(|each| each.array(chunk)).collect::<Result<Vec<_>, _>>()?;
                Ok(Values::Array(function.evaluate(&chunk.times, &inputs)?))
            }
        }
    }

    /// The values of `a + b - c …`, from the left: long chains take no more stack than short ones.
    fn evaluate_chain(&self, chunk: &Chunk) -> Result<Values, QueryError> {
        let (mut first, mut rest) = (self, Vec::new());
        while let Kind::Arithmetic(operator, left, right) = &first.kind {
            rest.push((*operator, right));
            first = left;
        }
        let mut values = first.evaluate(chunk)?;
        for (operator, right) in rest.into_iter().rev() {
            values = arithmetic::compute(operator, &values, &right.evaluate(chunk)?)?;
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests;
