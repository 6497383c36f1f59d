//! CSV by RFC 4180, with `\n` as line end.

use std::borrow::Cow;

use levada_connector_api::{
    csv,
    model::{Column, Tablet, convert::Inferred, unquote_node},
};

use super::{
    TimeFormat, WideColumn,
    cells::{Cell, Cells},
    put_time,
};

pub(super) fn put_wide_header(columns: &[WideColumn], out: &mut Vec<u8>) {
    out.extend_from_slice(b"time,device");
    // Without backquotes it would be the head of the long form.
    let like_long = matches!(columns, [one, other] if one.is_plain("measurement") && other.is_plain("value"));
    for WideColumn { name, data_type } in columns {
        let name =
            if like_long || is_taken(name) { Cow::Owned(backquoted(name)) } else { Cow::Borrowed(&**name) };
        out.push(b',');
        match data_type {
            Some(data_type) => put_field(&format!("{name}({data_type})"), out),
            None => put_field(&name, out),
        }
    }
    out.push(b'\n');
}

/// Whether a name in a head would be read as something else: a role, a name and its type, one that stands between backquotes, or one
/// without the blanks around it.
fn is_taken(name: &str) -> bool {
    ["time", "timestamp", "device"].iter().any(|role| name.eq_ignore_ascii_case(role))
        || name.ends_with(')') && name.contains('(')
        || name.starts_with('`')
        || name.trim() != name
}

fn backquoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A line for each value that is not null.
pub(super) fn put_long(tablet: &Tablet, time: TimeFormat, out: &mut Vec<u8>, ends: &mut Vec<usize>) {
    let device = field(tablet.device().as_str());
    let columns: Vec<_> = tablet
        .columns()
        .iter()
        .map(|column| {
            let mut name = unquote_node(&column.name);
            if name.starts_with('`') {
                name = Cow::Owned(backquoted(&name));
            }
            ([&device[..], b",", &field(&name), b","].concat(), Cells::of(column))
        })
        .collect();
    for (row, &at) in tablet.times().values().iter().enumerate() {
        for (names, cells) in &columns {
            let cell = cells.at(row);
            if !matches!(cell, Cell::Null) {
                put_time(at, time, out);
                out.push(b',');
                out.extend_from_slice(names);
                put_value(cell, out);
                out.push(b'\n');
            }
        }
        ends.push(out.len());
    }
}

/// A line for each row; measurements that are no column are left out.
pub(super) fn put_wide(
    tablet: &Tablet,
    time: TimeFormat,
    columns: &[WideColumn],
    out: &mut Vec<u8>,
    ends: &mut Vec<usize>,
) {
    let device = [b",", &field(tablet.device().as_str())[..]].concat();
    let typed = columns.iter().any(|wanted| wanted.data_type.is_some());
    let apart: Vec<Column> =
        if typed { tablet.columns().iter().flat_map(Column::apart).collect() } else { Vec::new() };
    let all = if typed { &apart[..] } else { tablet.columns() };
    let cells: Vec<_> =
        columns.iter().map(|wanted| all.iter().find(|column| wanted.holds(column)).map(Cells::of)).collect();
    for (row, &at) in tablet.times().values().iter().enumerate() {
        put_time(at, time, out);
        out.extend_from_slice(&device);
        for cells in &cells {
            out.push(b',');
            if let Some(cells) = cells {
                put_value(cells.at(row), out);
            }
        }
        out.push(b'\n');
        ends.push(out.len());
    }
}

impl WideColumn {
    fn is_plain(&self, name: &str) -> bool {
        self.name == name && self.data_type.is_none()
    }

    fn holds(&self, column: &Column) -> bool {
        unquote_node(&column.name) == self.name
            && self.data_type.is_none_or(|data_type| data_type == column.data_type)
    }
}

fn put_value(cell: Cell<'_>, out: &mut Vec<u8>) {
    match cell {
        // Without quotes it would be read as something else than text.
        Cell::Text(text) => csv::put_field(text, b',', Inferred::of(text) != Inferred::Text, out),
        cell => cell.put_plain(out),
    }
}

fn field(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    put_field(text, &mut out);
    out
}

fn put_field(text: &str, out: &mut Vec<u8>) {
    csv::put_field(text, b',', false, out);
}
