//! Rows into the engine, and what the engine says of them as statuses.

mod gather;
mod single;
mod text;
mod write;

pub(crate) use gather::{Gathered, array, gather};
pub(crate) use single::{Names, single};
pub(crate) use text::text_row;
pub(crate) use write::write;

use std::{collections::HashSet, sync::Arc};

use bytes::Bytes;
use levada_model::{Column, DataType, Path, RejectedRows, SessionError, StatusCode, Tablet, WriteReport};
use levada_rpc::{columns::tablet::decode, messages::Status};

use crate::status::{malformed, of_rows, said};

/// One row of a device; `V` is how its values were sent.
#[derive(Clone, Debug)]
pub(crate) struct Record<'a, V> {
    pub(crate) device: &'a str,
    /// Milliseconds since 1970 UTC.
    pub(crate) time: i64,
    pub(crate) measurements: &'a [String],
    pub(crate) values: V,
}

/// The path of a device.
///
/// # Errors
/// It is none.
pub(crate) fn device(text: &str) -> Result<Path, SessionError> {
    Path::parse(text).map_err(|error| {
        SessionError::new(StatusCode::ILLEGAL_PATH, format!("{text} is not a legal path: {error}"))
    })
}

/// The name of a measurement, in canonical form.
///
/// # Errors
/// It is none.
pub(crate) fn measurement(text: &str) -> Result<Arc<str>, SessionError> {
    let name = device(text)?;
    if name.nodes().count() > 1 {
        let message = format!("{text} is not a legal name of a measurement: put it between backquotes");
        return Err(SessionError::new(StatusCode::ILLEGAL_PATH, message));
    }
    Ok(name.shared())
}

/// # Errors
/// A measurement is there twice.
fn each_once(names: &[&str]) -> Result<(), SessionError> {
    let mut seen = HashSet::with_capacity(names.len());
    match names.iter().find(|name| !seen.insert(**name)) {
        None => Ok(()),
        Some(name) => {
            let message = format!("Insertion contains duplicated measurement: {name}");
            Err(SessionError::new(StatusCode::SEMANTIC_ERROR, message))
        }
    }
}

/// A tablet as it was sent.
///
/// # Errors
/// Its parts do not fit together, or names are not legal.
pub(crate) fn tablet(
    path: &str,
    aligned: bool,
    measurements: &[String],
    types: &[i32],
    rows: i32,
    timestamps: Bytes,
    values: Bytes,
) -> Result<Tablet, SessionError> {
    let rows = usize::try_from(rows).map_err(|_| malformed(format!("a tablet of {rows} rows")))?;
    if types.len() != measurements.len() {
        return Err(malformed(format!("{} measurements of {} types", measurements.len(), types.len())));
    }
    let types = types.iter().map(|code| {
        let known = u8::try_from(*code).ok().and_then(DataType::from_code);
        known.ok_or_else(|| malformed(format!("{code} is no data type")))
    });
    let types = types.collect::<Result<Vec<_>, _>>()?;
    let (times, arrays) = decode(rows, &types, timestamps, values).map_err(malformed)?;
    let columns = measurements.iter().zip(types).zip(arrays);
    let columns =
        columns.map(|((name, data_type), values)| Ok(Column { name: measurement(name)?, data_type, values }));
    let columns = columns.collect::<Result<Vec<_>, SessionError>>()?;
    let names: Vec<_> = columns.iter().map(|column| &*column.name).collect();
    each_once(&names)?;
    Tablet::try_new(device(path)?, aligned, times, columns).map_err(malformed)
}

/// What happened to one part of a call.
#[derive(Clone, Debug, Default)]
struct Fate {
    /// Measurements that were not stored, and why.
    measurements: Vec<(Arc<str>, String)>,
    /// Why nothing of it was.
    whole: Option<(StatusCode, String)>,
}

impl Fate {
    fn status(self) -> Status {
        match self.whole {
            Some((code, message)) => said(code, message),
            None if self.measurements.is_empty() => said(StatusCode::SUCCESS, String::new()),
            None => {
                let (names, reasons): (Vec<_>, Vec<_>) =
                    self.measurements.iter().map(|(name, reason)| (&**name, reason.as_str())).unzip();
                let message = format!(
                    "Fail to insert measurements [{}] caused by [{}]",
                    names.join(", "),
                    reasons.join(", ")
                );
                said(StatusCode::METADATA_ERROR, message)
            }
        }
    }
}

/// The status of a call that wrote `count` parts: `origin` gives the parts that a row, or all rows, of a tablet belong to. A call
/// of a part that is `alone` has its status.
pub(crate) fn status<'a>(
    report: WriteReport,
    count: usize,
    origin: impl Fn(usize, Option<u32>) -> &'a [usize],
    alone: bool,
) -> Status {
    status_with(Vec::new(), report, count, origin, alone)
}

/// A value that was rejected before it was written: the part of the call, the measurement, and why.
pub(crate) type Unread = (usize, Arc<str>, String);

/// [`status`] of a call of which some values could not be read.
pub(crate) fn status_with<'a>(
    unread: Vec<Unread>,
    report: WriteReport,
    count: usize,
    origin: impl Fn(usize, Option<u32>) -> &'a [usize],
    alone: bool,
) -> Status {
    if report.rejected.is_empty() && unread.is_empty() {
        return said(StatusCode::SUCCESS, String::new());
    }
    let mut fates = vec![Fate::default(); count];
    for (part, name, reason) in unread {
        if let Some(fate) = fates.get_mut(part) {
            fate.measurements.push((name, reason));
        }
    }
    for RejectedRows { tablet, rows, measurement, code, message } in report.rejected {
        let parts: Vec<usize> = match rows {
            None => origin(tablet, None).to_vec(),
            Some(rows) => rows.into_iter().flat_map(|row| origin(tablet, Some(row))).copied().collect(),
        };
        for part in parts {
            let Some(fate) = fates.get_mut(part) else { continue };
            match &measurement {
                None => fate.whole = Some((code, message.clone())),
                Some(name) if fate.measurements.iter().any(|(known, _)| known == name) => {}
                Some(name) => fate.measurements.push((Arc::clone(name), message.clone())),
            }
        }
    }
    let mut parts: Vec<_> = fates.into_iter().map(Fate::status).collect();
    match parts.pop() {
        Some(only) if alone && parts.is_empty() => only,
        last => of_rows(parts.into_iter().chain(last).collect()),
    }
}
