//! What every sink must do.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use futures::{StreamExt, stream::FuturesOrdered};
use levada_connector_api::{Batch, Delivery, Sink, model::Checkpoint};

use crate::{Row, numbered, rows_of};

/// What the other side of a sink can suffer from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Writes and connecting fail, in a way that passes.
    Fails,
    /// Writes are not answered.
    Stalls,
}

/// A batch, some rows of which the sink rejects.
#[derive(Clone, Debug)]
pub struct BadRows {
    /// The batch; its rows are [`crate::numbered`] or of the same form.
    pub batch: Batch,
    /// The rows to be rejected: index of the readings and of the row.
    pub rejected: BTreeSet<(usize, u32)>,
}

/// How the suite gets at a sink.
#[async_trait]
pub trait SinkHarness: Send {
    /// Another destination, empty and healthy.
    async fn fresh(&mut self);

    /// A new sink for the same destination, as a freshly started process builds it.
    fn sink(&mut self) -> Arc<dyn Sink>;

    /// The rows at the destination, in the order in which they lie there; asked for when all sinks are closed
    /// and dropped. `None` where
    /// they cannot be read back.
    async fn stored(&mut self) -> Option<Vec<Row>>;

    /// Brings trouble over the destination; `false` where that cannot be done.
    fn trouble(&mut self, trouble: Trouble) -> bool {
        let _: Trouble = trouble;
        false
    }

    /// Ends the trouble.
    fn heal(&mut self) {}

    /// A batch some rows of which are rejected; `None` where the sink rejects none.
    fn bad_rows(&mut self) -> Option<BadRows> {
        None
    }
}

/// How long anything may take before it counts as hung.
const DEADLINE: Duration = Duration::from_secs(60);

/// Runs every test that the harness and the sink's capabilities call for, each from a fresh start.
///
/// | test | holds for |
/// | --- | --- |
/// | open and close: also without `connect`, also twice | all |
/// | every row arrives once, a device's rows in order; batches without rows are fine | all |
/// | as many writes at once as it allows | all |
/// | dropped without `close`: what was acknowledged is there, and the checkpoint is its positions | all |
/// | writes whose futures are dropped, then repeated, arrive | all |
/// | `close` with dropped writes about ends, and what was acknowledged is there | all |
/// | some rows rejected: exactly those are named, the others arrive | with [`SinkHarness::bad_rows`] |
/// | fails then heals: errors are transient, the same batch and the same `connect` then succeed | with [`Trouble::Fails`] |
/// | stalls then heals: the same batch then succeeds | with [`Trouble::Stalls`] |
///
/// # Panics
/// Where the sink does not keep the contract; the message names the test.
pub async fn sink_contract(harness: &mut impl SinkHarness) {
    opens_and_closes(harness).await;
    delivers_every_row_in_order(harness).await;
    takes_as_many_writes_as_it_allows(harness).await;
    keeps_what_it_acknowledged(harness).await;
    survives_cancelled_writes(harness).await;
    closes_with_writes_dropped(harness).await;
    rejects_by_row(harness).await;
    fails_then_heals(harness).await;
    stalls_then_heals(harness).await;
}

async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, work).await {
        Ok(done) => done,
        Err(_) => panic!("{what}: not done within {DEADLINE:?}"),
    }
}

async fn connect(test: &str, harness: &mut impl SinkHarness) -> Arc<dyn Sink> {
    let sink = harness.sink();
    within(test, sink.connect()).await.unwrap_or_else(|error| panic!("{test}: connect fails: {error}"));
    sink
}

/// Closes a sink and lets go of it: what it held of its destination is free then.
async fn close(test: &str, sink: Arc<dyn Sink>) {
    within(test, sink.close()).await.unwrap_or_else(|error| panic!("{test}: close fails: {error}"));
}

async fn write(test: &str, sink: &Arc<dyn Sink>, batch: &Batch) {
    let delivery =
        within(test, sink.write(batch)).await.unwrap_or_else(|error| panic!("{test}: write fails: {error}"));
    assert_eq!(delivery, Delivery::default(), "{test}: good rows were rejected");
}

/// `count` batches of 25 rows of three devices, one behind the other.
fn batches(count: u64) -> Vec<Batch> {
    (0..count).map(|batch| numbered("contract", batch * 25..(batch + 1) * 25, 3)).collect()
}

fn rows<'a>(batches: impl IntoIterator<Item = &'a Batch>) -> BTreeSet<Row> {
    batches.into_iter().flat_map(rows_of).collect()
}

/// At least once: nothing is missing, and nothing is there that was never written.
async fn assert_stored(
    test: &str,
    harness: &mut impl SinkHarness,
    written: &BTreeSet<Row>,
    must: &BTreeSet<Row>,
) {
    let Some(stored) = harness.stored().await else { return };
    let stored: BTreeSet<Row> = stored.into_iter().collect();
    let missing: Vec<_> = must.difference(&stored).take(5).collect();
    let lost = must.difference(&stored).count();
    assert!(missing.is_empty(), "{test}: {lost} of {} rows are missing, among them {missing:?}", must.len());
    let strange: Vec<_> = stored.difference(written).take(5).collect();
    assert!(strange.is_empty(), "{test}: rows are there that were never written: {strange:?}");
}

async fn opens_and_closes(harness: &mut impl SinkHarness) {
    let test = "open and close";
    harness.fresh().await;
    let unconnected = harness.sink();
    close(test, Arc::clone(&unconnected)).await;
    close(test, unconnected).await;
    let sink = connect(test, harness).await;
    assert!(sink.capabilities().max_in_flight > 0, "{test}: no write may be under way");
    close(test, Arc::clone(&sink)).await;
    close(test, sink).await;
    assert_stored(test, harness, &BTreeSet::new(), &BTreeSet::new()).await;
}

async fn delivers_every_row_in_order(harness: &mut impl SinkHarness) {
    let test = "every row in order";
    harness.fresh().await;
    let sink = connect(test, harness).await;
    let batches = batches(10);
    for batch in &batches {
        write(test, &sink, batch).await;
        write(test, &sink, &Batch { positions: batch.positions.clone(), ..Batch::default() }).await;
    }
    write(test, &sink, &Batch::default()).await;
    close(test, sink).await;
    if let Some(stored) = harness.stored().await {
        assert_eq!(
            by_device(stored),
            by_device(batches.iter().flat_map(rows_of).collect()),
            "{test}: other rows"
        );
    }
}

fn by_device(rows: Vec<Row>) -> BTreeMap<String, Vec<(i64, Option<i64>)>> {
    let mut devices: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for row in rows {
        devices.entry(row.device).or_default().push((row.time, row.number));
    }
    devices
}

async fn takes_as_many_writes_as_it_allows(harness: &mut impl SinkHarness) {
    let test = "writes at once";
    harness.fresh().await;
    let sink = connect(test, harness).await;
    let batches = batches(12);
    for together in batches.chunks(sink.capabilities().max_in_flight) {
        let mut writes: FuturesOrdered<_> = together.iter().map(|batch| sink.write(batch)).collect();
        while let Some(written) = within(test, writes.next()).await {
            let delivery = written.unwrap_or_else(|error| panic!("{test}: write fails: {error}"));
            assert_eq!(delivery, Delivery::default(), "{test}: good rows were rejected");
        }
    }
    close(test, sink).await;
    assert_stored(test, harness, &rows(&batches), &rows(&batches)).await;
}

async fn keeps_what_it_acknowledged(harness: &mut impl SinkHarness) {
    let test = "restart without close";
    harness.fresh().await;
    let batches = batches(9);
    for (part, some) in (0u64..).zip(batches.chunks(3)) {
        let sink = connect(test, harness).await;
        if sink.capabilities().checkpoints {
            let stored = within(test, sink.checkpoint()).await;
            let stored = stored.unwrap_or_else(|error| panic!("{test}: checkpoint fails: {error}"));
            let expected: Checkpoint =
                (part > 0).then(|| ("contract".into(), part * 75)).into_iter().collect();
            assert_eq!(stored, expected, "{test}: the checkpoint is not what was acknowledged");
        }
        for batch in some {
            write(test, &sink, batch).await;
        }
        // As kill -9 does it: nobody says goodbye.
        drop(sink);
    }
    let last = connect(test, harness).await;
    close(test, last).await;
    assert_stored(test, harness, &rows(&batches), &rows(&batches)).await;
}

async fn survives_cancelled_writes(harness: &mut impl SinkHarness) {
    let test = "cancelled writes";
    harness.fresh().await;
    let sink = connect(test, harness).await;
    let batches = batches(8);
    for (turns, batch) in (0usize..).zip(&batches) {
        let cut = tokio::select! {
            biased;
            written = sink.write(batch) => Some(written),
            () = yields(turns) => None,
        };
        match cut {
            Some(written) => drop(written.unwrap_or_else(|error| panic!("{test}: write fails: {error}"))),
            None => write(test, &sink, batch).await,
        }
    }
    close(test, sink).await;
    assert_stored(test, harness, &rows(&batches), &rows(&batches)).await;
}

async fn yields(turns: usize) {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}

async fn closes_with_writes_dropped(harness: &mut impl SinkHarness) {
    let test = "close with data in flight";
    harness.fresh().await;
    let sink = connect(test, harness).await;
    let batches = batches(6);
    let (acknowledged, dropped) = batches.split_at(3);
    for batch in acknowledged {
        write(test, &sink, batch).await;
    }
    for batch in dropped {
        tokio::select! {
            biased;
            written = sink.write(batch) => drop(written),
            () = yields(0) => {}
        }
    }
    close(test, sink).await;
    assert_stored(test, harness, &rows(&batches), &rows(acknowledged)).await;
}

async fn rejects_by_row(harness: &mut impl SinkHarness) {
    let test = "rejected rows";
    harness.fresh().await;
    let Some(bad) = harness.bad_rows() else { return };
    let sink = connect(test, harness).await;
    let delivery = within(test, sink.write(&bad.batch)).await;
    let delivery = delivery.unwrap_or_else(|error| panic!("{test}: write fails as a whole: {error}"));
    let mut rejected = BTreeSet::new();
    for each in &delivery.rejected {
        assert!(!each.error.is_empty(), "{test}: no reason is given");
        let count = u32::try_from(bad.batch.readings[each.readings].tablet.rows()).expect("few rows");
        let rows = each.rows.clone().unwrap_or_else(|| (0..count).collect());
        assert!(rows.is_sorted_by(|a, b| a < b), "{test}: the rows {rows:?} do not ascend");
        for row in rows {
            assert!(rejected.insert((each.readings, row)), "{test}: row {row} is rejected twice");
        }
    }
    assert_eq!(rejected, bad.rejected, "{test}: other rows were rejected");
    let good = batches(1);
    write(test, &sink, &good[0]).await;
    close(test, sink).await;
    let mut must = rows(&good);
    for (index, readings) in bad.batch.readings.iter().enumerate() {
        let single = Batch { readings: vec![readings.clone()], ..Batch::default() };
        let kept = (0u32..).zip(rows_of(&single)).filter(|(row, _)| !bad.rejected.contains(&(index, *row)));
        must.extend(kept.map(|(_, row)| row));
    }
    assert_stored(test, harness, &must, &must).await;
}

async fn fails_then_heals(harness: &mut impl SinkHarness) {
    let test = "fails then heals";
    harness.fresh().await;
    let sink = connect(test, harness).await;
    let batches = batches(3);
    write(test, &sink, &batches[0]).await;
    for batch in &batches[1..] {
        if !harness.trouble(Trouble::Fails) {
            return;
        }
        for _ in 0..2 {
            let error = within(test, sink.write(batch)).await.err();
            let error = error.unwrap_or_else(|| panic!("{test}: a write into trouble succeeds"));
            assert!(error.is_transient(), "{test}: not to be tried again: {error}");
        }
        harness.heal();
        write(test, &sink, batch).await;
    }
    close(test, sink).await;
    assert_stored(test, harness, &rows(&batches), &rows(&batches)).await;
    harness.fresh().await;
    let sink = harness.sink();
    harness.trouble(Trouble::Fails);
    let error = within(test, sink.connect()).await.err();
    let error = error.unwrap_or_else(|| panic!("{test}: connect succeeds in trouble"));
    assert!(error.is_transient(), "{test}: connect is not to be tried again: {error}");
    harness.heal();
    within(test, sink.connect())
        .await
        .unwrap_or_else(|error| panic!("{test}: connect fails when healed: {error}"));
    write(test, &sink, &batches[0]).await;
    close(test, sink).await;
    assert_stored(test, harness, &rows(&batches[..1]), &rows(&batches[..1])).await;
}

async fn stalls_then_heals(harness: &mut impl SinkHarness) {
    let test = "stalls then heals";
    harness.fresh().await;
    let sink = connect(test, harness).await;
    let batches = batches(3);
    write(test, &sink, &batches[0]).await;
    if !harness.trouble(Trouble::Stalls) {
        return;
    }
    let cut = tokio::select! {
        biased;
        written = sink.write(&batches[1]) => Some(written),
        () = yields(20) => None,
    };
    assert!(cut.is_none(), "{test}: a stalled write answers");
    harness.heal();
    write(test, &sink, &batches[1]).await;
    harness.trouble(Trouble::Stalls);
    let waits = async {
        let mut patience = sink.write(&batches[2]);
        tokio::select! {
            biased;
            _ = &mut patience => panic!("{test}: a stalled write answers"),
            () = yields(20) => {}
        }
        harness.heal();
        patience.await
    };
    within(test, waits).await.unwrap_or_else(|error| panic!("{test}: write fails when healed: {error}"));
    close(test, sink).await;
    assert_stored(test, harness, &rows(&batches), &rows(&batches)).await;
}

#[cfg(test)]
mod tests;
