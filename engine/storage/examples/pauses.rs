//! How long a writer waits at most while others delete, as `cargo run --release -p levada-storage --example pauses -- [FOLDER]`
//! tells: beside each deletion, the longest wait of the same writer in the same time with nobody deleting.

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use arrow_array::{Float64Array, Int64Array};
use levada_model::{Column, DataType, Path as DevicePath, PathPattern, SeriesSchema, Tablet, Write};
use levada_storage::{NewSeries, Storage, StorageOptions, SyncMode, TimeRange};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How the series that are deleted are spread: devices, and series of each.
const SPREADS: [(usize, usize); 3] = [(100_000, 1), (1_000, 100), (10, 10_000)];
/// How often each is tried.
const RUNS: usize = 5;

fn main() -> Result<(), Failure> {
    let folder = env::args().nth(1).map_or_else(|| env::temp_dir().join("levada-pauses"), PathBuf::from);
    for (devices, series) in SPREADS {
        for what in ["rows", "some series", "all series", "the database"] {
            let mut runs =
                (0..RUNS).map(|_| once(&folder, devices, series, what)).collect::<Result<Vec<_>, _>>()?;
            // What else runs on the machine makes some runs longer: the shortest is what deleting costs.
            runs.sort_by_key(|run| run.longest);
            let (least, most) = (&runs[0], &runs[RUNS - 1]);
            println!(
                "{devices} devices of {series} series, {what} ({}): {:.0?}; a writer waits {:.1?} to {:.1?} at most, alone {:.1?} to {:.1?}",
                least.deleted,
                least.took,
                least.longest,
                most.longest,
                runs.iter().map(|run| run.alone).min().unwrap_or_default(),
                runs.iter().map(|run| run.alone).max().unwrap_or_default(),
            );
        }
    }
    fs::remove_dir_all(&folder)?;
    Ok(())
}

/// What one deletion did.
struct Run {
    deleted: usize,
    took: Duration,
    /// The longest wait of a writer while it went on.
    longest: Duration,
    /// The same with nobody deleting.
    alone: Duration,
}

fn once(folder: &Path, devices: usize, series: usize, what: &str) -> Result<Run, Failure> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let sync = SyncMode::Interval(Duration::from_secs(1));
    let storage = Storage::open(StorageOptions { sync, ..StorageOptions::new(folder) })?;
    fill(&storage, devices, series)?;
    let some = if series == 1 { "root.a.*.d*1.s0" } else { "root.a.**.s*1" };
    let delete = || -> Result<usize, Failure> {
        Ok(match what {
            "rows" => {
                storage.delete(&[PathPattern::parse("root.a.**")?], TimeRange { start: 0, end: 5 })?.count
            }
            "some series" => storage.delete_series(&[PathPattern::parse(some)?])?.count,
            "all series" => storage.delete_series(&[PathPattern::parse("root.a.**")?])?.count,
            _ => storage.delete_databases(&[PathPattern::parse("root.a")?])?.count,
        })
    };
    let start = Instant::now();
    let (deleted, longest) = beside(&storage, delete)?;
    let took = start.elapsed();
    let (_, alone) = beside(&storage, || {
        thread::sleep(took);
        Ok(0)
    })?;
    storage.close()?;
    Ok(Run { deleted, took, longest, alone })
}

fn fill(storage: &Storage, devices: usize, series: usize) -> Result<(), Failure> {
    let names: Vec<Arc<str>> = (0..series).map(|at| format!("s{at}").into()).collect();
    for device in 0..devices {
        let path = DevicePath::parse(&format!("root.a.plant{}.d{device}", device % 50))?;
        let new = names.iter().map(|name| NewSeries {
            device: path.clone(),
            measurement: Arc::clone(name),
            schema: SeriesSchema::default_for(DataType::Double),
            aligned: false,
            alias: None,
            tags: Default::default(),
            attributes: Default::default(),
            deadband: None,
        });
        storage.create_series(new.collect())?;
        if device % 10 == 0 {
            storage.insert(row(path, 1, names.iter().take(10)))?;
        }
    }
    Ok(())
}

fn row<'a>(device: DevicePath, time: i64, names: impl Iterator<Item = &'a Arc<str>>) -> Write {
    let column = |name: &Arc<str>| Column {
        name: Arc::clone(name),
        data_type: DataType::Double,
        values: Arc::new(Float64Array::from(vec![time as f64])),
    };
    let columns = names.map(column).collect();
    let tablet = Tablet::try_new(device, false, Int64Array::from(vec![time]), columns);
    Write { tablets: vec![tablet.expect("one value for each column")], ..Write::default() }
}

/// Does something while another thread writes: to devices that are there, and every other time to a new one, above and below
/// those that are deleted. Gives the longest that a write took.
fn beside(
    storage: &Storage,
    work: impl FnOnce() -> Result<usize, Failure>,
) -> Result<(usize, Duration), Failure> {
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| -> Result<Duration, Failure> {
            let (mut longest, name) = (Duration::ZERO, ["v".into()]);
            for at in 0_i64.. {
                if ended.load(Ordering::Acquire) {
                    break;
                }
                let place = if at % 2 == 0 { 0 } else { at };
                let device =
                    DevicePath::parse(&format!("root.{}.new.d{place}", if at % 4 < 2 { "b" } else { "a" }))?;
                let write = row(device, at, name.iter());
                let start = Instant::now();
                storage.insert(write)?;
                longest = longest.max(start.elapsed());
            }
            Ok(longest)
        });
        thread::sleep(Duration::from_millis(50));
        let worked = work();
        ended.store(true, Ordering::Release);
        let longest = writer.join().map_err(|_| "the writer panicked")??;
        Ok((worked?, longest))
    })
}
