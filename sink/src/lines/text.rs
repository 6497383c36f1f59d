//! Lines for people.

use levada_connector_api::model::{Tablet, unquote_node};

use super::{
    TimeFormat,
    cells::{Cell, Cells, put},
    put_time,
};

/// `2024-05-01T08:00:00.000Z  root.plant.d1  temperature=21.3  status=true`
pub(super) fn put_rows(tablet: &Tablet, out: &mut Vec<u8>, ends: &mut Vec<usize>) {
    let device = format!("  {:<24}", tablet.device());
    let columns: Vec<_> = tablet
        .columns()
        .iter()
        .map(|column| (format!("  {}=", unquote_node(&column.name).escape_debug()), Cells::of(column)))
        .collect();
    for (row, &at) in tablet.times().values().iter().enumerate() {
        put_time(at, TimeFormat::Rfc3339, out);
        out.extend_from_slice(device.as_bytes());
        for (name, cells) in &columns {
            match cells.at(row) {
                Cell::Null => {}
                cell => {
                    out.extend_from_slice(name.as_bytes());
                    match cell {
                        // Text may hold what moves a terminal's cursor.
                        Cell::Text(text) => put(out, format_args!("{text:?}")),
                        cell => cell.put_plain(out),
                    }
                }
            }
        }
        out.push(b'\n');
        ends.push(out.len());
    }
}
