//! Runs functions over rows.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int32Array, Int64Array, cast::AsArray};
use levada_model::DataType;
use levada_udf::{Scratch, Spill, UdfError, UdfLimits, UdtfRun, parameters};

use crate::factory::factory;

/// A call that has started.
pub(crate) fn open(
    name: &str,
    inputs: &[DataType],
    attributes: &[(&str, &str)],
    limits: UdfLimits,
) -> Result<UdtfRun, UdfError> {
    let inputs = inputs.iter().enumerate().map(|(at, &each)| (format!("root.d.s{at}"), each));
    let attributes = attributes.iter().map(|&(key, value)| (key.to_owned(), value.to_owned()));
    UdtfRun::open(name, &*factory(name), parameters(inputs, attributes), limits)
}

/// Room for so many bytes of rows in memory, and for the others on disk.
pub(crate) fn little_room(memory: usize) -> Spill {
    Spill { memory, disk: u64::MAX, scratch: Scratch::new(std::env::temp_dir()) }
}

/// All points of a run that is given rows so many at a time: times, and values as text.
pub(crate) fn points(
    run: &mut UdtfRun,
    times: &[i64],
    columns: &[ArrayRef],
    by: usize,
) -> Result<Vec<(i64, String)>, UdfError> {
    let mut all = Vec::new();
    let mut pull = |run: &mut UdtfRun| -> Result<(), UdfError> {
        while let Some(points) = run.next()? {
            let values = arrow_texts(&points.values);
            all.extend(points.times.iter().copied().zip(values));
        }
        Ok(())
    };
    for from in (0..times.len()).step_by(by) {
        let rows = by.min(times.len() - from);
        let columns = columns.iter().map(|column| column.slice(from, rows)).collect();
        run.push(times[from..from + rows].to_vec().into(), columns)?;
        pull(run)?;
    }
    run.end();
    pull(run)?;
    Ok(all)
}

/// The points of a call over rows, the same however the rows are split.
pub(crate) fn call(
    name: &str,
    attributes: &[(&str, &str)],
    times: &[i64],
    columns: &[ArrayRef],
) -> Result<Vec<(i64, String)>, UdfError> {
    let types: Vec<DataType> = columns.iter().map(type_of).collect();
    let mut whole = open(name, &types, attributes, UdfLimits::default())?;
    let whole = points(&mut whole, times, columns, times.len().max(1))?;
    for by in [1, 2, 3, 7] {
        let mut split = open(name, &types, attributes, UdfLimits::default())?;
        assert_eq!(points(&mut split, times, columns, by)?, whole, "{by} rows at a time");
    }
    for by in [1, 7, times.len().max(1)] {
        let mut paged = open(name, &types, attributes, UdfLimits::default())?;
        paged.spill_to(little_room(64));
        assert_eq!(points(&mut paged, times, columns, by)?, whole, "{by} rows at a time, on disk");
    }
    for by in [1, 3] {
        if let Some(given) = interrupted(name, attributes, times, columns, by)? {
            assert_eq!(given, whole, "{by} rows in each run");
        }
    }
    Ok(whole)
}

/// The points of runs that go on where the one before saved, each with so many rows; `None` where the function does not save. It is saved
/// whole each fourth time, and as it has changed between, where it can.
fn interrupted(
    name: &str,
    attributes: &[(&str, &str)],
    times: &[i64],
    columns: &[ArrayRef],
    by: usize,
) -> Result<Option<Vec<(i64, String)>>, UdfError> {
    let types: Vec<DataType> = columns.iter().map(type_of).collect();
    let start = || open(name, &types, attributes, UdfLimits::default());
    let mut all = Vec::new();
    let mut pull = |run: &mut UdtfRun| -> Result<(), UdfError> {
        while let Some(points) = run.next()? {
            all.extend(points.times.iter().copied().zip(arrow_texts(&points.values)));
        }
        Ok(())
    };
    let mut run = start()?;
    let (mut whole, mut changes) = (Vec::new(), Vec::new());
    for (number, from) in (0..times.len()).step_by(by).enumerate() {
        let rows = by.min(times.len() - from);
        let columns = columns.iter().map(|column| column.slice(from, rows)).collect();
        run.push(times[from..from + rows].to_vec().into(), columns)?;
        pull(&mut run)?;
        match if number % 4 == 0 { None } else { run.save_change()? } {
            Some(change) => changes.push(change),
            None => {
                let Some(saved) = run.save()? else { return Ok(None) };
                (whole, changes) = (saved, Vec::new());
            }
        }
        run = start()?;
        run.restore_with(&whole, &changes)?;
    }
    run.end();
    pull(&mut run)?;
    Ok(Some(all))
}

fn type_of(array: &ArrayRef) -> DataType {
    DataType::ALL.into_iter().find(|each| each.arrow() == *array.data_type()).expect("a type of the store")
}

/// The values as text.
pub(crate) fn arrow_texts(array: &ArrayRef) -> Vec<String> {
    use levada_model::Value;
    let data_type = type_of(array);
    let text = |at| match Value::at(array, data_type, at) {
        Some(Value::Text(text)) => text.to_string(),
        Some(value) => format!("{value:?}"),
        None => "null".to_owned(),
    };
    (0..array.len()).map(text).collect()
}

pub(crate) fn int64(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

pub(crate) fn int32(values: &[Option<i32>]) -> ArrayRef {
    Arc::new(Int32Array::from(values.to_vec()))
}

/// The values of whole numbers.
pub(crate) fn doubles(array: &ArrayRef) -> Vec<Option<f64>> {
    array.as_primitive::<arrow_array::types::Float64Type>().iter().collect()
}
