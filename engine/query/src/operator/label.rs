//! Puts columns where a result has them, behind texts that are the same for all rows: a device's name, the values of tags.

use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray, new_null_array};

use levada_model::DataType;

use crate::chunk::{Chunk, Chunks};

/// A column of a labelled row: one of the input's, or nulls of a type.
pub(crate) type Placed = (Option<usize>, DataType);

/// The rows, each with the texts before its columns; a column the input lacks is null.
pub(crate) fn label(input: Chunks, labels: Vec<Arc<str>>, columns: Vec<Placed>) -> Chunks {
    Box::new(input.map(move |chunk| Ok(labelled(&chunk?, &labels, &columns))))
}

fn labelled(chunk: &Chunk, labels: &[Arc<str>], columns: &[Placed]) -> Chunk {
    let rows = chunk.rows();
    let labels = labels.iter().map(|label| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(std::iter::repeat_n(label, rows)))
    });
    let values = columns.iter().map(|(place, data_type)| match place {
        Some(at) => Arc::clone(&chunk.columns[*at]),
        None => new_null_array(&data_type.arrow(), rows),
    });
    Chunk { columns: labels.chain(values).collect(), times: chunk.times.clone() }
}
