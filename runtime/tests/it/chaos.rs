//! Everything at once, from a seed: two sources, a transform, two sinks that fail, stall, lose answers and reject rows, and
//! crashes at any moment.

use std::{collections::BTreeSet, time::Duration};

use levada_connector_api::model::Checkpoint;
use levada_testkit::{Fault, Reaction, ScriptedSink, SourceScript, Step, numbered};

use crate::harness::{Harness, numbers};

const ROWS: u64 = 1_500;
/// Numbers of the second source begin here.
const SECOND: u64 = 100_000;

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn source(&mut self, split: &str, first: u64) -> SourceScript {
        let mut steps = Vec::new();
        let mut at = first;
        while at < first + ROWS {
            match self.roll(12) {
                0 => steps.push(Step::Fail(Fault::transient("lost"))),
                1 => steps.push(Step::Wait(Duration::from_millis(self.roll(300)))),
                _ => {
                    let end = (at + 1 + self.roll(60)).min(first + ROWS);
                    steps.push(Step::Batch(numbered(split, at..end, 3)));
                    at = end;
                }
            }
        }
        SourceScript::new(steps)
    }

    fn reactions(&mut self) -> Vec<Reaction> {
        let reaction = |dice: &mut Self| match dice.roll(10) {
            0 => Reaction::Fail(Fault::transient("away")),
            1 => Reaction::FailAfterStoring(Fault::transient("no answer")),
            2 if dice.roll(6) == 0 => Reaction::Stall,
            3..=6 => Reaction::Delay(Duration::from_millis(dice.roll(200))),
            _ => Reaction::Deliver,
        };
        (0..200).map(|_| reaction(self)).collect()
    }
}

/// All numbers of a sink that gets multiples of `step`, without those that it rejects.
fn wanted(step: u64, rejects: bool) -> BTreeSet<i64> {
    let all = (0..ROWS).chain(SECOND..SECOND + ROWS).filter(|number| number % step == 0);
    all.map(|number| i64::try_from(number).expect("small"))
        .filter(|number| !rejects || number % 100 != 42)
        .collect()
}

/// What a source knows to be settled: it was told so, or that the sinks hold it.
fn known(script: &SourceScript) -> Checkpoint {
    let mut known = script.settled();
    for (split, position) in script.connects().last().cloned().unwrap_or_default() {
        if let Some(settled) = known.get_mut(&split) {
            *settled = position.max(*settled);
        }
    }
    known
}

async fn run(seed: u64) {
    let mut dice = Dice(seed);
    let mut harness = Harness::new(&format!("chaos-{seed}"))
        .source("x")
        .source("y")
        .keep("even", &["y", "x"], 2)
        .sink("all", &["x", "y"])
        .sink("half", &["even"]);
    harness.pipeline.sinks[0].batch.rows = 20 + dice.roll(200) as usize;
    harness.pipeline.sources[0].queue.rows = 1 + dice.roll(400) as usize;
    let x = dice.source("x", 0).named(harness.script("x"));
    let y = dice.source("y", SECOND).named(harness.script("y"));
    let (rejects, checkpoints) = (dice.roll(2) == 0, dice.roll(3) > 0);
    let sinks = ["all", "half"].map(|name| {
        let sink =
            ScriptedSink::new().reacting(dice.reactions()).with_max_in_flight(1 + dice.roll(4) as usize);
        let sink = match rejects {
            true => sink.rejecting(|row| (row.time % 100 == 42).then(|| "rejected".to_owned())),
            false => sink,
        };
        let sink = if checkpoints { sink.with_checkpoints() } else { sink };
        sink.named(harness.script(name))
    });
    let end = |_| (1 + dice.roll(3_000), dice.roll(3) == 0);
    harness.complete_through_crashes(&format!("seed {seed}"), 500, end).await;
    for (sink, step) in sinks.iter().zip([1, 2]) {
        assert_eq!(numbers(&sink.rows()), wanted(step, rejects), "seed {seed}");
    }
    let dead: BTreeSet<_> =
        harness.dead_letters().iter().filter_map(|letter| letter["position"].as_u64()).collect();
    let rejected = (0..ROWS)
        .chain(SECOND..SECOND + ROWS)
        .filter(|number| rejects && number % 100 == 42 || *number == 13);
    assert_eq!(dead, rejected.collect(), "seed {seed}");
    assert_eq!([x.violations(), y.violations()], [Vec::<String>::new(), Vec::new()], "seed {seed}");
    assert_eq!(known(&x), Checkpoint::from([("x".into(), ROWS)]), "seed {seed}");
    assert_eq!(known(&y), Checkpoint::from([("y".into(), SECOND + ROWS)]), "seed {seed}");
}

/// The seeds to run: `LEVADA_SEEDS=40..400`, or a few.
fn seeds() -> std::ops::Range<u64> {
    let given = std::env::var("LEVADA_SEEDS").ok();
    let parsed =
        given.as_deref().and_then(|text| text.split_once("..")).map(|(from, to)| (from.parse(), to.parse()));
    match parsed {
        Some((Ok(from), Ok(to))) => from..to,
        _ => 0..30,
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_whatever_happens() {
    for seed in seeds() {
        run(seed).await;
    }
}
