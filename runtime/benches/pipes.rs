//! A pipe between two engines in this process, over the loopback: history in points a second and for each second of work, how far the receiver is behind live writes
//! when the last of them is acknowledged, and how long one row takes until the receiver shows it.
//!
//! `cargo bench -p levada-runtime --bench pipes -- [POINTS]`

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use arrow_array::{Float64Array, Int64Array, cast::AsArray, types::Int64Type};
use futures::StreamExt;
use levada_engine::{Engine, EngineOptions};
use levada_model::{Column, DataType, Outcome, Path, Session, Tablet, Write};
use levada_runtime::{Chance, NodePipes};
use levada_server::{Server, ServerOptions};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Rows of a tablet, and its columns.
const ROWS: i64 = 1_000;
const COLUMNS: usize = 10;
/// Devices that are written to in turn.
const DEVICES: i64 = 10;
/// Single rows.
const SINGLE: i64 = 200;

struct Served {
    engine: Engine,
    port: u16,
    _folder: tempfile::TempDir,
}

async fn serve() -> Served {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = Engine::open(EngineOptions::new(folder.path())).expect("opens");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let server = Server::new(engine.clone(), ServerOptions::default());
    tokio::spawn(async move { server.serve(listener, CancellationToken::new()).await });
    engine.run_pipes(Arc::new(NodePipes::new(5, Chance::seeded(1)))).await.expect("run");
    Served { engine, port, _folder: folder }
}

fn tablet(number: i64) -> Tablet {
    let from = number / DEVICES * ROWS;
    let times = Int64Array::from_iter_values(from..from + ROWS);
    let columns = (0..COLUMNS).map(|at| Column {
        name: format!("s{at}").into(),
        data_type: DataType::Double,
        values: Arc::new(Float64Array::from_iter_values(
            (from..from + ROWS).map(|time| time as f64 * 0.25 + at as f64),
        )),
    });
    let device = Path::parse(&format!("root.bench.d{}", number % DEVICES)).expect("a path");
    Tablet::try_new(device, false, times, columns.collect()).expect("columns of one length")
}

async fn write(engine: &Engine, numbers: std::ops::Range<i64>) {
    let session = engine.session(None).expect("UTC");
    for number in numbers {
        let write = Write { tablets: vec![tablet(number)], ..Write::default() };
        session.insert_tablets(write).await.expect("written");
    }
}

/// The first number that a query gives.
async fn number(engine: &Engine, query: &str) -> i64 {
    let session = engine.session(None).expect("UTC");
    let Ok(Outcome::Rows(mut rows)) = session.execute(query).await else { return 0 };
    let Some(Ok(batch)) = rows.batches.next().await else { return 0 };
    batch.columns().iter().map(|column| column.as_primitive::<Int64Type>().value(0)).sum()
}

/// Seconds that processors have worked for this process, where the system tells.
fn cpu_seconds() -> f64 {
    const TICKS: f64 = 100.0;
    let told = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind = told.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = behind.split_whitespace().skip(11).take(2).filter_map(|each| each.parse::<f64>().ok());
    ticks.sum::<f64>() / TICKS
}

async fn until(engine: &Engine, points: i64) {
    while i64::try_from(engine.stats().inserted_points).unwrap_or(i64::MAX) < points {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::main]
async fn main() {
    let points: i64 = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(10_000_000);
    let tablets = points / (ROWS * COLUMNS as i64);
    let points = tablets * ROWS * COLUMNS as i64;
    let (sender, receiver) = (serve().await, serve().await);
    let session = sender.engine.session(None).expect("UTC");
    write(&sender.engine, 0..tablets).await;
    session.execute(&format!("create pipesink s as IoTDB (port={})", receiver.port)).await.expect("made");
    session.execute("create pipe p to s").await.expect("made");

    let (began, worked) = (Instant::now(), cpu_seconds());
    session.execute("start pipe p").await.expect("started");
    until(&receiver.engine, points).await;
    let (took, worked) = (began.elapsed().as_secs_f64(), cpu_seconds() - worked);
    println!(
        "history: {points} points in {took:.2} s, {:.2}M points/s, {:.1}M points for each CPU second of both ends",
        points as f64 / took / 1e6,
        points as f64 / worked / 1e6
    );

    let began = Instant::now();
    write(&sender.engine, tablets..2 * tablets).await;
    let written = began.elapsed().as_secs_f64();
    let behind = Instant::now();
    until(&receiver.engine, 2 * points).await;
    println!(
        "live: {points} points written in {written:.2} s, {:.2}M points/s; all there {:.3} s after the last answer",
        points as f64 / written / 1e6,
        behind.elapsed().as_secs_f64()
    );

    let mut waits = Vec::new();
    for row in 0..SINGLE {
        session
            .execute(&format!("insert into root.one.d(time, s) values ({row}, 1)"))
            .await
            .expect("written");
        let acknowledged = Instant::now();
        while number(&receiver.engine, "select count(s) from root.one.d").await <= row {
            tokio::task::yield_now().await;
        }
        waits.push(acknowledged.elapsed());
    }
    waits.sort_unstable();
    let at = |part: f64| waits[((waits.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    println!(
        "one row: {:.1} ms at the median, {:.1} ms at p99, {:.1} ms at most",
        at(0.5),
        at(0.99),
        at(1.0)
    );
    for served in [sender, receiver] {
        served.engine.close().await.expect("closes");
    }
}
