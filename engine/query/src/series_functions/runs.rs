//! `zero_count`, `non_zero_duration` and the like: how long runs of zeros, or of others, are.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int64Array, cast::AsArray};
use arrow_schema::DataType as ArrowType;
use levada_model::DataType;

use super::{Bound, Call, FunctionDefinition, SeriesFunction, pairs::chunk};
use crate::{QueryError, chunk::Chunk, expression::arithmetic::doubles, registry::TRUTH_OR_NUMERIC};

pub(super) fn definitions() -> impl Iterator<Item = FunctionDefinition> {
    let all = [
        (
            "zero_duration",
            true,
            true,
            "UDTFZeroDuration",
            "How long each run of zeros lasts, at its first time.",
        ),
        (
            "non_zero_duration",
            false,
            true,
            "UDTFNonZeroDuration",
            "How long each run without zeros lasts, at its first time.",
        ),
        (
            "zero_count",
            true,
            false,
            "UDTFZeroCount",
            "How many rows each run of zeros has, at its first time.",
        ),
        (
            "non_zero_count",
            false,
            false,
            "UDTFNonZeroCount",
            "How many rows each run without zeros has, at its first time.",
        ),
    ];
    all.into_iter().map(|(name, of_zeros, duration, class, summary)| {
        let signature = "(number or BOOLEAN[, 'min'='1'][, 'max'='10']): INT64";
        FunctionDefinition::series(name, signature, summary, move |call| bind(call, of_zeros, duration))
            .built_in(class)
    })
}

fn bind(call: &Call<'_>, of_zeros: bool, duration: bool) -> Result<Bound, QueryError> {
    call.expect(1, TRUTH_OR_NUMERIC)?;
    let least = call.parsed("min", i64::from(!duration))?;
    let most = call.parsed("max", i64::MAX)?;
    if least > most {
        return Err(call.reject("min must not be greater than max"));
    }
    Ok((Box::new(Runs { of_zeros, duration, least, most, open: None }), DataType::Int64))
}

/// A run that goes on: its first and last time and how many rows it has.
#[derive(Clone, Copy, Debug)]
struct Open {
    first: i64,
    last: i64,
    rows: i64,
}

#[derive(Debug)]
struct Runs {
    of_zeros: bool,
    duration: bool,
    least: i64,
    most: i64,
    open: Option<Open>,
}

impl Runs {
    /// Ends the run; its length, where that is asked for.
    fn end(&mut self) -> Option<(i64, i64)> {
        let open = self.open.take()?;
        let length =
            if self.duration { open.last.saturating_sub(open.first).saturating_abs() } else { open.rows };
        (self.least <= length && length <= self.most).then_some((open.first, length))
    }
}

impl SeriesFunction for Runs {
    fn takes_any_order(&self) -> bool {
        true
    }

    fn rows(&mut self, times: &[i64], inputs: &[ArrayRef]) -> Result<Chunk, QueryError> {
        let input = &inputs[0];
        let zeros: Vec<Option<bool>> = if *input.data_type() == ArrowType::Boolean {
            input.as_boolean().iter().map(|truth| truth.map(|truth| !truth)).collect()
        } else {
            doubles(input)?.iter().map(|number| number.map(|number| number == 0.0)).collect()
        };
        let mut ended = Vec::new();
        for (&time, zero) in times.iter().zip(zeros) {
            let Some(zero) = zero else { continue };
            if zero == self.of_zeros {
                let open = self.open.get_or_insert(Open { first: time, last: time, rows: 0 });
                open.last = time;
                open.rows += 1;
            } else {
                ended.extend(self.end());
            }
        }
        Ok(lengths(ended))
    }

    fn finish(&mut self) -> Result<Option<Chunk>, QueryError> {
        Ok(Some(lengths(self.end().into_iter().collect())))
    }
}

fn lengths(ended: Vec<(i64, i64)>) -> Chunk {
    let (times, lengths): (Vec<i64>, Vec<i64>) = ended.into_iter().unzip();
    chunk(times, Arc::new(Int64Array::from(lengths)))
}
