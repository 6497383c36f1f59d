//! What nodes did: `EXPLAIN ANALYZE`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use super::Environment;
use crate::{
    QueryError,
    chunk::{Chunk, Chunks, texts, timeless},
    node::{Line, Node},
};

/// What one node gave, and how long it and those below took, in nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Meter {
    rows: AtomicU64,
    batches: AtomicU64,
    bytes: AtomicU64,
    nanos: AtomicU64,
}

/// Meters of nodes, in the order of their numbers.
#[derive(Debug, Default)]
pub(super) struct Meters(Vec<Arc<Meter>>);

impl Meters {
    /// That of the next node.
    pub(super) fn next(&mut self) -> Arc<Meter> {
        let meter = Arc::<Meter>::default();
        self.0.push(Arc::clone(&meter));
        meter
    }
}

impl Meter {
    /// Counts rows as they are pulled.
    pub(super) fn measure(self: Arc<Self>, mut chunks: Chunks) -> Chunks {
        Box::new(std::iter::from_fn(move || {
            let start = Instant::now();
            let next = chunks.next();
            let nanos = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
            self.nanos.fetch_add(nanos, Ordering::Relaxed);
            if let Some(Ok(chunk)) = &next {
                self.rows.fetch_add(chunk.rows() as u64, Ordering::Relaxed);
                self.batches.fetch_add(1, Ordering::Relaxed);
                self.bytes.fetch_add(chunk.bytes() as u64, Ordering::Relaxed);
            }
            next
        }))
    }
}

/// Runs a plan when it is pulled, and gives its lines with what each node did.
pub(super) fn analyzed(environment: Environment, node: Node) -> Chunks {
    let mut node = Some(node);
    Box::new(std::iter::from_fn(move || node.take().map(|node| run(&environment, node))))
}

fn run(environment: &Environment, node: Node) -> Result<Chunk, QueryError> {
    let lines = node.describe();
    let parents = parents(&node);
    let mut meters = Some(Meters::default());
    let start = Instant::now();
    let (mut rows, mut batches) = (0, 0);
    for chunk in environment.run(node, &mut meters) {
        rows += chunk?.rows();
        batches += 1;
    }
    let total = format!("{rows} rows in {batches} batches, {}", duration(start.elapsed().as_nanos() as u64));
    let report = report(&lines, &meters.unwrap_or_default(), &parents);
    let all = std::iter::once(total.as_str()).chain(report.iter().map(String::as_str));
    Ok(timeless(vec![texts(all.map(Some))]))
}

/// The number of the node above each node.
fn parents(node: &Node) -> Vec<Option<usize>> {
    fn walk(node: &Node, above: Option<usize>, into: &mut Vec<Option<usize>>) {
        let here = into.len();
        into.push(above);
        node.inputs().into_iter().for_each(|input| walk(input, Some(here), into));
    }
    let mut all = Vec::new();
    walk(node, None, &mut all);
    all
}

/// The lines side by side with what the nodes did; the time of a node is without that of the nodes below.
fn report(lines: &[Line], meters: &Meters, parents: &[Option<usize>]) -> Vec<String> {
    let read = |counter: fn(&Meter) -> &AtomicU64| -> Vec<u64> {
        meters.0.iter().map(|meter| counter(meter).load(Ordering::Relaxed)).collect()
    };
    let (rows, batches, bytes) =
        (read(|meter| &meter.rows), read(|meter| &meter.batches), read(|meter| &meter.bytes));
    let with_those_below = read(|meter| &meter.nanos);
    let mut nanos = with_those_below.clone();
    for (node, above) in parents.iter().enumerate() {
        if let Some(above) = above.and_then(|above| nanos.get_mut(above)) {
            *above = above.saturating_sub(with_those_below[node]);
        }
    }
    let cells: Vec<[String; 5]> = lines
        .iter()
        .map(|line| {
            let sum = |of: &[u64]| of.get(line.nodes.clone()).map_or(0, |nodes| nodes.iter().sum::<u64>());
            [
                line.text.clone(),
                format!("{} rows", sum(&rows)),
                format!("{} batches", sum(&batches)),
                size(sum(&bytes)),
                duration(sum(&nanos)),
            ]
        })
        .collect();
    let width = |at: usize| cells.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: [usize; 5] = std::array::from_fn(width);
    cells
        .iter()
        .map(|[text, numbers @ ..]| {
            let mut line = format!("{text:<0$}", widths[0]);
            for (number, width) in numbers.iter().zip(&widths[1..]) {
                line.push_str(&format!("  {number:>width$}"));
            }
            line
        })
        .collect()
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1_024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

fn duration(nanos: u64) -> String {
    format!("{:.3} ms", nanos as f64 / 1e6)
}
