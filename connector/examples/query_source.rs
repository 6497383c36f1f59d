//! Rows of `select s1 from root.sg1.d1 align by device`, printed by two tasks. What is asked for is written first.
//!
//! `IOTDB_NODES=127.0.0.1:6667 cargo run --release -p levada-connector --example query_source`

use std::sync::Arc;

use levada_connector::{
    Event, IotdbSink, IotdbSource, Row, TimeseriesOption,
    model::{Compressor, DataType, Encoding, Value},
};
use tokio::sync::{Mutex, mpsc};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let nodes = std::env::var("IOTDB_NODES").unwrap_or_else(|_| "127.0.0.1:6667".to_owned());
    prepare(&nodes).await?;
    print(&nodes, |printer, row| println!("{printer}> {row}")).await
}

/// A hundred rows of three measurements.
pub(crate) async fn prepare(nodes: &str) -> anyhow::Result<()> {
    let s1 = TimeseriesOption {
        path: "root.sg1.d1.s1".parse()?,
        data_type: DataType::Int64,
        encoding: Some(Encoding::Rle),
        compression: Some(Compressor::Snappy),
    };
    let builder = IotdbSink::builder().nodes(nodes.split(',')).database("root.sg1").timeseries(s1);
    let row = |time: i64| {
        let event = Event::new("root.sg1.d1", time).with("s1", Value::Int64(1));
        Ok(Some(event.with("s2", Value::Int64(2)).with("s3", Value::Int64(3))))
    };
    let sink = builder.batch_size(100).open(row).await?;
    for time in 0..100 {
        sink.send(time).await?;
    }
    sink.close().await?;
    Ok(())
}

/// Reads all rows; two tasks print them.
pub(crate) async fn print(
    nodes: &str,
    printed: impl Fn(usize, &Row) + Clone + Send + 'static,
) -> anyhow::Result<()> {
    let builder = IotdbSource::builder().nodes(nodes.split(',')).user("root").password("root");
    let mut source = builder.query("select s1 from root.sg1.d1 align by device").open().await?;
    let (sender, rows) = mpsc::channel::<Row>(64);
    let rows = Arc::new(Mutex::new(rows));
    let printers = (1..=2).map(|number| {
        let (rows, printed) = (Arc::clone(&rows), printed.clone());
        tokio::spawn(async move {
            while let Some(row) = { rows.lock().await.recv().await } {
                printed(number, &row);
            }
        })
    });
    let printers: Vec<_> = printers.collect();
    while let Some(row) = source.next().await? {
        sender.send(row).await?;
    }
    drop(sender);
    for printer in printers {
        printer.await?;
    }
    source.close().await?;
    Ok(())
}
