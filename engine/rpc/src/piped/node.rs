//! Plan nodes: rows, deletions, series.
//!
//! ```text
//!   kind: i16, what is of the kind, identity: text, children: i32 (none)
//! ```
//! The log of a sender has those of rows, too, without identity and otherwise laid out: see [`Place`].

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, types::Int64Type};
use arrow_buffer::NullBuffer;
use levada_model::{Column, DataType, Path, PathPattern, Series, SeriesSchema, Tablet, Value};

use super::{
    Alteration, Change, NewSeries,
    tablet::{measurement, of_parts, valid},
    take::{Take, pattern, with_codes},
};
use crate::{
    columns::{get_all, get_values, take, value, values_of, with_nulls},
    thrift::WireError,
};

/// Where a node comes from, which says how it is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A request: measurements may have no schema, types stand behind them, and rows say whether types are to be inferred.
    Request,
    /// The log: measurements always have a schema, which has the type.
    Log,
}

/// An entry of a sender's log that has rows.
///
/// ```text
///   kind of the entry: u8, memtable: i64, kind of the node: i16, place in the log: i64, what is of the kind
/// ```
pub(super) fn logged(from: &mut Take) -> Result<Change, WireError> {
    from.u8()?;
    from.i64()?;
    let kind = from.i16()?;
    from.i64()?;
    let rows = match kind {
        13 => insert_tablet(from, Place::Log)?.into_iter().collect(),
        14 => insert_row(from, Place::Log)?.into_iter().collect(),
        15 => insert_rows(from, Place::Log)?,
        kind => return Err(WireError::Code { what: "node in a log", code: kind.into() }),
    };
    match from.0.len() {
        0 => Ok(Change::Rows(rows)),
        left => Err(WireError::Mismatch(format!("{left} bytes are left behind an entry of a log"))),
    }
}

/// A node up to its identity.
pub(super) fn node(from: &mut Take) -> Result<Change, WireError> {
    Ok(match from.i16()? {
        13 => Change::Rows(insert_tablet(from, Place::Request)?.into_iter().collect()),
        14 => Change::Rows(insert_row(from, Place::Request)?.into_iter().collect()),
        15 => Change::Rows(insert_rows(from, Place::Request)?),
        19 => create_series(from)?,
        21 => alter_series(from)?,
        22 => create_aligned(from)?,
        44 => delete(from)?,
        // Series as the rows need them that are sent, too.
        52 => Change::Implied,
        kind => Change::Unknown(kind),
    })
}

/// What stands behind each node of a list.
pub(super) fn end(from: &mut Take) -> Result<(), WireError> {
    from.text()?;
    match from.i32()? {
        0 => Ok(()),
        children => Err(WireError::Mismatch(format!("a node of {children} children"))),
    }
}

/// A measurement: its name, in canonical form, and its type where that stands with it.
type Measured = (Arc<str>, Option<DataType>);

fn measurements(from: &mut Take, count: usize, place: Place) -> Result<Vec<Measured>, WireError> {
    let has_schemas = place == Place::Log || from.is()?;
    let mut found = Vec::new();
    for _ in 0..count {
        let name = measurement(&from.text()?)?;
        let mut data_type = None;
        if has_schemas {
            data_type = Some(from.schema()?.data_type);
            from.map()?;
        }
        found.push((name, data_type));
    }
    Ok(found)
}

fn insert_rows(from: &mut Take, place: Place) -> Result<Vec<Tablet>, WireError> {
    let mut rows = Vec::new();
    let count = from.count_of(1)?;
    for _ in 0..count {
        rows.extend(insert_row(from, place)?);
    }
    if place == Place::Request {
        for _ in 0..count {
            from.i32()?;
        }
    }
    Ok(rows)
}

fn insert_tablet(from: &mut Take, place: Place) -> Result<Option<Tablet>, WireError> {
    let (device, count) = (from.path()?, from.count_of(1)?);
    let mut known = measurements(from, count, place)?;
    if place == Place::Request {
        for (_, data_type) in &mut known {
            *data_type = Some(from.data_type()?);
        }
    }
    let rows = from.count_of(8)?;
    let times = get_all::<Int64Type>(rows, None, &mut from.0)?;
    let mut nulls: Vec<Option<NullBuffer>> = vec![None; count];
    if from.is()? {
        for each in &mut nulls {
            if from.is()? {
                *each = Some(valid(&take(&mut from.0, rows / 8 + 1, "a bitmap")?, rows)?);
            }
        }
    }
    let mut columns = Vec::with_capacity(count);
    for ((name, data_type), nulls) in known.into_iter().zip(nulls) {
        let Some(data_type) = data_type else { continue };
        let values = get_values(data_type, rows, None, &mut from.0)?;
        let values = nulls.map_or_else(|| Arc::clone(&values), |nulls| with_nulls(&values, nulls));
        columns.push(Column { name, data_type, values });
    }
    let aligned = from.is()?;
    (rows > 0).then(|| of_parts(device, aligned, times, columns)).transpose()
}

fn insert_row(from: &mut Take, place: Place) -> Result<Option<Tablet>, WireError> {
    let (time, device, count) = (from.i64()?, from.path()?, from.count_of(1)?);
    let mut columns = Vec::with_capacity(count);
    for (name, _) in measurements(from, count, place)? {
        if let Some(value) = value(&mut from.0)? {
            columns.push(cell(name, value));
        }
    }
    if place == Place::Request {
        // Whether types are to be inferred: values say theirs.
        from.u8()?;
    }
    let aligned = from.is()?;
    let times = Int64Array::from(vec![time]);
    (!columns.is_empty()).then(|| of_parts(device, aligned, times, columns)).transpose()
}

fn cell(name: Arc<str>, value: Value) -> Column {
    let (data_type, values): (DataType, ArrayRef) = values_of(value);
    Column { name, data_type, values }
}

fn create_series(from: &mut Take) -> Result<Change, WireError> {
    let (path, schema) = (from.path()?, from.schema()?);
    let alias = if from.is()? { Some(from.text()?) } else { None };
    flagged_map(from)?;
    let (tags, attributes) = (flagged_map(from)?, flagged_map(from)?);
    let series = series(&path, false, schema)?;
    Ok(Change::Series(vec![NewSeries { series, alias, tags, attributes }]))
}

fn create_aligned(from: &mut Take) -> Result<Change, WireError> {
    let (device, count) = (from.path()?, from.count_of(7)?);
    let names = (0..count).map(|_| measurement(&from.text()?)).collect::<Result<Vec<_>, _>>()?;
    let types = (0..count).map(|_| from.data_type()).collect::<Result<Vec<_>, _>>()?;
    let encodings = take(&mut from.0, count, "encodings")?;
    let compressors = take(&mut from.0, count, "compressors")?;
    let aliases = list(from, count, Take::nullable_text)?;
    let (tags, attributes) = (list(from, count, Take::map)?, list(from, count, Take::map)?);
    let all = names.into_iter().zip(types).zip(encodings.iter().zip(&compressors));
    let all = all.zip(aliases).zip(tags.into_iter().zip(attributes));
    let new = all.map(|((((measurement, data_type), (encoding, compressor)), alias), (tags, attributes))| {
        let schema = with_codes(SeriesSchema::default_for(data_type), *encoding, *compressor);
        let series = Series { device: device.clone(), aligned: true, measurement, schema };
        NewSeries { series, alias, tags, attributes }
    });
    Ok(Change::Series(new.collect()))
}

/// Something for each series; as good as nothing where there is no list.
fn list<T: Default + Clone>(
    from: &mut Take,
    count: usize,
    each: impl Fn(&mut Take) -> Result<T, WireError>,
) -> Result<Vec<T>, WireError> {
    match from.u8()? {
        1 => (0..count).map(|_| each(from)).collect(),
        _ => Ok(vec![T::default(); count]),
    }
}

pub(super) fn series(path: &Path, aligned: bool, schema: SeriesSchema) -> Result<Series, WireError> {
    let parts = path.split_last();
    let (device, name) =
        parts.ok_or_else(|| WireError::Mismatch(format!("{path} is no path of a series")))?;
    Ok(Series { measurement: name.into(), device, aligned, schema })
}

/// Keys and values behind a byte that says whether there are some.
fn flagged_map(from: &mut Take) -> Result<Vec<(String, String)>, WireError> {
    match from.u8()? {
        1 => from.map(),
        _ => Ok(Vec::new()),
    }
}

fn alter_series(from: &mut Take) -> Result<Change, WireError> {
    let (path, kind) = (from.path()?, from.u8()?);
    let alias = if from.is()? { Some(from.text()?) } else { None };
    let mut given = flagged_map(from)?;
    let (tags, attributes) = (flagged_map(from)?, flagged_map(from)?);
    let alteration = match (kind, given.pop()) {
        (0, Some((old, new))) => Alteration::Rename(old, new),
        (1, last) => Alteration::Set(given.into_iter().chain(last).collect()),
        (2, last) => Alteration::Drop(given.into_iter().chain(last).map(|(key, _)| key).collect()),
        (3, last) => Alteration::AddTags(given.into_iter().chain(last).collect()),
        (4, last) => Alteration::AddAttributes(given.into_iter().chain(last).collect()),
        (5, _) => Alteration::Upsert { alias, tags, attributes },
        (kind, _) => return Err(WireError::Code { what: "alteration of a series", code: kind.into() }),
    };
    Ok(Change::Alter(path, alteration))
}

fn delete(from: &mut Take) -> Result<Change, WireError> {
    let count = from.count_of(8)?;
    let patterns = (0..count).map(|_| partial_path(from)).collect::<Result<Vec<_>, _>>()?;
    Ok(Change::Delete(patterns, from.i64()?, from.i64()?))
}

/// What stands behind a path in 2.0: seven zeros, where it is a pattern.
const BEHIND_PATH: usize = 7;

/// A path as an object: in 2.0 its kind, its text, its nodes; before, its kind as a byte and its nodes.
fn partial_path(from: &mut Take) -> Result<PathPattern, WireError> {
    let mut ahead = from.clone();
    if let (Ok(_), Ok(text)) = (ahead.i32(), ahead.text())
        && text.starts_with("root")
    {
        for _ in 0..ahead.count_of(4)? {
            ahead.text()?;
        }
        take(&mut ahead.0, BEHIND_PATH, "a path")?;
        *from = ahead;
        return pattern(&text);
    }
    from.u8()?;
    let count = from.count_of(4)?;
    let nodes = (0..count).map(|_| from.text()).collect::<Result<Vec<_>, _>>()?;
    pattern(&nodes.join("."))
}
