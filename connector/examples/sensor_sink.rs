//! A sensor's readings, one a second, into an IoTDB, until Ctrl-C or `READINGS` of them.
//!
//! `IOTDB_NODES=127.0.0.1:6667 cargo run --release -p levada-connector --example sensor_sink`

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use levada_connector::{
    IotdbSink, MapSchema, TimeseriesOption,
    model::{Compressor, DataType, Encoding},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let nodes = std::env::var("IOTDB_NODES").unwrap_or_else(|_| "127.0.0.1:6667".to_owned());
    let readings = std::env::var("READINGS").ok().map(|count| count.parse()).transpose()?;
    run(&nodes, readings.unwrap_or(u64::MAX), Duration::from_secs(1)).await
}

/// Sends this many readings.
pub(crate) async fn run(nodes: &str, readings: u64, pause: Duration) -> anyhow::Result<()> {
    let s1 = TimeseriesOption {
        path: "root.sg.d1.s1".parse()?,
        data_type: DataType::Double,
        encoding: Some(Encoding::Gorilla),
        compression: Some(Compressor::Snappy),
    };
    let builder = IotdbSink::builder().nodes(nodes.split(',')).user("root").password("root");
    let builder = builder.database("root.sg").timeseries(s1).batch_size(10).session_pool_size(3);
    let sink = builder.open(MapSchema::default()).await?;
    for number in 0..readings {
        let value = (number as f64 / 10.0).sin();
        let reading = [
            ("device", "root.sg.d1".to_owned()),
            ("timestamp", Timestamp::now().as_millisecond().to_string()),
            ("measurements", "s1".to_owned()),
            ("types", "DOUBLE".to_owned()),
            ("values", value.to_string()),
        ];
        let reading: HashMap<_, _> = reading.into_iter().map(|(key, text)| (key.to_owned(), text)).collect();
        for rejected in sink.send(reading).await? {
            eprintln!("rejected: {rejected}");
        }
        tokio::time::sleep(pause).await;
    }
    for rejected in sink.close().await? {
        eprintln!("rejected: {rejected}");
    }
    Ok(())
}
