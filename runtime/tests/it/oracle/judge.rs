//! The judge: what was acknowledged, what is there, and whether the one follows from the other.

use std::collections::{BTreeMap, BTreeSet};

use super::broker::Reading;

/// How long a window is, in milliseconds.
pub(super) const WINDOW: i64 = 1_000;

/// All that the judge goes by.
#[derive(Clone, Debug, Default)]
pub(super) struct Evidence {
    /// By number: all that was issued, acknowledged or not.
    pub(super) issued: BTreeMap<i64, Reading>,
    /// The numbers of those that were acknowledged.
    pub(super) acknowledged: BTreeSet<i64>,
    /// By number: device and payload of what the first sink has. A row that is there twice is there once, if it is the same.
    pub(super) delivered: BTreeMap<i64, (u64, String)>,
    /// Rows of the first sink that differ from another of their number.
    pub(super) contradictions: Vec<i64>,
    /// Numbers that stand in dead letters.
    pub(super) dead: BTreeSet<i64>,
    /// Numbers that the pipeline leaves out, and says so in its document.
    pub(super) left_out: BTreeSet<i64>,
    /// Numbers that reached the second sink's windows: all that the broker has, once.
    pub(super) in_broker: BTreeSet<i64>,
    /// Count and sum by device and beginning of the window, as the second sink has them.
    pub(super) windows: BTreeMap<(u64, i64), (i64, i64)>,
    /// Windows that came again with other values.
    pub(super) window_contradictions: Vec<(u64, i64)>,
    /// The numbers that were issued when all faults were over.
    pub(super) fresh: BTreeSet<i64>,
}

/// What happened, in numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    counts: BTreeMap<&'static str, u64>,
}

/// What must have been seen in many seeds, or they mean nothing.
const FAULTS: [&str; 13] = [
    "kill",
    "reload",
    "stop",
    "rebalance",
    "broker away",
    "answer lost",
    "sink away",
    "sink timeout",
    "sink partial",
    "sink reject",
    "disk full",
    "read twice",
    "delivered twice",
];

impl Seen {
    pub(super) fn note(&mut self, what: &'static str, times: u64) {
        *self.counts.entry(what).or_default() += times;
    }

    pub(super) fn times(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or(0)
    }

    pub(super) fn add(&mut self, other: &Self) {
        other.counts.iter().for_each(|(&what, &times)| self.note(what, times));
    }

    /// That every kind of fault was there, and often, but for those that cannot be.
    pub(super) fn assert_meaningful(&self, but: &[&str]) {
        for fault in FAULTS.into_iter().filter(|fault| !but.contains(fault)) {
            assert!(self.times(fault) >= 10, "`{fault}` was hardly seen: {self:?}");
        }
    }
}

/// Whether all is as it must be.
///
/// # Errors
/// What is not.
pub(super) fn judge(evidence: &Evidence) -> Result<(), String> {
    let Evidence { issued, acknowledged, delivered, dead, left_out, fresh, .. } = evidence;
    for number in acknowledged {
        if !delivered.contains_key(number) && !dead.contains(number) && !left_out.contains(number) {
            return Err(format!("{number} was acknowledged and is not there"));
        }
    }
    for (number, (device, payload)) in delivered {
        let Some(reading) = issued.get(number) else {
            return Err(format!("{number} is there and was never issued"));
        };
        if (reading.device, &reading.payload) != (*device, payload) {
            return Err(format!("{reading:?} is there as {payload} of {device}"));
        }
    }
    if let Some(number) = evidence.contradictions.first() {
        return Err(format!("{number} is there twice, and not the same"));
    }
    let passed =
        |number: &&i64| delivered.contains_key(number) || dead.contains(number) || left_out.contains(number);
    if fresh.is_empty() || !fresh.iter().all(|number| passed(&number)) {
        return Err("what was issued when all was well again did not pass".to_owned());
    }
    windows(evidence)
}

/// That every window counts each reading once.
fn windows(evidence: &Evidence) -> Result<(), String> {
    let mut wanted: BTreeMap<(u64, i64), (i64, i64)> = BTreeMap::new();
    for reading in evidence.in_broker.iter().filter_map(|number| evidence.issued.get(number)) {
        let window = wanted.entry((reading.device, reading.time.div_euclid(WINDOW) * WINDOW)).or_default();
        *window = (window.0 + 1, window.1 + reading.number);
    }
    if let Some(window) = evidence.window_contradictions.first() {
        return Err(format!("the window {window:?} came again, and not the same"));
    }
    let keys: BTreeSet<_> = wanted.keys().chain(evidence.windows.keys()).collect();
    for key in keys {
        let (wanted, found) = (wanted.get(key), evidence.windows.get(key));
        if wanted != found {
            return Err(format!("the window {key:?} has {found:?} and not {wanted:?}"));
        }
    }
    Ok(())
}

/// How long the windows of windows are, in milliseconds.
const LONG: i64 = 3_000;

/// What the judge goes by where windows are closed by the clock, too.
#[derive(Clone, Debug, Default)]
pub(super) struct OfClock {
    /// By number: all that the broker has.
    pub(super) issued: BTreeMap<i64, Reading>,
    /// Count and sum by device and beginning of the window, as they came last. What the clock closes is another window in another
    /// run, until whoever is behind has it.
    pub(super) short: BTreeMap<(u64, i64), (i64, i64)>,
    /// The same, of those windows.
    pub(super) long: BTreeMap<(u64, i64), (i64, i64)>,
    /// Numbers that came when their window was closed.
    pub(super) late: BTreeSet<i64>,
}

/// Whether windows of windows hold what the windows do, and those every reading that was not late.
///
/// # Errors
/// What is not so.
pub(super) fn judge_clock(evidence: &OfClock) -> Result<(), String> {
    let OfClock { issued, short, long, late } = evidence;
    let mut wanted: BTreeMap<(u64, i64), (i64, i64)> = BTreeMap::new();
    let mut counts: BTreeMap<u64, i64> = BTreeMap::new();
    for (&(device, time), &(count, sum)) in short {
        let window = wanted.entry((device, time.div_euclid(LONG) * LONG)).or_default();
        *window = (window.0 + count, window.1 + sum);
        *counts.entry(device).or_default() += count;
    }
    let keys: BTreeSet<_> = wanted.keys().chain(long.keys()).collect();
    for key in keys {
        let (wanted, found) = (wanted.get(key), long.get(key));
        if wanted != found {
            return Err(format!("the window of windows {key:?} has {found:?} and not {wanted:?}"));
        }
    }
    for (device, count) in counts {
        let own: Vec<_> = issued.values().filter(|reading| reading.device == device).collect();
        let late = own.iter().filter(|reading| late.contains(&reading.number)).count() as i64;
        let issued = own.len() as i64;
        if count > issued || count + late < issued {
            return Err(format!("device {device}: {count} in windows and {late} late, of {issued}"));
        }
    }
    Ok(())
}
