//! JSON, a row a line.

use levada_connector_api::model::{Column, DataType, Tablet, unquote_node};

use super::{
    TimeFormat,
    cells::{Cell, Cells},
    put_time,
};

/// Keys that are the row's own: measurements of these names stand apart, in `measurements`, where the `json` decoder takes every name
/// as it is.
pub(crate) const TAKEN: [&str; 6] = ["time", "timestamp", "device", "measurements", "types", "values"];

pub(super) fn put_rows(
    tablet: &Tablet,
    time: TimeFormat,
    typed: bool,
    out: &mut Vec<u8>,
    ends: &mut Vec<usize>,
) {
    let kinds: Vec<_> =
        if typed { tablet.columns().iter().filter_map(Kind::of).collect() } else { Vec::new() };
    let mut device =
        Vec::from(if time == TimeFormat::Rfc3339 { &b"\",\"device\":"[..] } else { b",\"device\":" });
    put_string(tablet.device().as_str(), &mut device);
    let is_apart = |column: &&Column| TAKEN.contains(&&*unquote_node(&column.name));
    let (apart, columns): (Vec<_>, Vec<_>) = tablet.columns().iter().partition(is_apart);
    let (apart, columns) = (members(apart), members(columns));
    for (row, &at) in tablet.times().values().iter().enumerate() {
        out.extend_from_slice(if time == TimeFormat::Rfc3339 { b"{\"time\":\"" } else { b"{\"time\":" });
        put_time(at, time, out);
        out.extend_from_slice(&device);
        put_members(&columns, row, out);
        if apart.iter().any(|(_, cells)| !matches!(cells.at(row), Cell::Null)) {
            out.extend_from_slice(b",\"measurements\":{");
            let from = out.len();
            put_members(&apart, row, out);
            // The first has no comma before it.
            out.remove(from);
            out.push(b'}');
        }
        put_kinds(&kinds, row, out);
        out.extend_from_slice(b"}\n");
        ends.push(out.len());
    }
}

/// The type of a measurement, where its values alone do not tell it.
struct Kind<'a> {
    /// `,"count":"INT32"`
    text: Vec<u8>,
    cells: Cells<'a>,
    /// Only texts that read like numbers need it.
    of_some: bool,
}

impl<'a> Kind<'a> {
    /// That of a column; `None` where whoever reads its values sees it, or where values are as they were written.
    fn of(column: &'a Column) -> Option<Self> {
        if matches!(column.data_type, DataType::Boolean | DataType::Double) || column.is_written() {
            return None;
        }
        let mut text = key(&column.name);
        put_string(&column.data_type.to_string(), &mut text);
        Some(Self { text, cells: Cells::of(column), of_some: column.data_type == DataType::Text })
    }

    fn is_told(&self, row: usize) -> bool {
        match self.cells.at(row) {
            Cell::Null => false,
            Cell::Text(text) if self.of_some => {
                matches!(text, "NaN" | "Infinity" | "+Infinity" | "-Infinity")
            }
            _ => !self.of_some,
        }
    }
}

/// `,"types":{"count":"INT32"}`
fn put_kinds(kinds: &[Kind<'_>], row: usize, out: &mut Vec<u8>) {
    let mut told = kinds.iter().filter(|kind| kind.is_told(row)).peekable();
    if told.peek().is_none() {
        return;
    }
    out.extend_from_slice(b",\"types\":{");
    let from = out.len();
    told.for_each(|kind| out.extend_from_slice(&kind.text));
    // The first has no comma before it.
    out.remove(from);
    out.push(b'}');
}

/// A member of the object: its key and its values.
type Member<'a> = (Vec<u8>, Cells<'a>);

fn members(columns: Vec<&Column>) -> Vec<Member<'_>> {
    columns.into_iter().map(|column| (key(&column.name), Cells::of(column))).collect()
}

fn put_members(columns: &[Member<'_>], row: usize, out: &mut Vec<u8>) {
    for (key, cells) in columns {
        let cell = cells.at(row);
        if !matches!(cell, Cell::Null) {
            out.extend_from_slice(key);
            put_value(cell, out);
        }
    }
}

/// `,"temperature":`
fn key(measurement: &str) -> Vec<u8> {
    let mut key = vec![b','];
    put_string(&unquote_node(measurement), &mut key);
    key.push(b':');
    key
}

fn put_value(cell: Cell<'_>, out: &mut Vec<u8>) {
    let is_number = match cell {
        Cell::Float(value) => value.is_finite(),
        Cell::Double(value) => value.is_finite(),
        Cell::Text(text) => return put_string(text, out),
        Cell::Boolean(value, _) => return out.extend_from_slice(if value { b"true" } else { b"false" }),
        Cell::Number(text) => return put_number(text, out),
        Cell::Date(_) | Cell::Blob(_) => false,
        _ => true,
    };
    if is_number {
        return cell.put_plain(out);
    }
    out.push(b'"');
    cell.put_plain(out);
    out.push(b'"');
}

fn put_string(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a vector takes everything");
}

/// A number as it was written, in the form that JSON has for it.
fn put_number(text: &str, out: &mut Vec<u8>) {
    if !text.bytes().any(|byte| byte.is_ascii_digit()) {
        // JSON has no form for what is none.
        return put_string(text.trim_start_matches('+'), out);
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
