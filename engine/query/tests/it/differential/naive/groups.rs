//! Which rows are put together.

use super::super::{
    question::{Groups, Segments, Windows},
    table::{Cell, Table},
};

/// Rows that are put together: the time of what comes out, and the times of the rows.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) label: i64,
    pub(crate) times: Vec<i64>,
}

/// The groups of rows, the oldest first. What tells segments apart is a measurement of a device. Segments of so many rows are
/// counted from the newest row where rows are wanted backwards.
pub(crate) fn groups(
    table: &Table,
    device: usize,
    by: &Groups,
    times: &[i64],
    backwards: bool,
) -> Vec<Group> {
    match by {
        Groups::All => vec![Group { label: 0, times: times.to_vec() }],
        Groups::Windows(windows) => of_windows(windows, times),
        Groups::Segments(segments) => {
            let groups = of_segments(table, device, segments, times, backwards).into_iter();
            groups.map(|times| Group { label: times[0], times }).collect()
        }
    }
}

fn of_windows(windows: &Windows, times: &[i64]) -> Vec<Group> {
    let Windows { start, end, interval, step, left_closed } = *windows;
    let mut groups = Vec::new();
    let mut from = start;
    while from < end {
        let to = (from + interval).min(end);
        let within = |time: &i64| {
            if left_closed { from <= *time && *time < to } else { from < *time && *time <= to }
        };
        let times = times.iter().copied().filter(within).collect();
        groups.push(Group { label: if left_closed { from } else { to }, times });
        from += step;
    }
    groups
}

fn of_segments(
    table: &Table,
    device: usize,
    segments: &Segments,
    times: &[i64],
    backwards: bool,
) -> Vec<Vec<i64>> {
    let control = |of: usize, time: i64| table.points(device, of).get(&time);
    let number = |of: usize, time: i64| control(of, time).and_then(Cell::number);
    // Rows without a control are left out where nulls are ignored.
    let known = |of: usize, ignore_null: bool| {
        times.iter().copied().filter(move |time| !ignore_null || control(of, *time).is_some())
    };
    match *segments {
        Segments::Session(gap) => apart(times.iter().copied(), |_, before, time| time - before > gap),
        Segments::Variation { of, delta, ignore_null } => {
            apart(known(of, ignore_null), |first, _, time| match (number(of, first), number(of, time)) {
                (Some(first), Some(value)) => (value - first).abs() > delta as f64,
                (first, value) => first.is_some() || value.is_some(),
            })
        }
        Segments::Count { of, rows, ignore_null } => {
            let known: Vec<i64> = known(of, ignore_null).collect();
            let rest = if backwards { known.len() % rows as usize } else { 0 };
            known[rest..].chunks_exact(rows as usize).map(<[i64]>::to_vec).collect()
        }
        Segments::Condition { of, more_than, least, ignore_null } => {
            let holds = |time: &i64| number(of, *time).is_some_and(|value| value > more_than as f64);
            let known: Vec<i64> = known(of, ignore_null).collect();
            let runs = known.chunk_by(|a, b| holds(a) == holds(b)).filter(|run| holds(&run[0]));
            let enough = runs.filter(|run| run.len() as i64 >= least);
            enough.map(<[i64]>::to_vec).collect()
        }
    }
}

/// Times, cut where a new group begins: of the first time of the group, the time before, and the time.
fn apart(times: impl Iterator<Item = i64>, begins: impl Fn(i64, i64, i64) -> bool) -> Vec<Vec<i64>> {
    let mut groups: Vec<Vec<i64>> = Vec::new();
    for time in times {
        match groups.last_mut() {
            Some(group) if !begins(group[0], group[group.len() - 1], time) => group.push(time),
            _ => groups.push(vec![time]),
        }
    }
    groups
}
