//! Rows that come as JSON.

use arrow_array::Int64Array;
use bytes::Bytes;
use levada_engine::EmbeddedSession;
use levada_model::{Column, DataType, SessionError, Tablet, Value, parse_date};
use levada_rpc::columns::record;
use serde_json::Value as Json;

use super::{Answered, member, read, text, told};
use crate::{
    insert::{self, Record, array, device, gather, measurement},
    status::malformed,
};

/// Stores rows of one device, column after column.
pub(super) async fn tablet(session: &EmbeddedSession, body: &Bytes, newer: bool) -> Answered {
    let body = read(body)?;
    let (types, aligned, path) =
        if newer { ("data_types", "is_aligned", "device") } else { ("dataTypes", "isAligned", "deviceId") };
    let times = times(&body)?;
    let names = texts(member(&body, "measurements")?, "measurements")?;
    let types = data_types(member(&body, types)?)?;
    let values = list(member(&body, "values")?, "values")?;
    if types.len() != names.len() || values.len() != names.len() {
        let message =
            format!("{} measurements, {} types, {} columns", names.len(), types.len(), values.len());
        return Err(malformed(message));
    }
    let columns = names.iter().zip(types).zip(values).map(|((name, data_type), cells)| {
        let cells = list(cells, "values")?.iter().map(|cell| value(data_type, cell));
        let cells = cells.collect::<Result<Vec<_>, _>>()?;
        Ok(Column { name: measurement(name)?, data_type, values: array(data_type, cells) })
    });
    let columns = columns.collect::<Result<Vec<_>, SessionError>>()?;
    let aligned = body.get(aligned).and_then(Json::as_bool).unwrap_or(false);
    let tablet = Tablet::try_new(device(text(&body, path)?)?, aligned, Int64Array::from(times), columns);
    let report = insert::write(session, vec![tablet.map_err(malformed)?]).await?;
    told(insert::status(report, 1, |_, _| &[0], true))
}

/// Stores rows of several devices.
pub(super) async fn records(session: &EmbeddedSession, body: &Bytes) -> Answered {
    let body = read(body)?;
    let times = times(&body)?;
    let devices = texts(member(&body, "devices")?, "devices")?;
    let lists = |name: &str| Ok::<_, SessionError>(list(member(&body, name)?, name)?.clone());
    let (names, types, values) =
        (lists("measurements_list")?, lists("data_types_list")?, lists("values_list")?);
    let count = devices.len();
    if [times.len(), names.len(), types.len(), values.len()].iter().any(|length| *length != count) {
        return Err(malformed(format!("{count} devices, and lists of other lengths")));
    }
    let names = names.iter().map(|names| texts(names, "measurements_list")).collect::<Result<Vec<_>, _>>()?;
    let mut records = Vec::with_capacity(count);
    for at in 0..count {
        let (types, cells) = (data_types(&types[at])?, list(&values[at], "values_list")?);
        if types.len() != names[at].len() || cells.len() != names[at].len() {
            return Err(malformed(format!("row {at} has as many values or types as it has no measurements")));
        }
        let cells = types.iter().zip(cells).map(|(data_type, cell)| value(*data_type, cell));
        let values = record::encode(&cells.collect::<Result<Vec<_>, _>>()?);
        records.push(Record { device: &devices[at], time: times[at], measurements: &names[at], values });
    }
    let gathered = gather(records, body.get("is_aligned").and_then(Json::as_bool).unwrap_or(false))?;
    let report = insert::write(session, gathered.tablets.clone()).await?;
    told(insert::status(report, count, |tablet, row| gathered.origin(tablet, row), false))
}

fn list<'a>(value: &'a Json, name: &str) -> Result<&'a Vec<Json>, SessionError> {
    value.as_array().ok_or_else(|| malformed(format!("`{name}` is no list")))
}

fn texts(value: &Json, name: &str) -> Result<Vec<String>, SessionError> {
    let texts = list(value, name)?.iter().map(|each| each.as_str().map(str::to_owned));
    texts.collect::<Option<_>>().ok_or_else(|| malformed(format!("`{name}` holds something else than texts")))
}

fn times(body: &Json) -> Result<Vec<i64>, SessionError> {
    let times = list(member(body, "timestamps")?, "timestamps")?.iter().map(Json::as_i64);
    times
        .collect::<Option<_>>()
        .ok_or_else(|| malformed("`timestamps` holds something else than whole numbers"))
}

fn data_types(value: &Json) -> Result<Vec<DataType>, SessionError> {
    texts(value, "data_types")?.iter().map(|name| name.parse().map_err(malformed)).collect()
}

/// A value of a type; one that would change by becoming that is rejected.
fn value(data_type: DataType, cell: &Json) -> Result<Option<Value>, SessionError> {
    if cell.is_null() {
        return Ok(None);
    }
    let found = match data_type {
        DataType::Boolean => cell.as_bool().map(Value::Boolean),
        DataType::Int32 => cell.as_i64().and_then(|value| i32::try_from(value).ok()).map(Value::Int32),
        DataType::Int64 => cell.as_i64().map(Value::Int64),
        DataType::Timestamp => cell.as_i64().map(Value::Timestamp),
        DataType::Float => {
            let float = cell.as_f64().map(|value| value as f32);
            float.filter(|value| value.is_finite()).map(Value::Float)
        }
        DataType::Double => cell.as_f64().map(Value::Double),
        DataType::Text => cell.as_str().map(|text| Value::Text(text.to_owned())),
        DataType::String => cell.as_str().map(|text| Value::String(text.to_owned())),
        DataType::Date => cell.as_str().and_then(|text| parse_date(text).ok()).map(Value::Date),
        DataType::Blob => None,
    };
    found.map(Some).ok_or_else(|| malformed(format!("{cell} is no value of the type {data_type}")))
}
