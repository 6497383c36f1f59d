//! `rate_limit`: no more than so many rows in a time.
//!
//! Rows wait here until they may go on, and behind them everything that comes, back to the source, which reads no faster: none
//! is dropped. A batch is let through in parts. It is settled when all of it went on; after a crash it is read again, so the parts
//! that went on before come twice to a sink that does not replace rows of the same series and time.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use levada_connector_api::{
    Batch, BuildContext, Emitter, Error, Holds, Interval, Problem, Readings, Result, Transform, TransformType,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// How many rows in which time. After a pause so many go on at once, and then one after the other.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({"count": 1_000}))]
#[schemars(example = serde_json::json!({"count": 100, "interval": "1m"}))]
pub struct RateLimitOptions {
    /// Rows that may go on in an interval.
    #[schemars(range(min = 1))]
    #[schemars(example = 1_000)]
    pub count: u64,
    /// The interval.
    #[serde(default = "second")]
    pub interval: Interval,
}

fn second() -> Interval {
    Interval(Duration::from_secs(1))
}

/// Rows go on in parts of at least this time, or one by one where that is slower.
const PART: Duration = Duration::from_millis(10);

/// The component `rate_limit`.
#[derive(Debug)]
pub struct RateLimit {
    /// Rows a second.
    rate: f64,
    /// The most that may go on at once.
    burst: f64,
    /// What may go on now, as of a time.
    allowed: f64,
    since: Option<Instant>,
    /// Rows that wait, each with the number of its batch.
    waiting: VecDeque<(u64, Readings)>,
}

impl TransformType for RateLimit {
    const NAME: &'static str = "rate_limit";
    const SUMMARY: &'static str = "Lets no more than so many rows through in a time; the others wait.";
    const HOLDS: Holds = Holds::Rows;
    type Options = RateLimitOptions;

    fn check(options: &RateLimitOptions) -> Vec<Problem> {
        let mut problems = Vec::new();
        if options.count == 0 {
            problems.push(Problem::new("count", "with 0 nothing would ever go on"));
        }
        if options.interval.0.is_zero() {
            problems.push(Problem::new("interval", "a length of 0 is none"));
        }
        problems
    }

    fn build(options: RateLimitOptions, _: &BuildContext) -> Result<Box<dyn Transform>> {
        if let Some(problem) = Self::check(&options).into_iter().next() {
            return Err(Error::config(problem.message).with("option", problem.path));
        }
        let burst = options.count as f64;
        Ok(Box::new(Self {
            rate: burst / options.interval.0.as_secs_f64(),
            burst,
            allowed: burst,
            since: None,
            waiting: VecDeque::new(),
        }))
    }
}

impl Transform for RateLimit {
    fn apply(&mut self, batch: Batch, out: &mut Emitter) -> Result<()> {
        batch.rejected.into_iter().for_each(|each| out.reject(each));
        self.waiting.extend(batch.readings.into_iter().map(|each| (out.input(), each)));
        self.tick(out)
    }

    fn oldest_held(&self) -> Option<u64> {
        self.waiting.front().map(|(input, _)| *input)
    }

    fn is_full(&self) -> bool {
        !self.waiting.is_empty()
    }

    fn tick_at(&self) -> Option<Instant> {
        let (_, readings) = self.waiting.front()?;
        // One row at least, and as many as make a part.
        let wanted = (self.rate * PART.as_secs_f64()).clamp(1.0, readings.tablet.rows().max(1) as f64);
        let missing = (wanted.min(self.burst.max(1.0)) - self.allowed).max(0.0);
        let wait = Duration::try_from_secs_f64(missing / self.rate).unwrap_or(Duration::MAX);
        self.since?.checked_add(wait)
    }

    fn tick(&mut self, out: &mut Emitter) -> Result<()> {
        let now = out.now();
        if let Some(since) = self.since {
            let grown = now.saturating_duration_since(since).as_secs_f64() * self.rate;
            self.allowed = (self.allowed + grown).min(self.burst);
        }
        self.since = Some(now);
        while let Some((input, readings)) = self.waiting.pop_front() {
            let rows = readings.tablet.rows();
            // Rounding must not make a row wait for ever.
            let may = (self.allowed + 1e-6).floor().min(rows as f64) as usize;
            self.allowed -= may as f64;
            if may == rows {
                out.emit(readings);
                continue;
            }
            if may > 0 {
                out.emit(readings.slice(0, may));
            }
            self.waiting.push_front((input, readings.slice(may, rows - may)));
            break;
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Emitter) -> Result<()> {
        self.waiting.drain(..).for_each(|(_, readings)| out.emit(readings));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use levada_testkit::{numbered, transform_contract};
    use serde_json::json;

    use super::*;
    use crate::transform::tests::{built, problems};

    #[test]
    fn no_more_go_on_than_may_and_all_do_in_the_end() {
        let mut limit = built::<RateLimit>(json!({"count": 100}));
        let start = Instant::now();
        let mut out = Emitter::new(start);
        limit.apply(numbered("s", 0..350, 3), &mut out).expect("it works");
        let mut gone = out.take().rows();
        assert_eq!((gone, limit.is_full(), limit.oldest_held()), (100, true, Some(0)));
        while let Some(at) = limit.tick_at() {
            out.set(at, 0);
            limit.tick(&mut out).expect("it works");
            gone += out.take().rows();
            let may = 100.0 + (at - start).as_secs_f64() * 100.0;
            assert!(gone as f64 <= may + 1.0, "{gone} of {may}");
        }
        let took = out.now() - start;
        assert_eq!((gone, limit.is_full()), (350, false));
        assert!((2.49..2.6).contains(&took.as_secs_f64()), "{took:?}");
    }

    #[test]
    fn slow_rates_let_row_by_row_through() {
        let mut limit = built::<RateLimit>(json!({"count": 1, "interval": "1h"}));
        let start = Instant::now();
        let mut out = Emitter::new(start);
        limit.apply(numbered("s", 0..3, 1), &mut out).expect("it works");
        assert_eq!(out.take().rows(), 1);
        for hours in [1, 2] {
            let at = limit.tick_at().expect("rows wait");
            assert!((at - start).as_secs().abs_diff(hours * 3_600) <= 1);
            out.set(at, 0);
            limit.tick(&mut out).expect("it works");
            assert_eq!(out.take().rows(), 1);
        }
        assert_eq!(limit.tick_at(), None);
    }

    #[test]
    fn rate_limit_passes_the_contract_and_names_what_cannot_work() {
        let input: Vec<_> = (0..5).map(|n| numbered("s", n * 10..n * 10 + 10, 3)).collect();
        transform_contract(Holds::Rows, || built::<RateLimit>(json!({"count": 7})), &input);
        assert_eq!(problems::<RateLimit>(json!({"count": 1, "interval": "0s"})), ["interval"]);
    }
}
