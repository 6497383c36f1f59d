//! The oracle: unique readings through pipelines that are broken in every way, and a judge who has written down which were acknowledged.
//!
//! ```text
//!   issuer ─▶ broker (acknowledges, or its answer is lost) ─▶ pipeline: filter, dedupe, window ─▶ two sinks
//!                └──────────── what was acknowledged ──────────▶ judge ◀──── what is there ────────┘
//! ```
//!
//! A seed says everything: the graph, the faults, when they come. Each life of the process has a runtime of its own that is dropped where
//! it is killed, and a clock that goes on only when everybody waits. `LEVADA_SEED=17` repeats one seed.

mod broker;
mod dice;
mod judge;
mod plant;

use self::{
    dice::Dice,
    judge::{Seen, judge},
    plant::Plant,
};

/// Seeds of a test run, over all parts.
const SEEDS: u64 = 200;
/// Parts, which run beside each other.
const PARTS: u64 = 4;

fn seeds(part: u64) -> Vec<u64> {
    match std::env::var("LEVADA_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) if part == 0 => vec![seed],
        Some(_) => Vec::new(),
        None => (0..SEEDS).filter(|seed| seed % PARTS == part).collect(),
    }
}

/// Runs the seeds of a part; what was seen in all of them together.
fn run(part: u64) {
    let seeds = seeds(part);
    let mut seen = Seen::default();
    for &seed in &seeds {
        let mut plant = Plant::new(Dice::new(seed));
        plant.live();
        seen.add(&plant.seen());
        if let Err(verdict) = judge(&plant.evidence()) {
            panic!("LEVADA_SEED={seed}: {verdict}\n{plant:?}");
        }
    }
    if seeds.len() > 10 {
        seen.assert_meaningful();
    }
}

#[test]
fn what_was_acknowledged_is_delivered_whatever_happens_1() {
    run(0);
}

#[test]
fn what_was_acknowledged_is_delivered_whatever_happens_2() {
    run(1);
}

#[test]
fn what_was_acknowledged_is_delivered_whatever_happens_3() {
    run(2);
}

#[test]
fn what_was_acknowledged_is_delivered_whatever_happens_4() {
    run(3);
}

#[test]
fn the_judge_finds_what_is_lost_made_up_altered_or_counted_twice() {
    let mut plant = Plant::new(Dice::new(3));
    plant.live();
    let evidence = plant.evidence();
    judge(&evidence).expect("nothing is wrong");
    let wrong = |change: fn(&mut judge::Evidence)| {
        let mut changed = evidence.clone();
        change(&mut changed);
        judge(&changed).expect_err("something is wrong")
    };
    assert!(wrong(|it| drop(it.delivered.pop_first())).contains("was acknowledged and is not there"));
    assert!(wrong(|it| drop(it.delivered.insert(999_999, (0, String::new())))).contains("was never issued"));
    let altered = |it: &mut judge::Evidence| {
        it.delivered.first_entry().expect("rows").get_mut().1.push('!');
    };
    assert!(wrong(altered).contains("is there as"));
    let doubled = |it: &mut judge::Evidence| {
        if let Some(mut window) = it.windows.first_entry() {
            window.get_mut().0 += 1;
        }
    };
    assert!(wrong(doubled).contains("window"));
}
