//! Events as text, as the decoder `line` reads them: `device,time,m1:m2,TYPE1:TYPE2,v1:v2`.
//!
//! The form has no way to write its own separators: a row that has one in its device, in a name or in a text is rejected.

use std::io::Write as _;

use levada_connector_api::{
    Rejection,
    model::{Column, DataType, Tablet, unquote_node},
};

use super::cells::{Cell, Cells};
use crate::rejected::reject;

/// A column of one type, and why it cannot be written.
struct Part<'a> {
    name: String,
    data_type: DataType,
    cells: Cells<'a>,
    wrong: Option<String>,
}

pub(super) fn put_rows(
    readings: usize,
    tablet: &Tablet,
    out: &mut Vec<u8>,
    ends: &mut Vec<usize>,
    rejected: &mut Vec<Rejection>,
) {
    let device = tablet.device().as_str();
    let bad_device = device.contains([',', '\n', '\r']) || device.trim() != device;
    let apart: Vec<Column> = tablet.columns().iter().flat_map(Column::apart).collect();
    let parts: Vec<_> = apart.iter().map(part).collect();
    let [mut names, mut types, mut values] = [(); 3].map(|()| Vec::new());
    for (row, &at) in tablet.times().values().iter().enumerate() {
        names.clear();
        types.clear();
        values.clear();
        let mut wrong = bad_device.then(|| format!("an event line cannot say the device `{device}`"));
        for part in &parts {
            let cell = part.cells.at(row);
            if matches!(cell, Cell::Null) {
                continue;
            }
            if !names.is_empty() {
                [&mut names, &mut types, &mut values].into_iter().for_each(|list| list.push(b':'));
            }
            names.extend_from_slice(part.name.as_bytes());
            types.extend_from_slice(part.data_type.to_string().as_bytes());
            match cell {
                Cell::Text(text) if text.contains([':', '\n', '\r']) => {
                    wrong.get_or_insert_with(|| {
                        format!(
                            "an event line cannot say a text with `:` or a line break, as `{}` has",
                            part.name
                        )
                    });
                }
                Cell::Text(text) => {
                    values.push(b'\'');
                    values.extend_from_slice(text.as_bytes());
                    values.push(b'\'');
                }
                cell => cell.put_plain(&mut values),
            }
            if wrong.is_none() {
                wrong.clone_from(&part.wrong);
            }
        }
        if let Some(wrong) = wrong {
            reject(rejected, readings, row, wrong);
        } else if !names.is_empty() {
            out.extend_from_slice(device.as_bytes());
            write!(out, ",{at},").expect("a vector takes everything");
            out.extend_from_slice(&names);
            out.push(b',');
            out.extend_from_slice(&types);
            out.push(b',');
            out.extend_from_slice(&values);
            out.push(b'\n');
        }
        ends.push(out.len());
    }
}

fn part(column: &Column) -> Part<'_> {
    let name = unquote_node(&column.name).into_owned();
    let bad = name.contains([',', ':', '\n', '\r']) || name.trim() != name;
    let wrong = bad.then(|| format!("an event line cannot say the measurement `{name}`"));
    Part { name, data_type: column.data_type, cells: Cells::of(column), wrong }
}
