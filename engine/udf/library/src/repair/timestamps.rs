//! `timestamprepair`: points at equal distances, with as little change as can be.
//!
//! Each place of the grid has a point, whose time changes by the distance, or none; each point has a place or is left out.
//! What has no counterpart costs as much as 100,000 units of time, so that no point ever moves by more than twice that: only
//! such pairs are looked at, and regular series of any length are repaired in little memory.

use hashbrown::HashMap;
use levada_udf::{DataType, Failure, PointCollector, UdfParameters};

use crate::{
    gather::Chosen,
    read::{choice, parse_duration},
    statistics::{median, span},
    store::Store,
    work::Work,
};

/// What a point that is left out costs, and a place without a point.
const COST: i64 = 100_000;
/// More pairs of points and places than this are not looked at.
const MAX_PAIRS: usize = 1 << 28;

#[derive(Clone, Copy, Debug)]
enum Interval {
    Given(i64),
    Median,
    Mode,
    Cluster,
}

pub(super) fn repair(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let interval = match parameters.string("interval").map(str::trim) {
        Some(text) => {
            match text.parse().ok().or_else(|| parse_duration(text)).filter(|&interval| interval > 0) {
                Some(interval) => Interval::Given(interval),
                None => {
                    return Err(Failure::parameters(format!(
                        "parameter \"interval\" should be a duration above 0, in milliseconds or with its unit: `{text}` is not"
                    )));
                }
            }
        }
        None => match choice(parameters, "method", &["median", "mode", "cluster"])? {
            0 => Interval::Median,
            1 => Interval::Mode,
            _ => Interval::Cluster,
        },
    };
    Chosen::of(parameters, false, move |times, store, points| put(times, store, interval, points))
}

fn put(times: &[i64], store: &Store, interval: Interval, points: &mut PointCollector) -> Result<(), Failure> {
    if times.len() <= 2 {
        return (0..times.len()).try_for_each(|at| store.put(at, times[at], points));
    }
    let interval = estimated(times, interval);
    if interval <= 0 {
        return Err(Failure::new("the interval between the points is not above 0"));
    }
    let start = start(times, interval);
    let slots = (span(start, times[times.len() - 1]) / interval as f64).ceil() + 1.0;
    if slots > MAX_PAIRS as f64 {
        return Err(Failure::new(format!(
            "at an interval of {interval} the series has {slots} places, more than {MAX_PAIRS}: give a longer \"interval\""
        )));
    }
    let grid = |slot: usize| start + slot as i64 * interval;
    for (slot, found) in aligned(times, slots as usize, grid)?.into_iter().enumerate() {
        match (found, store.data_type()) {
            (Some(at), _) => store.put(at, grid(slot), points)?,
            (None, DataType::Float | DataType::Double) => points.put_number(grid(slot), f64::NAN)?,
            (None, _) => {}
        }
    }
    Ok(())
}

fn estimated(times: &[i64], interval: Interval) -> i64 {
    let gaps = || times.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
    match interval {
        Interval::Given(interval) => interval,
        Interval::Median => {
            median(&mut gaps().map(|gap| gap as f64).collect::<Vec<_>>()).unwrap_or(0.0) as i64
        }
        Interval::Mode => most_frequent(gaps()),
        Interval::Cluster => cluster(&gaps().collect::<Vec<_>>()),
    }
}

/// The value that comes most often, of several the earliest; 0 of none.
pub(crate) fn most_frequent(values: impl Iterator<Item = i64>) -> i64 {
    let mut counts: HashMap<i64, (u64, usize), foldhash::fast::RandomState> = HashMap::default();
    for (at, value) in values.enumerate() {
        counts.entry(value).or_insert((0, at)).0 += 1;
    }
    let best = counts.into_iter().max_by_key(|&(_, (count, first))| (count, std::cmp::Reverse(first)));
    best.map_or(0, |(value, _)| value)
}

/// The middle of the largest of three groups of distances, which begin at equal parts of their range.
fn cluster(gaps: &[i64]) -> i64 {
    let (Some(&least), Some(&greatest)) = (gaps.iter().min(), gaps.iter().max()) else { return 0 };
    let mut centers = [1, 2, 3].map(|part| least + (greatest - least) / 4 * part);
    let mut groups = vec![usize::MAX; gaps.len()];
    let mut largest = 0;
    // Distances to the centers only fall, so that it ends; the bound is for rounding.
    for _ in 0..1000 {
        let nearest = |gap: &i64| (0..3).min_by_key(|&group| gap.abs_diff(centers[group])).unwrap_or(0);
        let now: Vec<usize> = gaps.iter().map(nearest).collect();
        if now == groups {
            break;
        }
        groups = now;
        let mut sums = [(0_i128, 0_i128); 3];
        for (&gap, &group) in gaps.iter().zip(&groups) {
            sums[group] = (sums[group].0 + i128::from(gap), sums[group].1 + 1);
        }
        for (center, (sum, count)) in centers.iter_mut().zip(sums) {
            *center = sum.checked_div(count).map_or(*center, |mean| mean as i64);
        }
        largest = (0..3).max_by_key(|&group| (sums[group].1, std::cmp::Reverse(group))).unwrap_or(0);
    }
    centers[largest]
}

/// Where the grid begins: at or before the first point, so that as many points as can be lie on it.
fn start(times: &[i64], interval: i64) -> i64 {
    let phase = most_frequent(times.iter().map(|time| time.rem_euclid(interval)));
    times[0] - (times[0].rem_euclid(interval) - phase).rem_euclid(interval)
}

const MATCH: u8 = 0;
const EMPTY: u8 = 1;
const DROP: u8 = 2;

/// For each place the point that it has, at the least cost.
fn aligned(times: &[i64], slots: usize, grid: impl Fn(usize) -> i64) -> Result<Vec<Option<usize>>, Failure> {
    let bands = bands(times, slots, &grid);
    let cells: usize = bands.iter().map(|(first, last)| last - first + 1).sum();
    if cells > MAX_PAIRS {
        return Err(Failure::new(format!(
            "{} points and {slots} places make {cells} pairs, more than {MAX_PAIRS}: repair fewer points at once",
            times.len()
        )));
    }
    // Row `slot` has the costs and steps of the first `slot` places with the first `at` points, for `at` in its band.
    let mut steps = Vec::with_capacity(cells);
    let mut above: Vec<i64> = Vec::new();
    for (slot, &(first, last)) in bands.iter().enumerate() {
        let mut row: Vec<i64> = Vec::with_capacity(last - first + 1);
        let (above_first, _) = bands[slot.saturating_sub(1)];
        for at in first..=last {
            let up = |at: usize| {
                let place = at.checked_sub(above_first).filter(|_| slot > 0)?;
                above.get(place).copied()
            };
            let matched = at.checked_sub(1).and_then(|before| {
                Some((up(before)? + (span(times[before], grid(slot - 1)).abs().min(1e15)) as i64, MATCH))
            });
            let empty = up(at).map(|cost| (cost + COST, EMPTY));
            let dropped = row.last().map(|cost| (cost + COST, DROP));
            let least = [matched, dropped, empty].into_iter().flatten().min_by_key(|&(cost, _)| cost);
            let (cost, step) = least.unwrap_or((0, MATCH));
            row.push(cost);
            steps.push(step);
        }
        above = row;
    }
    Ok(traced(&steps, &bands, times.len()))
}

/// The points whose pairs with the first places are looked at: from the first that may have the last of these places up to the
/// last that may have it or the next.
fn bands(times: &[i64], slots: usize, grid: &impl Fn(usize) -> i64) -> Vec<(usize, usize)> {
    let near = |slot: usize| {
        let place = grid(slot);
        let first = times.partition_point(|&time| time < place.saturating_sub(2 * COST));
        let last = times.partition_point(|&time| time <= place.saturating_add(2 * COST));
        (first, last)
    };
    let mut bands = Vec::with_capacity(slots + 1);
    let mut first = 0;
    for row in 0..=slots {
        let (next, last) = if row < slots { near(row) } else { (times.len(), times.len()) };
        bands.push((first, last));
        first = next;
    }
    bands
}

fn traced(steps: &[u8], bands: &[(usize, usize)], points: usize) -> Vec<Option<usize>> {
    let mut starts = vec![0];
    for (first, last) in bands {
        starts.push(starts[starts.len() - 1] + last - first + 1);
    }
    let (mut row, mut at) = (bands.len() - 1, points);
    let mut found = vec![None; row];
    while row > 0 {
        match steps[starts[row] + at - bands[row].0] {
            MATCH => {
                row -= 1;
                at -= 1;
                found[row] = Some(at);
            }
            EMPTY => row -= 1,
            _ => at -= 1,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All pairs looked at, cell by cell.
    fn cost_of(times: &[i64], slots: usize, grid: impl Fn(usize) -> i64) -> i64 {
        let mut costs = vec![vec![0; times.len() + 1]; slots + 1];
        for row in 0..=slots {
            for at in 0..=times.len() {
                let mut best = if row == 0 && at == 0 { 0 } else { i64::MAX };
                if row > 0 {
                    best = best.min(costs[row - 1][at] + COST);
                }
                if at > 0 {
                    best = best.min(costs[row][at - 1] + COST);
                }
                if row > 0 && at > 0 {
                    best = best.min(costs[row - 1][at - 1] + (times[at - 1] - grid(row - 1)).abs());
                }
                costs[row][at] = best;
            }
        }
        costs[slots][times.len()]
    }

    #[test]
    fn the_pairs_that_are_left_out_would_cost_more() {
        let mut state = 7_u64;
        let mut next = |bound: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) % bound) as i64
        };
        for interval in [1000, 50_000, 150_000, 400_000] {
            let mut times = vec![0];
            for _ in 0..40 {
                let gap =
                    interval / 2 + next(interval as u64 * 2) + if next(9) == 0 { 7 * interval } else { 1 };
                times.push(times[times.len() - 1] + gap);
            }
            let slots = (times[40] / interval + 2) as usize;
            let grid = |slot: usize| slot as i64 * interval;
            let found = aligned(&times, slots, grid).expect("it is small");
            let mut cost = 0;
            for (slot, at) in found.iter().enumerate() {
                cost += at.map_or(COST, |at| (times[at] - grid(slot)).abs());
            }
            cost += (times.len() - found.iter().flatten().count()) as i64 * COST;
            assert_eq!(cost, cost_of(&times, slots, grid), "{interval}");
        }
    }
}
