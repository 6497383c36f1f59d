//! Input whose outcome somebody behind has already, though the restored state does not.
//!
//! ```text
//!   restored at 4 ──▶ input up to what 6 stood for ──▶ 6 again ──▶ up to what 9 stood for ──▶ 9 again ──▶ 13, 14, …
//!                     └── input beyond that waits
//! ```
//!
//! A transform is restored where the last of those behind it stands. Another, with a state of its own, may be further on: at
//! version 6. It must not take in a second time what led there, and rows alone do not say whether they did. So version 6 is made again, of exactly
//! the input that it stood for, and under its number: who has it leaves its rows out, and who has not takes them.

use std::{collections::VecDeque, mem, time::Duration};

use arrow_array::BooleanArray;
use levada_connector_api::{Batch, Readings, Result};
use levada_model::{Checkpoint, SplitRange};
use tokio::time::Instant;

use crate::{confluence::Together, parcel::Parcel, queue::Weight, state::StoodFor};

/// Input beyond a version waits so long for the next of what is missing.
const PATIENCE: Duration = Duration::from_secs(10);

/// So many rows may wait.
const MOST_ROWS: usize = 1_000_000;

/// So many bytes may wait.
const MOST_BYTES: usize = 64 << 20;

/// The versions to be made again.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// Ascending, each with what it stood for.
    versions: VecDeque<(u64, StoodFor)>,
    /// Input beyond the first of them.
    later: VecDeque<Together>,
    weight: Weight,
    /// When what is missing is waited for no longer.
    patient_until: Option<Instant>,
    /// A split goes on beyond what is missing of it.
    gap: bool,
}

impl Ahead {
    pub(super) fn new(versions: Vec<(u64, StoodFor)>) -> Self {
        Self { versions: versions.into(), ..Self::default() }
    }

    /// The version that is made.
    pub(super) fn version(&self) -> Option<u64> {
        self.versions.front().map(|(version, _)| *version)
    }

    /// Whether all that it stood for has come in, be it the end.
    pub(super) fn is_reached(&self, positions: &Checkpoint, ended: bool) -> bool {
        let Some((_, stood_for)) = self.versions.front() else { return false };
        let is_over = !stood_for.ended || (ended && self.later.is_empty());
        let mut upto = stood_for.positions.iter();
        is_over && upto.all(|(split, upto)| positions.get(split).is_some_and(|position| position >= upto))
    }

    /// It is made. Gives what waited for that.
    pub(super) fn made(&mut self) -> VecDeque<Together> {
        self.versions.pop_front();
        self.take_later()
    }

    /// No version is made again any more. Gives what waited.
    pub(super) fn give_up(&mut self) -> VecDeque<Together> {
        self.versions.clear();
        self.gap = false;
        self.take_later()
    }

    fn take_later(&mut self) -> VecDeque<Together> {
        (self.weight, self.patient_until) = (Weight::default(), None);
        mem::take(&mut self.later)
    }

    /// Whether it makes no sense to wait any longer, apart from the time.
    pub(super) fn is_hopeless(&self) -> bool {
        self.gap || self.weight.rows > MOST_ROWS || self.weight.bytes > MOST_BYTES
    }

    /// Until when what is missing is waited for; `None` where nothing waits for it. While nothing can come in, `blocked`, the time
    /// does not count.
    pub(super) fn patient_until(&mut self, blocked: bool) -> Option<Instant> {
        if blocked || self.later.is_empty() {
            self.patient_until = None;
            return None;
        }
        Some(*self.patient_until.get_or_insert_with(|| Instant::now() + PATIENCE))
    }

    /// Parts what came in: gives what belongs to the version that is made, and keeps the rest.
    ///
    /// # Errors
    /// Rows are not in step: a fault of ours.
    pub(super) fn part(&mut self, together: Together, positions: &Checkpoint) -> Result<Together> {
        let Some((_, StoodFor { positions: upto, .. })) = self.versions.front() else { return Ok(together) };
        let skips = |each: &SplitRange| {
            let reached = positions.get(&each.split).copied().unwrap_or(0);
            upto.get(&each.split).is_some_and(|&upto| reached < upto && each.range.start >= upto)
        };
        self.gap |= together.iter().flat_map(|each| &each.batch.positions).any(skips);
        let (mut now, mut later) = (Vec::with_capacity(together.len()), Vec::new());
        for parcel in together {
            let (before, beyond) = part(parcel, upto)?;
            now.extend(before);
            later.extend(beyond);
        }
        if !now.is_empty() {
            self.patient_until = None;
        }
        if !later.is_empty() {
            for Parcel { weight, .. } in &later {
                self.weight.rows += weight.rows;
                self.weight.bytes += weight.bytes;
            }
            self.later.push_back(later);
        }
        Ok(now)
    }
}

/// What of a parcel lies before these positions, and what beyond. A row that came from no record is not parted from its batch: it
/// lies beyond, unless all of that lies before.
fn part(mut parcel: Parcel, upto: &Checkpoint) -> Result<(Option<Parcel>, Option<Parcel>)> {
    let ranges = mem::take(&mut parcel.batch.positions);
    let (mut before, mut beyond) = (Vec::with_capacity(ranges.len()), Vec::new());
    for SplitRange { split, range } in ranges {
        let cut = upto.get(&split).copied().unwrap_or(0).clamp(range.start, range.end);
        if cut > range.start {
            before.push(SplitRange { split: split.clone(), range: range.start..cut });
        }
        if cut < range.end || range.is_empty() {
            beyond.push(SplitRange { split, range: cut..range.end });
        }
    }
    if before.is_empty() && !beyond.is_empty() {
        parcel.batch.positions = beyond;
        return Ok((None, Some(parcel)));
    }
    if beyond.is_empty() && !before.is_empty() && !parcel.early {
        parcel.batch.positions = before;
        return Ok((Some(parcel), None));
    }
    let mut first = Batch { positions: before, ..Batch::default() };
    let mut rest = Batch { positions: beyond, ..Batch::default() };
    for readings in mem::take(&mut parcel.batch.readings) {
        let rows = readings.tablet.rows();
        let is_before: BooleanArray = (0..rows).map(|row| Some(lies_before(&readings, row, upto))).collect();
        match is_before.true_count() {
            0 => rest.readings.push(readings),
            count if count == rows => first.readings.push(readings),
            _ => {
                let is_beyond: BooleanArray = is_before.iter().map(|before| before.map(|is| !is)).collect();
                rest.readings.push(readings.filter(&is_beyond)?);
                first.readings.push(readings.filter(&is_before)?);
            }
        }
    }
    let rest = (!rest.is_empty()).then(|| Parcel { batch: rest, ..parcel.share() });
    Ok((Some(Parcel { batch: first, ..parcel }), rest))
}

fn lies_before(readings: &Readings, row: usize, upto: &Checkpoint) -> bool {
    let Some(record) = readings.record(row) else { return false };
    let Some((split, position)) = record.origin() else { return false };
    upto.get(split).is_some_and(|&upto| position < upto)
}

#[cfg(test)]
mod tests {
    use levada_testkit::{numbered, rows_of};

    use super::*;
    use crate::{dead_letters::Ticket, ledger::Ledger, parcel::weigh};

    fn parcel(batch: Batch) -> Together {
        let receipt = Ledger::new().admit(&batch.positions, batch.rows());
        let weight = weigh(&batch);
        vec![Parcel { batch, receipt, letters: Ticket::default(), weight, early: false, way: 0 }]
    }

    fn times(together: &[Parcel]) -> Vec<i64> {
        together.iter().flat_map(|each| rows_of(&each.batch)).map(|row| row.time).collect()
    }

    fn ranges(together: &[Parcel]) -> Vec<(u64, u64)> {
        let all = together.iter().flat_map(|each| &each.batch.positions);
        all.map(|each| (each.range.start, each.range.end)).collect()
    }

    fn at(split: &str, position: u64) -> Checkpoint {
        Checkpoint::from([(split.into(), position)])
    }

    fn upto(position: u64) -> StoodFor {
        StoodFor { positions: at("s", position), ended: false }
    }

    #[test]
    fn a_version_that_stood_for_the_end_is_made_at_the_end() {
        let mut ahead = Ahead::new(vec![(6, StoodFor { ended: true, ..upto(15) })]);
        assert!(!ahead.is_reached(&at("s", 15), false) && ahead.is_reached(&at("s", 15), true));
        drop(ahead.part(parcel(numbered("s", 15..16, 1)), &at("s", 15)).expect("in step"));
        assert!(!ahead.is_reached(&at("s", 15), true), "more came than there was");
    }

    #[test]
    fn what_lies_beyond_a_version_waits_until_it_is_made() {
        let mut ahead = Ahead::new(vec![(6, upto(15)), (9, upto(30))]);
        let now = ahead.part(parcel(numbered("s", 10..18, 1)), &at("s", 10)).expect("in step");
        assert_eq!((times(&now), ranges(&now)), (vec![10, 11, 12, 13, 14], vec![(10, 15)]));
        assert!(ahead.part(parcel(numbered("t", 0..2, 1)), &at("s", 15)).expect("in step").is_empty());
        assert!(
            ahead.is_reached(&at("s", 15), false)
                && !ahead.is_reached(&at("s", 14), true)
                && !ahead.is_hopeless()
        );
        let later: Vec<_> = ahead.made().into_iter().flatten().collect();
        assert_eq!((times(&later), ranges(&later)), (vec![15, 16, 17, 0, 1], vec![(15, 18), (0, 2)]));
        assert_eq!(ahead.version(), Some(9));
        let now = ahead.part(parcel(numbered("s", 18..30, 1)), &at("s", 18)).expect("in step");
        assert_eq!(ranges(&now), [(18, 30)]);
    }

    #[test]
    fn rows_that_came_before_their_positions_are_parted_by_their_records() {
        let mut ahead = Ahead::new(vec![(6, upto(15))]);
        let mut early = parcel(numbered("s", 12..18, 1));
        for each in &mut early {
            each.early = true;
            each.batch.positions[0].range = 12..13;
        }
        let now = ahead.part(early, &at("s", 12)).expect("in step");
        assert_eq!((times(&now), ranges(&now)), (vec![12, 13, 14], vec![(12, 13)]));
        assert_eq!(times(&ahead.give_up().into_iter().flatten().collect::<Vec<_>>()), [15, 16, 17]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_split_that_goes_on_beyond_what_is_missing_is_waited_for_no_longer() {
        let mut ahead = Ahead::new(vec![(6, upto(15))]);
        assert_eq!(ahead.patient_until(false), None);
        drop(ahead.part(parcel(numbered("t", 0..2, 1)), &at("s", 10)).expect("in step"));
        let until = ahead.patient_until(false).expect("something waits");
        assert_eq!(until, Instant::now() + PATIENCE);
        assert_eq!(ahead.patient_until(true), None);
        assert!(!ahead.is_hopeless());
        drop(ahead.part(parcel(numbered("s", 15..16, 1)), &at("s", 10)).expect("in step"));
        assert!(ahead.is_hopeless());
        assert_eq!(ahead.give_up().len(), 2);
        assert!(ahead.version().is_none() && !ahead.is_hopeless());
    }
}
