//! Queries whose rows are written: what is written where.

use std::collections::BTreeMap;

use super::{
    naive::{self, Found, Row},
    question::{Into, Item, Question},
    table::{DEVICES, Table},
};

/// The points of a series that is written, as text.
pub(crate) type Points = BTreeMap<i64, String>;
/// For each line of the report what it says of the source, which series is written, and what is written there.
pub(crate) type Written = Vec<(String, String, Points)>;

/// The clause of a query, and what is to be written; `None` where it makes no sense.
pub(crate) fn plainly(table: &Table, question: &Question, into: Into) -> (String, Option<Written>) {
    let found = naive::found(table, question);
    let raw = question.items.iter().all(|item| matches!(item, Item::Series(_) | Item::Star));
    let columns = found.headers.len() - usize::from(question.by_device).min(found.headers.len());
    let names = |range: std::ops::Range<usize>| -> String {
        range.map(|at| format!("n{at}")).collect::<Vec<_>>().join(", ")
    };
    let clause = match into {
        Into::Copy if raw => "root.out.::(::)".to_owned(),
        _ if columns == 0 => "root.out.d(n0)".to_owned(),
        Into::Apart if question.by_device => {
            let item = |device: &usize| format!("root.out.x{device}({})", names(0..columns));
            found.devices.iter().map(item).collect::<Vec<_>>().join(", ")
        }
        Into::Apart if columns > 1 => {
            format!("root.out.d({}), aligned root.out.e({})", names(0..1), names(1..columns))
        }
        _ if question.by_device => format!("root.out.${{2}}({})", names(0..columns)),
        _ => format!("root.out.d({})", names(0..columns)),
    };
    let written = lines(question, into, raw, &found);
    let mut targets: Vec<&str> = written.iter().map(|(_, target, _)| target.as_str()).collect();
    targets.sort_unstable();
    let twice = targets.windows(2).any(|pair| pair[0] == pair[1]);
    (format!(" into {clause}"), (!twice).then_some(written))
}

fn lines(question: &Question, into: Into, raw: bool, found: &Found) -> Written {
    let Found { headers, rows, devices } = found;
    let short = |path: &str| path.rsplit('.').next().expect("a path").to_owned();
    let time = |row: &Row| if question.is_timed() { row.0 } else { 0 };
    let points = |column: usize, of: Option<&str>| -> Points {
        let own = rows.iter().filter(|row| {
            of.is_none_or(|device| row.1[0].as_ref().is_some_and(|cell| cell.to_string() == device))
        });
        own.filter_map(|row| Some((time(row), row.1[column].as_ref()?.to_string()))).collect()
    };
    if !question.by_device {
        let line = |(at, header): (usize, &String)| {
            let target = match into {
                Into::Copy if raw => format!("root.out.{}", header.splitn(3, '.').nth(2).expect("a path")),
                Into::Apart if at > 0 => format!("root.out.e.n{at}"),
                _ => format!("root.out.d.n{at}"),
            };
            (header.clone(), target, points(at, None))
        };
        return headers.iter().enumerate().map(line).collect();
    }
    let mut all = Vec::new();
    for &device in devices {
        let path = DEVICES[device];
        for (at, header) in headers.iter().enumerate().skip(1) {
            let target = match into {
                Into::Copy if raw => format!("root.out.{}.{header}", short(path)),
                Into::Apart => format!("root.out.x{device}.n{}", at - 1),
                _ => format!("root.out.{}.n{}", short(path), at - 1),
            };
            all.push((format!("{path} {header}"), target, points(at, Some(path))));
        }
    }
    all
}
