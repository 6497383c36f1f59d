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
    judge::{Seen, judge, judge_clock},
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
        seen.assert_meaningful(&[]);
    }
}

/// Runs the seeds of a part with windows that the clock closes, in front of others.
fn run_with_clock(part: u64) {
    let seeds = seeds(part);
    let mut seen = Seen::default();
    for &seed in &seeds {
        let mut plant = Plant::with_clock(Dice::new(seed));
        plant.live();
        seen.add(&plant.seen());
        seen.note("late", plant.of_clock().late.len() as u64);
        if let Err(verdict) = judge_clock(&plant.of_clock()) {
            panic!("LEVADA_SEED={seed}: {verdict}\n{plant:?}");
        }
    }
    if seeds.len() > 10 {
        // Rows of windows come from no record.
        seen.assert_meaningful(&["sink reject", "delivered twice"]);
        assert!(seen.times("late") > 100, "the clock closed hardly a window: {seen:?}");
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
fn what_the_clock_closes_is_taken_in_once_by_whoever_is_behind_1() {
    run_with_clock(0);
}

#[test]
fn what_the_clock_closes_is_taken_in_once_by_whoever_is_behind_2() {
    run_with_clock(1);
}

#[test]
fn what_the_clock_closes_is_taken_in_once_by_whoever_is_behind_3() {
    run_with_clock(2);
}

#[test]
fn what_the_clock_closes_is_taken_in_once_by_whoever_is_behind_4() {
    run_with_clock(3);
}

#[test]
fn the_judge_of_windows_of_windows_finds_what_is_counted_twice_or_not_at_all() {
    let mut plant = Plant::with_clock(Dice::new(3));
    plant.live();
    let evidence = plant.of_clock();
    judge_clock(&evidence).expect("nothing is wrong");
    let wrong = |change: fn(&mut judge::OfClock)| {
        let mut changed = evidence.clone();
        change(&mut changed);
        judge_clock(&changed).expect_err("something is wrong")
    };
    assert!(wrong(|it| it.short.clear()).contains("window of windows"));
    assert!(wrong(|it| it.long.clear()).contains("window of windows"));
    let both = |it: &mut judge::OfClock, by: i64| {
        it.short.first_entry().expect("windows").get_mut().0 += by;
        it.long.first_entry().expect("windows").get_mut().0 += by;
    };
    let mut fewer = evidence.clone();
    fewer.late.clear();
    both(&mut fewer, -1);
    assert!(judge_clock(&fewer).expect_err("one is missing").contains("in windows"));
    let mut more = evidence.clone();
    both(&mut more, 1_000);
    assert!(judge_clock(&more).expect_err("some are made up").contains("in windows"));
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
