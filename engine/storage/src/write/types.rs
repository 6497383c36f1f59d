//! Values as those of the types of their series: which go, and why others do not.

use std::{collections::HashMap, sync::Arc};

use levada_model::{Column, DataType, Tablet, Value, convert::Reason};

use crate::catalog::Device;

/// Reasons in words, and the rows that have each.
pub(super) type Misfits = Vec<(String, Vec<u32>)>;

/// Whether values of one type are held as those of the other, so that nothing is to be done.
pub(super) fn same_values(from: DataType, to: DataType) -> bool {
    from == to || from.is_text() && to.is_text()
}

/// The reasons for rows of a column that are no values of a type, in the order of the first row of each.
pub(super) fn misfits(column: &Column, to: DataType, rejected: &[(u32, Reason)]) -> Misfits {
    let written = column.written();
    let mut misfits: Misfits = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for &(row, reason) in rejected {
        let at = row as usize;
        let text = match written {
            Some(written) => written.get(at).map(|value| reason.of(value, to)),
            None => Value::at(&column.values, column.data_type, at).map(|value| reason.of(value, to)),
        };
        let text = text.unwrap_or_default();
        match known.get(&text) {
            Some(&known) => misfits[known].1.push(row),
            None => {
                known.insert(text.clone(), misfits.len());
                misfits.push((text, vec![row]));
            }
        }
    }
    misfits
}

/// A tablet in which values as they were written are of the types of a device's series, where these hold all of a column.
pub(crate) fn with_known_types(tablet: Tablet, device: &Device) -> Tablet {
    let typed = |column: &Column| {
        let data_type =
            device.series_or_alias(&column.name).filter(|_| column.is_written())?.schema.data_type;
        let converted = column.to(data_type);
        let name = Arc::clone(&column.name);
        converted.rejected.is_empty().then_some(Column { name, data_type, values: converted.values })
    };
    let columns =
        tablet.columns().iter().map(|column| typed(column).unwrap_or_else(|| column.clone())).collect();
    tablet.clone().with_columns(columns).unwrap_or(tablet)
}
