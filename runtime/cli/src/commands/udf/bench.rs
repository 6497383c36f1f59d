//! `levada udf bench`: how many rows a second a function works on, on one thread.

use std::{process::ExitCode, sync::Arc, time::Instant};

use arrow_array::{ArrayRef, Int64Array};
use arrow_buffer::ScalarBuffer;
use arrow_cast::cast;
use levada_model::DataType;
use levada_udf::{UdafRun, UdfFactory, UdfKind, UdfLimits, UdfParameters, UdtfRun};

use super::CallArgs;

/// Rows in a batch.
const ROWS: usize = 4096;

/// Options of `udf bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct BenchArgs {
    /// What is called.
    #[command(flatten)]
    call: CallArgs,
    /// The types of the inputs
    #[arg(long, value_name = "TYPE,…", value_delimiter = ',', default_value = "INT64")]
    inputs: Vec<DataType>,
    /// How many rows, a millisecond apart
    #[arg(long, value_name = "COUNT", default_value_t = 10_000_000)]
    rows: usize,
    /// How many times; the best counts
    #[arg(long, value_name = "COUNT", default_value_t = 3)]
    repeat: u32,
}

pub(super) fn bench(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let factory = args.call.factory()?;
    let inputs: Vec<(String, DataType)> =
        args.inputs.iter().enumerate().map(|(at, &each)| (format!("s{}", at + 1), each)).collect();
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values((0..ROWS as i64).map(|row| row % 100)));
    let columns = args.inputs.iter().map(|each| cast(&numbers, &each.arrow()));
    let columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>()?;
    let times: ScalarBuffer<i64> = (0..args.rows as i64).collect::<Vec<_>>().into();
    // The first use compiles, or finds what was compiled before.
    let begin = Instant::now();
    once(&*factory, args.call.parameters(&inputs), &times.slice(0, 0), &columns)?;
    let first = begin.elapsed();
    let mut best = f64::INFINITY;
    let mut given = 0;
    for _ in 0..args.repeat.max(1) {
        let begin = Instant::now();
        given = once(&*factory, args.call.parameters(&inputs), &times, &columns)?;
        best = best.min(begin.elapsed().as_secs_f64());
    }
    println!(
        "{}: {} rows in {best:.3} s, {:.1} M rows/s, {given} values; ready after {:.1} ms",
        factory.id(),
        args.rows,
        args.rows as f64 / best / 1e6,
        first.as_secs_f64() * 1e3
    );
    Ok(ExitCode::SUCCESS)
}

/// One call over all rows; how many values it gave.
fn once(
    factory: &dyn UdfFactory,
    parameters: UdfParameters,
    times: &ScalarBuffer<i64>,
    columns: &[ArrayRef],
) -> anyhow::Result<usize> {
    let batches = (0..times.len()).step_by(ROWS).map(|from| (from, ROWS.min(times.len() - from)));
    if factory.kind() == UdfKind::Udaf {
        let mut run = UdafRun::open(factory.id(), factory, parameters)?;
        for (from, rows) in batches {
            let columns: Vec<ArrayRef> = columns.iter().map(|column| column.slice(0, rows)).collect();
            run.add(0, &times[from..from + rows], &columns, 0..rows)?;
        }
        return Ok(run.finish(1)?.len());
    }
    let mut run = UdtfRun::open(factory.id(), factory, parameters, UdfLimits::default())?;
    let mut given = 0;
    for (from, rows) in batches {
        run.push(times.slice(from, rows), columns.iter().map(|column| column.slice(0, rows)).collect())?;
        while let Some(points) = run.next()? {
            given += points.len();
        }
    }
    run.end();
    while let Some(points) = run.next()? {
        given += points.len();
    }
    Ok(given)
}
