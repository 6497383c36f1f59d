//! Converts values to the type of their series, by the table of conversions: [`Column::to`].

use std::{collections::HashMap, sync::Arc};

use arrow_array::ArrayRef;
use levada_model::{Column, DataType, Value};

/// A converted column, and the rejected values: the reasons, each with its rows.
#[derive(Debug)]
pub(super) struct Converted {
    pub(super) values: ArrayRef,
    pub(super) rejected: Vec<(String, Vec<u32>)>,
}

/// Converts a column to the type of a series that is there, or to that of a new one.
pub(super) fn convert(column: &Column, known: Option<DataType>) -> Converted {
    let to = known.unwrap_or(column.data_type);
    let written = column.written();
    let from = column.data_type;
    if written.is_none() && (from == to || from.is_text() && to.is_text()) {
        return Converted { values: Arc::clone(&column.values), rejected: Vec::new() };
    }
    let converted = column.to(to);
    let mut rejected: Vec<(String, Vec<u32>)> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for (row, reason) in converted.rejected {
        let at = row as usize;
        let text = match written {
            Some(written) => written.get(at).map(|value| reason.of(value, to)),
            None => Value::at(&column.values, from, at).map(|value| reason.of(value, to)),
        };
        let text = text.unwrap_or_default();
        match known.get(&text) {
            Some(&known) => rejected[known].1.push(row),
            None => {
                known.insert(text.clone(), rejected.len());
                rejected.push((text, vec![row]));
            }
        }
    }
    Converted { values: converted.values, rejected }
}
