//! How long a writer waits at most while others delete, as `cargo run --release -p levada-storage --example pauses -- [FOLDER]`
//! tells: beside each deletion, the longest wait of the same writer in the same time with nobody deleting.

use std::{
    env, fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use arrow_array::{Float64Array, Int64Array};
use levada_model::{Column, DataType, Path, PathPattern, SeriesSchema, Tablet, Write};
use levada_storage::{NewSeries, Storage, StorageOptions, SyncMode, TimeRange};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How the series that are deleted are spread: devices, and series of each.
const SPREADS: [(usize, usize); 3] = [(100_000, 1), (1_000, 100), (10, 10_000)];

fn main() -> Result<(), Failure> {
    let folder = env::args().nth(1).map_or_else(|| env::temp_dir().join("levada-pauses"), PathBuf::from);
    for (devices, series) in SPREADS {
        for what in ["rows", "some series", "all series", "the database"] {
            if folder.exists() {
                fs::remove_dir_all(&folder)?;
            }
            let sync = SyncMode::Interval(Duration::from_secs(1));
            let storage = Storage::open(StorageOptions { sync, ..StorageOptions::new(&folder) })?;
            fill(&storage, devices, series)?;
            let pattern = |text| PathPattern::parse(text);
            let delete = || -> Result<usize, Failure> {
                Ok(match what {
                    "rows" => storage.delete(&[pattern("root.a.**")?], TimeRange { start: 0, end: 5 })?.count,
                    "some series" => storage.delete_series(&[pattern("root.a.**.s*1")?])?.count,
                    "all series" => storage.delete_series(&[pattern("root.a.**")?])?.count,
                    _ => storage.delete_databases(&[pattern("root.a")?])?.count,
                })
            };
            let start = Instant::now();
            let (deleted, longest) = beside(&storage, delete)?;
            let took = start.elapsed();
            let (_, alone) = beside(&storage, || {
                thread::sleep(took);
                Ok(0)
            })?;
            println!(
                "{devices} devices of {series} series, {what} ({deleted}): {took:.0?}; a writer waits {longest:.1?} at most, {alone:.1?} alone"
            );
            storage.close()?;
        }
    }
    fs::remove_dir_all(&folder)?;
    Ok(())
}

fn fill(storage: &Storage, devices: usize, series: usize) -> Result<(), Failure> {
    let names: Vec<Arc<str>> = (0..series).map(|at| format!("s{at}").into()).collect();
    for device in 0..devices {
        let path = Path::parse(&format!("root.a.plant{}.d{device}", device % 50))?;
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

fn row<'a>(device: Path, time: i64, names: impl Iterator<Item = &'a Arc<str>>) -> Write {
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
                    Path::parse(&format!("root.{}.new.d{place}", if at % 4 < 2 { "b" } else { "a" }))?;
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
