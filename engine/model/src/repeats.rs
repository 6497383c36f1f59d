//! Log lines that would repeat: one line, with a count.

use std::time::{Duration, Instant};

/// Says which of many alike events get a line in the log: the first at once, then at most one in a while, which speaks
/// for all since the line before.
///
/// ```
/// use std::time::{Duration, Instant};
/// use levada_model::Repeats;
///
/// let mut repeats = Repeats::new(Duration::from_secs(10));
/// let start = Instant::now();
/// assert_eq!(repeats.note(1, start), Some(1));
/// assert_eq!(repeats.note(5, start + Duration::from_secs(1)), None);
/// assert_eq!(repeats.note(1, start + Duration::from_secs(10)), Some(6));
/// assert_eq!(repeats.unsaid(), None);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Repeats {
    every: Duration,
    said: Option<Instant>,
    unsaid: u64,
}

impl Repeats {
    /// At most one line in `every`.
    pub const fn new(every: Duration) -> Self {
        Self { every, said: None, unsaid: 0 }
    }

    /// Notes `count` more events at `now`. Gives how many the line is to speak of, `None` where there is to be none yet.
    pub fn note(&mut self, count: u64, now: Instant) -> Option<u64> {
        self.unsaid = self.unsaid.saturating_add(count);
        if self.said.is_some_and(|said| now.saturating_duration_since(said) < self.every) {
            return None;
        }
        self.said = Some(now);
        self.unsaid()
    }

    /// Takes the number of events that no line has spoken of, `None` for none: for a line at the end.
    pub fn unsaid(&mut self) -> Option<u64> {
        Some(std::mem::take(&mut self.unsaid)).filter(|&count| count > 0)
    }
}
