//! Columns to write: every type, values that real series have.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray,
};
use levada_model::{Compressor, DataType, Encoding, SeriesSchema};

/// Values of a type; with nulls, a part of the rows has none.
pub(crate) fn values(data_type: DataType, rows: usize, nulls: bool) -> ArrayRef {
    let given = |row: usize| !nulls || row % 5 != 3 && !row.is_multiple_of(7);
    let at = |row: usize| given(row).then_some(row as i64);
    let wave = |row: i64| ((row as f64 / 50.).sin() * 1000.).round() / 100.;
    let rows = 0..rows;
    match data_type {
        DataType::Boolean => {
            Arc::new(rows.map(|row| at(row).map(|row| row % 3 == 0 || row > 40)).collect::<BooleanArray>())
        }
        DataType::Date => {
            let day = |row: i64| (20_000_101 + row % 30 * 10_000 + row % 12 * 100 + row % 28) as i32;
            Arc::new(rows.map(|row| at(row).map(day)).collect::<Int32Array>())
        }
        DataType::Int32 => Arc::new(
            rows.map(|row| at(row).map(|row| 20_000_000 - (row * row % 977) as i32)).collect::<Int32Array>(),
        ),
        DataType::Int64 | DataType::Timestamp => Arc::new(
            rows.map(|row| at(row).map(|row| (row - 50) * 1_000_000_007 + row % 3)).collect::<Int64Array>(),
        ),
        DataType::Float => {
            Arc::new(rows.map(|row| at(row).map(|row| wave(row) as f32)).collect::<Float32Array>())
        }
        DataType::Double => Arc::new(rows.map(|row| at(row).map(wave)).collect::<Float64Array>()),
        DataType::Text | DataType::String => {
            Arc::new(rows.map(|row| at(row).map(|row| format!("ä{}", row % 17))).collect::<StringArray>())
        }
        DataType::Blob => Arc::new(
            rows.map(|row| at(row).map(|row| vec![row as u8 | 1; row as usize % 5])).collect::<BinaryArray>(),
        ),
    }
}

/// Every type in every encoding that it can be written in, and compressors in turn.
pub(crate) fn schemas() -> Vec<SeriesSchema> {
    let mut compressors = Compressor::ALL.into_iter().cycle();
    let mut schemas = Vec::new();
    for data_type in DataType::ALL {
        for encoding in Encoding::ALL {
            if encoding.supports(data_type) && encoding != Encoding::Regular {
                let compressor = compressors.next().expect("they go round");
                schemas.push(SeriesSchema { data_type, encoding, compressor });
            }
        }
    }
    schemas
}

/// A name that tells what it is.
pub(crate) fn name(schema: SeriesSchema) -> String {
    format!("{}_{}_{}", schema.data_type, schema.encoding, schema.compressor).to_lowercase()
}

/// Irregular ascending times.
pub(crate) fn times(rows: usize, start: i64) -> Vec<i64> {
    (0..rows as i64).map(|row| start + row * 1000 + row % 3).collect()
}

/// The rows that have a value, as the text of each: a plain way to compare.
pub(crate) fn rows(times: &[i64], values: &ArrayRef, data_type: DataType) -> Vec<(i64, String)> {
    let value = |row| levada_model::Value::at(values, data_type, row);
    times.iter().enumerate().filter_map(|(row, &time)| Some((time, format!("{:?}", value(row)?)))).collect()
}
