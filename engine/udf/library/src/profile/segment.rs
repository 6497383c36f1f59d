//! `segment`: a series as straight pieces, joined from the bottom up.

use std::{cmp::Ordering, collections::BinaryHeap};

use levada_udf::{DataType, Failure, UdfParameters};

use crate::{
    gather::{Keep, Whole},
    read::{choice, number},
    work::Work,
};

pub(super) fn segment(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let error =
        number(parameters, "error", 0.1, "finite and at least 0", |error| error >= 0.0 && error.is_finite())?;
    let all = choice(parameters, "output", &["first", "all"])? == 1;
    Ok(Whole::of(parameters, Keep::Finite, DataType::Double, move |series, points| {
        for range in segments(series.values(), error) {
            let fitted = Line::of(&series.values()[range.clone()]);
            for (at, &time) in (0..).zip(&series.times[range.clone()]) {
                points.put(
                    time,
                    if range.len() <= 2 { series.values()[range.start + at] } else { fitted.at(at) },
                )?;
                if !all {
                    break;
                }
            }
        }
        Ok(())
    }))
}

/// The straight line with the least squared distances from values at 0, 1, …
struct Line {
    start: f64,
    slope: f64,
}

impl Line {
    fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let middle = (count - 1.0) / 2.0;
        let mean = values.iter().sum::<f64>() / count;
        let products: f64 =
            (0..).zip(values).map(|(at, value)| (f64::from(at) - middle) * (value - mean)).sum();
        let squares = count * (count * count - 1.0) / 12.0;
        let slope = if squares > 0.0 { products / squares } else { 0.0 };
        Self { start: mean - slope * middle, slope }
    }

    fn at(&self, at: usize) -> f64 {
        self.start + self.slope * at as f64
    }

    /// How far the values are from it on average.
    fn error(&self, values: &[f64]) -> f64 {
        values.iter().enumerate().map(|(at, value)| (value - self.at(at)).abs()).sum::<f64>()
            / values.len() as f64
    }
}

/// A piece that may be joined with the next.
#[derive(Debug)]
struct Join {
    error: f64,
    first: usize,
    middle: usize,
    last: usize,
}

impl Ord for Join {
    /// What is joined first is the greatest: that with the least error, then the shortest (so that long straight pieces are
    /// joined in halves), then the first.
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |join: &Self| (join.last - join.first, join.first);
        other.error.total_cmp(&self.error).then_with(|| key(other).cmp(&key(self)))
    }
}

impl PartialOrd for Join {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Join {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Join {}

/// The pieces: pairs of values (the last of three where the number is odd), joined as long as the error stays below a bound.
pub(crate) fn segments(values: &[f64], bound: f64) -> Vec<std::ops::Range<usize>> {
    let count = values.len();
    if count <= 3 {
        return (count > 0).then_some(0..count).into_iter().collect();
    }
    // Where the piece that begins here ends, and the one that ends here begins.
    let (mut ends, mut starts) = (vec![0; count + 1], vec![0; count + 1]);
    let pairs = count / 2;
    let mut joins = BinaryHeap::new();
    for pair in 0..pairs {
        let (first, last) = (2 * pair, if pair + 1 == pairs { count } else { 2 * pair + 2 });
        (ends[first], starts[last]) = (last, first);
    }
    let join = |first: usize, middle: usize, last: usize| {
        let joined = &values[first..last];
        Join { error: Line::of(joined).error(joined), first, middle, last }
    };
    for pair in 1..pairs {
        joins.push(join(2 * pair - 2, 2 * pair, ends[2 * pair]));
    }
    while let Some(next) = joins.pop() {
        if next.error >= bound {
            break;
        }
        // What has been joined with something else since is no join any more.
        if ends[next.first] != next.middle || ends[next.middle] != next.last {
            continue;
        }
        (ends[next.first], ends[next.middle], starts[next.last]) = (next.last, 0, next.first);
        if next.last < count {
            joins.push(join(next.first, next.last, ends[next.last]));
        }
        if next.first > 0 {
            joins.push(join(starts[next.first], next.first, next.last));
        }
    }
    let mut pieces = Vec::new();
    let mut first = 0;
    while first < count {
        pieces.push(first..ends[first]);
        first = ends[first];
    }
    pieces
}
