//! A column behind those of the rows: of a function that gives a value for each of them.

use crate::{
    QueryError,
    chunk::{Chunk, Chunks},
    expression::Expr,
    registry::SeriesFunction,
};

/// The rows with one more column. The function sees them in the order in which they come.
pub(crate) fn append(input: Chunks, arguments: Vec<Expr>, mut function: Box<dyn SeriesFunction>) -> Chunks {
    Box::new(input.map(move |chunk| with_column(chunk?, &arguments, &mut *function)))
}

fn with_column(
    mut chunk: Chunk,
    arguments: &[Expr],
    function: &mut dyn SeriesFunction,
) -> Result<Chunk, QueryError> {
    let inputs = arguments.iter().map(|each| each.array(&chunk)).collect::<Result<Vec<_>, _>>()?;
    let made = function.rows(chunk.times.values(), &inputs)?;
    assert_eq!(made.rows(), chunk.rows(), "a function for each row gives a value for each");
    chunk.columns.extend(made.columns);
    Ok(chunk)
}
