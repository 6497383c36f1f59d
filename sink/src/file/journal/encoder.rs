//! From batches to frames.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use arrow_array::{Array, ArrayRef, BooleanArray};
use levada_connector_api::{
    Batch, Encoder, Rejection, Result,
    model::{Column, DataType, Tablet},
};

use super::put_rows;
use crate::rejected::reject;

/// The type of each series, by device and measurement.
type Types = HashMap<Arc<str>, HashMap<Arc<str>, DataType>>;

/// Puts batches as frames.
#[derive(Debug, Default)]
pub(crate) struct JournalEncoder {
    /// Of files whose series have one type: the type of each, by device and measurement.
    types: Option<Types>,
}

impl JournalEncoder {
    /// For files in which a series has one type, that of its first value: what does not convert to it is rejected.
    pub(crate) fn of_one_type() -> Self {
        Self { types: Some(HashMap::new()) }
    }

    /// A column as the file takes it, in as many as it needs, and the rows that cannot be taken.
    fn typed(&self, device: &str, column: &Column, wrong: &mut BTreeMap<u32, String>) -> Vec<Column> {
        let known = self.types.as_ref().and_then(|types| types.get(device)?.get(&column.name).copied());
        let to = match known {
            Some(known) => known,
            // A date may be a number that is none.
            None if column.data_type == DataType::Date && !column.is_written() => DataType::Date,
            None => return column.apart(),
        };
        if to == column.data_type && !column.is_written() && to != DataType::Date {
            return vec![column.clone()];
        }
        let converted = column.to(to);
        for (row, reason) in converted.rejected {
            wrong.entry(row).or_insert_with(|| {
                let value = column.value(row as usize).map_or_else(String::new, |value| value.to_string());
                format!("measurement `{}`, which is {to} in this file: {}", column.name, reason.of(value, to))
            });
        }
        vec![Column { name: Arc::clone(&column.name), data_type: to, values: converted.values }]
    }

    fn put_tablet(&self, readings: usize, tablet: &Tablet, out: &mut Vec<u8>, rejected: &mut Vec<Rejection>) {
        let device = tablet.device();
        let mut wrong = BTreeMap::new();
        let convert =
            |column: &Column, wrong: &mut BTreeMap<u32, String>| self.typed(device.as_str(), column, wrong);
        let mut columns: Vec<_> =
            tablet.columns().iter().flat_map(|column| convert(column, &mut wrong)).collect();
        let mut times: ArrayRef = Arc::new(tablet.times().clone());
        if !wrong.is_empty() {
            let keep: BooleanArray =
                (0u32..).take(tablet.rows()).map(|row| Some(!wrong.contains_key(&row))).collect();
            let filter = |array: &ArrayRef| arrow_select::filter::filter(array, &keep);
            // A filter has as many rows as its array.
            times = filter(&times).expect("as many rows");
            for column in &mut columns {
                column.values = filter(&column.values).expect("as many rows");
            }
        }
        columns.retain(|column| column.values.null_count() < column.values.len());
        for (row, error) in wrong {
            reject(rejected, readings, row as usize, error);
        }
        if let Err(error) = put_rows(device, tablet.aligned(), times, &columns, out) {
            rejected.retain(|each| each.readings != readings);
            rejected.push(Rejection { readings, rows: None, error: error.to_string() });
        }
    }
}

impl Encoder for JournalEncoder {
    fn meet(&mut self, batch: &Batch) -> Result<()> {
        let Some(types) = &mut self.types else { return Ok(()) };
        for tablet in batch.readings.iter().map(|readings| &readings.tablet) {
            let device = types.entry(tablet.device().shared()).or_default();
            for column in tablet.columns() {
                if column.values.null_count() < column.values.len() {
                    device.entry(Arc::clone(&column.name)).or_insert(column.data_type);
                }
            }
        }
        Ok(())
    }

    fn put_rows(&self, batch: &Batch, out: &mut Vec<u8>) -> Vec<Rejection> {
        let mut rejected = Vec::new();
        for (index, readings) in batch.readings.iter().enumerate() {
            self.put_tablet(index, &readings.tablet, out, &mut rejected);
        }
        rejected
    }
}
