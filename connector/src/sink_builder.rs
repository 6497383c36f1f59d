//! What a sink is to be.

use std::{sync::Arc, time::Duration};

use levada_connector_api::{
    BuildContext, Error, Result,
    model::{Path, Session},
};
use levada_sink::iotdb::{IotdbOptions, IotdbSink as Store, TimeseriesOption};

use crate::{
    IotdbSink, SerializationSchema,
    lane::Lane,
    target::{Sessions, Target, store_methods},
};

/// Says what an [`IotdbSink`] is to be.
#[derive(Debug)]
pub struct IotdbSinkBuilder {
    target: Target,
    database: Option<String>,
    timeseries: Vec<TimeseriesOption>,
    aligned: bool,
    batch: usize,
    interval: Option<Duration>,
    sessions: usize,
    parallelism: usize,
}

impl Default for IotdbSinkBuilder {
    fn default() -> Self {
        Self {
            target: Target::default(),
            database: None,
            timeseries: Vec::new(),
            aligned: false,
            batch: 1,
            interval: None,
            sessions: 2,
            parallelism: 1,
        }
    }
}

impl IotdbSinkBuilder {
    store_methods!();

    /// A session that is there, instead of nodes: that of an embedded engine. The sink closes it.
    #[must_use]
    pub fn session(mut self, session: Arc<dyn Session>) -> Self {
        self.target.session = Some(session);
        self
    }

    /// The database, created if missing; devices that do not begin with `root` are below it.
    #[must_use]
    pub fn database(mut self, database: impl Into<String>) -> Self {
        self.database = Some(database.into());
        self
    }

    /// A series that is created first, where it is missing. All others are created by the store, with the types of the rows.
    #[must_use]
    pub fn timeseries(mut self, series: TimeseriesOption) -> Self {
        self.timeseries.push(series);
        self
    }

    /// Whether the series of a device are stored with one time column for all of them.
    #[must_use]
    pub fn aligned(mut self, aligned: bool) -> Self {
        self.aligned = aligned;
        self
    }

    /// How many rows of a lane are written at once; 1 unless given: each is stored when `send` returns.
    #[must_use]
    pub fn batch_size(mut self, rows: usize) -> Self {
        self.batch = rows.max(1);
        self
    }

    /// After how long rows are written at the latest, however few they are; when a batch is full or flushed unless given.
    #[must_use]
    pub fn flush_interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval.max(Duration::from_millis(2)));
        self
    }

    /// How many sessions each lane has with the nodes; 2 unless given.
    #[must_use]
    pub fn session_pool_size(mut self, sessions: usize) -> Self {
        self.sessions = sessions;
        self
    }

    /// How many lanes write at the same time, each the rows of some devices; 1 unless given.
    #[must_use]
    pub fn parallelism(mut self, lanes: usize) -> Self {
        self.parallelism = lanes.max(1);
        self
    }

    /// How items become events, which says of which items the sink is; connects, and creates what has to be there.
    ///
    /// # Errors
    /// An option cannot work, no node answers, or a series exists with another type.
    pub async fn open<T: Send + 'static>(
        self,
        schema: impl SerializationSchema<T> + 'static,
    ) -> Result<IotdbSink<T>> {
        let database = self.database.as_deref().map(Path::parse).transpose();
        let database =
            database.map_err(|error| Error::config(error.to_string()).with("option", "database"))?;
        let options = IotdbOptions {
            // A session that is there stands for a store in this process.
            embedded: self.target.session.is_some().then(|| "session".into()),
            nodes: if self.target.session.is_some() { Vec::new() } else { self.target.nodes() },
            user: self.target.options.user.clone(),
            password: self.target.options.password.clone(),
            tls: self.target.options.tls.clone(),
            timeout: self.target.options.timeout,
            sync: None,
            sync_delay: None,
            sync_bytes: None,
            memory: None,
            database,
            timeseries: self.timeseries,
            aligned: self.aligned,
            sessions: self.sessions,
        };
        let mut lanes = Vec::with_capacity(self.parallelism);
        for _ in 0..self.parallelism {
            let mut context = BuildContext::new("connector", "sink");
            context.stores = Arc::new(Sessions(self.target.clone()));
            let lane = Lane::new(Store::new(options.clone(), &context)?);
            lane.connect().await?;
            lanes.push(lane);
        }
        Ok(IotdbSink::new(Box::new(schema), lanes, self.batch, self.interval))
    }
}
