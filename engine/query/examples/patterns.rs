//! What a query of very many series costs:
//!
//! ```sh
//! cargo run --release -p levada-query --example patterns -- fill ./many 1000 1000 [aligned]
//! cargo run --release -p levada-query --example patterns -- ask ./many "select count(*) from root.**"
//! ```
//!
//! `fill` makes so many devices of so many series, of three rows each, and flushes them. `ask` prints how long the plan took,
//! how long the rows, and the memory of the process: with the folder open, and at most.

use std::{env, fs, sync::Arc, time::Instant};

use arrow_array::{ArrayRef, Float64Array, Int64Array};
use levada_model::{Column, DataType, Path, Tablet, Write};
use levada_query::QueryContext;
use levada_sql::ParseContext;
use levada_storage::{Storage, StorageOptions};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["fill", folder, devices, measurements, rest @ ..] => {
            fill(folder, devices.parse()?, measurements.parse()?, rest.contains(&"aligned"))
        }
        ["ask", folder] => ask(folder, "select count(*) from root.**"),
        ["ask", folder, sql] => ask(folder, sql),
        _ => Err("`fill FOLDER DEVICES MEASUREMENTS [aligned]` or `ask FOLDER [SQL]`".into()),
    }
}

fn fill(folder: &str, devices: usize, measurements: usize, aligned: bool) -> Result<(), Failure> {
    let storage = Storage::open(StorageOptions::new(folder))?;
    let columns: Vec<Column> = (0..measurements)
        .map(|column| {
            let values: ArrayRef = Arc::new(Float64Array::from(vec![column as f64, 0.5, 1.5]));
            Column { name: format!("s{column}").into(), data_type: DataType::Double, values }
        })
        .collect();
    for device in 0..devices {
        let device = Path::parse(&format!("root.bench.d{device}"))?;
        let times = Int64Array::from(vec![1_000, 2_000, 3_000]);
        let tablets = vec![Tablet::try_new(device, aligned, times, columns.clone())?];
        storage.insert(Write { tablets, ..Write::default() })?.durable.wait()?;
    }
    storage.flush(&[])?;
    storage.close()?;
    Ok(())
}

fn ask(folder: &str, sql: &str) -> Result<(), Failure> {
    let storage = Storage::open(StorageOptions::new(folder))?;
    let before = memory("VmRSS")?;
    let statement = levada_sql::parse(sql, &ParseContext { zone: jiff::tz::TimeZone::UTC, now: 0 })?;
    let start = Instant::now();
    let plan = levada_query::plan(&statement, storage.view(), &QueryContext::new(0))?;
    let (planned, at_most) = (start.elapsed(), memory("VmHWM")?);
    let (columns, batches) = plan.into_rows();
    let (mut rows, mut cells) = (0, 0);
    for batch in batches {
        let batch = batch?;
        rows += batch.num_rows();
        cells += batch.columns().iter().map(|column| column.len()).sum::<usize>();
    }
    println!(
        "{} columns, {rows} rows, {cells} cells: planned in {planned:.2?}, all in {:.2?}; {before} MiB with the folder open, \
         {at_most} MiB at most until it was planned, {} MiB at most",
        columns.len(),
        start.elapsed(),
        memory("VmHWM")?
    );
    storage.close()?;
    Ok(())
}

/// The process's memory as Linux counts it, in MiB.
fn memory(what: &str) -> Result<u64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with(what)).ok_or("no such count of memory")?;
    let kib: u64 = line.split_whitespace().nth(1).ok_or("no number")?.parse()?;
    Ok(kib >> 10)
}
