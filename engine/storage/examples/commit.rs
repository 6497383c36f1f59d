//! How long a write takes to become durable, as `cargo run --release -p levada-storage --example commit -- [FOLDER]
//! [group|always|interval] [SECONDS]` tells: writers of one row each, who wait for it before they write the next.

use std::{
    env,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use arrow_array::{Float64Array, Int64Array};
use levada_model::{Column, DataType, Path, Tablet, Write};
use levada_storage::{Storage, StorageOptions, SyncMode};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let mut args = env::args().skip(1);
    let folder = args.next().map_or_else(|| env::temp_dir().join("levada-commit"), PathBuf::from);
    let sync = match args.next().as_deref() {
        Some("always") => SyncMode::Always,
        Some("interval") => SyncMode::Interval(Duration::from_secs(1)),
        _ => SyncMode::default(),
    };
    let seconds = Duration::from_secs(args.next().map_or(Ok(3), |seconds| seconds.parse())?);
    for writers in [1, 2, 8, 32] {
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        let storage = Storage::open(StorageOptions { sync, ..StorageOptions::new(&folder) })?;
        let start = Instant::now();
        let mut took = std::thread::scope(|scope| -> Result<Vec<Duration>, Failure> {
            let running: Vec<_> = (0..writers)
                .map(|writer| {
                    let storage = &storage;
                    scope.spawn(move || write(storage, writer, start + seconds))
                })
                .collect();
            let mut all = Vec::new();
            for writer in running {
                all.append(&mut writer.join().map_err(|_| "a writer panicked")??);
            }
            Ok(all)
        })?;
        let elapsed = start.elapsed();
        took.sort_unstable();
        let at = |share: usize| took.get(took.len() * share / 100).copied().unwrap_or_default();
        println!(
            "{writers:2} writers: {:7.0} writes/s; p50 {:?}, p99 {:?}",
            took.len() as f64 / elapsed.as_secs_f64(),
            at(50),
            at(99)
        );
        storage.close()?;
    }
    Ok(())
}

/// Writes rows until it is time; gives how long each took.
fn write(storage: &Storage, writer: usize, until: Instant) -> Result<Vec<Duration>, Failure> {
    let device = Path::parse(&format!("root.bench.d{writer}"))?;
    let mut took = Vec::new();
    for row in 0.. {
        let start = Instant::now();
        if start > until {
            break;
        }
        let values = Arc::new(Float64Array::from(vec![row as f64]));
        let column = Column { name: "s".into(), data_type: DataType::Double, values };
        let tablet = Tablet::try_new(device.clone(), false, Int64Array::from(vec![row]), vec![column])?;
        let write = Write { tablets: vec![tablet], ..Write::default() };
        storage.insert(write)?.durable.wait()?;
        took.push(start.elapsed());
    }
    Ok(took)
}
