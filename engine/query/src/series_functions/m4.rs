//! `m4`: of each window the first, the last, the least and the greatest row, enough to draw the line.

use arrow_array::{ArrayRef, UInt32Array};

use super::{Bound, Call, FunctionDefinition, SeriesFunction, pairs::known};
use crate::{QueryError, chunk::Chunk, expression::arithmetic::doubles, registry::NUMERIC};

pub(super) fn definition() -> FunctionDefinition {
    FunctionDefinition::series(
        "m4",
        "(number, 'windowSize'='10'[, 'slidingStep'='10']): like number",
        "The first, last, least and greatest row of each window. `'timeInterval'='1000'` makes windows of time, from \
         `displayWindowBegin` to `displayWindowEnd`.",
        bind,
    )
    .built_in("UDTFM4")
}

fn bind(call: &Call<'_>) -> Result<Bound, QueryError> {
    call.expect(1, NUMERIC)?;
    let positive = |name: &str, value: i64| {
        if value > 0 { Ok(value) } else { Err(call.reject(format!("{name} must be greater than 0"))) }
    };
    let windows = if call.attribute("timeInterval").is_some() {
        let width = positive("timeInterval", call.parsed_required("timeInterval")?)?;
        let step = positive("slidingStep", call.parsed("slidingStep", width)?)?;
        let begin = call.parsed("displayWindowBegin", i64::MIN)?;
        Windows::Times { width, step, next: begin, end: call.parsed("displayWindowEnd", i64::MAX)? }
    } else {
        let width = positive("windowSize", call.parsed_required("windowSize")?)?;
        Windows::Rows { width, step: positive("slidingStep", call.parsed("slidingStep", width)?)?, skip: 0 }
    };
    Ok((Box::new(M4 { windows, waiting: None, last: None }), call.types[0]))
}

/// The rows at the corners of a window: first, last, least and greatest, each once, in their order.
pub(super) fn corners(values: &[f64]) -> Vec<usize> {
    let Some(last) = values.len().checked_sub(1) else { return Vec::new() };
    let (mut least, mut greatest) = (0, 0);
    for (row, &value) in values.iter().enumerate() {
        if value < values[least] {
            least = row;
        }
        if value > values[greatest] {
            greatest = row;
        }
    }
    // An end of the window that is as low or as high as any is the least or the greatest itself.
    for end in [last, 0] {
        if values[end] == values[least] {
            least = end;
        }
        if values[end] == values[greatest] {
            greatest = end;
        }
    }
    let mut rows = vec![0, least, greatest, last];
    rows.sort_unstable();
    rows.dedup();
    rows
}

#[derive(Clone, Copy, Debug)]
enum Windows {
    /// So many rows, from one window to the next so many.
    Rows { width: i64, step: i64, skip: usize },
    /// So much time; the next window's beginning.
    Times { width: i64, step: i64, next: i64, end: i64 },
}

/// Rows that wait until their window is full.
#[derive(Debug)]
struct M4 {
    windows: Windows,
    waiting: Option<Chunk>,
    /// The last time that was given out: windows that overlap choose rows twice.
    last: Option<i64>,
}

impl M4 {
    /// Works on what waits; at the end windows need not be full.
    fn work(&mut self, at_end: bool) -> Result<Option<Chunk>, QueryError> {
        let Some(all) = self.waiting.take() else { return Ok(None) };
        let numbers = doubles(&all.columns[0])?;
        let (times, values) = (all.times.values(), numbers.values());
        let mut taken: Vec<u32> = Vec::new();
        let mut from = 0;
        while let Some((begin, stop, next)) = self.window(times, from, at_end) {
            taken.extend(corners(&values[begin..stop]).into_iter().map(|row| (begin + row) as u32));
            from = next;
        }
        if from < all.rows() {
            self.waiting = Some(all.slice(from, all.rows() - from));
        }
        taken.sort_unstable();
        taken.dedup();
        if let Some(last) = self.last {
            let newest_first = times.first() > times.last();
            taken.retain(|&row| {
                let time = times[row as usize];
                if newest_first { time < last } else { time > last }
            });
        }
        self.last = taken.last().map(|&row| times[row as usize]).or(self.last);
        all.take(&UInt32Array::from(taken)).map(Some)
    }

    /// The rows of the next window that is full, and from where on rows are needed for those behind it.
    fn window(&mut self, times: &[i64], from: usize, at_end: bool) -> Option<(usize, usize, usize)> {
        match &mut self.windows {
            Windows::Rows { width, step, skip } => {
                let begin = from + *skip;
                let stop = begin + *width as usize;
                if begin >= times.len() || (stop > times.len() && !at_end) {
                    return None;
                }
                let next = begin + *step as usize;
                *skip = next.saturating_sub(times.len());
                Some((begin, stop.min(times.len()), next.min(times.len())))
            }
            Windows::Times { width, step, next, end } => {
                let (&first, &last) = (times.get(from)?, times.last()?);
                if *next == i64::MIN {
                    *next = first;
                }
                // Windows without rows are passed over at once.
                if first.saturating_sub(*next) >= *width {
                    let windows = (first.saturating_sub(*next) - *width) / *step + 1;
                    *next = next.saturating_add(windows.saturating_mul(*step));
                }
                let window_end = next.saturating_add(*width).min(*end);
                if *next >= *end || (last < window_end && !at_end) {
                    return None;
                }
                let begin = from + times[from..].partition_point(|time| time < next);
                let stop = from + times[from..].partition_point(|&time| time < window_end);
                *next = next.saturating_add(*step);
                let keep = from + times[from..].partition_point(|time| time < next);
                Some((begin, stop.max(begin), keep))
            }
        }
    }
}

impl SeriesFunction for M4 {
    fn takes_any_order(&self) -> bool {
        matches!(self.windows, Windows::Rows { .. })
    }

    fn rows(&mut self, times: &[i64], inputs: &[ArrayRef]) -> Result<Chunk, QueryError> {
        let rows = known(times, &inputs[0])?;
        let none = rows.slice(0, 0);
        self.waiting = Some(match self.waiting.take() {
            Some(waiting) => Chunk::concat(&[waiting, rows])?,
            None => rows,
        });
        Ok(self.work(false)?.unwrap_or(none))
    }

    fn finish(&mut self) -> Result<Option<Chunk>, QueryError> {
        self.work(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_is_as_low_or_high_as_any_is_the_corner() {
        assert_eq!(corners(&[]), [] as [usize; 0]);
        assert_eq!(corners(&[5.0]), [0]);
        assert_eq!(corners(&[5.0, 1.0, 1.0]), [0, 2]);
        assert_eq!(corners(&[1.0, 5.0, 5.0, 1.0]), [0, 1, 3]);
        assert_eq!(corners(&[2.0, 2.0, 9.0, 9.0, 9.0]), [0, 4]);
        assert_eq!(corners(&[3.0, 1.0, 9.0, 1.0, 4.0]), [0, 1, 2, 4]);
        assert_eq!(corners(&[f64::NAN, 1.0]), [0, 1]);
    }
}
