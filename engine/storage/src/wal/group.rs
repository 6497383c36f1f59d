//! When a group of records is written: at once where waiting for company would be in vain.
//!
//! Writers that wait for each write before the next are all there once as many records came as in the group before; nobody
//! can add another. Whoever writes without waiting shows it by a record that comes during a sync: then groups wait.
//!
//! ```text
//!   one writer        r│sync│        r│sync│            a group of 1 was the whole company: no delay
//!   eight writers     r│sync│rrrrrrr……r│sync│rrrrrrrr│sync│   once a delay brought nobody more, 8 are the company
//!   a stream          r│sync│rr r r r r r│sync│rr r r r…    records come during syncs: each group waits its delay
//! ```

use std::time::{Duration, Instant};

use crate::SyncMode;

/// The records that wait to be written, and what groups before taught.
#[derive(Debug)]
pub(super) struct Group {
    /// The longest the first waits, and the bytes that wait no longer.
    max_delay: Duration,
    max_bytes: usize,
    records: usize,
    first: Option<Instant>,
    last: Option<Instant>,
    /// With so many records nobody is missing.
    company: usize,
    /// The records of the group that was taken last, and of the one before, where this one began during its sync.
    taken: usize,
    before: usize,
}

impl Group {
    pub(super) fn new(sync: SyncMode) -> Self {
        let (max_delay, max_bytes) = match sync {
            SyncMode::Group { max_delay, max_bytes } => (max_delay, max_bytes),
            SyncMode::Always | SyncMode::Interval(_) => (Duration::ZERO, 0),
        };
        Self { max_delay, max_bytes, records: 0, first: None, last: None, company: 1, taken: 0, before: 0 }
    }

    /// A record came, and with it the group has so many bytes. Says whether that may change when the group is ready.
    pub(super) fn add(&mut self, now: Instant, bytes: usize) -> bool {
        self.records += 1;
        self.last = Some(now);
        let first = self.first.is_none();
        self.first.get_or_insert(now);
        first || self.records >= self.company || bytes >= self.max_bytes
    }

    /// When the first of the records came; `None` where there are none.
    pub(super) fn since(&self) -> Option<Instant> {
        self.first
    }

    /// When a group of so many bytes is to be written; `None` where there is none.
    pub(super) fn ready(&self, bytes: usize) -> Option<Instant> {
        let first = self.first?;
        let whole = self.records >= self.company || bytes >= self.max_bytes;
        Some(if whole { first } else { first + self.max_delay })
    }

    /// Whether it is one record, of so many bytes, that waits for no other.
    pub(super) fn is_alone(&self, bytes: usize) -> bool {
        self.records == 1 && self.ready(bytes) == self.first
    }

    /// The group is taken, to be written now.
    pub(super) fn take(&mut self, bytes: usize) {
        let (Some(first), Some(last)) = (self.first.take(), self.last.take()) else { return };
        if bytes >= self.max_bytes {
            self.company = usize::MAX;
        } else if self.records < self.company {
            // Its delay passed. Where nobody came for half of it, the company was complete: with whoever was too early for
            // this group, and may wait for those in it.
            let quiet = last.duration_since(first) < self.max_delay / 2;
            self.company = if quiet { self.records + self.before } else { usize::MAX };
        }
        (self.taken, self.before) = (self.records, 0);
        self.records = 0;
    }

    /// A group is durable. Whoever came meanwhile did not wait for it.
    pub(super) fn synced(&mut self) {
        if self.records > 0 {
            (self.company, self.before) = (usize::MAX, self.taken);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_millis(4);

    fn group() -> Group {
        Group::new(SyncMode::Group { max_delay: DELAY, max_bytes: 100 })
    }

    /// Adds records at times in microseconds; gives how long the first waits.
    fn waits(group: &mut Group, start: Instant, times: &[u64]) -> Duration {
        for time in times {
            group.add(start + Duration::from_micros(*time), 1);
        }
        group.ready(1).expect("there is one") - start
    }

    #[test]
    fn a_lone_writer_never_waits() {
        let (mut group, start) = (group(), Instant::now());
        for _ in 0..3 {
            assert_eq!(waits(&mut group, start, &[0]), Duration::ZERO);
            assert!(group.is_alone(1));
            group.take(1);
            group.synced();
        }
    }

    #[test]
    fn a_company_waits_until_it_is_complete() {
        let (mut group, start) = (group(), Instant::now());
        waits(&mut group, start, &[0]);
        group.take(1);
        waits(&mut group, start, &[0, 1, 2]);
        group.synced();
        // Others came during the sync: how many they are shows when a delay has passed.
        assert_eq!(waits(&mut group, start, &[9]), DELAY);
        assert!(!group.is_alone(1));
        group.take(1);
        group.synced();
        // The first is counted twice, unless it waits for the others.
        assert_eq!(waits(&mut group, start, &[0, 5, 9, 20]), DELAY);
        group.take(1);
        group.synced();
        assert_eq!(waits(&mut group, start, &[0, 5, 9]), DELAY);
        assert_eq!(waits(&mut group, start, &[900]), Duration::ZERO);
        group.take(1);
        group.synced();
        // One has gone: a delay passes once.
        assert_eq!(waits(&mut group, start, &[0, 1, 2]), DELAY);
        group.take(1);
        group.synced();
        assert_eq!(waits(&mut group, start, &[0, 1, 2]), Duration::ZERO);
    }

    #[test]
    fn a_record_is_alone_where_it_waits_for_nobody() {
        let (mut group, start) = (group(), Instant::now());
        waits(&mut group, start, &[0]);
        assert!(group.is_alone(1));
        // It came during a sync: others may come, unless it fills the group.
        group.synced();
        assert!(!group.is_alone(1) && group.is_alone(100));
        waits(&mut group, start, &[1]);
        assert!(!group.is_alone(100), "there are two");
    }

    #[test]
    fn a_stream_keeps_its_delay() {
        let (mut group, start) = (group(), Instant::now());
        waits(&mut group, start, &[0]);
        group.take(1);
        for _ in 0..3 {
            waits(&mut group, start, &[0]);
            group.synced();
            assert_eq!(waits(&mut group, start, &[1000, 2500, 3500]), DELAY);
            group.take(1);
            assert_eq!(group.ready(0), None);
        }
    }

    #[test]
    fn enough_bytes_wait_no_longer() {
        let (mut group, start) = (group(), Instant::now());
        waits(&mut group, start, &[0, 1]);
        group.synced();
        assert!(!group.add(start, 99), "nothing has changed");
        assert_eq!(group.ready(99), Some(start + DELAY));
        assert!(group.add(start, 100));
        assert_eq!(group.ready(100), Some(start));
    }
}
