//! Queries of ten devices with ten measurements each and 100,000 rows, whose values are known: the same of the engine in this
//! process and of a server, so that the figures can be compared.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use anyhow::{Context, bail};
use arrow_array::{
    Array, Float64Array, Int64Array, RecordBatch,
    cast::AsArray,
    types::{Float64Type, Int64Type},
};
use futures::TryStreamExt;
use levada_engine::Access;
use levada_model::{Column, DataType, Path, Session, Tablet, Write};

use super::{QueriesArgs, ingest::cpu_seconds};
use crate::node::{Store, is_missing};

/// The first row's time: 2023-11-14T22:13:20Z.
const EPOCH: i64 = 1_700_000_000_000;
const DEVICES: i64 = 10;
const MEASUREMENTS: i64 = 10;
/// Rows of a device, a second apart.
const ROWS: i64 = 100_000;
/// Rows of a tablet.
const TABLET: i64 = 1_000;
/// Moments asked for by the query for one of them.
const MOMENTS: i64 = 200;

/// Writes the rows where they are missing, asks the queries, and prints what each took.
///
/// # Errors
/// The store cannot be opened, or rejects the rows or a query.
pub(super) fn queries(args: &QueriesArgs) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let data = args.data.as_deref();
    let filled = args.filled || data.is_some_and(|data| !is_missing(data));
    runtime.block_on(async {
        let opened = Store::named(data, &args.node)?.open(Access::Write).await?;
        let session = opened.session();
        if !filled {
            fill(&*session).await?;
        }
        println!("{:<70} {:>9} {:>10} {:>10} {:>10}", "query", "rows", "median ms", "least ms", "CPU ms");
        for (sql, runs) in asked(args.runs, if args.prefixes { "" } else { ".**" }) {
            measure(&session, &sql, runs).await?;
        }
        measure_moments(&session).await?;
        opened.close().await
    })
}

/// The queries, and how often each is asked; `below` stands for all devices behind the path of a database.
fn asked(runs: usize, below: &str) -> Vec<(String, usize)> {
    let end = EPOCH + ROWS * 1_000;
    let few = runs.div_ceil(4);
    let windows = format!("group by ([{EPOCH}, {end}), 1m)");
    [
        ("select * from root.bench.d0".to_owned(), runs),
        ("select s0 from root.bench.d0".to_owned(), runs),
        (format!("select count(*), avg(*), max_value(*) from root.bench{below}"), runs * 4),
        (format!("select avg(s0) from root.bench.d0 {windows}"), runs * 4),
        ("select s0 from root.bench.d0 where s1 > 25".to_owned(), runs),
        ("select last s0 from root.bench.d0".to_owned(), runs * 10),
        (format!("select last * from root.bench{below}"), runs * 4),
        ("select * from root.bench.* limit 100000 align by device".to_owned(), runs),
        ("select * from root.bench.* align by device".to_owned(), few),
    ]
    .into()
}

/// Asks a query some times, and prints what it took.
async fn measure(session: &Arc<dyn Session>, sql: &str, runs: usize) -> anyhow::Result<()> {
    let mut rows = 0;
    for _ in 0..runs.div_ceil(10).max(2) {
        rows = read(&**session, sql).await?;
    }
    let cpu = cpu_seconds();
    let mut took = Vec::new();
    for _ in 0..runs.max(1) {
        let begun = Instant::now();
        let found = read(&**session, sql).await?;
        took.push(begun.elapsed().as_secs_f64() * 1e3);
        if found != rows {
            bail!("{sql}: {found} rows, and {rows} before");
        }
    }
    print(sql, rows, &mut took, cpu_seconds() - cpu);
    Ok(())
}

/// Asks for the row of one moment, of many moments.
async fn measure_moments(session: &Arc<dyn Session>) -> anyhow::Result<()> {
    let mut took = Vec::new();
    let mut cpu = cpu_seconds();
    for at in -MOMENTS / 4..MOMENTS {
        if at == 0 {
            cpu = cpu_seconds();
        }
        let time = EPOCH + mixed(at).wrapping_abs() % ROWS * 1_000;
        let begun = Instant::now();
        let rows = read(&**session, &format!("select * from root.bench.d0 where time = {time}")).await?;
        if at >= 0 {
            took.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        if rows != 1 {
            bail!("{rows} rows at the time {time}");
        }
    }
    print("select * from root.bench.d0 where time = …", 1, &mut took, cpu_seconds() - cpu);
    Ok(())
}

fn print(sql: &str, rows: usize, took: &mut [f64], cpu: f64) {
    took.sort_by(f64::total_cmp);
    let (median, least) = (took[took.len() / 2], took[0]);
    // Of a server it is what its client takes.
    let cpu = cpu * 1e3 / took.len() as f64;
    println!("{sql:<70} {rows:>9} {median:>10.2} {least:>10.2} {cpu:>10.2}");
}

/// Reads all rows of a query, and each of its numbers.
async fn read(session: &dyn Session, sql: &str) -> anyhow::Result<usize> {
    let mut batches = session.query(sql).await.with_context(|| sql.to_owned())?.batches;
    let (mut rows, mut sum) = (0, 0.0);
    while let Some(batch) = batches.try_next().await? {
        rows += batch.num_rows();
        sum += total(&batch);
    }
    std::hint::black_box(sum);
    Ok(rows)
}

fn total(batch: &RecordBatch) -> f64 {
    let of_column = |column: &Arc<dyn Array>| {
        if let Some(numbers) = column.as_primitive_opt::<Float64Type>() {
            numbers.values().iter().sum::<f64>()
        } else if let Some(numbers) = column.as_primitive_opt::<Int64Type>() {
            numbers.values().iter().fold(0_i64, |sum, number| sum.wrapping_add(*number)) as f64
        } else {
            0.0
        }
    };
    batch.columns().iter().map(of_column).sum()
}

async fn fill(session: &dyn Session) -> anyhow::Result<()> {
    session.create_database(&Path::parse("root.bench")?).await?;
    for first in (0..ROWS).step_by(TABLET as usize) {
        let tablets = (0..DEVICES).map(|device| tablet(device, first)).collect::<anyhow::Result<Vec<_>>>()?;
        let report = session.insert_tablets(Write { tablets, ..Write::default() }).await?;
        let why: BTreeSet<&str> = report.rejected.iter().map(|each| each.message.as_str()).collect();
        if !why.is_empty() {
            bail!("the store rejected rows: {why:?}");
        }
    }
    session.execute("flush").await?;
    Ok(())
}

fn tablet(device: i64, first: i64) -> anyhow::Result<Tablet> {
    let rows = first..first + TABLET;
    let times = rows.clone().map(|row| EPOCH + row * 1_000).collect::<Int64Array>();
    let column = |measurement: i64| Column {
        name: format!("s{measurement}").into(),
        data_type: DataType::Double,
        values: Arc::new(Float64Array::from_iter_values(
            rows.clone().map(|row| value(device, measurement, row)),
        )),
    };
    let columns = (0..MEASUREMENTS).map(column).collect();
    Ok(Tablet::try_new(Path::parse(&format!("root.bench.d{device}"))?, false, times, columns)?)
}

/// A slow wave with noise, two decimals.
fn value(device: i64, measurement: i64, row: i64) -> f64 {
    let bits = mixed(device * 1_000_003 + measurement * 7_919 + row) as u64;
    let noise = ((bits >> 11) as f64 / (1_u64 << 53) as f64 - 0.5) * 0.2;
    ((20.0 + 10.0 * (row as f64 / 1_000.0).sin() + noise) * 100.0).round() / 100.0
}

/// Bits that tell nothing of a number (MurmurHash3's last step).
const fn mixed(number: i64) -> i64 {
    let mut bits = number as u64;
    bits = (bits ^ (bits >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    bits = (bits ^ (bits >> 33)).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    (bits ^ (bits >> 33)) as i64
}
