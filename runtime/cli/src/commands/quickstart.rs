//! `levada quickstart`: the main job with everything started for you.
//!
//! ```text
//!   simulated sensors ──JSON──▶ librdkafka's mock cluster ──▶ examples/quickstart/pipeline.yaml ──▶ embedded engine ──▶ SQL
//!   (a thread)                  (in this process, keeps little: the sensors wait for the pipeline)
//! ```

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use levada_engine::{Engine, EngineOptions};
use levada_kafka::mock::MockBroker;
use levada_runtime::{EngineStores, PipelineHandle, Runtime, RuntimeOptions};
use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, BaseRecord, Producer},
};

use crate::{
    bench::Readings,
    exit::{self, Failure},
    functions,
    output::{Format, Zone},
    registry,
    shell::Shell,
};

use super::Document;

/// Options of `quickstart`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct QuickstartArgs {
    /// Readings to send
    #[arg(long, default_value_t = 1_000_000)]
    messages: u64,
    /// The data folder; it may exist already
    #[arg(long, value_name = "DIR", default_value = "levada-quickstart")]
    data: PathBuf,
}

/// The pipeline, as in the repository.
const PIPELINE: &str = include_str!("../../../../examples/quickstart/pipeline.yaml");
const TOPIC: &str = "sensors";
const DEVICES: u64 = 100;
/// The mock cluster forgets old messages: sensors are never further ahead of the pipeline.
const AHEAD: u64 = 50_000;

/// What is asked at the end.
const QUESTIONS: [&str; 3] = [
    "count devices root.plant.**",
    "select count(temperature), min_value(temperature), max_value(temperature), avg(temperature) from root.plant.hall0.** limit 5 align by device",
    "select * from root.plant.hall0.line00.sensor00000 limit 5",
];

pub(super) fn quickstart(args: &QuickstartArgs) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let start = Instant::now();
    runtime.block_on(fill_engine(args))?;
    println!(
        "\n{} readings went from simulated sensors through librdkafka's mock Kafka and the pipeline into {} in {:.1} s.\n",
        args.messages,
        args.data.display(),
        start.elapsed().as_secs_f64()
    );
    runtime.block_on(ask(&args.data))?;
    println!("\nAsk more: levada sql --data {}", args.data.display());
    Ok(ExitCode::SUCCESS)
}

async fn fill_engine(args: &QuickstartArgs) -> anyhow::Result<()> {
    let broker = MockBroker::start(&[]).context("the mock cluster does not start")?;
    broker.cluster().create_topic(TOPIC, 4, 1).context("the mock cluster has no topic")?;
    let brokers = broker.address();
    println!("librdkafka's mock cluster is at {brokers}; the pipeline:\n\n{PIPELINE}");

    let registry = registry::all();
    let environment = |name: &str| match name {
        "KAFKA_BROKERS" => Some(brokers.clone()),
        "LEVADA_DATA" => Some(args.data.display().to_string()),
        _ => std::env::var(name).ok(),
    };
    let document = Document::parse(PIPELINE.to_owned(), "quickstart.yaml", &registry, &environment);
    document.print();
    let pipeline = document.pipeline.ok_or_else(|| Failure::told(exit::INVALID))?;
    let stores = Arc::new(EngineStores::new().with_loader(functions::loader()));
    let options = RuntimeOptions { state_dir: args.data.join("pipeline"), ..RuntimeOptions::default() };
    let runtime = Runtime::new(registry, Arc::clone(&stores) as _, prometheus::Registry::new(), options)?;
    let running = runtime.start(&pipeline)?;
    let handle = running.handle();
    let sensors = {
        let (brokers, handle, messages) = (brokers.clone(), handle.clone(), args.messages);
        tokio::task::spawn_blocking(move || send(&brokers, messages, &handle))
    };
    sensors.await??;
    while !has_arrived(&handle, args.messages) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    handle.stop();
    let report = running.wait().await;
    stores.close().await?;
    match report.error {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

/// Whether so many rows have arrived, or never will.
fn has_arrived(handle: &PipelineHandle, rows: u64) -> bool {
    handle.progress().rows_sent >= rows || handle.is_stopping()
}

/// Plays the sensors: sends readings, never too far ahead of the pipeline.
fn send(brokers: &str, messages: u64, pipeline: &PipelineHandle) -> anyhow::Result<()> {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("linger.ms", "5")
        .create()
        .context("cannot make a producer")?;
    let readings = Readings::new(DEVICES, None);
    let mut payload = Vec::with_capacity(256);
    for n in 0..messages {
        if n.is_multiple_of(1_000) {
            producer.poll(Duration::ZERO);
            while n.saturating_sub(pipeline.progress().rows_sent) > AHEAD {
                if pipeline.is_stopping() {
                    bail!("the pipeline ended early");
                }
                producer.poll(Duration::from_millis(2));
            }
        }
        readings.write(n, &mut payload);
        let record = BaseRecord::<(), [u8]>::to(TOPIC).partition((n % 4) as i32).payload(&payload);
        producer.send(record).map_err(|(error, _)| error).context("a reading cannot be sent")?;
    }
    producer.flush(Duration::from_secs(30)).context("the mock cluster did not take everything")
}

async fn ask(data: &Path) -> anyhow::Result<()> {
    let engine = Engine::open(EngineOptions::new(data))?;
    {
        let zone = Zone::parse(Some("UTC")).map_err(Failure::invalid)?;
        let mut shell = Shell::new(&engine, Format::Table, zone).await?;
        for question in QUESTIONS {
            println!("levada> {question};");
            shell.execute(question).await?;
        }
    }
    engine.close().await?;
    Ok(())
}
