//! The sink itself.

use std::sync::Arc;

use async_trait::async_trait;
use levada_connector_api::{
    Batch, BuildContext, Delivery, Error, Guarantee, Problem, Rejection, Result, Sink, SinkCapabilities,
    SinkType,
    model::{Checkpoint, Path, SeriesSchema, StatusCode, Write},
};
use tracing::warn;

use super::{
    devices::Devices,
    options::IotdbOptions,
    rejections::{rejections, stored_beside},
    schema,
    sessions::Sessions,
};

/// The component `iotdb`.
#[derive(Debug)]
pub struct Iotdb;

/// Writes into a store that speaks IoTDB. See the [module](super) for what it promises.
#[derive(Debug)]
pub struct IotdbSink {
    sessions: Sessions,
    owner: Arc<str>,
    database: Option<Path>,
    timeseries: Vec<(Path, SeriesSchema)>,
    aligned: bool,
    max_in_flight: usize,
    devices: Devices,
}

/// The tablets to write, and of which readings they are.
struct Tablets {
    write: Write,
    readings: Vec<usize>,
    rejected: Vec<Rejection>,
}

impl SinkType for Iotdb {
    const NAME: &'static str = "iotdb";
    const SUMMARY: &'static str = "Writes into the embedded engine or a running Apache IoTDB.";
    const GUARANTEE: Option<Guarantee> = Some(Guarantee {
        text: "Into a folder: exactly once. Rows and the positions they stand for are stored in one step, and a source goes on from there. To \
            `nodes`: at least once; a batch whose answer was lost is written again, and each row then replaces itself, as a series has one value at a \
            time. A device's rows are stored in their order. What a store will never take is rejected row by row, with the store's reason.",
        tests: &[
            "the_embedded_store_passes_the_contract",
            "a_remote_store_passes_the_contract",
            "the_sink_keeps_its_contract_over_a_connection",
            "tests/real/kill9.sh",
            "tests/real/nodes.sh",
        ],
    });
    type Options = IotdbOptions;

    fn check(options: &IotdbOptions) -> Vec<Problem> {
        options.problems()
    }

    fn build(options: IotdbOptions, context: &BuildContext) -> Result<Arc<dyn Sink>> {
        Ok(Arc::new(IotdbSink::new(options, context)?))
    }
}

impl IotdbSink {
    /// A sink of these options. Touches nothing yet.
    ///
    /// # Errors
    /// The options cannot work; the first problem is the message.
    pub fn new(options: IotdbOptions, context: &BuildContext) -> Result<Self> {
        if let Some(problem) = options.problems().into_iter().next() {
            return Err(Error::config(problem.message).with("option", problem.path));
        }
        let target = options.target().ok_or_else(|| Error::bug("options without problems name a store"))?;
        let devices = Devices::new(options.database.clone());
        let full = |path: &Path| {
            devices.full(path).ok_or_else(|| Error::config(format!("`{path}` does not start with `root`")))
        };
        let timeseries = options.timeseries.iter().map(|each| Ok((full(&each.path)?, each.schema())));
        Ok(Self {
            timeseries: timeseries.collect::<Result<_>>()?,
            sessions: Sessions::new(Arc::clone(&context.stores), target),
            owner: context.owner().into(),
            database: options.database,
            aligned: options.aligned,
            max_in_flight: options.sessions,
            devices,
        })
    }

    /// Nothing is copied but handles: one name and a few pointers for each tablet.
    fn tablets(&self, batch: &Batch) -> Tablets {
        let mut tablets = Vec::with_capacity(batch.readings.len());
        let mut readings = Vec::with_capacity(batch.readings.len());
        let mut rejected = Vec::new();
        for (index, each) in batch.readings.iter().enumerate() {
            let device = each.tablet.device();
            let Some(full) = self.devices.full(device) else {
                let error = format!(
                    "device `{device}` does not start with `root`, and there is no `database` to put it under"
                );
                rejected.push(Rejection { readings: index, rows: None, error });
                continue;
            };
            let tablet = each.tablet.clone().with_device(full);
            tablets.push(if self.aligned { tablet.with_aligned(true) } else { tablet });
            readings.push(index);
        }
        let positions = if self.sessions.embedded() { batch.positions.clone() } else { Vec::new() };
        let owner = Some(Arc::clone(&self.owner));
        let write = Write { tablets, coerce: true, owner, positions, ..Write::default() };
        Tablets { write, readings, rejected }
    }
}

#[async_trait]
impl Sink for IotdbSink {
    fn capabilities(&self) -> SinkCapabilities {
        SinkCapabilities {
            max_in_flight: self.max_in_flight,
            checkpoints: self.sessions.embedded(),
            ..SinkCapabilities::default()
        }
    }

    async fn connect(&self) -> Result<()> {
        let taken = self.sessions.get().await?;
        let failed = |error| self.sessions.failed(&taken, error);
        if let Some(database) = &self.database
            && let Err(error) = taken.create_database(database).await
        {
            // Who may write need not be one who may create databases, and others may have created this one.
            if error.code != StatusCode::NO_PERMISSION {
                return Err(failed(error).with("database", database));
            }
            warn!(store = %self.sessions, %database, %error, "the user may not create the database: where it is missing, rows are rejected");
        }
        if let Err((path, error)) = schema::create(&*taken, &self.timeseries, self.aligned).await {
            let error = failed(error);
            return Err(match path {
                Some(path) => error.with("series", path),
                None => error,
            });
        }
        for (path, series) in &self.timeseries {
            let found = schema::type_of(&*taken, path).await;
            match found.map_err(|error| failed(error).with("series", path))? {
                Some(other) if other != series.data_type => {
                    return Err(Error::config(format!(
                        "series {path} exists with the type {other}, but `timeseries` says {}",
                        series.data_type
                    )));
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn checkpoint(&self) -> Result<Checkpoint> {
        if !self.sessions.embedded() {
            return Ok(Checkpoint::new());
        }
        let taken = self.sessions.get().await?;
        taken.checkpoint(&self.owner).await.map_err(|error| self.sessions.failed(&taken, error))
    }

    async fn write(&self, batch: &Batch) -> Result<Delivery> {
        let Tablets { write, readings, mut rejected } = self.tablets(batch);
        if write.tablets.is_empty() && write.positions.is_empty() {
            return Ok(Delivery { rejected, beside: 0 });
        }
        let taken = self.sessions.get().await?;
        let report = taken.insert_tablets(write).await;
        let report = report.map_err(|error| self.sessions.failed(&taken, error))?;
        let beside = stored_beside(batch, &readings, &report);
        rejected.extend(rejections(batch, &readings, report));
        Ok(Delivery { rejected, beside })
    }

    async fn close(&self) -> Result<()> {
        self.sessions.close().await
    }
}
