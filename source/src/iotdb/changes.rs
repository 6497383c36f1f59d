//! Rows of an embedded store as soon as they are stored: the change feed of its engine.
//!
//! ```text
//!   first run    all that is stored ─▶ position of the last write ─▶ each write, once it is durable
//!   next runs    ─────────────────────────────────────────────────▶ each write behind the position
//! ```
//!
//! A position is the number of a write. The store keeps for this reader what it has not settled, within a bound; where it stood
//! still for longer than that, all that is stored comes again. Rows that the pipeline itself stores do not come: a pipeline into the
//! store that it follows does not go round and round.

use std::sync::Arc;

use async_trait::async_trait;
use levada_connector_api::{
    Batch, BuildContext, Error, Progress, Readings, Result, Source, SourceCapabilities,
    model::{
        Checkpoint, Follow, FollowFrom, Followed, PathPattern, SplitName, SplitPosition, SplitRange, Tablet,
    },
};
use tracing::info;

use super::{layout, place::Place, query::Query};

/// Follows a store.
#[derive(Debug)]
pub(super) struct ChangesSource {
    place: Arc<Place>,
    queries: Vec<Query>,
    split: SplitName,
    /// The name by which the store knows this reader.
    reader: String,
    /// The owners of positions of this pipeline begin so.
    own: String,
    feed: Option<Box<dyn Follow>>,
    position: u64,
    read: u64,
}

impl ChangesSource {
    /// A source of the rows that queries name. Touches nothing yet.
    pub(super) fn new(place: Arc<Place>, queries: Vec<Query>, context: &BuildContext) -> Self {
        let store = place.to_string();
        let identity = queries.iter().fold(0u64, |sum, query| sum.rotate_left(7) ^ query.identity(&store));
        Self {
            place,
            queries,
            split: SplitName::new(format!("{}/{identity:016x}/changes", context.node)),
            reader: format!("{}/{identity:016x}", context.owner()),
            own: format!("{}/", context.pipeline),
            feed: None,
            position: 0,
            read: 0,
        }
    }

    async fn follow(&mut self) -> Result<&mut Box<dyn Follow>> {
        if self.feed.is_none() {
            let session = self.place.session().await?;
            let from = match self.position {
                0 => FollowFrom::Everything,
                position => FollowFrom::Behind(position),
            };
            let feed = session.follow(&self.reader, from).await;
            self.feed = Some(feed.map_err(|error| self.place.failed(error))?);
            info!(store = %self.place, reader = %self.reader, position = self.position, "following");
        }
        self.feed.as_mut().ok_or_else(|| Error::bug("a feed that was just opened"))
    }

    /// What was followed, and how far; nothing where the pipeline itself stored it. The position goes on with the next rows of
    /// somebody else: a position that is stored is a change of the store itself.
    fn batch(&mut self, followed: Followed) -> Result<Batch> {
        if followed.owner.is_some_and(|owner| owner.starts_with(&self.own)) {
            return Ok(Batch::default());
        }
        let mut readings = Vec::new();
        for tablet in followed.tablets {
            readings.extend(self.wanted(tablet)?.map(Readings::synthetic));
        }
        let from = self.position;
        // What comes in no order of writes has the range that says nothing new.
        self.position = followed.position.map_or(from, |position| position.max(from));
        let positions = vec![SplitRange { split: self.split.clone(), range: from..self.position }];
        Ok(Batch { readings, positions, rejected: Vec::new() })
    }

    /// What of a tablet the queries name.
    fn wanted(&self, tablet: Tablet) -> Result<Option<Tablet>> {
        let device: Vec<&str> = tablet.device().nodes().collect();
        let of_device =
            self.queries.iter().filter(|query| query.devices().any(|each| each.matches_nodes(&device)));
        let patterns: Vec<&PathPattern> = of_device.flat_map(Query::measurements).collect();
        if patterns.is_empty() {
            return Ok(None);
        }
        layout::chosen(tablet, |name| patterns.iter().any(|pattern| pattern.matches_nodes(&[name])))
    }
}

#[async_trait]
impl Source for ChangesSource {
    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities { bounded: false, replayable: true, remembers: false }
    }

    async fn connect(&mut self, stored: &Checkpoint) -> Result<()> {
        self.feed = None;
        self.position = stored.get(&self.split).copied().unwrap_or(0);
        self.follow().await.map(|_| ())
    }

    async fn next(&mut self) -> Result<Option<Batch>> {
        loop {
            let followed = match self.follow().await?.next().await {
                Ok(followed) => followed,
                Err(error) => {
                    self.feed = None;
                    return Err(self.place.failed(error));
                }
            };
            let batch = self.batch(followed)?;
            if !batch.readings.is_empty() || batch.positions.iter().any(|each| !each.range.is_empty()) {
                self.read += batch.rows() as u64;
                return Ok(Some(batch));
            }
        }
    }

    async fn settle(&mut self, settled: &[SplitPosition]) -> Result<()> {
        if let Some(feed) = &self.feed {
            for each in settled.iter().filter(|each| each.split == self.split && each.position > 0) {
                feed.settle(each.position);
            }
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        Progress { read: self.read, total: None, lag: None }
    }

    async fn close(&mut self) -> Result<()> {
        self.feed = None;
        self.place.close().await
    }
}
