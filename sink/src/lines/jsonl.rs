//! JSON, a row a line.

use levada_connector_api::model::{Tablet, unquote_node};

use super::{
    TimeFormat,
    cells::{Cell, Cells},
    put_time,
};

pub(super) fn put_rows(tablet: &Tablet, time: TimeFormat, out: &mut Vec<u8>) {
    let mut device =
        Vec::from(if time == TimeFormat::Rfc3339 { &b"\",\"device\":"[..] } else { b",\"device\":" });
    put_string(tablet.device().as_str(), &mut device);
    let columns: Vec<_> =
        tablet.columns().iter().map(|column| (key(&column.name), Cells::of(column))).collect();
    for (row, &at) in tablet.times().values().iter().enumerate() {
        out.extend_from_slice(if time == TimeFormat::Rfc3339 { b"{\"time\":\"" } else { b"{\"time\":" });
        put_time(at, time, out);
        out.extend_from_slice(&device);
        for (key, cells) in &columns {
            let cell = cells.at(row);
            if !matches!(cell, Cell::Null) {
                out.extend_from_slice(key);
                put_value(cell, out);
            }
        }
        out.extend_from_slice(b"}\n");
    }
}

/// `,"temperature":`
fn key(measurement: &str) -> Vec<u8> {
    let mut key = vec![b','];
    match &*unquote_node(measurement) {
        // Taken by the row itself.
        taken @ ("time" | "device") => put_string(&format!("`{taken}`"), &mut key),
        name => put_string(name, &mut key),
    }
    key.push(b':');
    key
}

fn put_value(cell: Cell<'_>, out: &mut Vec<u8>) {
    match cell {
        Cell::Float(value) if !value.is_finite() => out.extend_from_slice(b"null"),
        Cell::Double(value) if !value.is_finite() => out.extend_from_slice(b"null"),
        Cell::Text(text) => put_string(text, out),
        Cell::Boolean(value, _) => out.extend_from_slice(if value { b"true" } else { b"false" }),
        Cell::Number(text) => put_number(text, out),
        Cell::Date(_) | Cell::Blob(_) => {
            out.push(b'"');
            cell.put_plain(out);
            out.push(b'"');
        }
        _ => cell.put_plain(out),
    }
}

fn put_string(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a vector takes everything");
}

/// A number as it was written, in the form that JSON has for it.
fn put_number(text: &str, out: &mut Vec<u8>) {
    if !text.bytes().any(|byte| byte.is_ascii_digit()) {
        out.extend_from_slice(b"null");
        return;
    }
    let (sign, size) = match text.strip_prefix(['-', '+']) {
        Some(size) if text.starts_with('-') => ("-", size),
        Some(size) => ("", size),
        None => ("", text),
    };
    let end = size.find(['e', 'E']).unwrap_or(size.len());
    let (mantissa, exponent) = size.split_at(end);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    out.extend_from_slice(sign.as_bytes());
    let whole = whole.trim_start_matches('0');
    out.extend_from_slice(if whole.is_empty() { b"0" } else { whole.as_bytes() });
    if !fraction.is_empty() {
        out.push(b'.');
        out.extend_from_slice(fraction.as_bytes());
    }
    out.extend_from_slice(exponent.as_bytes());
}
