//! Tablets straight into the engine: what storage takes, without a source in front.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::bail;
use arrow_array::{ArrayRef, Float64Array, Int64Array};
use levada_engine::{Engine, EngineOptions, SyncMode};
use levada_model::{Column, DataType, Path, Session, Tablet, Write};

use super::{IngestArgs, Kind, Wal};

/// The first row's time: 2023-11-14T22:13:20Z.
const EPOCH: i64 = 1_700_000_000_000;
/// Twelve hours in milliseconds.
const LATE: i64 = 12 * 3_600_000;
/// So long nothing is compacted any more when it counts as done.
const QUIET: Duration = Duration::from_millis(500);

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
    let tablets = args.points.div_ceil(args.rows * args.measurements);
    let starts = walk_starts(args, tablets);
    let start = Instant::now();
    let cpu = cpu_seconds();
    runtime.block_on(write_all(args, &engine, tablets, starts))?;
    let acknowledged = start.elapsed().as_secs_f64();
    runtime.block_on(async { engine.session(None)?.execute("flush").await })?;
    let flushed = start.elapsed().as_secs_f64();
    let cpu = cpu_seconds() - cpu;
    let points = args.points as f64;
    println!(
        "ingested: {:.1}M points; to the last answer {acknowledged:.2} s, {:.2}M points/s; flushed {flushed:.2} s, {:.2}M points/s",
        points / 1e6,
        points / 1e6 / acknowledged,
        points / 1e6 / flushed,
    );
    println!(
        "cpu {cpu:.2} s, {:.2}M points per CPU second; peak memory {} MiB; {:.2} bytes/point in files, {} MiB of log",
        points / 1e6 / cpu,
        peak_memory() >> 20,
        engine.stats().file_bytes as f64 / points,
        engine.stats().wal_bytes >> 20,
    );
    if args.settle {
        settle(&engine, points);
    }
    runtime.block_on(engine.close())?;
    Ok(())
}

/// Waits until the background has nothing left to compact.
fn settle(engine: &Engine, points: f64) {
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let (mut seen, mut since) = (engine.stats(), Instant::now());
    while since.elapsed() < QUIET {
        std::thread::sleep(Duration::from_millis(10));
        let now = engine.stats();
        if now.compacting || now.compactions != seen.compactions {
            (seen, since) = (now, Instant::now());
        }
    }
    let took = since.duration_since(start).as_secs_f64();
    let stats = engine.stats();
    println!(
        "settled after {took:.2} s more, {:.2} s of CPU: {} compactions, {} files; flushed {:.1} MiB, compacted {:.1} MiB, in all {:.2} times what was flushed; {:.2} bytes/point in files; peak memory {} MiB",
        cpu_seconds() - cpu,
        stats.compactions,
        stats.files,
        stats.flushed_bytes as f64 / f64::from(1 << 20),
        stats.compacted_bytes as f64 / f64::from(1 << 20),
        (stats.flushed_bytes + stats.compacted_bytes) as f64 / (stats.flushed_bytes as f64).max(1.0),
        stats.file_bytes as f64 / points,
        peak_memory() >> 20,
    );
}

async fn write_all(args: &IngestArgs, engine: &Engine, tablets: u64, starts: Vec<i64>) -> anyhow::Result<()> {
    let (next, starts) = (Arc::new(AtomicU64::new(0)), Arc::new(starts));
    let mut tasks = Vec::new();
    for _ in 0..args.threads.max(1) {
        // Two sessions each, so that one prepares its tablet while the other waits for the log.
        for _ in 0..2 {
            let session = engine.session(None)?;
            let (next, starts, args) = (Arc::clone(&next), Arc::clone(&starts), args.clone());
            tasks.push(tokio::spawn(async move {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= tablets {
                        return anyhow::Ok(());
                    }
                    let write = Write { tablets: vec![tablet(&args, &starts, n)?], ..Write::default() };
                    let report = session.insert_tablets(write).await?;
                    if let Some(rejected) = report.rejected.first() {
                        bail!("the engine rejected rows: {}", rejected.message);
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
fn tablet(args: &IngestArgs, starts: &[i64], n: u64) -> anyhow::Result<Tablet> {
    let device = Path::parse(&format!("root.bench.d{}", n % args.devices))?;
    let first = n / args.devices * args.rows;
    let late = |row: u64| args.late > 0 && mixed(row) % 100 < args.late;
    let times: Int64Array = (first..first + args.rows)
        .map(|row| EPOCH + row as i64 * 1_000 - if late(row) { LATE } else { 0 })
        .collect::<Vec<_>>()
        .into();
    let columns = (0..args.measurements)
        .map(|measurement| {
            let rows = first..first + args.rows;
            let (data_type, values): (_, ArrayRef) = match args.kind {
                Kind::Double => {
                    let values = rows.map(|row| value(row, measurement));
                    (DataType::Double, Arc::new(Float64Array::from_iter_values(values)))
                }
                Kind::Int64 => {
                    let mut at = starts[(n * args.measurements + measurement) as usize];
                    let values = rows.map(|row| {
                        at += step(n % args.devices, measurement, row);
                        at
                    });
                    (DataType::Int64, Arc::new(Int64Array::from_iter_values(values)))
                }
            };
            Column { name: format!("s{measurement}").into(), data_type, values }
        })
        .collect();
    Ok(Tablet::try_new(device, false, times, columns)?)
}

/// Bits that tell nothing of a number (SplitMix64's).
const fn mixed(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// How far a walk goes in one row: up to 99 up or down.
fn step(device: u64, measurement: u64, row: u64) -> i64 {
    (mixed(device << 44 ^ measurement << 36 ^ row) % 199) as i64 - 99
}

/// Where the walks stand before each tablet, measurement by measurement; nothing where there are no walks.
fn walk_starts(args: &IngestArgs, tablets: u64) -> Vec<i64> {
    if args.kind != Kind::Int64 {
        return Vec::new();
    }
    let mut at = vec![1_000_000; (args.devices * args.measurements) as usize];
    let mut starts = Vec::with_capacity((tablets * args.measurements) as usize);
    for n in 0..tablets {
        let (device, first) = (n % args.devices, n / args.devices * args.rows);
        for measurement in 0..args.measurements {
            let at = &mut at[(device * args.measurements + measurement) as usize];
            starts.push(*at);
            *at += (first..first + args.rows).map(|row| step(device, measurement, row)).sum::<i64>();
        }
    }
    starts
}

/// A slow wave with noise, two decimals.
fn value(row: u64, measurement: u64) -> f64 {
    let mixed = row
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(measurement.wrapping_mul(1_442_695_040_888_963_407));
    let noise = (mixed >> 33) % 100;
    ((20.0 + 10.0 * (row as f64 / 1_000.0).sin()) * 100.0 + noise as f64).round() / 100.0
}

/// Peak resident memory of this process in bytes; 0 where the system does not tell.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) << 10
}

/// CPU seconds of this process so far; 0 where the system does not tell.
pub(super) fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks: u64 =
        after_name.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    // The kernel reports in hundredths of a second on every Linux that Rust supports.
    ticks as f64 / 100.0
}
