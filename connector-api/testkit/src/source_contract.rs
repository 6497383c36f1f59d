//! What every source must do.

use std::{
    collections::{BTreeMap, HashSet},
    future::Future,
    time::Duration,
};

use async_trait::async_trait;
use levada_connector_api::{
    Batch, Source,
    model::{Checkpoint, SplitName, SplitPosition},
};

use crate::{Row, rows_of};

/// How the suite gets at a source.
///
/// The input holds several batches' worth of rows, the more the better, no two of the same device and time; it does not change while
/// the suite runs.
#[async_trait]
pub trait SourceHarness: Send {
    /// A new source over the same input, as a freshly started process builds it.
    fn source(&mut self) -> Box<dyn Source>;

    /// Forgets what earlier sources committed (another consumer group, another state folder), so that the next starts
    /// where the input does.
    async fn fresh(&mut self);

    /// The rows that the input holds. An unbounded source may give more of them; those count for nothing.
    fn expected(&self) -> Vec<Row>;

    /// Breaks one split of the input for good, and gives the rows that cannot be had any more; `None` for a source whose
    /// splits do not break one by one. `fresh` mends it.
    async fn break_one(&mut self) -> Option<Vec<Row>> {
        None
    }

    /// Whether a source that is closed commits what was settled by itself, so that a later one goes on from there without
    /// being told.
    fn remembers(&self) -> bool {
        false
    }
}

/// How long anything may take before it counts as hung.
const DEADLINE: Duration = Duration::from_secs(60);

/// Runs every test that the source's capabilities call for, one after another, each from a fresh start.
///
/// | test | holds for |
/// | --- | --- |
/// | open and close: also without `connect`, also twice | all |
/// | every row is given, once; ranges of a split touch; records lie within their range, in order | all |
/// | a bounded source ends and stays at its end | bounded |
/// | `next` dropped at any moment loses and doubles nothing | all |
/// | dropped without `close`, restarted from stored positions: it goes on exactly there | replayable |
/// | closed with data in flight: what was not settled comes again | replayable |
/// | a split that is broken is given up, once and by name; all others are read, also by the run after | where the harness can break one |
/// | what `close` committed is remembered without being told | where the harness says so |
///
/// # Panics
/// Where the source does not keep the contract; the message names the test.
pub async fn source_contract(harness: &mut impl SourceHarness) {
    let capabilities = harness.source().capabilities();
    opens_and_closes(harness).await;
    gives_every_row_in_order(harness).await;
    loses_nothing_when_cancelled(harness).await;
    gives_a_broken_split_up(harness).await;
    if capabilities.replayable {
        goes_on_from_stored_positions(harness).await;
        gives_again_what_was_in_flight(harness).await;
        if harness.remembers() {
            remembers_what_was_settled(harness).await;
        }
    }
}

async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, work).await {
        Ok(done) => done,
        Err(_) => panic!("{what}: not done within {DEADLINE:?}"),
    }
}

/// One source being read, and the account of what it gave.
struct Reading<'a> {
    test: &'a str,
    source: Box<dyn Source>,
    first: BTreeMap<SplitName, u64>,
    next: Checkpoint,
    rows: HashSet<Row>,
    /// What of the input has come neither here nor, for good, before.
    missing: HashSet<Row>,
}

impl<'a> Reading<'a> {
    async fn start(
        test: &'a str,
        harness: &mut impl SourceHarness,
        stored: &Checkpoint,
        missing: HashSet<Row>,
    ) -> Self {
        let mut source = harness.source();
        within(test, source.connect(stored))
            .await
            .unwrap_or_else(|error| panic!("{test}: connect fails: {error}"));
        Self { test, source, first: BTreeMap::new(), next: Checkpoint::new(), rows: HashSet::new(), missing }
    }

    /// Reads a batch and enters it; `false` at the end.
    async fn step(&mut self) -> bool {
        let next = within(self.test, self.source.next()).await;
        match next.unwrap_or_else(|error| panic!("{}: next fails: {error}", self.test)) {
            Some(batch) => self.enter(&batch),
            None => return false,
        }
        true
    }

    /// Reads until at least so many of the missing rows came, or the end.
    async fn read(&mut self, rows: usize) {
        let until = self.missing.len().saturating_sub(rows);
        while self.missing.len() > until {
            if !self.step().await {
                return;
            }
        }
    }

    /// Reads until nothing is missing any more.
    async fn read_all(&mut self) {
        self.read(usize::MAX).await;
        self.assert_complete();
    }

    fn assert_complete(&self) {
        let (test, lost) = (self.test, self.missing.len());
        let some: Vec<_> = self.missing.iter().take(5).collect();
        assert_eq!(lost, 0, "{test}: {lost} rows are missing, among them {some:?}");
    }

    fn enter(&mut self, batch: &Batch) {
        let test = self.test;
        for each in &batch.positions {
            let (split, range) = (&each.split, &each.range);
            assert!(range.start <= range.end, "{test}: split {split} has the range {range:?}");
            self.first.entry(split.clone()).or_insert(range.start);
            let expected = self.next.insert(split.clone(), range.end).unwrap_or(range.start);
            assert_eq!(
                range.start, expected,
                "{test}: range {range:?} of split {split} does not follow the one before"
            );
        }
        self.enter_records(batch);
        for row in rows_of(batch) {
            self.missing.remove(&row);
            assert!(!self.rows.contains(&row), "{test}: {row:?} came twice");
            self.rows.insert(row);
        }
    }

    /// The records of each tablet's rows lie within the batch's ranges, and a split's do not go back.
    fn enter_records(&self, batch: &Batch) {
        let test = self.test;
        for readings in &batch.readings {
            let mut last: BTreeMap<SplitName, u64> = BTreeMap::new();
            for row in 0..readings.tablet.rows() {
                let Some(record) = readings.record(row) else { continue };
                let Some((split, position)) = record.origin() else {
                    panic!("{test}: a record has no origin");
                };
                let within =
                    batch.positions.iter().any(|each| each.split == *split && each.range.contains(&position));
                assert!(
                    within,
                    "{test}: record {position} of split {split} is outside the batch's {:?}",
                    batch.positions
                );
                let before = last.insert(split.clone(), position).unwrap_or(position);
                assert!(before <= position, "{test}: record {position} of split {split} came after {before}");
            }
        }
    }

    fn settled(&self) -> Vec<SplitPosition> {
        self.next.iter().map(|(split, &position)| SplitPosition { split: split.clone(), position }).collect()
    }

    async fn settle(&mut self, settled: &[SplitPosition]) {
        let test = self.test;
        within(test, self.source.settle(settled))
            .await
            .unwrap_or_else(|error| panic!("{test}: settle fails: {error}"));
    }

    async fn close(&mut self) {
        let test = self.test;
        within(test, self.source.close())
            .await
            .unwrap_or_else(|error| panic!("{test}: close fails: {error}"));
    }
}

fn expected(harness: &impl SourceHarness) -> HashSet<Row> {
    let rows = harness.expected();
    let distinct: HashSet<Row> = rows.iter().cloned().collect();
    assert_eq!(rows.len(), distinct.len(), "the harness's rows are not distinct");
    distinct
}

async fn opens_and_closes(harness: &mut impl SourceHarness) {
    let test = "open and close";
    harness.fresh().await;
    let mut unconnected = harness.source();
    for _ in 0..2 {
        within(test, unconnected.close()).await.unwrap_or_else(|error| {
            panic!("{test}: close without connect fails: {error}");
        });
    }
    let mut reading = Reading::start(test, harness, &Checkpoint::new(), HashSet::new()).await;
    reading.settle(&[]).await;
    reading.step().await;
    reading.close().await;
    reading.close().await;
    drop(Reading::start(test, harness, &Checkpoint::new(), HashSet::new()).await);
}

async fn gives_every_row_in_order(harness: &mut impl SourceHarness) {
    let test = "every row in order";
    harness.fresh().await;
    let expected = expected(harness);
    let mut reading = Reading::start(test, harness, &Checkpoint::new(), expected.clone()).await;
    if reading.source.capabilities().bounded {
        while reading.step().await {}
        assert!(!reading.step().await, "{test}: a source gave something after its end");
        let strange: Vec<_> = reading.rows.difference(&expected).take(5).collect();
        assert!(strange.is_empty(), "{test}: rows came that the input does not hold: {strange:?}");
    }
    reading.read_all().await;
    let progress = reading.source.progress();
    if let Some(total) = progress.total {
        assert!(progress.read <= total, "{test}: {} of {total} records read", progress.read);
    }
    reading.close().await;
}

async fn loses_nothing_when_cancelled(harness: &mut impl SourceHarness) {
    let test = "cancelled next";
    harness.fresh().await;
    let expected = expected(harness);
    let mut reading = Reading::start(test, harness, &Checkpoint::new(), expected).await;
    for attempt in 0.. {
        // Dropped after ever more turns of the scheduler, so that it is cut at ever other points.
        let turns = attempt % 8;
        let cut = tokio::select! {
            biased;
            next = reading.source.next() => Some(next),
            () = yields(turns) => None,
        };
        let next = match cut {
            Some(next) => next,
            // Now and then it may finish, or a source that is slow would never get anywhere.
            None if turns == 7 => within(test, reading.source.next()).await,
            None => continue,
        };
        match next.unwrap_or_else(|error| panic!("{test}: next fails: {error}")) {
            Some(batch) => reading.enter(&batch),
            None => break,
        }
        if reading.missing.is_empty() {
            break;
        }
    }
    reading.assert_complete();
    reading.close().await;
}

async fn gives_a_broken_split_up(harness: &mut impl SourceHarness) {
    let test = "a split that is given up";
    harness.fresh().await;
    let mut missing = expected(harness);
    let Some(lost) = harness.break_one().await else { return };
    for row in &lost {
        assert!(
            missing.remove(row),
            "{test}: the harness says that {row:?} is lost, which it did not expect"
        );
    }
    let mut stored = Checkpoint::new();
    for run in ["first run", "next run"] {
        let mut reading = Reading::start(test, harness, &stored, missing).await;
        let given_up = read_beside_broken(&mut reading).await;
        assert_eq!(given_up.len(), 1, "{test}, {run}: these were given up: {given_up:?}");
        reading.assert_complete();
        let strange = reading.rows.iter().find(|&row| lost.contains(row));
        assert_eq!(strange, None, "{test}, {run}: a row came of the broken part");
        assert!(stored.is_empty() || reading.rows.is_empty(), "{test}: the next run read rows again");
        let settled = reading.settled();
        reading.settle(&settled).await;
        reading.close().await;
        stored.extend(reading.next.clone());
        missing = HashSet::new();
    }
}

/// Reads until a bounded source ends, or an unbounded one has given a split up and all rows of the others. Gives the
/// splits that were given up.
async fn read_beside_broken(reading: &mut Reading<'_>) -> HashSet<SplitName> {
    let test = reading.test;
    let bounded = reading.source.capabilities().bounded;
    let mut given_up = HashSet::new();
    while bounded || given_up.is_empty() || !reading.missing.is_empty() {
        match within(test, reading.source.next()).await {
            Ok(None) => break,
            Ok(Some(batch)) => {
                let gone = batch.positions.iter().find(|each| given_up.contains(&each.split));
                assert!(gone.is_none(), "{test}: {gone:?} came of a split that was given up");
                reading.enter(&batch);
            }
            Err(error) => match error.given_up() {
                Some(split) => {
                    assert!(!error.is_transient(), "{test}: {error} gives up, and says that it may pass");
                    assert!(given_up.insert(split.clone()), "{test}: {split} was given up twice");
                }
                None => panic!("{test}: next fails: {error}"),
            },
        }
    }
    given_up
}

async fn yields(turns: usize) {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}

async fn goes_on_from_stored_positions(harness: &mut impl SourceHarness) {
    let test = "restart from stored positions";
    harness.fresh().await;
    let mut missing = expected(harness);
    let third = missing.len() / 3;
    let mut stored = Checkpoint::new();
    // A process that is killed after a third, another after two thirds; the last one reads to the end.
    for part in 1..=3 {
        let mut reading = Reading::start(test, harness, &stored, missing).await;
        if part < 3 {
            reading.read(third).await;
        } else {
            reading.read_all().await;
        }
        for (split, first) in &reading.first {
            if let Some(position) = stored.get(split) {
                assert_eq!(first, position, "{test}: split {split} did not go on where it was stored");
            }
        }
        let settled = reading.settled();
        reading.settle(&settled).await;
        stored.extend(reading.next.clone());
        missing = reading.missing.clone();
        // In flight when the process dies: given, but neither stored nor settled.
        if part < 3 {
            reading.step().await;
        }
    }
}

async fn gives_again_what_was_in_flight(harness: &mut impl SourceHarness) {
    let test = "close with data in flight";
    harness.fresh().await;
    let expected = expected(harness);
    let mut reading = Reading::start(test, harness, &Checkpoint::new(), expected).await;
    reading.read(1).await;
    let (settled, stored, missing) = (reading.settled(), reading.next.clone(), reading.missing.clone());
    reading.settle(&settled).await;
    reading.step().await;
    tokio::select! {
        biased;
        next = reading.source.next() => drop(next),
        () = yields(2) => {}
    }
    reading.close().await;
    drop(reading);
    let mut again = Reading::start(test, harness, &stored, missing).await;
    again.read_all().await;
    again.close().await;
}

async fn remembers_what_was_settled(harness: &mut impl SourceHarness) {
    let test = "settled positions are remembered";
    harness.fresh().await;
    let expected = expected(harness);
    let third = expected.len() / 3;
    let mut reading = Reading::start(test, harness, &Checkpoint::new(), expected).await;
    reading.read(third).await;
    let (settled, next, missing) = (reading.settled(), reading.next.clone(), reading.missing.clone());
    reading.settle(&settled).await;
    reading.step().await;
    reading.close().await;
    drop(reading);
    let mut again = Reading::start(test, harness, &Checkpoint::new(), missing).await;
    again.read_all().await;
    for (split, first) in &again.first {
        if let Some(position) = next.get(split) {
            assert_eq!(first, position, "{test}: split {split} did not go on where it was settled");
        }
    }
    again.close().await;
}

#[cfg(test)]
mod tests;
