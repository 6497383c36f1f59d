//! Medians, quantiles, deviations and differences of numbers that are all finite.

/// What makes the median absolute deviation an estimate of the standard deviation of normally distributed values.
pub(crate) const NORMAL: f64 = 1.4826;

/// The median: of an even number of values the mean of the two in the middle; `None` of none. Reorders the values.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let even = values.len().is_multiple_of(2);
    let (below, &mut upper, _) = values.select_nth_unstable_by(values.len() / 2, f64::total_cmp);
    let lower = below.iter().copied().max_by(f64::total_cmp).filter(|_| even);
    Some(lower.map_or(upper, |lower| f64::midpoint(lower, upper)))
}

/// The median of the distances from the median; `None` of no values. Leaves the distances in their place.
pub(crate) fn deviation(values: &mut [f64]) -> Option<f64> {
    let center = median(values)?;
    for value in &mut *values {
        *value = (*value - center).abs();
    }
    median(values)
}

/// The center and the scale of values whose outliers do not count: the median, and the normalised deviation from it.
pub(crate) fn robust(values: &[f64]) -> Option<(f64, f64)> {
    let mut copy = values.to_vec();
    let center = median(&mut copy)?;
    Some((center, NORMAL * deviation(&mut copy)?))
}

/// The quantile of a part between 0 and 1, interpolated between the two values beside it; `None` of none. Sorts the values.
pub(crate) fn quantile(values: &mut [f64], part: f64) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let place = part * (values.len().checked_sub(1)? as f64);
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    let (low, high) = (*values.get(below)?, *values.get(above)?);
    Some(low + (high - low) * (place - below as f64))
}

/// The number of values, their mean and the sum of their squared distances from it, one value after the other, without
/// losing digits where the mean is large.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moments {
    pub(crate) count: u64,
    pub(crate) mean: f64,
    second: f64,
    third: f64,
}

impl Moments {
    pub(crate) fn add(&mut self, value: f64) {
        let before = self.count as f64;
        self.count += 1;
        let count = self.count as f64;
        let delta = value - self.mean;
        let part = delta / count;
        let term = delta * part * before;
        self.mean += part;
        self.third += term * part * (count - 2.0) - 3.0 * part * self.second;
        self.second += term;
    }

    pub(crate) fn of(values: &[f64]) -> Self {
        let mut all = Self::default();
        values.iter().for_each(|&value| all.add(value));
        all
    }

    /// The population's standard deviation; NaN of no values.
    pub(crate) fn deviation(&self) -> f64 {
        (self.second / self.count as f64).sqrt()
    }

    /// The population's skewness; NaN where all values are the same.
    pub(crate) fn skewness(&self) -> f64 {
        (self.count as f64).sqrt() * self.third / self.second.powf(1.5)
    }
}

/// The differences between neighbours.
pub(crate) fn differences(values: &[f64]) -> Vec<f64> {
    values.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// How much the values change for each unit of time.
pub(crate) fn speeds(times: &[i64], values: &[f64]) -> Vec<f64> {
    times
        .windows(2)
        .zip(values.windows(2))
        .map(|(time, value)| (value[1] - value[0]) / span(time[0], time[1]))
        .collect()
}

/// The time between two others, without overflow.
pub(crate) fn span(from: i64, to: i64) -> f64 {
    to as f64 - from as f64
}

/// Replaces NaN by what lies on the line between the values around them, and before the first and behind the last on the
/// line through the two nearest. Says whether there were two values, without which nothing changes.
pub(crate) fn interpolate(times: &[i64], values: &mut [f64]) -> bool {
    let known: Vec<usize> = (0..values.len()).filter(|&at| values[at].is_finite()).collect();
    if known.len() < 2 {
        return false;
    }
    let mut pair = 0;
    for at in 0..values.len() {
        while pair + 2 < known.len() && known[pair + 1] < at {
            pair += 1;
        }
        if !values[at].is_finite() {
            let (left, right) = (known[pair], known[pair + 1]);
            let slope = (values[right] - values[left]) / span(times[left], times[right]);
            values[at] = values[left] + slope * span(times[left], times[at]);
        }
    }
    true
}
