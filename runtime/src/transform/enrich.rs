//! `enrich`: values of a store's series beside the readings that come by.
//!
//! ```text
//!   root.plant.d1  temperature 71.5 ──▶ looked up: root.limits.d1.max ──▶ temperature 71.5, limit 80.0
//! ```
//!
//! What is looked up is remembered for a while, device by device, so that a batch asks once for each device at most. Nothing is
//! saved: after a restart it is asked again.

mod found;
mod lookup;
mod options;

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use levada_connector_api::{
    Batch, BuildContext, Emitter, EngineTuning, Error, Problem, Readings, Result, StoreTarget, Stores,
    Transform, TransformType,
    model::{Column, Path, Session},
};
use tokio::time::Instant;

pub use options::{Enrich as EnrichOptions, Which};

use self::{found::Found, lookup::Lookup, options::All};

/// Devices that are remembered at once; where there are more, all are forgotten.
const REMEMBERED: usize = 10_000;

/// The component `enrich`.
pub struct Enrich {
    stores: Arc<dyn Stores>,
    target: StoreTarget,
    session: Option<Arc<dyn Session>>,
    lookup: Lookup,
    /// The device that is looked up, with places for the row's.
    device: String,
    /// What each measurement is called beside the readings.
    names: Vec<(Arc<str>, Arc<str>)>,
    remembers: Duration,
    /// By the device that is looked up.
    known: HashMap<Path, (Instant, Found)>,
}

impl TransformType for Enrich {
    const NAME: &'static str = "enrich";
    const SUMMARY: &'static str =
        "Adds values of a store's series to readings: the last ones, or those of the time.";
    type Options = All;

    fn check(options: &All) -> Vec<Problem> {
        let mut problems = options.group.problems();
        problems.extend(options.own.problems());
        problems
    }

    fn build(options: All, context: &BuildContext) -> Result<Box<dyn Transform>> {
        if let Some(problem) = Self::check(&options).into_iter().next() {
            return Err(Error::config(problem.message).with("option", problem.path));
        }
        let All { own, group } = options;
        let target = group.target(EngineTuning::default(), 1);
        let names = own.names();
        Ok(Box::new(Self {
            stores: Arc::clone(&context.stores),
            target: target.ok_or_else(|| Error::bug("options without problems name a store"))?,
            session: None,
            lookup: Lookup::new(&own, names.iter().map(|(name, _)| Arc::clone(name)).collect()),
            device: own.device,
            names,
            remembers: own.remembers.0,
            known: HashMap::new(),
        }))
    }
}

impl Enrich {
    async fn session(&mut self) -> Result<Arc<dyn Session>> {
        if let Some(session) = &self.session {
            return Ok(Arc::clone(session));
        }
        self.target.exists()?;
        let session = self.stores.open(&self.target).await?;
        self.session = Some(Arc::clone(&session));
        Ok(session)
    }

    /// The device that is looked up for one of the stream; `None` where that is no path below `root`.
    fn looked_up(&self, device: &Path) -> Option<Path> {
        let name = device.split_last().map_or(device.as_str(), |(_, name)| name);
        let text = self.device.replace("{device}", device.as_str()).replace("{name}", name);
        Path::parse(&text).ok().filter(|path| path.nodes().next() == Some("root") && path.nodes().count() > 1)
    }

    /// The readings, with what was found.
    fn enriched(&self, readings: Readings) -> Result<Readings> {
        let found = self.looked_up(readings.tablet.device()).and_then(|device| self.known.get(&device));
        let Some((_, found)) = found else { return Ok(readings) };
        let Readings { tablet, records } = readings;
        let mut columns = tablet.columns().to_vec();
        for (name, as_name) in &self.names {
            // What a reading says itself comes first.
            if columns.iter().any(|column| column.name == *as_name) {
                continue;
            }
            if let Some((data_type, values)) = found.values(name, tablet.times(), &self.lookup.reach)? {
                columns.push(Column { name: Arc::clone(as_name), data_type, values });
            }
        }
        let tablet = tablet.with_columns(columns).map_err(|error| Error::bug(error.to_string()))?;
        Ok(Readings { tablet, records })
    }
}

#[async_trait]
impl Transform for Enrich {
    async fn prepare(&mut self, batch: &Batch) -> Result<()> {
        let now = Instant::now();
        if self.known.len() > REMEMBERED {
            self.known.clear();
        }
        let remembers = self.remembers;
        let mut wanted: HashMap<Path, Vec<(i64, i64)>> = HashMap::new();
        for each in &batch.readings {
            if let Some(device) = self.looked_up(each.tablet.device()) {
                wanted.entry(device).or_default().extend(self.lookup.ranges(each.tablet.times()));
            }
        }
        wanted.retain(|device, ranges| {
            lookup::join(ranges);
            let known = self.known.get(device);
            !known
                .is_some_and(|(since, found)| now.duration_since(*since) < remembers && found.covers(ranges))
        });
        if wanted.is_empty() {
            return Ok(());
        }
        let session = self.session().await?;
        for (device, ranges) in wanted {
            match self.lookup.fetch(&*session, &device, ranges).await {
                Ok(found) => {
                    self.known.insert(device, (now, found));
                }
                Err(error) => {
                    self.session = None;
                    return Err(Error::from(error).with("device", device));
                }
            }
        }
        Ok(())
    }

    fn apply(&mut self, batch: Batch, out: &mut Emitter) -> Result<()> {
        for rejected in batch.rejected {
            out.reject(rejected);
        }
        for readings in batch.readings {
            out.emit(self.enriched(readings)?);
        }
        Ok(())
    }
}

impl fmt::Debug for Enrich {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enrich")
            .field("target", &self.target)
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}
