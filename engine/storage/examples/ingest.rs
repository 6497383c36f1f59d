//! How fast rows go in: tablets of 1,000 rows × 10 DOUBLEs, as `cargo run --release -p levada-storage --example ingest --
//! [FOLDER] [MILLIONS] [WRITERS] [memory|group|always|interval] [READERS]` does it, beside so many readers of all changes. Prints points per second until the last write is
//! durable (and by when readers had it), then until all is flushed and compacted, bytes per point on disk, and how fast one series is read back.

use std::{
    env, io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use arrow_array::{ArrayRef, Float64Array, Int64Array};
use levada_model::{Column, DataType, Path, Tablet, Write};
use levada_storage::{ChangeKind, ChangesFrom, Direction, Storage, StorageOptions, SyncMode, TimeRange};

const ROWS: usize = 1000;
const COLUMNS: usize = 10;
/// Writes of one writer that may wait to become durable.
const UNDER_WAY: usize = 64;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let mut args = env::args().skip(1);
    let folder = args.next().map_or_else(|| env::temp_dir().join("levada-ingest"), PathBuf::from);
    let millions: u64 = args.next().map_or(Ok(50), |count| count.parse())?;
    let writers: u64 = args.next().map_or(Ok(2), |count| count.parse())?;
    let mode = args.next().unwrap_or_else(|| "group".to_owned());
    let readers: usize = args.next().map_or(Ok(0), |count| count.parse())?;
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    let sync = match mode.as_str() {
        "always" => SyncMode::Always,
        "interval" => SyncMode::Interval(Duration::from_millis(100)),
        _ => SyncMode::default(),
    };
    let options = StorageOptions { sync, wal: mode != "memory", ..StorageOptions::new(&folder) };
    let storage = Storage::open(options)?;
    let tablets = millions * 1_000_000 / (ROWS * COLUMNS) as u64;
    let points = tablets / writers * writers * (ROWS * COLUMNS) as u64;
    let readers: Vec<_> = (0..readers)
        .map(|_| {
            let storage = storage.clone();
            std::thread::spawn(move || follow(&storage, points))
        })
        .collect();
    let start = Instant::now();
    std::thread::scope(|scope| -> Result<(), Failure> {
        let running: Vec<_> = (0..writers)
            .map(|writer| {
                let storage = storage.clone();
                scope.spawn(move || write(&storage, writer, tablets / writers))
            })
            .collect();
        running
            .into_iter()
            .try_for_each(|writer| writer.join().map_err(|_| io::Error::other("a writer panicked"))?)
    })?;
    let rate = |took: Duration| points as f64 / took.as_secs_f64() / 1e6;
    let written = start.elapsed();
    println!("{mode}: {points} points by {writers} writers: {:.1} M points/s until durable", rate(written));
    for reader in readers {
        reader.join().map_err(|_| io::Error::other("a reader panicked"))??;
        println!("a reader had all {:.1} ms later", (start.elapsed() - written).as_secs_f64() * 1e3);
    }
    storage.flush(&[])?;
    println!("until flushed: {:.1} M points/s", rate(start.elapsed()));
    storage.compact(&[])?;
    let stats = storage.stats();
    println!(
        "until compacted: {:.1} M points/s; {} files, {:.2} bytes a point",
        rate(start.elapsed()),
        stats.files,
        stats.file_bytes as f64 / points as f64
    );
    let start = Instant::now();
    let device = Path::parse("root.bench.d0")?;
    let batches = storage.view().scan(&device, &["s0".into()], TimeRange::ALL, Direction::Ascending)?;
    let mut rows = 0;
    for batch in batches {
        rows += batch?.num_rows();
    }
    println!(
        "scan of one series: {rows} rows, {:.1} M points/s",
        rows as f64 / start.elapsed().as_secs_f64() / 1e6
    );
    storage.close()?;
    Ok(())
}

/// Reads changes until so many points came.
fn follow(storage: &Storage, points: u64) -> Result<(), Failure> {
    let mut changes = storage.changes(None, ChangesFrom::Now)?;
    let mut left = points;
    while left > 0 {
        changes.more().wait();
        for change in changes.read(1 << 20)? {
            if let ChangeKind::Rows { tablets, .. } = change.kind {
                left -= tablets.iter().map(|tablet| tablet.points() as u64).sum::<u64>();
            }
        }
    }
    Ok(())
}

fn write(storage: &Storage, writer: u64, tablets: u64) -> Result<(), Failure> {
    let device = Path::parse(&format!("root.bench.d{writer}"))?;
    // Made once: the store is measured, not the making. 20 + 10·sin(i / 1000) and noise, two decimals.
    let columns: Vec<(Arc<str>, ArrayRef)> = (0..COLUMNS)
        .map(|column| {
            let value = |row: usize| {
                let noise = (row * 7919 + column * 104_729) % 100;
                ((20.0 + 10.0 * (row as f64 / 1000.0).sin()) * 100.0 + noise as f64).round() / 100.0
            };
            let values: ArrayRef = Arc::new(Float64Array::from_iter_values((0..ROWS).map(value)));
            (format!("s{column}").into(), values)
        })
        .collect();
    let mut under_way = std::collections::VecDeque::new();
    for tablet in 0..tablets {
        let first = (tablet * ROWS as u64) as i64 * 10;
        let times = Int64Array::from_iter_values((0..ROWS as i64).map(|row| first + row * 10));
        let columns = columns
            .iter()
            .map(|(name, values)| Column {
                name: Arc::clone(name),
                data_type: DataType::Double,
                values: Arc::clone(values),
            })
            .collect();
        let tablets = vec![Tablet::try_new(device.clone(), false, times, columns)?];
        under_way.push_back(storage.insert(Write { tablets, ..Write::default() })?.durable);
        if under_way.len() > UNDER_WAY
            && let Some(oldest) = under_way.pop_front()
        {
            oldest.wait()?;
        }
    }
    under_way.into_iter().try_for_each(|durable| durable.wait())?;
    Ok(())
}
