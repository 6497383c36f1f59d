//! Many `insert` statements as one write: what follows one another with the same series of a device becomes one tablet, and all
//! of them one record of the log.
//!
//! What is not stored as a whole is left to be run statement by statement, with all that the call has for the same device: so each
//! statement gets its own reason, and of two that write the same, the later stays the later. They are run as they were parsed: a row
//! that names no time keeps the one that it got, and what is stored of it already is replaced.

use std::collections::{HashMap, HashSet};

use jiff::tz::TimeZone;
use levada_model::{Path, Tablet, Write};
use levada_query::names_with_views;
use levada_sql::ast::Insert;

use super::{Made, insert_write, made};
use crate::{engine::Shared, gate::Creation};

/// Inserts that have become one, and of each its place and how many of the rows are its.
struct Joined {
    insert: Insert,
    places: Vec<(usize, usize)>,
}

impl Joined {
    /// The inserts that it was made of, by their places.
    fn apart(self) -> impl Iterator<Item = (usize, Insert)> {
        let Insert { device, aligned, measurements, rows } = self.insert;
        let mut rows = rows.into_iter();
        self.places.into_iter().map(move |(place, count)| {
            let (device, measurements) = (device.clone(), measurements.clone());
            let rows = rows.by_ref().take(count).collect();
            (place, Insert { device, aligned, measurements, rows })
        })
    }
}

/// Stores what `inserts` have, each of which has passed the gate and has a place in the call. Gives back those that are still to be
/// run.
pub(crate) async fn run_together(
    shared: &Shared,
    inserts: Vec<(usize, Insert)>,
    zone: &TimeZone,
    creation: &Creation,
) -> Vec<(usize, Insert)> {
    let joined = join(inserts);
    let (tablets, of, mut left) = tablets(shared, &joined, zone, creation);
    let (tablets, of): (Vec<_>, Vec<_>) =
        tablets.into_iter().zip(of).filter(|(tablet, _)| !left.contains(tablet.device())).unzip();
    if !tablets.is_empty() {
        let write = Write { tablets, ..Write::default() };
        let Ok(report) = insert_write(shared, write, creation).await else {
            return joined.into_iter().flat_map(Joined::apart).collect();
        };
        let rejected = report.rejected.iter().filter_map(|rejected| of.get(rejected.tablet));
        left.extend(rejected.map(|at| joined[*at].insert.device.clone()));
    }
    let joined = joined.into_iter().filter(|joined| left.contains(&joined.insert.device));
    joined.flat_map(Joined::apart).collect()
}

/// Joins inserts of the same series that nothing else for their device comes between.
fn join(inserts: Vec<(usize, Insert)>) -> Vec<Joined> {
    let mut joined: Vec<Joined> = Vec::new();
    let mut last: HashMap<Path, usize> = HashMap::new();
    for (place, insert) in inserts {
        let fitting = last.get(&insert.device).and_then(|at| joined.get_mut(*at)).filter(|known| {
            known.insert.measurements == insert.measurements && known.insert.aligned == insert.aligned
        });
        match fitting {
            Some(known) => {
                known.places.push((place, insert.rows.len()));
                known.insert.rows.extend(insert.rows);
            }
            None => {
                last.insert(insert.device.clone(), joined.len());
                joined.push(Joined { places: vec![(place, insert.rows.len())], insert });
            }
        }
    }
    joined
}

/// The tablets, for each which of the inserts it is of, and the devices for which something cannot be stored.
fn tablets(
    shared: &Shared,
    joined: &[Joined],
    zone: &TimeZone,
    creation: &Creation,
) -> (Vec<Tablet>, Vec<usize>, HashSet<Path>) {
    let (catalog, context) = (names_with_views(shared.storage.catalog()), shared.parse_context(zone));
    let makes = shared.creates_schema();
    let (mut tablets, mut of, mut left) = (Vec::new(), Vec::new(), HashSet::new());
    for (at, Joined { insert, .. }) in joined.iter().enumerate() {
        let Made { times, columns, failures } = made(insert, &*catalog, &context);
        // A row of nulls alone stores nothing, and must not become a row of an aligned device.
        let has_nulls = columns.len() < insert.measurements.len()
            || columns.iter().any(|column| column.values.null_count() > 0);
        let tablet = Tablet::try_new(insert.device.clone(), insert.aligned, times, columns);
        match tablet {
            Ok(tablet) if failures.is_empty() && !has_nulls => {
                let tablet = [tablet];
                if creation.check(&tablet, makes, || catalog.clone()).is_err() {
                    left.insert(insert.device.clone());
                    continue;
                }
                tablets.extend(tablet);
                of.push(at);
            }
            _ => {
                left.insert(insert.device.clone());
            }
        }
    }
    (tablets, of, left)
}
