//! Batching in front of a sink: by rows, by bytes, by the age of the first row.
//!
//! Batches that came are joined and never split: a batch's positions hold for all its rows, so half of it could not be
//! accounted for. A batch is therefore full when it has *reached* a limit.

use std::{collections::VecDeque, time::Duration};

use levada_connector_api::{Batch, BatchLimits};
use levada_model::SplitRange;
use tokio::time::Instant;

use crate::{confluence::Together, dead_letters::Ticket, ledger::Receipt, parcel::Parcel, queue::Weight};

/// Why a batch was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClosedBy {
    /// It has enough rows.
    Rows,
    /// It has enough bytes.
    Bytes,
    /// Its first row has waited for long enough.
    Linger,
    /// Nothing follows.
    Close,
    /// A split went on somewhere else than where it stood: it went away and came back.
    Split,
}

/// A batch for a sink.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// Rows and positions.
    pub(crate) batch: Batch,
    /// Settled when it is delivered.
    pub(crate) receipts: Vec<Receipt>,
    /// Dead letters that must be durable before.
    pub(crate) letters: Ticket,
    /// How big it is.
    pub(crate) weight: Weight,
    /// Why it was closed.
    pub(crate) closed_by: ClosedBy,
    /// It holds rows whose positions come with a later one: see [`Parcel::early`].
    pub(crate) early: bool,
}

/// Joins batches.
#[derive(Debug)]
pub(crate) struct Batcher {
    rows: usize,
    bytes: usize,
    linger: Duration,
    /// The batch being filled, and when it is to be closed at the latest; `None` for never.
    open: Option<(Outgoing, Option<Instant>)>,
    full: VecDeque<Outgoing>,
}

impl ClosedBy {
    /// Every reason.
    pub(crate) const ALL: [Self; 5] = [Self::Rows, Self::Bytes, Self::Linger, Self::Close, Self::Split];

    /// The reason as a metric label.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Bytes => "bytes",
            Self::Linger => "linger",
            Self::Close => "close",
            Self::Split => "split",
        }
    }
}

impl Batcher {
    /// An empty batcher.
    pub(crate) fn new(limits: BatchLimits) -> Self {
        Self {
            rows: limits.rows,
            bytes: usize::try_from(limits.bytes.0).unwrap_or(usize::MAX),
            linger: limits.linger.0,
            open: None,
            full: VecDeque::new(),
        }
    }

    /// Adds batches that came at `now` and stand for the same positions: they are never parted.
    pub(crate) fn push(&mut self, together: Together, now: Instant) {
        for (nth, mut parcel) in together.into_iter().enumerate() {
            let positions = &mut parcel.batch.positions;
            match &self.open {
                // The first has told them.
                Some(_) if nth > 0 => positions.clear(),
                Some((open, _)) if !continues(&open.batch.positions, positions) => {
                    self.close(ClosedBy::Split)
                }
                _ => {}
            }
            match &mut self.open {
                Some((open, _)) => open.append(parcel),
                None => self.open = Some((Outgoing::new(parcel), now.checked_add(self.linger))),
            }
        }
        if let Some((open, _)) = &self.open {
            if open.weight.rows >= self.rows {
                self.close(ClosedBy::Rows);
            } else if open.weight.bytes >= self.bytes {
                self.close(ClosedBy::Bytes);
            }
        }
    }

    /// Nothing more goes into the batch that is open.
    pub(crate) fn close(&mut self, by: ClosedBy) {
        if let Some((open, _)) = self.open.take() {
            self.full.push_back(Outgoing { closed_by: by, ..open });
        }
    }

    /// When the open batch has waited for long enough; `None` where there is none, or it waits for ever.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.open.as_ref().and_then(|(_, deadline)| *deadline)
    }

    /// The next batch that is full.
    pub(crate) fn full(&self) -> Option<&Outgoing> {
        self.full.front()
    }

    /// Takes it.
    pub(crate) fn take_full(&mut self) -> Option<Outgoing> {
        self.full.pop_front()
    }
}

impl Outgoing {
    fn new(parcel: Parcel) -> Self {
        let Parcel { batch, receipt, letters, weight, early, .. } = parcel;
        Self { batch, receipts: vec![receipt], letters, weight, closed_by: ClosedBy::Close, early }
    }

    fn append(&mut self, parcel: Parcel) {
        self.batch.append(parcel.batch);
        self.receipts.push(parcel.receipt);
        self.letters = self.letters.max(parcel.letters);
        self.weight.rows += parcel.weight.rows;
        self.weight.bytes += parcel.weight.bytes;
        self.early |= parcel.early;
    }
}

/// Whether every range of `later` begins where that of `earlier` ends, so that the two can be joined to one range.
fn continues(earlier: &[SplitRange], later: &[SplitRange]) -> bool {
    later.iter().all(|next| {
        let known = earlier.iter().find(|each| each.split == next.split);
        known.is_none_or(|known| known.range.end == next.range.start)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Ledger;
    use levada_connector_api::{ByteSize, Interval};

    fn batcher() -> Batcher {
        let linger = Interval(Duration::from_millis(200));
        Batcher::new(BatchLimits { rows: 10, bytes: ByteSize(1_000), linger })
    }

    fn parcel(rows: usize, bytes: usize, range: std::ops::Range<u64>) -> Together {
        let positions = vec![SplitRange { split: "s".into(), range }];
        let receipt = Ledger::new().admit(&positions, rows);
        let batch = Batch { positions, ..Batch::default() };
        let (letters, weight) = (Ticket::default(), Weight { rows, bytes });
        vec![Parcel { batch, receipt, letters, weight, early: false, way: 0 }]
    }

    #[tokio::test]
    async fn a_batch_is_full_when_it_has_reached_a_limit() {
        let mut batcher = batcher();
        let now = Instant::now();
        batcher.push(parcel(6, 10, 0..6), now);
        assert!(batcher.full().is_none());
        batcher.push(parcel(6, 10, 6..12), now);
        let full = batcher.take_full().expect("12 rows");
        assert_eq!((full.closed_by, full.receipts.len(), full.weight.rows), (ClosedBy::Rows, 2, 12));
        assert_eq!(full.batch.positions, [SplitRange { split: "s".into(), range: 0..12 }]);
        batcher.push(parcel(1, 1_000, 12..13), now);
        assert_eq!(batcher.take_full().expect("1000 bytes").closed_by, ClosedBy::Bytes);
        assert_eq!(batcher.deadline(), None);
    }

    #[tokio::test]
    async fn the_first_row_sets_the_deadline() {
        let mut batcher = batcher();
        let now = Instant::now();
        batcher.push(parcel(1, 1, 0..1), now);
        batcher.push(parcel(1, 1, 1..2), now + Duration::from_millis(150));
        assert_eq!(batcher.deadline(), Some(now + Duration::from_millis(200)));
        batcher.close(ClosedBy::Linger);
        assert_eq!(batcher.take_full().map(|full| full.weight.rows), Some(2));
    }

    #[tokio::test]
    async fn a_linger_that_no_clock_reaches_is_for_ever() {
        let limits = BatchLimits { linger: Interval(Duration::MAX), ..BatchLimits::default() };
        let mut batcher = Batcher::new(limits);
        batcher.push(parcel(1, 1, 0..1), Instant::now());
        assert_eq!((batcher.deadline(), batcher.full().is_none()), (None, true));
        batcher.close(ClosedBy::Close);
        assert!(batcher.take_full().is_some());
    }

    #[tokio::test]
    async fn what_stands_for_the_same_positions_is_in_one_batch_and_tells_them_once() {
        let mut batcher = batcher();
        let now = Instant::now();
        batcher.push(parcel(3, 1, 0..3), now);
        let together = parcel(9, 1, 3..7).into_iter().chain(parcel(2, 1, 3..7)).collect();
        batcher.push(together, now);
        let full = batcher.take_full().expect("14 rows");
        assert_eq!((full.weight.rows, full.receipts.len()), (14, 3));
        assert_eq!(full.batch.positions, [SplitRange { split: "s".into(), range: 0..7 }]);
    }

    #[tokio::test]
    async fn ranges_that_do_not_touch_are_not_joined() {
        let mut batcher = batcher();
        let now = Instant::now();
        batcher.push(parcel(1, 1, 100..101), now);
        batcher.push(parcel(1, 1, 40..41), now);
        batcher.close(ClosedBy::Close);
        let reasons: Vec<_> = std::iter::from_fn(|| batcher.take_full()).map(|full| full.closed_by).collect();
        assert_eq!(reasons, [ClosedBy::Split, ClosedBy::Close]);
    }
}
