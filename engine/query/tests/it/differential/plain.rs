//! Random rows and random queries of them, answered by the plainest evaluation there is: all rows in a table, one loop for each
//! clause. What answers are compared with, of the query layer alone and of the whole engine.

mod chance;
mod naive;
mod question;
mod table;
mod written;

use std::ops::Range;

pub(crate) use self::{
    chance::Chance,
    naive::answer,
    question::{About, Into, Question},
    table::Table,
    written::{Points, Written, plainly},
};

/// Queries of one store.
pub(crate) const EACH: usize = 200;

/// The seeds of as many stores as so many queries take. Each makes a store's rows and its queries. `DIFFERENTIAL_SEED=7` in the
/// environment runs that one alone, `DIFFERENTIAL_QUERIES=1000000` runs more, `DIFFERENTIAL_FIRST=5000` begins with another seed.
pub(crate) fn stores(queries: u64) -> Range<u64> {
    let setting = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
    match setting("DIFFERENTIAL_SEED") {
        Some(seed) => seed..seed + 1,
        None => {
            let first: u64 = setting("DIFFERENTIAL_FIRST").unwrap_or(0);
            let stores = setting("DIFFERENTIAL_QUERIES").unwrap_or(queries).div_ceil(EACH as u64);
            first..first.saturating_add(stores)
        }
    }
}

/// Rows as text, for a person.
pub(crate) fn shown(rows: &[Vec<Option<String>>]) -> String {
    let line = |row: &Vec<Option<String>>| {
        row.iter().map(|cell| cell.as_deref().unwrap_or("-")).collect::<Vec<_>>().join(" ")
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Whether two cells say the same; numbers are compared by value.
pub(crate) fn same_cell(a: &Option<String>, b: &Option<String>) -> bool {
    let number = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<f64>().ok());
    match (number(a), number(b)) {
        (Some(a), Some(b)) => {
            a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-12 * a.abs().max(b.abs())
        }
        _ => a == b,
    }
}

/// Whether rows are the same, cell by cell.
pub(crate) fn same_rows(ours: &[Vec<Option<String>>], theirs: &[Vec<Option<String>>]) -> bool {
    let same =
        |(a, b): (&Vec<_>, &Vec<_>)| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_cell(a, b));
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(same)
}

/// Whether points are the same.
pub(crate) fn same_points(ours: &Points, expected: &Points) -> bool {
    let same = |((a, x), (b, y)): ((&i64, &String), (&i64, &String))| {
        a == b && same_cell(&Some(x.clone()), &Some(y.clone()))
    };
    ours.len() == expected.len() && ours.iter().zip(expected).all(same)
}
