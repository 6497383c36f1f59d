//! The values of one column that wait for their row group.
//!
//! Rows may come a few at a time: small arrays are put together, each with others of its size, so that a value is copied some
//! times at most and an array is worth its overhead. Rows without a value are counted rather than held.

use std::{mem, sync::Arc};

use arrow_array::{Array, ArrayRef, NullArray, new_null_array};
use arrow_schema::{ArrowError, DataType as ArrowType};
use arrow_select::concat::concat;

/// Arrays of so many rows are left as they are.
const ROWS: usize = 4_096;
/// What an array takes beside its values, about.
const ARRAY_BYTES: usize = 160;

/// Arrays in the order of their rows; one of nothing for rows without a value.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    arrays: Vec<ArrayRef>,
    bytes: usize,
}

impl Waiting {
    /// Adds rows to a column of this type.
    ///
    /// # Errors
    /// The array is of another type.
    pub(super) fn push(&mut self, array: ArrayRef, data_type: &ArrowType) -> Result<(), ArrowError> {
        if let Some(last) = self.arrays.last_mut().filter(|last| is_empty(last) && is_empty(&array)) {
            *last = Arc::new(NullArray::new(last.len() + array.len()));
            return Ok(());
        }
        let mut array = array;
        while let Some(last) = self.arrays.pop_if(|last| joins(last, &array)) {
            self.bytes -= bytes_of(&last)?;
            array = concat(&[&*filled(last, data_type), &*filled(array, data_type)])?;
        }
        self.bytes += bytes_of(&array)?;
        self.arrays.push(array);
        Ok(())
    }

    /// What the values take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// All that waits; nothing does afterwards.
    pub(super) fn take(&mut self) -> Vec<ArrayRef> {
        mem::take(self).arrays
    }
}

fn is_empty(array: &ArrayRef) -> bool {
    *array.data_type() == ArrowType::Null
}

/// Whether an array is put together with the next: of two sizes, the larger would be copied for the smaller too often.
fn joins(last: &ArrayRef, next: &ArrayRef) -> bool {
    last.len() <= next.len() && last.len() + next.len() <= ROWS
}

/// An array of the column's type.
fn filled(array: ArrayRef, data_type: &ArrowType) -> ArrayRef {
    if is_empty(&array) { new_null_array(data_type, array.len()) } else { array }
}

fn bytes_of(array: &ArrayRef) -> Result<usize, ArrowError> {
    Ok(array.to_data().get_slice_memory_size()? + ARRAY_BYTES)
}

#[cfg(test)]
mod tests {
    use arrow_array::{Int64Array, cast::AsArray, types::Int64Type};

    use super::*;

    fn values(waiting: Waiting) -> Vec<Option<i64>> {
        let arrays = waiting.arrays.into_iter().map(|array| filled(array, &ArrowType::Int64));
        arrays.flat_map(|array| array.as_primitive::<Int64Type>().iter().collect::<Vec<_>>()).collect()
    }

    #[test]
    fn rows_that_come_one_by_one_make_few_arrays() -> Result<(), ArrowError> {
        let mut waiting = Waiting::default();
        let expected: Vec<_> = (0..10_000).map(|at| (at % 3 != 0).then_some(at)).collect();
        for value in &expected {
            let array: ArrayRef = match value {
                Some(value) => Arc::new(Int64Array::from(vec![*value])),
                None => Arc::new(NullArray::new(1)),
            };
            waiting.push(array, &ArrowType::Int64)?;
        }
        assert!(waiting.arrays.len() < 20, "{}", waiting.arrays.len());
        assert!((80_000..90_000).contains(&waiting.bytes), "{}", waiting.bytes);
        assert_eq!(values(waiting), expected);
        Ok(())
    }

    #[test]
    fn rows_without_a_value_are_counted_only() -> Result<(), ArrowError> {
        let mut waiting = Waiting::default();
        for _ in 0..100 {
            for _ in 0..10_000 {
                waiting.push(Arc::new(NullArray::new(1)), &ArrowType::Int64)?;
            }
            waiting.push(Arc::new(Int64Array::from(vec![1])), &ArrowType::Int64)?;
        }
        assert!(waiting.bytes < 50_000, "{}", waiting.bytes);
        assert_eq!(values(waiting).iter().flatten().count(), 100);
        Ok(())
    }
}
