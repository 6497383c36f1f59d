//! What was looked up for a device, and the values of it that belong to readings.

use std::{collections::HashMap, sync::Arc};

use arrow_array::{Array, ArrayRef, Int64Array, UInt32Array};
use arrow_select::{concat::concat, take::take};
use levada_connector_api::{Error, Result, model::DataType};

use super::options::{Reach, Which};

/// The values of a device's series, in some ranges of time.
#[derive(Debug)]
pub(super) struct Found {
    /// First and last times, in order and apart; none where the last values were asked for.
    pub(super) ranges: Vec<(i64, i64)>,
    /// By measurement; the pieces of a series are in order of time.
    series: HashMap<Arc<str>, Vec<Series>>,
}

/// Values of a series.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) data_type: DataType,
    /// Their times; `None` for a single value whose time does not matter.
    pub(super) times: Option<Int64Array>,
    pub(super) values: ArrayRef,
}

impl Found {
    /// Nothing yet, of these ranges.
    pub(super) fn new(ranges: Vec<(i64, i64)>) -> Self {
        Self { ranges, series: HashMap::new() }
    }

    pub(super) fn add(&mut self, name: &Arc<str>, series: Series) {
        self.series.entry(Arc::clone(name)).or_default().push(series);
    }

    /// Whether all of these ranges were asked for.
    pub(super) fn covers(&self, ranges: &[(i64, i64)]) -> bool {
        let covered = |range: &(i64, i64)| self.ranges.iter().any(|own| own.0 <= range.0 && range.1 <= own.1);
        ranges.iter().all(covered)
    }

    /// A value of a series for each time, null where there is none; `None` where there is none at all.
    ///
    /// # Errors
    /// Memory cannot be allocated.
    pub(super) fn values(
        &self,
        name: &str,
        times: &Int64Array,
        reach: &Reach,
    ) -> Result<Option<(DataType, ArrayRef)>> {
        let Some(pieces) = self.series.get(name) else { return Ok(None) };
        let Some(data_type) = pieces.first().map(|piece| piece.data_type) else { return Ok(None) };
        let arrays: Vec<&dyn Array> = pieces.iter().map(|piece| piece.values.as_ref()).collect();
        let values = concat(&arrays).map_err(|error| Error::bug(error.to_string()))?;
        // Where each value stands, and its time.
        let mut stand: Vec<(i64, u32)> = Vec::with_capacity(values.len() - values.null_count());
        let own_times = pieces.iter().flat_map(|piece| {
            let none = piece.times.is_none().then(|| std::iter::repeat_n(0, piece.values.len()));
            let some = piece.times.iter().flat_map(|times| times.values().iter().copied());
            none.into_iter().flatten().chain(some)
        });
        stand.extend(own_times.zip(0..).filter(|(_, at)| values.is_valid(*at as usize)));
        let places: UInt32Array = match reach.which {
            Which::Last => std::iter::repeat_n(stand.last().map(|(_, at)| *at), times.len()).collect(),
            Which::Nearest | Which::Before => {
                times.values().iter().map(|&time| of_time(&stand, time, reach)).collect()
            }
        };
        if places.null_count() == places.len() {
            return Ok(None);
        }
        let taken = take(&values, &places, None).map_err(|error| Error::bug(error.to_string()))?;
        Ok(Some((data_type, taken)))
    }
}

/// Where the value of a time stands.
fn of_time(stand: &[(i64, u32)], time: i64, reach: &Reach) -> Option<u32> {
    let behind = stand.partition_point(|(at, _)| *at <= time);
    let before = behind.checked_sub(1).and_then(|at| stand.get(at));
    let after = stand.get(behind).filter(|_| reach.which == Which::Nearest);
    let distance = |value: &&(i64, u32)| value.0.abs_diff(time);
    let nearest = before.into_iter().chain(after).min_by_key(distance)?;
    (nearest.0.abs_diff(time) <= reach.within.unsigned_abs()).then_some(nearest.1)
}
