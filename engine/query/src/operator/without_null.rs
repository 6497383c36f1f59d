//! `without null`: rows are left out for what is null in them.

use arrow_array::{Array, ArrayRef, BooleanArray};
use arrow_buffer::{BooleanBuffer, NullBuffer};

use crate::{
    QueryError,
    chunk::{Chunk, Chunks},
};

/// Leaves out rows in which some of the columns are null; with `all`, rows in which all of them are. Chunks without rows are left out.
pub(crate) fn without_null(input: Chunks, columns: Vec<usize>, all: bool) -> Chunks {
    Box::new(input.filter_map(move |chunk| match chunk.and_then(|chunk| kept(chunk, &columns, all)) {
        Ok(chunk) if chunk.is_empty() => None,
        other => Some(other),
    }))
}

fn kept(chunk: Chunk, columns: &[usize], all: bool) -> Result<Chunk, QueryError> {
    let mut looked_at = columns.iter().map(|&at| &chunk.columns[at]);
    let known = if all { any_known(&mut looked_at, chunk.rows()) } else { all_known(&mut looked_at) };
    match known {
        None => Ok(chunk),
        Some(known) => chunk.filter(&BooleanArray::new(known, None)),
    }
}

/// The rows in which every array has a value; `None` for all rows.
fn all_known(arrays: &mut dyn Iterator<Item = &ArrayRef>) -> Option<BooleanBuffer> {
    let union =
        |known: Option<NullBuffer>, array: &ArrayRef| NullBuffer::union(known.as_ref(), array.nulls());
    arrays.fold(None, union).map(NullBuffer::into_inner)
}

/// The rows in which some array has a value; `None` for all rows.
fn any_known(arrays: &mut dyn Iterator<Item = &ArrayRef>, rows: usize) -> Option<BooleanBuffer> {
    let mut known = BooleanBuffer::new_unset(rows);
    for array in arrays {
        known = &known | array.nulls().filter(|nulls| nulls.null_count() > 0)?.inner();
    }
    Some(known)
}
