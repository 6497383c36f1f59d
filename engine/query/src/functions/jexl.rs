//! `jexl(x, y, 'expr'='(x, y) -> {x + y * 2}')`: a script written in the call, in Apache JEXL 3.
//!
//! ```text
//!   text ─ lexer ─▶ tokens ─ parser ─▶ script: statements over numbered variables ─ run, once a row ─▶ value
//! ```
//! Numbers are given as DOUBLE and come out so; what comes out is tried with 1, "string" and true, and stays so for all rows.
//! Where a script computes with null, the row's value is null. A loop that takes too many steps is an error.
//!
//! Source: <https://commons.apache.org/proper/commons-jexl/reference/syntax.html>, and the answers of an IoTDB 2.0.1.

mod lexer;
mod methods;
mod parser;
mod run;
mod script;
mod value;

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, cast::AsArray};
use levada_model::DataType;

use self::{run::Run, script::Script, value::Value};
use super::{Bound, Call, FunctionDefinition, RowFunction};
use crate::{QueryError, expression::arithmetic::doubles};

pub(super) fn definition() -> FunctionDefinition {
    FunctionDefinition::row(
        "jexl",
        "(any[, any...], 'expr'='(x, y) -> {x + y * 2}'): DOUBLE, TEXT or BOOLEAN",
        "What a script in Apache JEXL gives for the inputs: conditions, variables, loops, methods of texts.",
        bind,
    )
    .built_in("UDTFJexl")
}

fn bind(call: &Call<'_>) -> Result<Bound, QueryError> {
    let text = call.required("expr")?;
    let script =
        parser::parse(text).map_err(|why| call.reject(format!("`{text}` is not understood: {why}")))?;
    if script.parameters != call.types.len() {
        let (takes, given) = (script.parameters, call.types.len());
        return Err(call.reject(format!("`{text}` takes {takes} inputs, {given} are given")));
    }
    let kinds = call.types.iter().map(|&data_type| Kind::of(data_type)).collect::<Option<Vec<_>>>();
    let kinds = kinds.ok_or_else(|| {
        call.reject("inputs are numbers, texts and truth values: no DATE, TIMESTAMP or BLOB")
    })?;
    let given = Run::new(&script).of(kinds.iter().map(|kind| kind.example()));
    let given = given.map_err(|fault| call.reject(format!("`{text}` cannot be computed: {fault}")))?;
    let data_type = match given {
        Value::Whole(_) | Value::Double(_) => DataType::Double,
        Value::Text(_) => DataType::Text,
        Value::Truth(_) => DataType::Boolean,
        Value::Null | Value::List(_) => {
            return Err(
                call.reject(format!("`{text}` gives {}, which is no value of a series", given.named()))
            );
        }
    };
    Ok((Arc::new(Jexl { script, kinds, data_type, text: text.to_owned() }), data_type))
}

/// What an input is to a script.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Number,
    Text,
    Truth,
}

impl Kind {
    fn of(data_type: DataType) -> Option<Self> {
        match data_type {
            DataType::Int32 | DataType::Int64 | DataType::Float | DataType::Double => Some(Self::Number),
            DataType::Text | DataType::String => Some(Self::Text),
            DataType::Boolean => Some(Self::Truth),
            _ => None,
        }
    }

    /// What the type of the result is found with.
    fn example(self) -> Value {
        match self {
            Self::Number => Value::Double(1.0),
            Self::Text => Value::Text("string".into()),
            Self::Truth => Value::Truth(true),
        }
    }
}

#[derive(Debug)]
struct Jexl {
    script: Script,
    kinds: Vec<Kind>,
    data_type: DataType,
    /// As it was written, for errors.
    text: String,
}

/// The values of an input.
enum Column<'a> {
    Numbers(Float64Array),
    Texts(&'a StringArray),
    Truths(&'a BooleanArray),
}

impl<'a> Column<'a> {
    fn new(kind: Kind, array: &'a ArrayRef) -> Result<Self, QueryError> {
        Ok(match kind {
            Kind::Number => Self::Numbers(doubles(array)?),
            Kind::Text => Self::Texts(array.as_string()),
            Kind::Truth => Self::Truths(array.as_boolean()),
        })
    }

    fn value(&self, row: usize) -> Value {
        match self {
            Self::Numbers(numbers) if numbers.is_valid(row) => Value::Double(numbers.value(row)),
            Self::Texts(texts) if texts.is_valid(row) => Value::Text(texts.value(row).into()),
            Self::Truths(truths) if truths.is_valid(row) => Value::Truth(truths.value(row)),
            _ => Value::Null,
        }
    }
}

impl Jexl {
    /// What the script gives for each row, where that is of the type that it gave when it was tried.
    fn each<T>(
        &self,
        rows: usize,
        inputs: &[ArrayRef],
        of: impl Fn(&Value) -> Option<T>,
    ) -> Result<Vec<Option<T>>, QueryError> {
        let columns = self.kinds.iter().zip(inputs).map(|(&kind, array)| Column::new(kind, array));
        let columns: Vec<Column<'_>> = columns.collect::<Result<_, _>>()?;
        let mut run = Run::new(&self.script);
        let mut given = Vec::with_capacity(rows);
        for row in 0..rows {
            given.push(match run.of(columns.iter().map(|column| column.value(row))) {
                Ok(Value::Null) => None,
                Err(fault) if fault.is_null() => None,
                Err(fault) => return Err(self.failed(&fault.to_string())),
                Ok(value) => Some(of(&value).ok_or_else(|| {
                    self.failed(&format!(
                        "it gives {} for a row, and {} for others",
                        value.named(),
                        self.data_type
                    ))
                })?),
            });
        }
        Ok(given)
    }

    fn failed(&self, why: &str) -> QueryError {
        QueryError::execution(format!("jexl: `{}` cannot be computed: {why}", self.text))
    }
}

impl RowFunction for Jexl {
    fn evaluate(&self, times: &Int64Array, inputs: &[ArrayRef]) -> Result<ArrayRef, QueryError> {
        let rows = times.len();
        Ok(match self.data_type {
            DataType::Boolean => {
                Arc::new(BooleanArray::from(self.each(rows, inputs, |value| match value {
                    Value::Truth(truth) => Some(*truth),
                    _ => None,
                })?))
            }
            DataType::Text => {
                let texts = self.each(rows, inputs, |value| match value {
                    Value::Text(text) => Some(Arc::clone(text)),
                    _ => None,
                })?;
                Arc::new(texts.iter().map(Option::as_deref).collect::<StringArray>())
            }
            _ => Arc::new(Float64Array::from(self.each(rows, inputs, |value| match value {
                Value::Whole(whole) => Some(*whole as f64),
                Value::Double(double) => Some(*double),
                _ => None,
            })?)),
        })
    }
}

#[cfg(test)]
mod tests;
