//! For how long something has failed without a word about whose fault it is.

use std::time::Duration;

use tokio::time::Instant;

/// Into how many parts patience is cut: no time between two failures counts for more than one of them.
const PARTS: u32 = 4;

/// The time in which something failed with answers that leave open whether the request or the server is the cause.
///
/// Time between two such failures counts, as far as it is short. In a longer one the server was away or rejected for another
/// reason, which says nothing of the request: an outage, however long, uses up a quarter of the patience. It does use up that
/// much, so that what brings a server down each time is found in the end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trouble {
    last: Option<Instant>,
    counted: Duration,
}

impl Trouble {
    /// It failed at `now`.
    pub fn failed(&mut self, now: Instant, patience: Duration) {
        if let Some(last) = self.last {
            self.counted += now.duration_since(last).min(patience / PARTS);
        }
        self.last = Some(now);
    }

    /// Whether it has failed for so long.
    pub fn is_over(&self, patience: Duration) -> bool {
        // A division of patience may have left a few nanoseconds.
        self.last.is_some() && self.counted + Duration::from_micros(1) >= patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// Whether patience is over when it fails after these waits.
    fn over(waits: &[u64]) -> bool {
        let (mut trouble, mut now) = (Trouble::default(), Instant::now());
        trouble.failed(now, PATIENCE);
        for wait in waits {
            now += Duration::from_secs(*wait);
            trouble.failed(now, PATIENCE);
        }
        trouble.is_over(PATIENCE)
    }

    #[test]
    fn the_time_of_failures_that_follow_each_other_counts() {
        assert!(!over(&[]) && !over(&[10; 5]) && over(&[10; 6]));
    }

    #[test]
    fn an_outage_between_two_failures_hardly_counts_however_long_it_is() {
        assert!(!over(&[86_400]) && !over(&[86_400, 1, 1, 2, 2, 2]));
    }

    #[test]
    fn what_brings_a_server_down_for_long_each_time_is_found() {
        assert!(!over(&[600; 3]) && over(&[600; 4]));
    }

    #[test]
    fn who_has_no_patience_waits_for_nothing() {
        let mut trouble = Trouble::default();
        assert!(!trouble.is_over(Duration::ZERO));
        trouble.failed(Instant::now(), Duration::ZERO);
        assert!(trouble.is_over(Duration::ZERO));
    }
}
