//! Computes columns from columns.

use crate::{
    QueryError,
    chunk::{Chunk, Chunks},
    expression::Expr,
};

/// A column for each expression; times stay.
pub(crate) fn project(input: Chunks, expressions: Vec<Expr>) -> Chunks {
    Box::new(input.map(move |chunk| compute(&chunk?, &expressions)))
}

fn compute(chunk: &Chunk, expressions: &[Expr]) -> Result<Chunk, QueryError> {
    let columns = expressions.iter().map(|expression| expression.array(chunk)).collect::<Result<_, _>>()?;
    Ok(Chunk { times: chunk.times.clone(), columns })
}
