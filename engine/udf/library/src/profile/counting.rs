//! `distinct`, `histogram` and `mode`: which values there are, and how often.

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use levada_udf::{Columns, DataType, Failure, PointCollector, UdfParameters};
use std::hash::BuildHasher;

use crate::{
    read::{at_least, number},
    store::Store,
    work::Work,
};

/// Each value once, in the order of their first points, and how often it came.
struct Counted {
    store: Store,
    first: Vec<i64>,
    counts: Vec<u64>,
    places: HashTable<usize>,
    hasher: RandomState,
    mode: bool,
}

fn counted(parameters: &UdfParameters, mode: bool) -> Result<Box<dyn Work>, Failure> {
    Ok(Box::new(Counted {
        store: Store::new(parameters.data_type(0)?),
        first: Vec::new(),
        counts: Vec::new(),
        places: HashTable::new(),
        hasher: RandomState::default(),
        mode,
    }))
}

pub(super) fn distinct(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    counted(parameters, false)
}

pub(super) fn mode(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    counted(parameters, true)
}

impl Work for Counted {
    fn output(&self) -> DataType {
        self.store.data_type()
    }

    fn rows(&mut self, rows: Columns<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        let column = rows.column(0)?;
        for (row, &time) in rows.times().iter().enumerate() {
            let new = self.store.len();
            if !self.store.push(&column, row, false)? {
                continue;
            }
            let (store, hasher) = (&self.store, &self.hasher);
            let key = store.key(new);
            let hash = hasher.hash_one(key);
            if let Some(&known) = self.places.find(hash, |&at| store.key(at) == key) {
                self.counts[known] += 1;
                self.store.pop();
                continue;
            }
            self.places.insert_unique(hash, new, |&at| hasher.hash_one(store.key(at)));
            self.first.push(time);
            self.counts.push(1);
            if !self.mode {
                self.store.put(new, self.counts.len() as i64, points)?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        if !self.mode {
            return Ok(());
        }
        let most = self.counts.iter().copied().max();
        match self.counts.iter().position(|&count| Some(count) == most) {
            Some(at) => self.store.put(at, self.first[at], points),
            None => Ok(()),
        }
    }

    fn memory(&self) -> usize {
        self.store.memory() + 16 * self.counts.capacity() + 8 * self.places.capacity()
    }
}

struct Histogram {
    least: f64,
    width: f64,
    counts: Vec<u64>,
}

/// More buckets than this would be memory that no row asked for.
const MOST_BUCKETS: usize = 1_000_000;

pub(super) fn histogram(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let least = number(parameters, "min", -f64::MAX, "finite", f64::is_finite)?;
    let greatest = number(parameters, "max", f64::MAX, "finite and not less than \"min\"", |max| {
        max.is_finite() && max >= least
    })?;
    let count = at_least(parameters, "count", 1, 1)?;
    if count > MOST_BUCKETS {
        return Err(Failure::parameters(format!(
            "parameter \"count\" should be at most {MOST_BUCKETS}: {count} is not"
        )));
    }
    // The whole range of doubles is wider than a double.
    let width = greatest / count as f64 - least / count as f64;
    Ok(Box::new(Histogram { least, width, counts: vec![0; count] }))
}

impl Work for Histogram {
    fn output(&self) -> DataType {
        DataType::Int32
    }

    fn rows(&mut self, rows: Columns<'_>, _: &mut PointCollector) -> Result<(), Failure> {
        let column = rows.column(0)?;
        let last = self.counts.len() - 1;
        for row in 0..rows.len() {
            let Some(value) = column.number(row)?.filter(|value| value.is_finite()) else { continue };
            // In halves, as the distance between two doubles may be no double. What is below the first bucket becomes 0, as
            // does the one value of a range without width.
            let place = (value / 2.0 - self.least / 2.0) / (self.width / 2.0);
            self.counts[(place.floor() as usize).min(last)] += 1;
        }
        Ok(())
    }

    fn finish(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        for (at, &count) in (0..).zip(&self.counts) {
            let count = i32::try_from(count)
                .map_err(|_| Failure::new(format!("bucket {at} has {count} values, which is no INT32")))?;
            points.put(at, count)?;
        }
        Ok(())
    }

    fn memory(&self) -> usize {
        8 * self.counts.capacity()
    }
}
