//! `jexl(x, y, 'expr'='(x, y) -> {x + y * 2}')`: a script written in the call, in Apache JEXL 3.
//!
//! ```text
//!   text ─ lexer ─▶ tokens ─ parser ─▶ script: statements over numbered variables ─ run, once a row ─▶ value
//! ```
//! Numbers are given as DOUBLE and come out so; what comes out is tried with 1, "string" and true, and stays so for all rows.
//! A row of which something is null that the script computes with is null. Loops end after a bounded number of steps, with an error.
//!
//! Source: <https://commons.apache.org/proper/commons-jexl/reference/syntax.html>, and the answers of an IoTDB 2.0.1.

mod lexer;
mod methods;
mod parser;
mod run;
mod script;
mod value;

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Int64Array, StringArray,
    builder::{BooleanBuilder, Float64Builder, StringBuilder},
    cast::AsArray,
};
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
        Script::parse(text).map_err(|why| call.reject(format!("`{text}` is not understood: {why}")))?;
    if script.parameters != call.types.len() {
        let (takes, given) = (script.parameters, call.types.len());
        return Err(call.reject(format!("`{text}` takes {takes} inputs, {given} are given")));
    }
    let kinds = call.types.iter().map(|&data_type| Kind::of(data_type)).collect::<Option<Vec<_>>>();
    let kinds = kinds.ok_or_else(|| {
        call.reject("inputs are numbers, texts and truth values: no DATE, TIMESTAMP or BLOB")
    })?;
    let tried = kinds.iter().map(|kind| kind.example()).collect();
    let given = Run::new(&script).of(tried);
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
    Numbers(arrow_array::Float64Array),
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
    /// Runs the script for each row; `put` takes what it gives, or nothing, and says whether it is of the right type.
    fn each(
        &self,
        rows: usize,
        inputs: &[ArrayRef],
        mut put: impl FnMut(Option<Value>) -> bool,
    ) -> Result<(), QueryError> {
        let columns = self.kinds.iter().zip(inputs).map(|(&kind, array)| Column::new(kind, array));
        let columns: Vec<Column<'_>> = columns.collect::<Result<_, _>>()?;
        let mut run = Run::new(&self.script);
        for row in 0..rows {
            let given = run.of(columns.iter().map(|column| column.value(row)).collect());
            let given = match given {
                Ok(Value::Null) => None,
                Ok(value) => Some(value),
                Err(fault) if fault.is_null() => None,
                Err(fault) => return Err(self.failed(&fault.to_string())),
            };
            let named = given.as_ref().map_or("nothing", Value::named);
            if !put(given) {
                return Err(
                    self.failed(&format!("it gives {named} for a row, and {} for others", self.data_type))
                );
            }
        }
        Ok(())
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
                let mut made = BooleanBuilder::with_capacity(rows);
                self.each(rows, inputs, |value| match value {
                    None => append(made.append_null()),
                    Some(Value::Truth(truth)) => append(made.append_value(truth)),
                    Some(_) => false,
                })?;
                Arc::new(made.finish())
            }
            DataType::Text => {
                let mut made = StringBuilder::with_capacity(rows, rows * 8);
                self.each(rows, inputs, |value| match value {
                    None => append(made.append_null()),
                    Some(Value::Text(text)) => append(made.append_value(text)),
                    Some(_) => false,
                })?;
                Arc::new(made.finish())
            }
            _ => {
                let mut made = Float64Builder::with_capacity(rows);
                self.each(rows, inputs, |value| match value {
                    None => append(made.append_null()),
                    Some(Value::Whole(whole)) => append(made.append_value(whole as f64)),
                    Some(Value::Double(double)) => append(made.append_value(double)),
                    Some(_) => false,
                })?;
                Arc::new(made.finish())
            }
        })
    }
}

/// Something was appended: the value had the right type.
fn append((): ()) -> bool {
    true
}

#[cfg(test)]
mod tests;
