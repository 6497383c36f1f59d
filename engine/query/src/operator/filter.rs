//! Keeps the rows for which a condition is true.

use arrow_array::Array as _;

use crate::{
    QueryError,
    chunk::{Chunk, Chunks},
    expression::Expr,
};

/// The rows of chunks for which a BOOLEAN expression is true; chunks without any are left out.
pub(crate) fn filter(input: Chunks, condition: Expr) -> Chunks {
    Box::new(input.filter_map(move |chunk| match chunk.and_then(|chunk| keep(&chunk, &condition)) {
        Ok(chunk) if chunk.is_empty() => None,
        other => Some(other),
    }))
}

fn keep(chunk: &Chunk, condition: &Expr) -> Result<Chunk, QueryError> {
    let mask = condition.mask(chunk)?;
    if mask.null_count() == 0 && mask.true_count() == chunk.rows() {
        return Ok(chunk.clone());
    }
    chunk.filter(&mask)
}
