//! Ranks of a stream of values in little memory: the summary of Greenwald and Khanna. A value's rank is known to within the
//! error times the number of values, with some thousand values held at an error of a thousandth.

/// A value of the summary: so many values lie between the one before it and it, and its rank may be higher by `slack`.
#[derive(Clone, Copy, Debug)]
struct Entry {
    value: f64,
    weight: u64,
    slack: u64,
}

#[derive(Debug)]
pub(super) struct Sketch {
    error: f64,
    entries: Vec<Entry>,
    /// Values that are not in the summary yet.
    fresh: Vec<f64>,
    count: u64,
}

impl Sketch {
    /// For an error above 0.
    pub(super) fn new(error: f64) -> Self {
        Self { error, entries: Vec::new(), fresh: Vec::new(), count: 0 }
    }

    /// Adds a finite value.
    pub(super) fn add(&mut self, value: f64) {
        self.fresh.push(value);
        if self.fresh.len() >= self.batch() {
            self.merge();
        }
    }

    /// How many values wait until they are merged: as many as the summary has about anyway.
    fn batch(&self) -> usize {
        ((1.0 / self.error) as usize).clamp(64, 1 << 20)
    }

    fn merge(&mut self) {
        let mut fresh = std::mem::take(&mut self.fresh);
        fresh.sort_unstable_by(f64::total_cmp);
        self.count += fresh.len() as u64;
        let allowed = (2.0 * self.error * self.count as f64) as u64;
        let old = std::mem::take(&mut self.entries);
        let mut merged = Vec::with_capacity(old.len() + fresh.len());
        let mut rest = old.into_iter().peekable();
        for value in fresh.drain(..) {
            while let Some(entry) = rest.next_if(|entry| entry.value <= value) {
                merged.push(entry);
            }
            // A new value's rank is as uncertain as that of the one behind it; of the least and the greatest it is known.
            let slack = match rest.peek() {
                Some(next) if !merged.is_empty() => next.weight + next.slack - 1,
                _ => 0,
            };
            merged.push(Entry { value, weight: 1, slack });
        }
        merged.extend(rest);
        self.entries = compressed(merged, allowed);
        self.fresh = fresh;
    }

    /// The value of a rank between 0 and 1; `None` of no values.
    pub(super) fn query(&mut self, rank: f64) -> Option<f64> {
        self.merge();
        let wanted = (rank * self.count as f64).ceil().max(1.0);
        let error = self.error * self.count as f64;
        let mut least = 0;
        let mut best = None;
        for entry in &self.entries {
            least += entry.weight;
            if least as f64 >= wanted - error && (least + entry.slack) as f64 <= wanted + error {
                let distance = (least as f64 + entry.slack as f64 / 2.0 - wanted).abs();
                if best.is_none_or(|(nearest, _)| distance < nearest) {
                    best = Some((distance, entry.value));
                }
            }
        }
        best.map(|(_, value)| value).or(self.entries.last().map(|entry| entry.value))
    }

    pub(super) fn memory(&self) -> usize {
        size_of::<Entry>() * self.entries.capacity() + 8 * self.fresh.capacity()
    }
}

/// Joins neighbours as long as the rank of what is left stays certain enough. The least value stays.
fn compressed(entries: Vec<Entry>, allowed: u64) -> Vec<Entry> {
    let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
    for (at, entry) in entries.into_iter().enumerate().rev() {
        match kept.last_mut() {
            Some(behind) if at > 0 && entry.weight + behind.weight + behind.slack <= allowed => {
                behind.weight += entry.weight
            }
            _ => kept.push(entry),
        }
    }
    kept.reverse();
    kept.shrink_to_fit();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_within_the_error_and_memory_stays_small() {
        for error in [0.1, 0.01, 0.001] {
            let mut sketch = Sketch::new(error);
            let count = 200_000_u64;
            // Each number once, in an order that jumps about.
            (0..count).for_each(|at| sketch.add((at * 73_939 % count) as f64));
            for rank in [0.000_01, 0.1, 0.5, 0.77, 1.0] {
                let off = (sketch.query(rank).expect("there are values") + 1.0) / count as f64 - rank;
                assert!(off.abs() <= error + 1e-5, "{error} {rank}: {off}");
            }
            assert!(sketch.memory() < 4 << 20, "{error}: {}", sketch.memory());
        }
    }
}
