//! How large writes and values are, and may be.

use std::sync::Arc;

use arrow_array::{Array, BinaryArray, StringArray, cast::AsArray};
use levada_model::{Column, DataType, StatusCode, Tablet};
use levada_tsfile::LONGEST_VALUE;

use crate::StorageError;

/// So many bytes a write may have, about. A record of the log and the values of a memtable are counted in 32 bits.
pub(crate) const LARGEST_WRITE: usize = 768 << 20;

/// Rejects a tablet for which there is no room any more in its write.
pub(super) fn too_large(bytes: usize) -> StorageError {
    StorageError::rejected(
        StatusCode::ILLEGAL_PARAMETER,
        format!(
            "{bytes} bytes are more than a write may have, which is {LARGEST_WRITE} with all its tablets: cut it into several"
        ),
    )
}

/// Bytes of a tablet's values.
pub(super) fn bytes_of(tablet: &Tablet) -> usize {
    let of_column = |column: &Column| match offsets(column) {
        Some(offsets) => span(offsets) + 4 * tablet.rows(),
        None => 8 * tablet.rows(),
    };
    8 * tablet.rows() + tablet.columns().iter().map(of_column).sum::<usize>()
}

/// The rows of a column with values that no file can hold.
pub(super) fn long_rows(column: &Column) -> Vec<usize> {
    match offsets(column) {
        Some(offsets) if span(offsets) > LONGEST_VALUE => {
            (0..column.values.len()).filter(|&row| length(column, row) > LONGEST_VALUE).collect()
        }
        _ => Vec::new(),
    }
}

/// Bytes of a text or binary value.
pub(super) fn length(column: &Column, row: usize) -> usize {
    offsets(column).map_or(0, |offsets| span(&offsets[row..row + 2]))
}

/// A column without the values of some rows, and without their bytes.
pub(super) fn without(column: Column, rows: &[usize]) -> Column {
    let kept = |row: &usize| column.values.is_valid(*row) && !rows.contains(row);
    let all = 0..column.values.len();
    let values: Arc<dyn Array> = if rows.is_empty() {
        return column;
    } else if let Some(texts) = column.values.as_string_opt::<i32>() {
        let values: StringArray = all.map(|row| kept(&row).then(|| texts.value(row))).collect();
        Arc::new(values)
    } else if let Some(bytes) = column.values.as_binary_opt::<i32>() {
        let values: BinaryArray = all.map(|row| kept(&row).then(|| bytes.value(row))).collect();
        Arc::new(values)
    } else {
        return column;
    };
    Column { values, ..column }
}

/// Where the values of a column of texts or bytes begin and end.
fn offsets(column: &Column) -> Option<&[i32]> {
    match column.data_type {
        DataType::Text | DataType::String => Some(column.values.as_string_opt::<i32>()?.value_offsets()),
        DataType::Blob => Some(column.values.as_binary_opt::<i32>()?.value_offsets()),
        _ => None,
    }
}

fn span(offsets: &[i32]) -> usize {
    match offsets {
        [first, .., last] => last.abs_diff(*first) as usize,
        _ => 0,
    }
}
