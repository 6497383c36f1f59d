//! `sample`: some of the points, by chance, at equal distances, or those that show most of the series' shape.

use std::hash::{BuildHasher, Hasher, RandomState};

use levada_udf::{Columns, DataType, Failure, PointCollector, UdfParameters};

use crate::{
    gather::Chosen,
    read::{at_least, choice},
    statistics::span,
    store::Store,
    work::Work,
};

pub(super) fn sample(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let count = at_least(parameters, "k", 1, 1)?;
    match choice(parameters, "method", &["reservoir", "isometric", "triangle"])? {
        0 => Ok(Box::new(Reservoir {
            count,
            seen: 0,
            times: Vec::new(),
            store: Store::new(parameters.data_type(0)?),
            chance: RandomState::new().build_hasher().finish(),
        })),
        1 => Chosen::of(parameters, false, move |times, store, points| {
            let all = times.len();
            let taken = count.min(all);
            // In 128 bits, as the product may be beyond 64.
            let place = |at: usize| (at as u128 * all as u128 / taken.max(1) as u128) as usize;
            (0..taken).map(place).try_for_each(|at| store.put(at, times[at], points))
        }),
        _ if !parameters.data_type(0)?.is_numeric() => Err(Failure::parameters(format!(
            "method `triangle` samples numbers: the input is {}",
            parameters.data_type(0)?
        ))),
        _ => Chosen::of(parameters, true, move |times, store, points| {
            triangles(times, &store.numbers(), count)
                .into_iter()
                .try_for_each(|at| store.put(at, times[at], points))
        }),
    }
}

/// Each point has the same chance to be among those that are held.
struct Reservoir {
    count: usize,
    seen: u64,
    times: Vec<i64>,
    store: Store,
    chance: u64,
}

impl Reservoir {
    /// A number below another, by chance (SplitMix64).
    fn below(&mut self, bound: u64) -> u64 {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.chance;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        ((u128::from(mixed) * u128::from(bound)) >> 64) as u64
    }
}

impl Work for Reservoir {
    fn output(&self) -> DataType {
        self.store.data_type()
    }

    fn rows(&mut self, rows: Columns<'_>, _: &mut PointCollector) -> Result<(), Failure> {
        let column = rows.column(0)?;
        for (row, &time) in rows.times().iter().enumerate() {
            if column.is_null(row) {
                continue;
            }
            self.seen += 1;
            if self.times.len() < self.count {
                self.store.push(&column, row, false)?;
                self.times.push(time);
                continue;
            }
            let place = self.below(self.seen) as usize;
            if place < self.count {
                self.store.replace(place, &column, row)?;
                self.times[place] = time;
            }
        }
        Ok(())
    }

    fn finish(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        let mut order: Vec<usize> = (0..self.times.len()).collect();
        order.sort_unstable_by_key(|&at| self.times[at]);
        order.into_iter().try_for_each(|at| self.store.put(at, self.times[at], points))
    }

    fn memory(&self) -> usize {
        self.store.memory() + 8 * self.times.capacity()
    }
}

/// Largest triangles: the first and the last point, and of each of the buckets between them, which are as large as each other
/// or larger by one at the beginning, the point whose triangle with the one before it and the mean of the next bucket is the
/// largest.
pub(crate) fn triangles(times: &[i64], values: &[f64], count: usize) -> Vec<usize> {
    let all = times.len();
    if count >= all {
        return (0..all).collect();
    }
    if count <= 2 {
        return [0, all - 1][..count].to_vec();
    }
    let (buckets, inner) = (count - 2, all - 2);
    let (size, rest) = (inner / buckets, inner % buckets);
    let start = |bucket: usize| 1 + bucket * size + bucket.min(rest);
    let place = |at: usize| (span(times[0], times[at]), values[at]);
    let mut chosen = vec![0];
    for bucket in 0..buckets {
        let next = if bucket + 1 < buckets { start(bucket + 1)..start(bucket + 2) } else { all - 1..all };
        let len = next.len() as f64;
        let (x, y) = next.map(place).fold((0.0, 0.0), |sum, each| (sum.0 + each.0, sum.1 + each.1));
        let (x, y) = (x / len, y / len);
        let (left_x, left_y) = place(chosen[chosen.len() - 1]);
        let area = |at: usize| {
            let (here_x, here_y) = place(at);
            ((left_x - x) * (here_y - left_y) - (left_x - here_x) * (y - left_y)).abs()
        };
        let mut best = start(bucket);
        for at in start(bucket)..start(bucket + 1) {
            if area(at) > area(best) {
                best = at;
            }
        }
        chosen.push(best);
    }
    chosen.push(all - 1);
    chosen
}
