//! Rows with numbers, so that a lost, doubled or misplaced one is seen.

use std::{ops::Range, sync::Arc};

use arrow_array::{Float64Array, Int64Array};
use levada_connector_api::{
    Batch, Readings, RecordsBuilder,
    model::{Column, DataType, Path, SplitName, SplitRange, Tablet, Value},
};

/// The measurement that holds a numbered row's number, INT64.
pub const NUMBER: &str = "n";

/// The measurement that holds a half of the number, DOUBLE; null in every seventh row.
pub const TEMPERATURE: &str = "temperature";

/// What tells one row from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Row {
    /// Its device.
    pub device: String,
    /// Its time.
    pub time: i64,
    /// Its value of [`NUMBER`], where it has one.
    pub number: Option<i64>,
}

/// The batch of the rows with these numbers, as read from a split at positions of the same numbers.
///
/// Row `n` belongs to device `root.contract.d{n % devices}`, has the time `n`, the measurements [`NUMBER`] and
/// [`TEMPERATURE`], and came from the record `row n`. A device's rows are in one tablet, in order.
pub fn numbered(split: impl Into<SplitName>, numbers: Range<u64>, devices: u64) -> Batch {
    let split = split.into();
    let mut records = RecordsBuilder::default();
    records.split(&split);
    for number in numbers.clone() {
        records.push(format!("row {number}").as_bytes(), number);
    }
    let records = records.finish();
    let readings = (0..devices.max(1))
        .filter_map(|device| {
            let own: Vec<u64> = numbers.clone().filter(|number| number % devices.max(1) == device).collect();
            let indexes =
                own.iter().map(|number| u32::try_from(number - numbers.start).expect("few rows")).collect();
            (!own.is_empty()).then(|| Readings {
                tablet: tablet(device, &own),
                records: Some((Arc::clone(&records), indexes)),
            })
        })
        .collect();
    Batch { readings, positions: vec![SplitRange { split, range: numbers }], rejected: Vec::new() }
}

fn tablet(device: u64, numbers: &[u64]) -> Tablet {
    let device = Path::parse(&format!("root.contract.d{device}")).expect("a legal path");
    let times = Int64Array::from_iter_values(numbers.iter().map(|&number| signed(number)));
    let halves = numbers.iter().map(|&number| (number % 7 != 6).then_some(number as f64 / 2.0));
    let columns = vec![
        Column { name: NUMBER.into(), data_type: DataType::Int64, values: Arc::new(times.clone()) },
        Column {
            name: TEMPERATURE.into(),
            data_type: DataType::Double,
            values: Arc::new(halves.collect::<Float64Array>()),
        },
    ];
    Tablet::try_new(device, false, times, columns).expect("columns of one length")
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).expect("a small number")
}

/// The rows of a batch, tablet by tablet.
pub fn rows_of(batch: &Batch) -> Vec<Row> {
    let mut rows = Vec::with_capacity(batch.rows());
    for readings in &batch.readings {
        let tablet = &readings.tablet;
        let numbers = tablet.columns().iter().find(|column| &*column.name == NUMBER);
        for row in 0..tablet.rows() {
            let number = match numbers.and_then(|column| column.value(row)) {
                Some(Value::Int64(number)) => Some(number),
                _ => None,
            };
            rows.push(Row { device: tablet.device().to_string(), time: tablet.times().value(row), number });
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_numbered_batch_holds_each_number_once_and_its_record() {
        let batch = numbered("s", 10..25, 3);
        let mut numbers: Vec<_> = rows_of(&batch).into_iter().filter_map(|row| row.number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (10..25).collect::<Vec<_>>());
        for readings in &batch.readings {
            let time = readings.tablet.times().value(1);
            let record = readings.record(1).expect("a record");
            assert_eq!(record.bytes(), format!("row {time}").as_bytes());
        }
    }
}
