//! `change_points`: the values that differ from the one before.

use arrow_array::{ArrayRef, UInt32Array};
use arrow_select::take::take;
use levada_model::{DataType, Value};

use super::{Bound, Call, FunctionDefinition, SeriesFunction, pairs::chunk};
use crate::{QueryError, chunk::Chunk, registry::ANY};

pub(super) fn definition() -> FunctionDefinition {
    FunctionDefinition::series(
        "change_points",
        "(any): like any",
        "The values that differ from the one before.",
        bind,
    )
    .built_in("UDTFChangePoints")
}

fn bind(call: &Call<'_>) -> Result<Bound, QueryError> {
    call.expect(1, ANY)?;
    let data_type = call.types[0];
    Ok((Box::new(ChangePoints { data_type, last: None }), data_type))
}

#[derive(Debug)]
struct ChangePoints {
    data_type: DataType,
    last: Option<Value>,
}

impl SeriesFunction for ChangePoints {
    fn takes_any_order(&self) -> bool {
        true
    }

    fn rows(&mut self, times: &[i64], inputs: &[ArrayRef]) -> Result<Chunk, QueryError> {
        let mut changed: Vec<u32> = Vec::new();
        for row in 0..times.len() {
            let value = Value::at(&inputs[0], self.data_type, row);
            if value.is_some() && value != self.last {
                self.last = value;
                changed.push(row as u32);
            }
        }
        let out_times = changed.iter().map(|&row| times[row as usize]).collect();
        Ok(chunk(out_times, take(&inputs[0], &UInt32Array::from(changed), None)?))
    }
}
