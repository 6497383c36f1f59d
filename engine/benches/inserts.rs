//! Small writes, by statement and by tablet: `cargo bench -p levada-engine --bench inserts -- [FOLDER]`.
//!
//! Each line is the best of some rounds, without a log and with one that is written but not waited for on the disk
//! (`SyncMode::Interval`): so it tells what a write costs the processor.

use std::{
    env, fs,
    path::{Path as Folder, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use arrow_array::{Float64Array, Int64Array};
use levada_engine::{EmbeddedSession, Engine, EngineOptions, SyncMode};
use levada_model::{Column, DataType, Path, Session, Tablet, Write};
use tokio::runtime::Runtime;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const ROUNDS: i64 = 7;
/// Writes of a round.
const WRITES: i64 = 5_000;
const DEVICES: i64 = 1_000;
const MEASUREMENTS: usize = 5;

fn main() -> Result<(), Failure> {
    // The test harness passes options of its own.
    let folder = env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let folder = folder.map_or_else(|| env::temp_dir().join("levada-inserts"), PathBuf::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    for wal in [false, true] {
        let log = if wal { "with a log" } else { "without a log" };
        let session = open(&folder, wal)?;
        let statement = |session: &EmbeddedSession, at: i64| {
            let (device, time) = (at % DEVICES, at / DEVICES);
            let sql = format!(
                "insert into root.bench.d{device}(time, s0, s1, s2, s3, s4) values ({time}, 1.5, 2.5, 3.5, 4.5, {at})"
            );
            runtime.block_on(session.execute(&sql)).map(drop)
        };
        report("single INSERT statements of 5 values", log, &session, statement)?;

        let session = open(&folder, wal)?;
        let names: Vec<Arc<str>> = (0..MEASUREMENTS).map(|at| format!("s{at}").into()).collect();
        let devices = (0..DEVICES)
            .map(|at| Path::parse(&format!("root.bench.d{at}")))
            .collect::<Result<Vec<_>, _>>()?;
        let tablets = |session: &EmbeddedSession, at: i64| {
            let tablets = (0..10).map(|each| {
                let device = (at * 10 + each) % DEVICES;
                tablet(devices[device as usize].clone(), at, &names)
            });
            let write = Write { tablets: tablets.collect(), ..Write::default() };
            insert(&runtime, session, write)
        };
        report("writes of 1 row of 5 values × 10 devices", log, &session, tablets)?;

        let session = open(&folder, wal)?;
        let names: Vec<Arc<str>> = (0..1_000).map(|at| format!("s{at:03}").into()).collect();
        let wide = |session: &EmbeddedSession, at: i64| {
            let write = Write { tablets: vec![tablet(devices[0].clone(), at, &names)], ..Write::default() };
            insert(&runtime, session, write)
        };
        report("writes of 1 row of 1,000 values", log, &session, wide)?;
    }
    fs::remove_dir_all(&folder)?;
    Ok(())
}

fn open(folder: &Folder, wal: bool) -> Result<EmbeddedSession, Failure> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let mut options = EngineOptions::new(folder);
    options.storage.wal = wal;
    options.storage.sync = SyncMode::Interval(Duration::from_secs(1));
    options.storage.memtable_bytes = 1 << 30;
    Ok(Engine::open(options)?.session(None)?)
}

fn tablet(device: Path, time: i64, names: &[Arc<str>]) -> Tablet {
    let columns = names.iter().enumerate().map(|(at, name)| Column {
        name: Arc::clone(name),
        data_type: DataType::Double,
        values: Arc::new(Float64Array::from(vec![at as f64])),
    });
    let columns = columns.collect();
    Tablet::try_new(device, false, Int64Array::from(vec![time]), columns).expect("one value for each column")
}

fn insert(
    runtime: &Runtime,
    session: &EmbeddedSession,
    write: Write,
) -> Result<(), levada_model::SessionError> {
    let report = runtime.block_on(session.insert_tablets(write))?;
    assert!(report.rejected.is_empty(), "{:?}", report.rejected);
    Ok(())
}

fn report<E: std::error::Error + Send + Sync + 'static>(
    what: &str,
    log: &str,
    session: &EmbeddedSession,
    write: impl Fn(&EmbeddedSession, i64) -> Result<(), E>,
) -> Result<(), Failure> {
    let mut best = f64::INFINITY;
    for round in 0..=ROUNDS {
        let start = Instant::now();
        for at in round * WRITES..(round + 1) * WRITES {
            write(session, at)?;
        }
        // The first makes the series.
        if round > 0 {
            best = best.min(start.elapsed().as_secs_f64());
        }
    }
    println!("{what}, {log}: {:.0} a second", WRITES as f64 / best);
    Ok(())
}
