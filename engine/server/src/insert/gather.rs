//! Records put together to tablets: one for each device, more where types change.

use std::{collections::HashMap, sync::Arc};

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray,
};
use bytes::Bytes;
use levada_model::{Column, DataType, Path, SessionError, Tablet, Value};
use levada_rpc::columns::record::decode;

use super::{Record, device, each_once, measurement};
use crate::status::malformed;

/// Records as tablets, and which records these were.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) tablets: Vec<Tablet>,
    pub(crate) origins: Origins,
}

/// For each row of each tablet the record it was.
#[derive(Debug, Default)]
pub(crate) struct Origins(Vec<Vec<usize>>);

impl Origins {
    /// The records that a row of a tablet, or all of its rows, were.
    pub(crate) fn of(&self, tablet: usize, row: Option<u32>) -> &[usize] {
        let of_tablet = self.0.get(tablet).map_or(&[][..], Vec::as_slice);
        match row {
            Some(row) => of_tablet.get(row as usize).map_or(&[][..], std::slice::from_ref),
            None => of_tablet,
        }
    }
}

/// A tablet may have so many cells without values, or three times as many as values: records that have nothing in common would
/// make one that is almost empty.
const EMPTY_CELLS: usize = 4_096;

/// Puts records together. Of the records of a device the later one stays the later one.
///
/// # Errors
/// A record cannot be read, or names are not legal; nothing is written then.
pub(crate) fn gather(records: Vec<Record<'_, Bytes>>, aligned: bool) -> Result<Gathered, SessionError> {
    let mut building: Vec<Building> = Vec::new();
    // The last tablet of each device.
    let mut open: HashMap<&str, usize> = HashMap::new();
    let mut names: HashMap<&str, Arc<str>> = HashMap::new();
    // Records mostly have the measurements of the one before.
    let mut checked: &[String] = &[];
    for (index, record) in records.into_iter().enumerate() {
        let values = decode(record.measurements.len(), record.values).map_err(malformed)?;
        if record.measurements != checked {
            let given: Vec<_> = record.measurements.iter().map(String::as_str).collect();
            each_once(&given)?;
            checked = record.measurements;
        }
        let mut cells = Vec::with_capacity(values.len());
        for (text, value) in record.measurements.iter().zip(values) {
            let name = match names.get(text.as_str()) {
                Some(name) => Arc::clone(name),
                None => {
                    let name = measurement(text)?;
                    names.insert(text, Arc::clone(&name));
                    name
                }
            };
            cells.extend(value.map(|value| (name, value)));
        }
        let fitting = open.get(record.device).filter(|at| building[**at].takes(&cells));
        let at = match fitting {
            Some(at) => *at,
            None => {
                building.push(Building::new(device(record.device)?));
                open.insert(record.device, building.len() - 1);
                building.len() - 1
            }
        };
        building[at].push(index, record.time, cells);
    }
    let mut gathered = Gathered::default();
    for each in building {
        // A record of nulls stores nothing.
        if !each.columns.is_empty() {
            let (tablet, origins) = each.finish(aligned)?;
            gathered.tablets.push(tablet);
            gathered.origins.0.push(origins);
        }
    }
    Ok(gathered)
}

type Cells = Vec<(Arc<str>, Value)>;

/// A tablet that is being built.
struct Building {
    device: Path,
    times: Vec<i64>,
    origins: Vec<usize>,
    columns: Vec<(Arc<str>, DataType, Vec<Option<Value>>)>,
    /// Where a measurement's column is.
    places: HashMap<Arc<str>, usize>,
    values: usize,
}

impl Building {
    fn new(device: Path) -> Self {
        Self {
            device,
            times: Vec::new(),
            origins: Vec::new(),
            columns: Vec::new(),
            places: HashMap::new(),
            values: 0,
        }
    }

    /// Whether the values fit the types of the columns that are there, and leave it dense enough.
    fn takes(&self, cells: &Cells) -> bool {
        let fits = |(name, value): &(Arc<str>, Value)| {
            self.places.get(name).is_none_or(|at| self.columns[*at].1 == value.data_type())
        };
        let new = cells.iter().filter(|(name, _)| !self.places.contains_key(name)).count();
        let (all, values) = ((self.columns.len() + new) * (self.times.len() + 1), self.values + cells.len());
        cells.iter().all(fits) && all - values.min(all) <= EMPTY_CELLS.max(3 * values)
    }

    fn push(&mut self, origin: usize, time: i64, cells: Cells) {
        let row = self.times.len();
        self.times.push(time);
        self.origins.push(origin);
        self.values += cells.len();
        for (name, value) in cells {
            let at = *self.places.entry(Arc::clone(&name)).or_insert_with(|| {
                self.columns.push((name, value.data_type(), Vec::new()));
                self.columns.len() - 1
            });
            let column = &mut self.columns[at].2;
            column.resize(row, None);
            column.push(Some(value));
        }
    }

    fn finish(self, aligned: bool) -> Result<(Tablet, Vec<usize>), SessionError> {
        let rows = self.times.len();
        let columns = self.columns.into_iter().map(|(name, data_type, mut values)| {
            values.resize(rows, None);
            Column { name, data_type, values: array(data_type, values) }
        });
        let tablet = Tablet::try_new(self.device, aligned, Int64Array::from(self.times), columns.collect());
        Ok((tablet.map_err(malformed)?, self.origins))
    }
}

/// Values of a type as an array.
pub(crate) fn array(data_type: DataType, values: Vec<Option<Value>>) -> ArrayRef {
    macro_rules! array {
        ($array:ty, $($variant:ident)|+) => {
            Arc::new(values.into_iter().map(|value| match value {
                $(Some(Value::$variant(value)) => Some(value),)+
                _ => None,
            }).collect::<$array>())
        };
    }
    match data_type {
        DataType::Boolean => array!(BooleanArray, Boolean),
        DataType::Int32 => array!(Int32Array, Int32),
        DataType::Date => array!(Int32Array, Date),
        DataType::Int64 => array!(Int64Array, Int64),
        DataType::Timestamp => array!(Int64Array, Timestamp),
        DataType::Float => array!(Float32Array, Float),
        DataType::Double => array!(Float64Array, Double),
        DataType::Text => array!(StringArray, Text),
        DataType::String => array!(StringArray, String),
        DataType::Blob => array!(BinaryArray, Blob),
    }
}

#[cfg(test)]
mod tests {
    use levada_rpc::columns::record::encode;

    use super::*;

    #[test]
    fn records_of_a_device_become_one_tablet_until_a_type_changes() {
        let (a, b) = (vec!["a".to_owned()], vec!["b".to_owned(), "a".to_owned()]);
        let record = |device, time, measurements, values: &[Option<Value>]| Record {
            device,
            time,
            measurements,
            values: encode(values),
        };
        let records = vec![
            record("root.d", 1, &a, &[Some(Value::Int32(1))]),
            record("root.e", 1, &a, &[Some(Value::Int32(2))]),
            record("root.d", 2, &b, &[Some(Value::Text("x".to_owned())), None]),
            record("root.d", 3, &a, &[Some(Value::Double(1.5))]),
            record("root.f", 3, &a, &[None]),
        ];
        let gathered = gather(records, false).expect("legal");
        assert_eq!(gathered.origins.0, [vec![0, 2], vec![1], vec![3]]);
        let shape: Vec<_> = gathered.tablets.iter().map(|tablet| (tablet.rows(), tablet.points())).collect();
        assert_eq!(shape, [(2, 2), (1, 1), (1, 1)]);
        assert!(gather(vec![record("root..d", 1, &a, &[Some(Value::Int32(1))])], false).is_err());
    }

    #[test]
    fn records_that_have_nothing_in_common_take_no_room_for_each_other() {
        let names: Vec<Vec<String>> = (0..1_000).map(|at| vec![format!("s{at}")]).collect();
        let record = |(at, name)| Record {
            device: "root.d",
            time: at as i64,
            measurements: name,
            values: encode(&[Some(Value::Int32(1))]),
        };
        let gathered =
            gather(names.iter().map(Vec::as_slice).enumerate().map(record).collect(), false).expect("legal");
        let cells: usize = gathered.tablets.iter().map(|tablet| tablet.rows() * tablet.columns().len()).sum();
        assert!(cells < 100_000, "{cells}");
        assert_eq!(gathered.origins.0.iter().map(Vec::len).sum::<usize>(), 1_000);
    }
}
