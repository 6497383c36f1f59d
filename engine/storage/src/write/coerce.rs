//! Casting values to the type of their series, where nothing is lost by it.

use arrow_array::{
    Array, ArrayRef, BooleanArray,
    cast::AsArray,
    types::{Float32Type, Float64Type},
};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_cast::{CastOptions, cast_with_options};
use levada_model::DataType;

/// Values of another type, with nulls where a value would change by the cast, and which rows those are.
#[derive(Debug)]
pub(super) struct Coerced {
    pub(super) values: ArrayRef,
    pub(super) refused: Vec<u32>,
}

/// Whether values of one type are held as those of the other, so that nothing is to be done.
pub(super) fn same_values(from: DataType, to: DataType) -> bool {
    from == to || from.is_text() && to.is_text()
}

/// Casts; `None` where values of the one type are never values of the other.
pub(super) fn coerce(values: &ArrayRef, from: DataType, to: DataType) -> Option<Coerced> {
    if same_values(from, to) {
        return Some(Coerced { values: values.clone(), refused: Vec::new() });
    }
    let castable = |data_type: DataType| {
        data_type.is_numeric()
            || data_type.is_text()
            || matches!(data_type, DataType::Boolean | DataType::Timestamp)
    };
    if !castable(from) || !castable(to) {
        return None;
    }
    // What does not fit becomes null.
    let options = CastOptions { safe: true, ..CastOptions::default() };
    let cast = cast_with_options(values, &to.arrow(), &options).ok()?;
    let kept = if from.is_text() {
        // What can be read as the other type is that value.
        cast.is_not_null_buffer()
    } else if (from, to) == (DataType::Double, DataType::Float) {
        as_written(values, &cast)
    } else {
        let back = cast_with_options(&cast, &from.arrow(), &options).ok()?;
        equal(values, &back, from)
    };
    let refused: Vec<u32> = (0..values.len())
        .filter(|&row| values.is_valid(row) && !kept.value(row))
        .map(|row| row as u32)
        .collect();
    if refused.is_empty() {
        return Some(Coerced { values: cast, refused });
    }
    let nulls = NullBuffer::union(cast.nulls(), Some(&NullBuffer::new(kept)));
    let data = cast.to_data().into_builder().nulls(nulls).build().ok()?;
    Some(Coerced { values: arrow_array::make_array(data), refused })
}

trait NotNull {
    fn is_not_null_buffer(&self) -> BooleanBuffer;
}

impl NotNull for ArrayRef {
    fn is_not_null_buffer(&self) -> BooleanBuffer {
        self.nulls().map_or_else(|| BooleanBuffer::new_set(self.len()), |nulls| nulls.inner().clone())
    }
}

/// A decimal number that was read as a DOUBLE is the same FLOAT where both are written alike.
fn as_written(values: &ArrayRef, cast: &ArrayRef) -> BooleanBuffer {
    let (values, cast) = (values.as_primitive::<Float64Type>(), cast.as_primitive::<Float32Type>());
    BooleanBuffer::collect_bool(values.len(), |row| {
        let (wide, narrow) = (values.value(row), cast.value(row));
        f64::from(narrow) == wide || wide.is_nan() || wide.to_string() == narrow.to_string()
    })
}

fn equal(values: &ArrayRef, back: &ArrayRef, data_type: DataType) -> BooleanBuffer {
    let same = |row: usize| -> bool {
        if back.is_null(row) {
            return values.is_null(row);
        }
        match data_type {
            DataType::Float => {
                let (a, b) = (values.as_primitive::<Float32Type>(), back.as_primitive::<Float32Type>());
                a.value(row) == b.value(row) || a.value(row).is_nan() && b.value(row).is_nan()
            }
            DataType::Double => {
                let (a, b) = (values.as_primitive::<Float64Type>(), back.as_primitive::<Float64Type>());
                a.value(row) == b.value(row) || a.value(row).is_nan() && b.value(row).is_nan()
            }
            DataType::Boolean => value_at(values, row) == value_at(back, row),
            _ => values.slice(row, 1).to_data() == back.slice(row, 1).to_data(),
        }
    };
    BooleanBuffer::collect_bool(values.len(), same)
}

fn value_at(array: &ArrayRef, row: usize) -> bool {
    let array: &BooleanArray = array.as_boolean();
    array.value(row)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Float32Array, Float64Array, Int32Array, Int64Array, StringArray};

    use super::*;

    fn check(
        values: impl Array + 'static,
        from: DataType,
        to: DataType,
        expected: &dyn Array,
        refused: &[u32],
    ) {
        let coerced = coerce(&(Arc::new(values) as ArrayRef), from, to).expect("castable");
        assert_eq!(&*coerced.values, expected);
        assert_eq!(coerced.refused, refused);
    }

    #[test]
    fn values_are_cast_where_nothing_is_lost() {
        use DataType::{Double, Float, Int32, Int64, Text};
        let doubles = Float64Array::from(vec![Some(21.0), None, Some(21.5), Some(f64::NAN), Some(1e300)]);
        let ints = Int32Array::from(vec![Some(21), None, None, None, None]);
        check(doubles, Double, Int32, &ints, &[2, 3, 4]);
        let longs = Int64Array::from(vec![1, (1 << 53) + 1, i64::MAX]);
        check(longs, Int64, Double, &Float64Array::from(vec![Some(1.0), None, None]), &[1, 2]);
        let decimals = Float64Array::from(vec![21.3, 0.1 + 0.2]);
        check(decimals, Double, Float, &Float32Array::from(vec![Some(21.3), None]), &[1]);
        let texts = StringArray::from(vec!["12", "12.5", "x"]);
        check(texts, Text, Double, &Float64Array::from(vec![Some(12.0), Some(12.5), None]), &[2]);
        check(Int32Array::from(vec![7, -1]), Int32, Text, &StringArray::from(vec!["7", "-1"]), &[]);
        let flags = Int32Array::from(vec![1, 0, 5]);
        let expected = BooleanArray::from(vec![Some(true), Some(false), None]);
        check(flags, Int32, DataType::Boolean, &expected, &[2]);
    }

    #[test]
    fn bytes_and_dates_are_never_numbers() {
        let dates: ArrayRef = Arc::new(Int32Array::from(vec![20_240_101]));
        assert!(coerce(&dates, DataType::Date, DataType::Int32).is_none());
        assert!(coerce(&dates, DataType::Int32, DataType::Blob).is_none());
    }
}
