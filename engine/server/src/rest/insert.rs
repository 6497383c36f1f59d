//! Rows that come as JSON.

use std::sync::Arc;

use arrow_array::{Array, Int64Array};
use bytes::Bytes;
use levada_engine::EmbeddedSession;
use levada_model::{
    Column, DataType, SessionError, Tablet, Value, WriteReport,
    convert::{Given, Reason},
};
use levada_rpc::columns::record;
use serde_json::Value as Json;

use super::{Answered, member, read, text, told};
use crate::{
    insert::{self, Gathered, Record, array, device, gather, measurement},
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
    let mut unread = Vec::new();
    let columns = names.iter().zip(types).zip(values).map(|((name, data_type), cells)| {
        let (name, mut wrong) = (measurement(name)?, None);
        let cells = list(cells, "values")?.iter().map(|cell| {
            value(data_type, cell).unwrap_or_else(|reason| {
                wrong.get_or_insert(reason);
                None
            })
        });
        let values = array(data_type, cells.collect());
        // A column of which nothing can be read makes no series.
        let is_wrong = wrong.is_some() && values.null_count() == values.len();
        unread.extend(wrong.map(|reason| (0, Arc::clone(&name), reason)));
        Ok((!is_wrong).then_some(Column { name, data_type, values }))
    });
    let columns: Vec<_> = columns.filter_map(Result::transpose).collect::<Result<_, SessionError>>()?;
    if columns.is_empty() && !unread.is_empty() {
        return told(insert::status_with(unread, WriteReport::default(), 1, |_, _| &[0], true));
    }
    let aligned = body.get(aligned).and_then(Json::as_bool).unwrap_or(false);
    let tablet = Tablet::try_new(device(text(&body, path)?)?, aligned, Int64Array::from(times), columns);
    let report = insert::write(session, vec![tablet.map_err(malformed)?]).await?;
    told(insert::status_with(unread, report, 1, |_, _| &[0], true))
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
    let (mut records, mut unread) = (Vec::with_capacity(count), Vec::new());
    for at in 0..count {
        let (types, cells) = (data_types(&types[at])?, list(&values[at], "values_list")?);
        if types.len() != names[at].len() || cells.len() != names[at].len() {
            return Err(malformed(format!("row {at} has as many values or types as it has no measurements")));
        }
        let mut read = Vec::with_capacity(cells.len());
        for ((data_type, cell), name) in types.iter().zip(cells).zip(&names[at]) {
            match value(*data_type, cell) {
                Ok(value) => read.push(value),
                Err(reason) => {
                    unread.push((at, measurement(name)?, reason));
                    read.push(None);
                }
            }
        }
        let values = record::encode(&read);
        records.push(Record { device: &devices[at], time: times[at], measurements: &names[at], values });
    }
    let aligned = body.get("is_aligned").and_then(Json::as_bool).unwrap_or(false);
    let Gathered { tablets, origins } = gather(records, aligned)?;
    let report = insert::write(session, tablets).await?;
    told(insert::status_with(unread, report, count, |tablet, row| origins.of(tablet, row), false))
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

/// A value of a type, as the peer reads it: numbers, truth values and texts in each other's place where they say the same. One that
/// would change by becoming that is rejected with the reason.
fn value(data_type: DataType, cell: &Json) -> Result<Option<Value>, String> {
    use DataType::{Blob, Boolean, Date, Double, Float, String, Text};
    let found = match (data_type, cell) {
        (_, Json::Null) => return Ok(None),
        (Blob, Json::String(text)) => Ok(Value::Blob(text.as_bytes().to_vec())),
        (Float | Double, Json::String(text)) => Given::Number(number_in(text)).value(data_type),
        (Boolean | Date | Text | String, Json::String(text)) => Given::Text(text).value(data_type),
        (Text | String, Json::Bool(value)) => {
            Given::Boolean(*value, if *value { "true" } else { "false" }).value(data_type)
        }
        (Boolean, Json::Bool(value)) => Ok(Value::Boolean(*value)),
        (Blob, _) => Err(Reason::Never),
        (_, Json::Number(number)) => Given::Number(&number.to_string()).value(data_type),
        _ => Err(Reason::Never),
    };
    found.map(Some).map_err(|reason| reason.of(cell, data_type))
}

/// A number without what Java reads behind it: `1.5f`, `2d`.
fn number_in(text: &str) -> &str {
    let digits = text.trim_end().strip_suffix(['f', 'F', 'd', 'D']);
    digits
        .filter(|digits| digits.ends_with(|last: char| last.is_ascii_digit() || last == '.'))
        .unwrap_or(text)
}
