//! `spline`: a smooth line through the points.

use levada_udf::{DataType, Failure, PointCollector, UdfParameters};

use crate::{
    gather::{Keep, Series, Whole},
    statistics::{differences, span, speeds},
    work::Work,
};

pub(super) fn spline(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let count = parameters.required_int("points")?;
    if count < 2 {
        return Err(Failure::parameters(format!(
            "parameter \"points\" should be at least 2: {count} is not"
        )));
    }
    Ok(Whole::of(parameters, Keep::Finite, DataType::Double, move |series, points| {
        put(series, count, points)
    }))
}

fn put(series: &Series, count: i32, points: &mut PointCollector) -> Result<(), Failure> {
    let (times, values) = (&series.times, series.values());
    if values.len() < 4 {
        return Ok(());
    }
    let slopes = slopes(times, values);
    let (first, last) = (times[0], times[times.len() - 1]);
    let all = span(first, last);
    let mut piece = 0;
    let mut before = None;
    for at in 0..count {
        let place = (all * f64::from(at) / f64::from(count - 1) + 0.5).floor();
        let time = first.saturating_add(place as i64).min(last);
        // More points than there are times between the ends are not more.
        if before.replace(time).is_some_and(|before| before >= time) {
            continue;
        }
        while piece + 2 < times.len() && times[piece + 1] <= time {
            piece += 1;
        }
        points.put(time, hermite(times, values, &slopes, piece, time))?;
    }
    Ok(())
}

/// The cubic that has the values and slopes at both ends of a piece.
fn hermite(times: &[i64], values: &[f64], slopes: &[f64], piece: usize, time: i64) -> f64 {
    let width = span(times[piece], times[piece + 1]);
    let rise = (values[piece + 1] - values[piece]) / width;
    let (left, right) = (slopes[piece], slopes[piece + 1]);
    let x = span(times[piece], time);
    let square = (3.0 * rise - 2.0 * left - right) / width;
    let cube = (left + right - 2.0 * rise) / (width * width);
    values[piece] + x * (left + x * (square + x * cube))
}

/// The slope at each point. In the middle they are Akima's: the mean of those on both sides, of which that counts more which
/// changes less beyond it. The first two and the last two are those of the parabola through three points at the end.
fn slopes(times: &[i64], values: &[f64]) -> Vec<f64> {
    let rises = speeds(times, values);
    let changes: Vec<f64> = differences(&rises).into_iter().map(f64::abs).collect();
    let last = values.len() - 1;
    let parabola = |first: usize, at: usize| {
        let bend = (rises[first + 1] - rises[first]) / span(times[first], times[first + 2]);
        rises[first] + bend * (span(times[first], times[at]) + span(times[first + 1], times[at]))
    };
    let slope = |at: usize| {
        if at < 2 {
            return parabola(0, at);
        }
        if at + 2 > last {
            return parabola(last - 2, at);
        }
        let (left, right) = (changes[at], changes[at - 2]);
        if left == 0.0 && right == 0.0 {
            let (before, behind) = (span(times[at - 1], times[at]), span(times[at], times[at + 1]));
            return (behind * rises[at - 1] + before * rises[at]) / (before + behind);
        }
        (left * rises[at - 1] + right * rises[at]) / (left + right)
    };
    (0..values.len()).map(slope).collect()
}
