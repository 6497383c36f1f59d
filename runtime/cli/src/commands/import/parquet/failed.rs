//! A row of Parquet as a JSON line, for rows that are rejected: mended, it can be imported.

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::display::array_value_to_string;
use levada_model::Value as Stored;
use serde_json::{Map, Value};

use super::{Heading, Plan, Understood, column::is_number};
use crate::output::APART;

/// The row of a batch.
pub(super) fn row(
    place: usize,
    headings: &[(Heading, Plan)],
    understood: &Understood,
    batch: &RecordBatch,
    time: &ArrayRef,
    device: Option<&ArrayRef>,
) -> anyhow::Result<Vec<u8>> {
    let mut object = Map::new();
    let time = match (time.is_valid(place), understood.times.is_valid(place)) {
        (_, true) => understood.times.value(place).into(),
        (true, false) => as_it_is(time, place)?,
        (false, false) => Value::Null,
    };
    object.insert("Time".to_owned(), time);
    if let Some(device) = device.filter(|device| device.is_valid(place)) {
        object.insert("Device".to_owned(), array_value_to_string(device, place)?.into());
    }
    let mut measurements = Map::new();
    for ((heading, _), column) in headings.iter().zip(&understood.columns) {
        let raw = batch.column(heading.index);
        if raw.is_null(place) {
            continue;
        }
        let value = match Stored::at(&column.values, column.data_type, place).filter(|_| !column.is_written())
        {
            Some(value) => stored(&value),
            None => as_it_is(raw, place)?,
        };
        match &heading.device {
            Some(device) => drop(object.insert(format!("{device}.{}", heading.name), value)),
            None => drop(measurements.insert(heading.name.to_string(), value)),
        }
    }
    if device.is_some() {
        object.insert(APART.to_owned(), measurements.into());
    }
    Ok(serde_json::to_vec(&object)?)
}

fn stored(value: &Stored) -> Value {
    match value {
        Stored::Boolean(_) | Stored::Int32(_) | Stored::Int64(_) | Stored::Timestamp(_) => {
            number(value.to_string())
        }
        Stored::Float(number) if number.is_finite() => self::number(value.to_string()),
        Stored::Double(number) if number.is_finite() => self::number(value.to_string()),
        other => other.to_string().into(),
    }
}

/// A value that was not understood.
fn as_it_is(raw: &ArrayRef, place: usize) -> anyhow::Result<Value> {
    let text = array_value_to_string(raw, place)?;
    Ok(if is_number(raw.data_type()) { number(text) } else { text.into() })
}

/// A number by its digits, all of them: as a text where they would not stay.
fn number(text: String) -> Value {
    let number = serde_json::from_str::<Value>(&text).ok().map(|number| (number.to_string(), number));
    number.filter(|(again, _)| *again == text).map_or_else(|| text.into(), |(_, number)| number)
}
