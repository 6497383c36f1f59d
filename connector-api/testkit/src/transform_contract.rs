//! What every transform has to keep, whatever it holds from one batch to the next.

use std::time::{Duration, Instant};

use levada_connector_api::{Batch, Emitted, Emitter, Holds, Readings, Transform};

/// What a transform emitted, output by output, a row a line.
type Lines = Vec<Vec<String>>;

/// Checks a transform with this input:
///
/// * With nothing held, what a batch becomes does not depend on the batches before it.
/// * Rows that are held come at the end at the latest, and then none is held.
/// * A state that is given to another transform of the same options, saved whole or change by change after any of the batches,
///   makes it emit what the first would have.
/// * Bytes that are no state are rejected or taken, and never a panic.
///
/// # Panics
/// It does not keep one of these.
pub fn transform_contract(holds: Holds, mut make: impl FnMut() -> Box<dyn Transform>, input: &[Batch]) {
    let whole = Run::new(make()).over(input).end();
    match holds {
        Holds::Nothing => {
            let single = |batch: &Batch| Run::new(make()).over(std::slice::from_ref(batch)).end();
            let apart = input.iter().map(single).fold(Lines::new(), joined);
            assert_eq!(apart, whole, "it says that it holds nothing");
        }
        Holds::Rows => held_rows_come_in_the_end(make(), input),
        Holds::State => {
            for cut in 0..=input.len() {
                for every in [usize::MAX, 1, 2] {
                    let emitted = cut_at(&mut make, input, cut, every);
                    assert_eq!(emitted, whole, "restored behind batch {cut}, saved every {every} batches");
                }
            }
            no_bytes_make_it_panic(&mut make, input);
        }
    }
}

fn held_rows_come_in_the_end(transform: Box<dyn Transform>, input: &[Batch]) {
    let mut run = Run::new(transform).over(input);
    if let Some(oldest) = run.transform.oldest_held() {
        let last = input.len() as u64;
        assert!((1..=last).contains(&oldest), "rows of batch {oldest} cannot be held: {last} came");
    }
    run.transform.finish(&mut run.out).expect("it goes on");
    assert_eq!(run.transform.oldest_held(), None, "nothing more comes, and rows are held");
}

/// What is emitted when a second transform takes over after the batch `cut`, from the state of the first. State is saved after every
/// `every` batches, and at the cut.
fn cut_at(make: &mut impl FnMut() -> Box<dyn Transform>, input: &[Batch], cut: usize, every: usize) -> Lines {
    let mut parts = Vec::new();
    let mut first = Run::new(make());
    for (index, batch) in input[..cut].iter().enumerate() {
        first = first.over(std::slice::from_ref(batch));
        if (index + 1) % every == 0 && index + 1 < cut {
            parts.push(first.saved(parts.is_empty() || parts.len() % 5 == 4));
        }
    }
    let whole = parts.is_empty();
    parts.push(first.saved(whole));
    let mut second = make();
    for part in &parts {
        second.restore(part).expect("it saved this itself");
    }
    second.begin(Instant::now());
    joined(first.emitted(), Run::new(second).over(&input[cut..]).end())
}

fn no_bytes_make_it_panic(make: &mut impl FnMut() -> Box<dyn Transform>, input: &[Batch]) {
    let state = Run::new(make()).over(input).saved(true);
    // What a changed state leads to is open; it may be an error of the transform, and no panic.
    let mut try_with = |bytes: &[u8]| {
        let mut transform = make();
        if transform.restore(bytes).is_ok() {
            transform.begin(Instant::now());
            let mut out = Emitter::new(Instant::now());
            let applied = input.iter().try_for_each(|batch| transform.apply(batch.clone(), &mut out));
            drop(applied.and_then(|()| transform.finish(&mut out)));
        }
    };
    let step = (state.len() / 200).max(1);
    for at in (0..state.len()).step_by(step) {
        try_with(&state[..at]);
        for change in [0x01, 0x80, 0xff] {
            let mut other = state.clone();
            other[at] ^= change;
            try_with(&other);
        }
    }
}

struct Run {
    transform: Box<dyn Transform>,
    out: Emitter,
}

impl Run {
    fn new(transform: Box<dyn Transform>) -> Self {
        Self { transform, out: Emitter::new(Instant::now()) }
    }

    fn over(mut self, input: &[Batch]) -> Self {
        for batch in input {
            self.out.set(self.out.now() + Duration::from_millis(1), self.out.input() + 1);
            self.transform.apply(batch.clone(), &mut self.out).expect("it takes the batch");
        }
        self
    }

    fn saved(&mut self, whole: bool) -> Vec<u8> {
        let mut state = Vec::new();
        self.transform.save(whole, &mut state).expect("it saves");
        state
    }

    fn emitted(&mut self) -> Lines {
        lines(self.out.take())
    }

    fn end(mut self) -> Lines {
        self.transform.finish(&mut self.out).expect("it goes on");
        self.emitted()
    }
}

fn lines(emitted: Emitted) -> Lines {
    let mut outputs = vec![emitted.batch.readings];
    outputs.extend(emitted.others);
    outputs.iter().map(|output| output.iter().flat_map(rows).collect()).collect()
}

fn rows(readings: &Readings) -> Vec<String> {
    let tablet = &readings.tablet;
    let row = |row: usize| {
        let cells = tablet.columns().iter().filter_map(|column| {
            let value = column.value(row)?;
            Some(format!(" {}={value}", column.name))
        });
        format!("{} {}:{}", tablet.device(), tablet.times().value(row), cells.collect::<String>())
    };
    (0..tablet.rows()).map(row).collect()
}

fn joined(mut first: Lines, second: Lines) -> Lines {
    first.resize_with(first.len().max(second.len()), Vec::new);
    for (known, more) in first.iter_mut().zip(second) {
        known.extend(more);
    }
    first
}

#[cfg(test)]
mod tests {
    use levada_connector_api::{BuildContext, TransformType};

    use super::*;
    use crate::{HoldOptions, HoldRows, HoldState, numbered};

    fn input() -> Vec<Batch> {
        (0..7).map(|n| numbered("s", n * 10..n * 10 + 10, 3)).collect()
    }

    fn made<T: TransformType<Options = HoldOptions>>(rows: usize) -> Box<dyn Transform> {
        T::build(HoldOptions { rows, millis: None }, &BuildContext::new("p", "n")).expect("it works")
    }

    #[test]
    fn transforms_that_hold_rows_pass_the_contract() {
        for rows in [0, 3, 25, 1_000] {
            transform_contract(Holds::Rows, || made::<HoldRows>(rows), &input());
            transform_contract(Holds::State, || made::<HoldState>(rows), &input());
        }
    }

    #[test]
    #[should_panic(expected = "it says that it holds nothing")]
    fn one_that_holds_and_does_not_say_so_is_found_out() {
        struct EverySecond(bool);
        impl Transform for EverySecond {
            fn apply(&mut self, batch: Batch, out: &mut Emitter) -> levada_connector_api::Result<()> {
                self.0 = !self.0;
                if self.0 {
                    out.pass(batch);
                }
                Ok(())
            }
        }
        transform_contract(Holds::Nothing, || Box::new(EverySecond(false)), &input());
    }

    #[test]
    #[should_panic(expected = "restored behind batch 1")]
    fn one_that_forgets_is_found_out() {
        struct Forgetful(Box<dyn Transform>);
        impl Transform for Forgetful {
            fn apply(&mut self, batch: Batch, out: &mut Emitter) -> levada_connector_api::Result<()> {
                self.0.apply(batch, out)
            }
            fn finish(&mut self, out: &mut Emitter) -> levada_connector_api::Result<()> {
                self.0.finish(out)
            }
        }
        let make = || Box::new(Forgetful(made::<HoldState>(3))) as Box<dyn Transform>;
        transform_contract(Holds::State, make, &input());
    }
}
