//! CSV by RFC 4180, with `\n` as line end.

use levada_connector_api::{
    csv,
    model::{Column, Tablet, unquote_node},
};

use super::{
    TimeFormat, WideColumn,
    cells::{Cell, Cells},
    put_time,
};

pub(super) fn put_wide_header(columns: &[WideColumn], out: &mut Vec<u8>) {
    out.extend_from_slice(b"time,device");
    for WideColumn { name, data_type } in columns {
        out.push(b',');
        match data_type {
            // Blanks around a name are part of it between quotes alone.
            Some(data_type) => {
                csv::put_field(&format!("{name}({data_type})"), b',', name.trim() != name, out)
            }
            None => put_field(name, out),
        }
    }
    out.push(b'\n');
}

/// A line for each value that is not null.
pub(super) fn put_long(tablet: &Tablet, time: TimeFormat, out: &mut Vec<u8>) {
    let device = field(tablet.device().as_str());
    let columns: Vec<_> = tablet
        .columns()
        .iter()
        .map(|column| {
            ([&device[..], b",", &field(&unquote_node(&column.name)), b","].concat(), Cells::of(column))
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
    }
}

/// A line for each row; measurements that are no column are left out.
pub(super) fn put_wide(tablet: &Tablet, time: TimeFormat, columns: &[WideColumn], out: &mut Vec<u8>) {
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
    }
}

impl WideColumn {
    fn holds(&self, column: &Column) -> bool {
        unquote_node(&column.name) == self.name
            && self.data_type.is_none_or(|data_type| data_type == column.data_type)
    }
}

fn put_value(cell: Cell<'_>, out: &mut Vec<u8>) {
    match cell {
        Cell::Text(text) => put_field(text, out),
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
