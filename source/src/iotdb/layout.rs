//! Which columns of a result are whose measurements; record batches become tablets column by column.

use std::sync::Arc;

use arrow_array::{
    Array, BooleanArray, Int64Array, RecordBatch, StringArray, cast::AsArray, types::Int64Type,
};
use levada_connector_api::{
    Error, Result,
    model::{Column, DataType, Path, ResultColumn, Tablet},
};

use super::query::{Query, device_of, measurement};

/// The header of the device's column.
const DEVICE: &str = "Device";

/// How a result's columns become tablets.
#[derive(Debug)]
pub(super) struct Layout {
    has_time: bool,
    whose: Whose,
}

/// Whose rows they are.
#[derive(Debug)]
enum Whose {
    /// Those of the device that a column of each row says, unless all are of one; at the column's place.
    Said { at: usize, all: Option<Path>, columns: Vec<Measured> },
    /// Those of the devices that headers name.
    Headed(Vec<(Path, Vec<Measured>)>),
}

/// A column of a batch.
#[derive(Clone, Debug)]
struct Measured {
    at: usize,
    name: Arc<str>,
    data_type: DataType,
}

impl Layout {
    /// The layout of a result. `part` is the device of all its rows, where it was asked for one; `given` what the option `as`
    /// says.
    ///
    /// # Errors
    /// A column belongs to no device, or two would be the same measurement.
    pub(super) fn new(
        has_time: bool,
        columns: &[ResultColumn],
        query: &Query,
        part: Option<&Path>,
        given: Option<&Path>,
    ) -> Result<Self> {
        let first = usize::from(has_time);
        let mut measured = columns.iter().enumerate().map(|(at, column)| (at + first, column));
        if query.by_device() {
            let at = measured.find(|(_, column)| column.name == DEVICE).map(|(at, _)| at);
            let at =
                at.ok_or_else(|| Error::data("the result of `align by device` has no column `Device`"))?;
            let columns = measured.map(|(at, column)| Measured {
                at,
                name: measurement(&column.name).into(),
                data_type: column.data_type,
            });
            return Ok(Self {
                has_time,
                whose: Whose::Said { at, all: part.cloned(), columns: columns.collect() },
            });
        }
        let alone = part.cloned().or_else(|| query.only_device());
        let mut devices: Vec<(Path, Vec<Measured>)> = Vec::new();
        for (at, column) in measured {
            let (device, name) = home(&column.name, given, alone.as_ref())?;
            let known = devices.iter().position(|(known, _)| *known == device).unwrap_or_else(|| {
                devices.push((device.clone(), Vec::new()));
                devices.len() - 1
            });
            let Some((_, taken)) = devices.get_mut(known) else { continue };
            if taken.iter().any(|each| *each.name == *name) {
                let message = format!(
                    "two columns are the measurement `{name}` of {device}: name one of them with `as` in the statement"
                );
                return Err(Error::config(message));
            }
            taken.push(Measured { at, name: name.into(), data_type: column.data_type });
        }
        Ok(Self { has_time, whose: Whose::Headed(devices) })
    }

    /// Whether rows have a time of their own.
    pub(super) fn has_time(&self) -> bool {
        self.has_time
    }

    /// The times of a batch's rows; `moment` for all where they have none.
    ///
    /// # Errors
    /// The batch's first column is no time.
    pub(super) fn times(&self, batch: &RecordBatch, moment: i64) -> Result<Int64Array> {
        if !self.has_time {
            return Ok(Int64Array::from_value(moment, batch.num_rows()));
        }
        let times = batch.columns().first().and_then(|first| first.as_primitive_opt::<Int64Type>());
        times.cloned().ok_or_else(|| Error::data("the first column of a result with times is none"))
    }

    /// The tablets of a batch. Columns are shared with it; rows of a device in which it has no value are left out.
    ///
    /// # Errors
    /// A column's array is not of the column's type.
    pub(super) fn tablets(&self, batch: &RecordBatch, times: &Int64Array) -> Result<Vec<Tablet>> {
        let mut tablets = Vec::new();
        match &self.whose {
            Whose::Headed(devices) => {
                for (device, columns) in devices {
                    tablets.extend(tablet(batch, times, device.clone(), columns)?);
                }
            }
            Whose::Said { all: Some(device), columns, .. } => {
                tablets.extend(tablet(batch, times, device.clone(), columns)?);
            }
            Whose::Said { at, all: None, columns } => {
                let names = batch.columns().get(*at).and_then(|names| names.as_string_opt::<i32>());
                let names = names.ok_or_else(|| Error::data("the column `Device` is no text"))?;
                let mut from = 0;
                while from < batch.num_rows() {
                    let rows = run(names, from);
                    let device = Path::parse(names.value(from));
                    let device =
                        device.map_err(|error| Error::data(format!("a device of the result: {error}")))?;
                    let (batch, times) = (batch.slice(from, rows), times.slice(from, rows));
                    tablets.extend(tablet(&batch, &times, device, columns)?);
                    from += rows;
                }
            }
        }
        Ok(tablets)
    }
}

/// How many rows from `from` on have the same name.
fn run(names: &StringArray, from: usize) -> usize {
    let name = names.value(from);
    (from + 1..names.len()).find(|&row| names.value(row) != name).unwrap_or(names.len()) - from
}

/// The device and the measurement of a column.
fn home(header: &str, given: Option<&Path>, alone: Option<&Path>) -> Result<(Path, String)> {
    match (device_of(header), given) {
        (Some((_, name)), Some(given)) => Ok((given.clone(), name)),
        (Some(own), None) => Ok(own),
        (None, given) => {
            let device = given.or(alone).ok_or_else(|| {
                let message =
                    format!("column `{header}` belongs to no one device: give the source `as: root.…`");
                Error::config(message)
            })?;
            Ok((device.clone(), measurement(header)))
        }
    }
}

fn tablet(
    batch: &RecordBatch,
    times: &Int64Array,
    device: Path,
    columns: &[Measured],
) -> Result<Option<Tablet>> {
    let columns = columns.iter().filter_map(|each| {
        let values = batch.columns().get(each.at)?;
        // A column without a value would only make rows wider.
        (values.null_count() < values.len()).then(|| Column {
            name: Arc::clone(&each.name),
            data_type: each.data_type,
            values: Arc::clone(values),
        })
    });
    let columns: Vec<_> = columns.collect();
    if columns.is_empty() {
        return Ok(None);
    }
    let keep = with_values(&columns);
    let of = device.clone();
    let tablet = Tablet::try_new(device, false, times.clone(), columns)
        .map_err(|error| Error::data(format!("rows of {of}: {error}")))?;
    match keep {
        None => Ok(Some(tablet)),
        Some(keep) => Ok(Some(tablet.filter(&keep).map_err(|error| Error::bug(error.to_string()))?)),
    }
}

/// The columns of a tablet that `keep` names, and the rows that have a value in them; `None` where there are none.
///
/// # Errors
/// Memory cannot be allocated.
pub(super) fn chosen(tablet: Tablet, keep: impl Fn(&str) -> bool) -> Result<Option<Tablet>> {
    if tablet.columns().iter().all(|column| keep(&column.name)) {
        return Ok(Some(tablet));
    }
    let columns: Vec<_> = tablet.columns().iter().filter(|column| keep(&column.name)).cloned().collect();
    if columns.is_empty() {
        return Ok(None);
    }
    let rows = with_values(&columns);
    let tablet = tablet.with_columns(columns).map_err(|error| Error::bug(error.to_string()))?;
    match rows {
        None => Ok(Some(tablet)),
        Some(rows) if rows.true_count() == 0 => Ok(None),
        Some(rows) => Ok(Some(tablet.filter(&rows).map_err(|error| Error::bug(error.to_string()))?)),
    }
}

/// Which rows have a value; `None` for all.
fn with_values(columns: &[Column]) -> Option<BooleanArray> {
    let mut any = None;
    for column in columns {
        let valid = column.values.nulls()?.inner();
        any = Some(match any {
            None => valid.clone(),
            Some(before) => &before | valid,
        });
    }
    let any = any?;
    (any.count_set_bits() < any.len()).then(|| BooleanArray::new(any, None))
}

#[cfg(test)]
mod tests {
    use arrow_array::{ArrayRef, Float64Array};

    use super::*;

    fn columns(headers: &[&str]) -> Vec<ResultColumn> {
        let text = |name: &str| if name == DEVICE { DataType::Text } else { DataType::Double };
        headers.iter().map(|&name| ResultColumn { name: name.to_owned(), data_type: text(name) }).collect()
    }

    fn layout(statement: &str, headers: &[&str], given: Option<&str>) -> Result<Layout> {
        let given = given.map(|path| Path::parse(path).expect("legal"));
        let query = Query::parse(statement, 0).expect(statement);
        Layout::new(true, &columns(headers), &query, None, given.as_ref())
    }

    fn tablets(layout: &Layout, arrays: Vec<ArrayRef>) -> Vec<String> {
        let times: ArrayRef = Arc::new(Int64Array::from_iter_values(0..arrays[0].len() as i64));
        let arrays = std::iter::once(times).chain(arrays).enumerate();
        let batch =
            RecordBatch::try_from_iter(arrays.map(|(at, array)| (at.to_string(), array))).expect("a batch");
        let times = layout.times(&batch, 0).expect("times");
        let tablets = layout.tablets(&batch, &times).expect("tablets");
        let name = |tablet: &Tablet| {
            let names: Vec<_> = tablet.columns().iter().map(|column| &*column.name).collect();
            format!("{} {:?} {}", tablet.device(), tablet.times().values().to_vec(), names.join(","))
        };
        tablets.iter().map(name).collect()
    }

    fn doubles(values: [Option<f64>; 4]) -> ArrayRef {
        Arc::new(Float64Array::from(values.to_vec()))
    }

    #[test]
    fn columns_become_rows_of_their_devices_and_rows_without_values_are_left_out() {
        let layout =
            layout("select s1, s2 from root.a.*", &["root.a.d1.s1", "root.a.d2.s1", "root.a.d1.s2"], None);
        let arrays = vec![
            doubles([Some(1.0), None, None, Some(4.0)]),
            doubles([Some(1.0), Some(2.0), Some(3.0), Some(4.0)]),
            doubles([None, None, Some(3.0), Some(4.0)]),
        ];
        let made = tablets(&layout.expect("fits"), arrays);
        assert_eq!(made, ["root.a.d1 [0, 2, 3] s1,s2", "root.a.d2 [0, 1, 2, 3] s1"]);
    }

    #[test]
    fn rows_that_say_their_device_are_cut_where_it_changes() {
        let layout = layout("select s1 + 1 from root.a.* align by device", &["Device", "s1 + 1"], None);
        let names: ArrayRef =
            Arc::new(StringArray::from(vec!["root.a.d1", "root.a.d1", "root.a.d2", "root.a.d3"]));
        let made =
            tablets(&layout.expect("fits"), vec![names, doubles([Some(1.0), Some(2.0), None, Some(4.0)])]);
        assert_eq!(made, ["root.a.d1 [0, 1] `s1 + 1`", "root.a.d3 [3] `s1 + 1`"]);
    }

    #[test]
    fn a_column_without_a_device_has_that_of_from_or_the_given_one() {
        let one = layout("select avg(s1) as mean from root.a.d1", &["mean"], None).expect("fits");
        assert_eq!(tablets(&one, vec![doubles([Some(1.0); 4])]), ["root.a.d1 [0, 1, 2, 3] mean"]);
        let given = layout("select s1 from root.a.*", &["root.a.d1.s1"], Some("root.report")).expect("fits");
        assert_eq!(tablets(&given, vec![doubles([Some(1.0); 4])]), ["root.report [0, 1, 2, 3] s1"]);
        let none = layout("select s1 from root.a.*", &["root.a.d1.s1 + root.a.d2.s1"], None);
        assert!(none.expect_err("no device").to_string().contains("belongs to no one device"));
        let two = layout("select s1 from root.a.*", &["root.a.d1.s1", "root.a.d2.s1"], Some("root.report"));
        assert!(two.expect_err("the same").to_string().contains("two columns are the measurement `s1`"));
    }
}
