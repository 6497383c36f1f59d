//! One continuous query in this process: which run is next, and how its runs went.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use jiff::tz::TimeZone;
use levada_model::SessionError;
use levada_sql::ast::{CqPolicy, CqSchedule};
use tracing::warn;

use super::{book::StoredCq, runner::Written};
use crate::{gate::Caller, users::Identity};

/// So many late runs are made up for at most, the newest: a week of one each minute.
const MOST_LATE: i64 = 10_000;

/// How a continuous query does, since the process began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContinuousQueryInfo {
    /// Its name.
    pub name: String,
    /// Runs that came to their end, failed ones among them.
    pub runs: u64,
    /// Runs that failed, or of which a value was rejected.
    pub failed: u64,
    /// Runs that were left out, as they were late.
    pub skipped: u64,
    /// Values written.
    pub written: u64,
    /// Values rejected, as they do not fit the series that they were to be written to.
    pub rejected: u64,
    /// For how many milliseconds its next run has been due; 0 where it is not.
    pub late_ms: u64,
}

/// A continuous query.
#[derive(Debug)]
pub(super) struct Cq {
    name: String,
    stored: StoredCq,
    schedule: CqSchedule,
    zone: TimeZone,
    /// The moment of the next run.
    next: AtomicI64,
    is_dropped: AtomicBool,
    /// Held by whoever runs it.
    pub(super) running: tokio::sync::Mutex<()>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    runs: AtomicU64,
    failed: AtomicU64,
    skipped: AtomicU64,
    written: AtomicU64,
    rejected: AtomicU64,
}

impl Cq {
    pub(super) fn new(name: String, stored: StoredCq, zone: TimeZone, next: i64) -> Self {
        Self {
            name,
            schedule: stored.schedule.into(),
            stored,
            zone,
            next: AtomicI64::new(next),
            is_dropped: AtomicBool::new(false),
            running: tokio::sync::Mutex::default(),
            counts: Counts::default(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn id(&self) -> u64 {
        self.stored.id
    }

    /// The statement that made it.
    pub(super) fn sql(&self) -> &str {
        &self.stored.sql
    }

    pub(super) fn zone(&self) -> &TimeZone {
        &self.zone
    }

    pub(super) fn schedule(&self) -> CqSchedule {
        self.schedule
    }

    /// Who made it.
    pub(super) fn caller(&self) -> Caller {
        let identity = Identity { user: self.stored.user.as_str().into(), id: self.stored.user_id };
        Caller { identity, address: None, pipe: None }
    }

    /// The moment of the next run.
    pub(super) fn next(&self) -> i64 {
        self.next.load(Ordering::Acquire)
    }

    /// Lets no other run begin.
    pub(super) fn forget(&self) {
        self.is_dropped.store(true, Ordering::Release);
    }

    pub(super) fn is_dropped(&self) -> bool {
        self.is_dropped.load(Ordering::Acquire)
    }

    /// Leaves out what was due while nothing ran, where it is not to be made up for.
    pub(super) fn pass_over_missed(&self, now: i64) {
        if self.schedule.policy == CqPolicy::Discard {
            self.go_on_at(self.schedule.first(now).max(self.next()));
        }
    }

    /// The moment of the next run, as the clock is `now`. A clock that had been set ahead and was set back must not silence a query until
    /// it is there again: what lies more than an interval behind the next moment is taken for that. Runs of moments that come again replace
    /// their rows.
    pub(super) fn next_from(&self, now: i64) -> i64 {
        let (next, coming) = (self.next(), self.schedule.first(now.saturating_add(1)));
        if next.saturating_sub(coming) <= self.schedule.every {
            return next;
        }
        warn!(cq = self.name(), next, now, "the clock was set back: a continuous query goes on from here");
        match self.next.compare_exchange(next, coming, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => coming,
            Err(other) => other,
        }
    }

    /// The moment of the run that is due, if one is. Earlier ones that are too late by now are left out.
    pub(super) fn due(&self, now: i64) -> Option<i64> {
        let next = self.next_from(now);
        if next > now {
            return None;
        }
        let late = now.saturating_sub(next) / self.schedule.every.max(1);
        let skipped = match self.schedule.policy {
            CqPolicy::Blocked => late - (MOST_LATE - 1),
            CqPolicy::Discard => late,
        };
        self.go_on_at(next.saturating_add(skipped.max(0).saturating_mul(self.schedule.every)));
        Some(self.next())
    }

    /// Counts the run of a moment, which ended `now`, and says which is next.
    pub(super) fn settle(&self, moment: i64, outcome: &Result<Written, SessionError>, now: i64) {
        let Counts { runs, failed, written, rejected, .. } = &self.counts;
        runs.fetch_add(1, Ordering::Relaxed);
        let cq = self.name();
        match outcome {
            Ok(done) => {
                written.fetch_add(done.values, Ordering::Relaxed);
                rejected.fetch_add(done.rejected, Ordering::Relaxed);
                if let Some(reason) = &done.reason {
                    failed.fetch_add(1, Ordering::Relaxed);
                    let rejected = done.rejected;
                    warn!(cq, moment, rejected, reason, "values of a continuous query were rejected");
                }
            }
            Err(error) => {
                failed.fetch_add(1, Ordering::Relaxed);
                warn!(cq, moment, %error, "a run of a continuous query failed");
            }
        }
        self.next.store(moment.saturating_add(self.schedule.every), Ordering::Release);
        if self.schedule.policy == CqPolicy::Discard {
            self.go_on_at(self.schedule.first(now).max(self.next()));
        }
    }

    /// Goes on with the run of a moment; those before it are left out.
    fn go_on_at(&self, moment: i64) {
        let before = self.next.swap(moment, Ordering::AcqRel);
        let skipped = moment.saturating_sub(before) / self.schedule.every.max(1);
        if let Ok(skipped @ 1..) = u64::try_from(skipped) {
            self.counts.skipped.fetch_add(skipped, Ordering::Relaxed);
            warn!(cq = self.name(), skipped, "late runs of a continuous query are left out");
        }
    }

    pub(super) fn info(&self, now: i64) -> ContinuousQueryInfo {
        let Counts { runs, failed, skipped, written, rejected } = &self.counts;
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        ContinuousQueryInfo {
            name: self.name.clone(),
            runs: load(runs),
            failed: load(failed),
            skipped: load(skipped),
            written: load(written),
            rejected: load(rejected),
            late_ms: u64::try_from(now.saturating_sub(self.next())).unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::continuous::book::StoredSchedule;

    /// One that runs each second, from 0 on.
    fn query(policy: CqPolicy, next: i64) -> Cq {
        let schedule = CqSchedule { every: 1_000, boundary: 0, from: 1_000, to: 0, policy };
        let stored = StoredCq {
            id: 1,
            sql: String::new(),
            user: "root".to_owned(),
            user_id: 0,
            zone: "UTC".to_owned(),
            begins: 0,
            schedule: StoredSchedule::from(schedule),
        };
        Cq::new("q".to_owned(), stored, TimeZone::UTC, next)
    }

    fn ended(query: &Cq, moment: i64, now: i64) -> (i64, u64) {
        query.settle(moment, &Ok(Written::default()), now);
        (query.next(), query.info(now).skipped)
    }

    #[test]
    fn late_runs_are_made_up_for_up_to_a_bound() {
        let query = query(CqPolicy::Blocked, 5_000);
        query.pass_over_missed(9_500);
        assert_eq!((query.due(4_999), query.due(9_500)), (None, Some(5_000)));
        assert_eq!(ended(&query, 5_000, 9_500), (6_000, 0));
        let late = 6_000 + MOST_LATE * 1_000;
        assert_eq!((query.due(late - 1), query.info(late).skipped), (Some(6_000), 0));
        assert_eq!((query.due(late), query.info(late).skipped), (Some(7_000), 1));
        assert_eq!(query.due(i64::MAX).expect("due") % 1_000, 0);
    }

    #[test]
    fn a_clock_that_was_ahead_silences_no_query() {
        for policy in [CqPolicy::Blocked, CqPolicy::Discard] {
            let query = query(policy, 5_000);
            let ahead = query.due(1_000_000_000).expect("due");
            query.settle(ahead, &Ok(Written::default()), 1_000_000_000);
            assert_eq!((query.due(6_500), query.next()), (None, 7_000));
            assert_eq!(query.due(7_010), Some(7_000));
            // A clock that is set back a little repeats nothing.
            assert_eq!(ended(&query, 7_000, 7_020).0, 8_000);
            assert_eq!((query.due(6_900), query.next()), (None, 8_000));
        }
        // One that begins in the future waits for that.
        let mut later = query(CqPolicy::Blocked, 1_000_000);
        later.schedule.boundary = 1_000_000;
        assert_eq!((later.due(5), later.next()), (None, 1_000_000));
    }

    #[test]
    fn late_runs_are_left_out_where_that_is_the_policy() {
        let missed = query(CqPolicy::Discard, 5_000);
        missed.pass_over_missed(8_000);
        assert_eq!((missed.next(), missed.info(8_000).skipped), (8_000, 3));
        let query = query(CqPolicy::Discard, 5_000);
        // The clock was not looked at for long: the newest is run.
        assert_eq!((query.due(9_500), query.info(9_500).skipped), (Some(9_000), 4));
        // Those whose moment came while it ran are not.
        assert_eq!(ended(&query, 9_000, 11_500), (12_000, 6));
        assert_eq!(ended(&query, 12_000, 12_100), (13_000, 6));
    }
}
