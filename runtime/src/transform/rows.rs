//! Rows and the records they came from, kept in step.

use std::sync::Arc;

use arrow_array::{Array, BooleanArray};
use arrow_buffer::BooleanBuffer;
use levada_connector_api::{Error, Readings, Records, Result, model::Tablet};

/// Which record each row of a tablet came from, where they came from records.
pub(super) type Origins = Option<(Arc<Records>, Arc<[u32]>)>;

/// The origins of the rows that `keep` is true for; `keep` holds no nulls.
pub(super) fn kept(origins: &Origins, keep: &BooleanArray) -> Origins {
    let (records, rows) = origins.as_ref()?;
    let kept = keep.values().set_indices().filter_map(|row| rows.get(row).copied()).collect();
    Some((Arc::clone(records), kept))
}

/// The rows that have a value, in the columns that have one; `None` where there is none.
pub(super) fn compact(tablet: Tablet, records: Origins) -> Result<Option<Readings>> {
    let rows = tablet.rows();
    let empty = |column: &levada_connector_api::model::Column| column.values.null_count() == rows;
    let tablet = if tablet.columns().iter().any(empty) {
        let columns = tablet.columns().iter().filter(|column| !empty(column)).cloned().collect();
        tablet.with_columns(columns).map_err(|error| Error::bug(error.to_string()))?
    } else {
        tablet
    };
    if rows == 0 || tablet.columns().is_empty() {
        return Ok(None);
    }
    let keep = with_values(&tablet);
    let readings = Readings { tablet, records };
    Ok(Some(match keep {
        Some(keep) => readings.filter(&keep)?,
        None => readings,
    }))
}

/// The rows that have a value; `None` where all have.
fn with_values(tablet: &Tablet) -> Option<BooleanArray> {
    let mut filled: Option<BooleanBuffer> = None;
    for column in tablet.columns() {
        // Where a column has no nulls every row has a value.
        let valid = column.values.nulls().filter(|nulls| nulls.null_count() > 0)?.inner();
        filled = Some(match filled {
            None => valid.clone(),
            Some(before) => &before | valid,
        });
    }
    filled
        .filter(|filled| filled.count_set_bits() < filled.len())
        .map(|filled| BooleanArray::new(filled, None))
}

#[cfg(test)]
mod tests {
    use arrow_array::{ArrayRef, Float64Array, Int64Array};
    use levada_connector_api::{
        RecordsBuilder,
        model::{Column, DataType, Path},
    };

    use super::*;

    #[test]
    fn what_has_no_value_goes_and_records_stay_with_their_rows() {
        let column = |name: &str, values: [Option<f64>; 3]| Column {
            name: name.into(),
            data_type: DataType::Double,
            values: Arc::new(Float64Array::from(values.to_vec())) as ArrayRef,
        };
        let columns = vec![
            column("a", [None, None, Some(1.0)]),
            column("b", [None; 3]),
            column("c", [Some(2.0), None, None]),
        ];
        let device = Path::parse("d").expect("legal");
        let tablet =
            Tablet::try_new(device, false, Int64Array::from(vec![1, 2, 3]), columns).expect("columns fit");
        let mut records = RecordsBuilder::default();
        for bytes in ["x", "y", "z"] {
            records.push(bytes.as_bytes(), 0);
        }
        let origins = Some((records.finish(), Arc::from([0, 1, 2])));
        let compacted = compact(tablet.clone(), origins).expect("in step").expect("rows are left");
        let names: Vec<_> = compacted.tablet.columns().iter().map(|column| &*column.name).collect();
        assert_eq!((names, compacted.tablet.times().values().to_vec()), (vec!["a", "c"], vec![1, 3]));
        let bytes: Vec<_> =
            (0..2).filter_map(|row| compacted.record(row)).map(|each| each.bytes().to_vec()).collect();
        assert_eq!(bytes, [b"x", b"z"]);
        let nothing = tablet.slice(1, 1);
        assert!(compact(nothing, None).expect("in step").is_none());
    }
}
