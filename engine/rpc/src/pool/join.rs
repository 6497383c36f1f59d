//! Joining: the tablets of a device are sent as one.
//!
//! ```text
//!   d1 a 1 2    d2 a 7    d1 a 3    ─▶    d1 a 1 2 3    d2 a 7
//!                            b 4             b - - 4
//! ```
//!
//! What a tablet costs a server hardly depends on its rows: an entry of its log, which may be synced for each. Sources give a few
//! rows of a device at a time, so many small tablets of it come in one write.
//!
//! Rows keep their order, so the later of two values at the same time still wins. A measurement that a tablet lacks is null in
//! its rows, and a null replaces nothing. Rejections are told of the tablets as they came: [`Joined::tell`].

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use arrow_array::{Array, ArrayRef, Int64Array, cast::AsArray, new_null_array, types::Int64Type};
use arrow_schema::{ArrowError, DataType as ArrowType};
use arrow_select::concat::concat;
use foldhash::fast::RandomState;
use levada_model::{Column, DataType, Path, RejectedRows, Tablet};

use crate::columns::tablet::bytes_of;

/// From this many bytes on, a tablet's own cost is nothing beside that of its rows.
const MAX_BYTES: usize = 1 << 20;
/// Of this many places for values, one has to be filled, so that nulls do not make a write many times as large.
const MAX_PLACES_PER_VALUE: usize = 4;
/// So few places for values never count as too many.
const FEW_PLACES: usize = 4_096;

/// A lane's tablets of a write, by their index in the write.
pub(super) type Share = Vec<(usize, Tablet)>;

/// Tablets of one device as one.
#[derive(Debug)]
pub(super) struct Joined {
    /// The rows of all of them.
    pub(super) tablet: Tablet,
    parts: Vec<Part>,
}

/// A tablet of the write.
#[derive(Debug)]
struct Part {
    index: usize,
    /// Which row of the whole is its first.
    first: usize,
    tablet: Tablet,
}

impl Joined {
    fn alone(index: usize, tablet: Tablet) -> Self {
        Self { tablet: tablet.clone(), parts: vec![Part { index, first: 0, tablet }] }
    }

    /// A rejection of rows of the whole, as rejections of those of the write's tablets that have values there.
    pub(super) fn tell(&self, rejected: &RejectedRows) -> impl Iterator<Item = RejectedRows> {
        self.parts.iter().filter_map(|part| part.tell(rejected))
    }
}

impl Part {
    fn tell(&self, rejected: &RejectedRows) -> Option<RejectedRows> {
        let count = self.tablet.rows();
        let mut rows: Vec<u32> = match &rejected.rows {
            None => (0..u32::try_from(count).unwrap_or(u32::MAX)).collect(),
            Some(rows) => {
                let from = rows.partition_point(|row| (*row as usize) < self.first);
                let to = rows.partition_point(|row| (*row as usize) < self.first + count);
                let first = u32::try_from(self.first).unwrap_or(u32::MAX);
                rows[from..to].iter().map(|row| row - first).collect()
            }
        };
        if let Some(measurement) = &rejected.measurement {
            let mut columns = self.tablet.columns().iter();
            let values = &columns.find(|column| column.name == *measurement)?.values;
            rows.retain(|row| values.is_valid(*row as usize));
        }
        let rejected = RejectedRows { tablet: self.index, rows: None, ..rejected.clone() };
        match rows.len() {
            0 => None,
            all if all == count => Some(rejected),
            _ => Some(RejectedRows { rows: Some(rows), ..rejected }),
        }
    }
}

/// The tablets of a share, those of a device joined. With `nulls` also those that have different measurements; a server that has
/// no nulls would get them apart again.
pub(super) fn join(share: Share, nulls: bool) -> Vec<Joined> {
    let mut by_device: HashMap<Path, Share, RandomState> = HashMap::default();
    for (index, tablet) in share {
        // Nothing is to be stored of a tablet without values.
        if valued(&tablet).next().is_none() {
            continue;
        }
        by_device.entry(tablet.device().clone()).or_default().push((index, tablet));
    }
    let mut joined = Vec::with_capacity(by_device.len());
    for mut tablets in by_device.into_values() {
        if tablets.len() == 1 {
            joined.extend(tablets.pop().map(|(index, tablet)| Joined::alone(index, tablet)));
            continue;
        }
        let mut run = Run::default();
        for (index, tablet) in tablets {
            if !run.fits(&tablet, nulls) {
                std::mem::take(&mut run).finish(&mut joined);
            }
            run.add(index, tablet);
        }
        run.finish(&mut joined);
    }
    // The order of the write, the same each time it is written.
    joined.sort_unstable_by_key(|each| each.parts.first().map(|part| part.index));
    joined
}

/// Tablets that are being joined.
#[derive(Default)]
struct Run {
    parts: Vec<Part>,
    columns: Vec<Joining>,
    places: HashMap<Arc<str>, usize, RandomState>,
    rows: usize,
    /// Places for values in the tablets as they came.
    values: usize,
    bytes: usize,
    /// Whether the only tablet has a measurement twice.
    odd: bool,
}

/// A column that is being joined.
struct Joining {
    name: Arc<str>,
    data_type: DataType,
    written: bool,
    arrays: Vec<ArrayRef>,
    /// How many rows `arrays` have.
    rows: usize,
}

impl Joining {
    fn new(column: &Column) -> Self {
        let (name, written) = (Arc::clone(&column.name), column.is_written());
        Self { name, data_type: column.data_type, written, arrays: Vec::new(), rows: 0 }
    }

    /// Whether values are of its type: a new series takes the type of its first values.
    fn takes(&self, column: &Column) -> bool {
        self.written == column.is_written() && self.data_type == column.data_type
    }

    /// Adds values that begin at a row.
    fn add(&mut self, row: usize, values: ArrayRef) {
        self.fill(values.data_type(), row);
        self.rows += values.len();
        self.arrays.push(values);
    }

    /// Adds nulls up to a row.
    fn fill(&mut self, data_type: &ArrowType, row: usize) {
        if row > self.rows {
            self.arrays.push(new_null_array(data_type, row - self.rows));
            self.rows = row;
        }
    }

    fn finish(mut self, rows: usize) -> Result<Column, ArrowError> {
        if let Some(data_type) = self.arrays.first().map(|first| first.data_type().clone()) {
            self.fill(&data_type, rows);
        }
        let arrays: Vec<&dyn Array> = self.arrays.iter().map(|each| &**each).collect();
        Ok(Column { name: self.name, data_type: self.data_type, values: concat(&arrays)? })
    }
}

impl Run {
    fn fits(&self, tablet: &Tablet, nulls: bool) -> bool {
        let Some(first) = self.parts.first() else { return true };
        if self.odd || first.tablet.aligned() != tablet.aligned() || !has_each_once(tablet) {
            return false;
        }
        let (mut known, mut new) = (0, 0);
        for column in valued(tablet) {
            match self.places.get(&column.name) {
                Some(place) if !self.columns[*place].takes(column) => return false,
                Some(_) => known += 1,
                None => new += 1,
            }
        }
        let same = new == 0 && known == self.columns.len();
        let places = (self.rows + tablet.rows()) * (self.columns.len() + new);
        let values = self.values + tablet.rows() * (known + new);
        (same || nulls && places <= FEW_PLACES.max(values * MAX_PLACES_PER_VALUE))
            && self.bytes + bytes_of(tablet) <= MAX_BYTES
    }

    /// Adds a tablet that fits.
    fn add(&mut self, index: usize, tablet: Tablet) {
        self.odd = self.parts.is_empty() && !has_each_once(&tablet);
        let mut columns = 0;
        for column in valued(&tablet) {
            columns += 1;
            let place = *self.places.entry(Arc::clone(&column.name)).or_insert(self.columns.len());
            if place == self.columns.len() {
                self.columns.push(Joining::new(column));
            }
            self.columns[place].add(self.rows, Arc::clone(&column.values));
        }
        let first = self.rows;
        self.rows += tablet.rows();
        self.values += tablet.rows() * columns;
        self.bytes += bytes_of(&tablet);
        self.parts.push(Part { index, first, tablet });
    }

    fn finish(self, joined: &mut Vec<Joined>) {
        let Self { mut parts, columns, rows, .. } = self;
        if parts.len() > 1 {
            match whole(&parts, columns, rows) {
                Ok(tablet) => return joined.push(Joined { tablet, parts }),
                Err(error) => tracing::debug!(%error, "tablets of a device are sent apart"),
            }
        }
        joined.extend(parts.drain(..).map(|part| Joined::alone(part.index, part.tablet)));
    }
}

fn whole(parts: &[Part], columns: Vec<Joining>, rows: usize) -> Result<Tablet, ArrowError> {
    let first = parts.first().expect("there are several");
    let times: Vec<&dyn Array> = parts.iter().map(|part| part.tablet.times() as &dyn Array).collect();
    let times: Int64Array = concat(&times)?.as_primitive::<Int64Type>().clone();
    let columns = columns.into_iter().map(|column| column.finish(rows)).collect::<Result<_, _>>()?;
    Tablet::try_new(first.tablet.device().clone(), first.tablet.aligned(), times, columns)
        .map_err(|error| ArrowError::InvalidArgumentError(error.to_string()))
}

/// The columns that have a value: the others are as good as absent.
fn valued(tablet: &Tablet) -> impl Iterator<Item = &Column> {
    tablet.columns().iter().filter(|column| column.values.null_count() < column.values.len())
}

fn has_each_once(tablet: &Tablet) -> bool {
    let mut names: HashSet<&str, RandomState> = HashSet::default();
    tablet.columns().iter().all(|column| names.insert(&column.name))
}
