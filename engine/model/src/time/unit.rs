//! The units of numeric times.

use super::Moment;

/// The unit of a numeric time, counted since 1970 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds.
    Second,
    /// Milliseconds.
    #[default]
    Millisecond,
    /// Microseconds.
    Microsecond,
    /// Nanoseconds.
    Nanosecond,
}

/// Milliseconds from March 1973 to the end of 9999 in any zone: a number in this range in its unit is taken as meant.
const PLAUSIBLE_MILLIS: std::ops::RangeInclusive<u64> = 100_000_000_000..=253_402_387_199_999;
/// Numbers below this count something other than time since 1970, as in test data.
const MIN_TIME: u64 = 100_000_000;

impl TimeUnit {
    /// Its name in options: `s`, `ms`, `us`, `ns`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Second => "s",
            Self::Millisecond => "ms",
            Self::Microsecond => "us",
            Self::Nanosecond => "ns",
        }
    }

    /// The power of ten of how many make a second.
    const fn places(self) -> u32 {
        match self {
            Self::Second => 0,
            Self::Millisecond => 3,
            Self::Microsecond => 6,
            Self::Nanosecond => 9,
        }
    }

    /// The moment of a whole number; `None` if it does not fit milliseconds.
    #[inline]
    pub const fn moment(self, number: i64) -> Option<Moment> {
        match self {
            Self::Millisecond => Some(Moment::of_millis(number)),
            Self::Second => match number.checked_mul(1_000) {
                Some(millis) => Some(Moment::of_millis(millis)),
                None => None,
            },
            Self::Microsecond => {
                Some(Moment::new(number.div_euclid(1_000), number.rem_euclid(1_000) as u32 * 1_000))
            }
            Self::Nanosecond => {
                Some(Moment::new(number.div_euclid(1_000_000), number.rem_euclid(1_000_000) as u32))
            }
        }
    }

    /// The moment of a number with a fraction; `None` if it does not fit milliseconds. It is taken to the microsecond, the
    /// precision a DOUBLE has for seconds of our time.
    pub fn moment_of_real(self, number: f64) -> Option<Moment> {
        let micros = match self {
            Self::Second => number * 1e6,
            Self::Millisecond => number * 1e3,
            Self::Microsecond => number,
            Self::Nanosecond => number / 1e3,
        };
        let micros = if self == Self::Nanosecond { micros.floor() } else { micros.round() };
        // Beyond 2^63 the cast would saturate.
        if micros.is_finite() && micros.abs() < 9.2e18 {
            return Self::Microsecond.moment(micros as i64);
        }
        let millis = (micros / 1e3).floor();
        (millis.is_finite() && millis.abs() < 9.2e18).then(|| Moment::of_millis(millis as i64))
    }

    /// The moment of a number as written, with every digit: `1700000000.123456789`. `None` if the text is not a number or does
    /// not fit milliseconds.
    pub fn moment_of_digits(self, text: &str) -> Option<Moment> {
        if let Ok(number) = text.parse::<i64>() {
            return self.moment(number);
        }
        if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+' | '.')) {
            return None;
        }
        self.decimal(text).or_else(|| self.moment_of_real(text.parse().ok()?))
    }

    /// A plain decimal number, exactly.
    fn decimal(self, text: &str) -> Option<Moment> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.')?;
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty()
            || fraction.is_empty()
            || !is_digits(whole)
            || !is_digits(fraction)
            || whole.len() > 19
        {
            return None;
        }
        let places = fraction.len().min(9 - self.places() as usize);
        let scale = 10i128.pow(9 - self.places());
        let kept =
            fraction[..places].parse::<i128>().unwrap_or(0) * 10i128.pow(9 - self.places() - places as u32);
        let nanos = whole.parse::<i128>().ok()? * scale + kept;
        let nanos = if negative { -nanos } else { nanos };
        let millis = i64::try_from(nanos.div_euclid(1_000_000)).ok()?;
        Some(Moment::new(millis, nanos.rem_euclid(1_000_000) as u32))
    }

    /// The unit that a number more likely has, judged by its size for times of our days; `None` if this unit is plausible, or
    /// none is.
    #[inline]
    pub fn likelier(self, number: i64) -> Option<Self> {
        let size = number.unsigned_abs();
        if self == Self::Millisecond && PLAUSIBLE_MILLIS.contains(&size) {
            return None;
        }
        self.likelier_of(number, size)
    }

    #[cold]
    fn likelier_of(self, number: i64, size: u64) -> Option<Self> {
        let millis = self.moment(number).map(|moment| moment.millis().unsigned_abs());
        // The extreme values stand for "forever".
        if size < MIN_TIME
            || matches!(number, i64::MIN | i64::MAX)
            || millis.is_some_and(|millis| PLAUSIBLE_MILLIS.contains(&millis))
        {
            return None;
        }
        let likely = if size < 100_000_000_000 {
            Self::Second
        } else if size < 100_000_000_000_000 {
            Self::Millisecond
        } else if size < 100_000_000_000_000_000 {
            Self::Microsecond
        } else {
            Self::Nanosecond
        };
        (likely != self).then_some(likely)
    }
}
