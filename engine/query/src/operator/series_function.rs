//! Runs a function of a series over its inputs' rows.

use crate::{
    QueryError,
    chunk::{Chunk, Chunks},
    registry::SeriesFunction,
};

/// The function's rows: one column.
pub(crate) fn series_function(mut input: Chunks, function: Box<dyn SeriesFunction>) -> Chunks {
    // Taken at the end, or by an error.
    let mut function = Some(function);
    Box::new(std::iter::from_fn(move || {
        while let Some(running) = function.as_mut() {
            let step = match input.next() {
                Some(chunk) => step(&mut **running, chunk).map(Some),
                None => {
                    let rest = running.finish();
                    function = None;
                    rest
                }
            };
            match step {
                Ok(Some(chunk)) if !chunk.is_empty() => return Some(Ok(chunk)),
                Ok(_) => {}
                Err(error) => {
                    function = None;
                    return Some(Err(error));
                }
            }
        }
        None
    }))
}

fn step(function: &mut dyn SeriesFunction, chunk: Result<Chunk, QueryError>) -> Result<Chunk, QueryError> {
    let chunk = chunk?;
    function.rows(chunk.times.values(), &chunk.columns)
}
