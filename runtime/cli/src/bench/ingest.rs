//! Tablets straight into the engine: what storage takes, without a source in front.

use std::{
    fs,
    path::Path as FilePath,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use anyhow::{Context, bail};
use arrow_array::{Float64Array, Int64Array};
use levada_engine::{Engine, EngineOptions, SyncMode};
use levada_model::{Column, DataType, Path, Session, Tablet, Write};

use super::{IngestArgs, Wal};

/// The first row's time: 2023-11-14T22:13:20Z.
const EPOCH: i64 = 1_700_000_000_000;
/// Twelve hours in milliseconds.
const LATE: i64 = 12 * 3_600_000;

/// Writes tablets until there are enough points, flushes, and prints rates and sizes.
///
/// # Errors
/// The folder exists, or the engine fails.
pub(super) fn ingest(args: &IngestArgs) -> anyhow::Result<()> {
    if args.data.exists() {
        bail!("{} exists: name a folder that does not", args.data.display());
    }
    let mut options = EngineOptions::new(&args.data);
    match args.wal {
        Wal::Always => options.storage.sync = SyncMode::Always,
        Wal::Group => {}
        Wal::Off => options.storage.wal = false,
    }
    let engine = Engine::open(options)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(usize::try_from(args.threads)?.max(1))
        .enable_all()
        .build()?;
    let start = Instant::now();
    let cpu = cpu_seconds();
    runtime.block_on(write_all(args, &engine))?;
    let acknowledged = start.elapsed().as_secs_f64();
    runtime.block_on(async { engine.session(None)?.execute("flush").await })?;
    let flushed = start.elapsed().as_secs_f64();
    let cpu = cpu_seconds() - cpu;
    runtime.block_on(engine.close())?;
    let points = args.points as f64;
    println!(
        "ingested: {:.1}M points; to the last answer {acknowledged:.2} s, {:.2}M points/s; flushed {flushed:.2} s, {:.2}M points/s",
        points / 1e6,
        points / 1e6 / acknowledged,
        points / 1e6 / flushed,
    );
    println!(
        "cpu {cpu:.2} s, {:.2}M points per CPU second; peak memory {} MiB; {:.2} bytes/point on disk",
        points / 1e6 / cpu,
        peak_memory() >> 20,
        folder_bytes(&args.data)? as f64 / points,
    );
    Ok(())
}

async fn write_all(args: &IngestArgs, engine: &Engine) -> anyhow::Result<()> {
    let next = Arc::new(AtomicU64::new(0));
    let tablets = args.points.div_ceil(args.rows * args.measurements);
    let mut tasks = Vec::new();
    for _ in 0..args.threads.max(1) {
        // Two sessions each, so that one prepares its tablet while the other waits for the log.
        for _ in 0..2 {
            let session = engine.session(None)?;
            let (next, args) = (Arc::clone(&next), args.clone());
            tasks.push(tokio::spawn(async move {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= tablets {
                        return anyhow::Ok(());
                    }
                    let write = Write { tablets: vec![tablet(&args, n)?], ..Write::default() };
                    let report = session.insert_tablets(write).await?;
                    if let Some(rejected) = report.rejected.first() {
                        bail!("the engine refused rows: {}", rejected.message);
                    }
                }
            }));
        }
    }
    for task in tasks {
        task.await??;
    }
    Ok(())
}

/// Tablet `n`: devices in turn, each going on where its last tablet ended.
fn tablet(args: &IngestArgs, n: u64) -> anyhow::Result<Tablet> {
    let device = Path::parse(&format!("root.bench.d{}", n % args.devices))?;
    let first = n / args.devices * args.rows;
    let late = |row: u64| args.late > 0 && row.wrapping_mul(2_654_435_761) % 100 < args.late;
    let times: Int64Array = (first..first + args.rows)
        .map(|row| EPOCH + row as i64 * 1_000 - if late(row) { LATE } else { 0 })
        .collect::<Vec<_>>()
        .into();
    let columns = (0..args.measurements)
        .map(|measurement| {
            let values: Vec<f64> = (first..first + args.rows).map(|row| value(row, measurement)).collect();
            Column {
                name: format!("s{measurement}").into(),
                data_type: DataType::Double,
                values: Arc::new(Float64Array::from(values)),
            }
        })
        .collect();
    Ok(Tablet::try_new(device, false, times, columns)?)
}

/// A slow wave with noise, two decimals.
fn value(row: u64, measurement: u64) -> f64 {
    let mixed = row
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(measurement.wrapping_mul(1_442_695_040_888_963_407));
    let noise = (mixed >> 33) % 100;
    ((20.0 + 10.0 * (row as f64 / 1_000.0).sin()) * 100.0 + noise as f64).round() / 100.0
}

fn folder_bytes(folder: &FilePath) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { folder_bytes(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}

/// Peak resident memory of this process in bytes; 0 where the system does not tell.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) << 10
}

/// CPU seconds of this process so far; 0 where the system does not tell.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks: u64 =
        after_name.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    // The kernel reports in hundredths of a second on every Linux that Rust supports.
    ticks as f64 / 100.0
}
