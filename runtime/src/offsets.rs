//! How far a pipeline's sources are, and where the next run begins: looked at and changed while nothing runs.
//!
//! A position may be kept in two places: with the rows, in the sinks that store positions or in the pipeline's
//! [memory](crate::memory) of those that store none; and in the source itself (a consumer group). The next run goes on at
//! the one that is stored, unless another process read on since; a reset sets both.

use std::{path::Path, sync::Arc};

use levada_config::{Pipeline, SourceNode};
use levada_connector_api::{
    Batch, Error, ErrorKind, Point, Registry, Result, Retry, Sink, SinkCapabilities, Source, SplitState,
    Stores,
};
use levada_model::{SplitName, SplitPosition, SplitRange};
use serde::Serialize;

use crate::{
    disk::Disk,
    memory::Memory,
    parts::{self, Parts, at},
    resume::{self, Before, Plan, Told},
    runtime::state_dir,
};

mod states;

use self::states::States;

/// How far a split is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Position {
    /// The split; its name begins with the source's.
    pub split: String,
    /// The first position that the sinks do not hold, where they keep positions.
    pub stored: Option<u64>,
    /// The first position that the source has not committed, where it keeps positions of its own.
    pub committed: Option<u64>,
    /// Where the next run begins; the source's `start` decides where there is none.
    pub next: Option<u64>,
    /// The first position there is, where the source can tell.
    pub first: Option<u64>,
    /// The position behind the last record there is, where the source can tell.
    pub end: Option<u64>,
    /// Whether the other side has it, as far as the source can tell: a file or a topic may be gone, or another now.
    pub present: bool,
}

/// Where the next run is to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reset {
    /// At a point of every split.
    To(Point),
    /// At a position of one split. Its name may be given without what tells it from others of its name. The split of a transform
    /// with saved state is `NODE/state`; at position 0 it begins without what it holds, where the sources are.
    Split {
        /// The split.
        name: String,
        /// The position of the first record that is read.
        position: u64,
    },
}

/// The positions of all splits of a pipeline that does not run, after a reset where one is asked for.
///
/// # Errors
/// A sink cannot be opened (its folder is in use), the other side does not answer, or has no such position. Where several
/// sources are reset, those before the one that fails are.
pub async fn positions(
    pipeline: &Pipeline,
    registry: &Registry,
    stores: Arc<dyn Stores>,
    state: &Path,
    reset: Option<&Reset>,
) -> Result<Vec<Position>> {
    let (state_dir, disk) = (state_dir(pipeline, state), Disk::default());
    let parts = Parts { pipeline, registry, stores, state_dir, disk, instead: None };
    let mut sinks = Vec::new();
    for node in &pipeline.sinks {
        let sink = parts.sink(node)?;
        let capabilities = sink.capabilities();
        // The others know nothing, and opening one may begin a file.
        if capabilities.checkpoints {
            sink.connect().await.map_err(at(&node.name))?;
        }
        sinks.push(Opened { name: &node.name, capabilities, sink });
    }
    let looked = look(&parts, &sinks, reset).await;
    for sink in sinks.iter().filter(|sink| sink.capabilities.checkpoints) {
        sink.sink.close().await?;
    }
    looked
}

/// A sink; connected where it keeps positions.
struct Opened<'a> {
    name: &'a str,
    capabilities: SinkCapabilities,
    sink: Arc<dyn Sink>,
}

/// Where positions of one source are kept.
struct Kept<'a> {
    node: &'a str,
    source: Box<dyn Source>,
    /// The sinks that its rows reach and that keep them.
    sinks: Vec<&'a Opened<'a>>,
    memory: Option<Memory>,
}

async fn look(parts: &Parts<'_>, sinks: &[Opened<'_>], reset: Option<&Reset>) -> Result<Vec<Position>> {
    let sources = parts.pipeline.sources.iter();
    let sources = sources.map(|node| Kept::new(parts, node, sinks).map_err(at(&node.name)));
    let mut sources = sources.collect::<Result<Vec<_>>>()?;
    let mut plan = Plan::default();
    if !sources.is_empty() {
        plan = match told(parts, sinks, &sources).await {
            // A state that is not there is what a reset begins without.
            Err(error) if reset.is_some() && error.kind() == ErrorKind::NotFound => plan,
            plan => plan?,
        };
    }
    if let Some(reset) = reset {
        set(parts, sinks, &mut sources, &plan, reset).await?;
        plan = told(parts, sinks, &sources).await?;
    }
    let mut all = Vec::new();
    for (index, source) in sources.iter_mut().enumerate() {
        all.extend(source.positions(plan.told(index)).await.map_err(at(source.node))?);
    }
    Ok(all)
}

/// Sets positions of sources, and begins anew with the states of transforms that hold what was read before.
async fn set(
    parts: &Parts<'_>,
    sinks: &[Opened<'_>],
    sources: &mut [Kept<'_>],
    plan: &Plan,
    reset: &Reset,
) -> Result<()> {
    let mut states = States::new(parts, sinks, plan);
    if states.give_up(reset).await? {
        return Ok(());
    }
    let mut found = false;
    for (index, source) in sources.iter_mut().enumerate() {
        let name = source.node;
        let looked = source.positions(plan.told(index)).await.map_err(at(name))?;
        let to = targets(&looked, &mut *source.source, reset).await.map_err(at(name))?;
        found |= !to.is_empty();
        source.set(&to).await.map_err(at(name))?;
        // Whoever resets a whole source begins without what was held, also where no split is known any more.
        if !to.is_empty() || matches!(reset, Reset::To(_)) {
            states.forget_behind(name, &to).await?;
        }
    }
    match reset {
        Reset::Split { name, .. } if !found => Err(Error::new(
            ErrorKind::NotFound,
            levada_connector_api::Domain::User,
            Retry::Never,
            format!("there is no split `{name}`"),
        )),
        _ => Ok(()),
    }
}

/// Where the next run goes on.
async fn told(parts: &Parts<'_>, sinks: &[Opened<'_>], sources: &[Kept<'_>]) -> Result<Plan> {
    let kept = kept(sinks).await?;
    let memory = |source: &Kept<'_>| source.memory.as_ref().map(|memory| memory.positions().clone());
    let memories: Vec<_> = sources.iter().map(memory).collect();
    let capabilities: Vec<_> = sources.iter().map(|source| source.source.capabilities()).collect();
    let before = Before { sinks: &kept, memories: &memories, sources: &capabilities };
    resume::plan(parts, &before)
}

/// What the sinks say of themselves.
async fn kept(sinks: &[Opened<'_>]) -> Result<Vec<parts::Kept>> {
    let mut kept = Vec::with_capacity(sinks.len());
    for Opened { capabilities, sink, .. } in sinks {
        let stored = if capabilities.checkpoints { Some(sink.checkpoint().await?) } else { None };
        kept.push(parts::Kept { lasting: capabilities.lasting, stored });
    }
    Ok(kept)
}

/// A range that runs backward sets a position; see [`SplitRange`].
fn backward(each: &SplitPosition) -> SplitRange {
    SplitRange { split: each.split.clone(), range: each.position.saturating_add(1)..each.position }
}

impl<'a> Kept<'a> {
    fn new(parts: &Parts<'_>, node: &'a SourceNode, sinks: &'a [Opened<'a>]) -> Result<Self> {
        let (source, _) = parts.source(node)?;
        let reached = parts.reach(&node.name).into_iter().map(|at| &sinks[at]);
        let sinks: Vec<_> = reached.filter(|sink| sink.capabilities.lasting).collect();
        let known = sinks.iter().map(|sink| (sink.name, sink.capabilities));
        let mut memory = parts.memory(&node.name, source.capabilities(), known);
        if let Some(memory) = &mut memory {
            memory.load()?;
        }
        Ok(Self { node: &node.name, source, sinks, memory })
    }

    /// The positions of all splits: those there are, and those that only positions are left of. `stored` is what the next run
    /// will be told.
    async fn positions(&mut self, Told { mut stored, limits }: Told) -> Result<Vec<Position>> {
        let of_node = format!("{}/", self.node);
        stored.retain(|split, _| split.as_str().starts_with(&of_node) || split.as_str() == self.node);
        let mut positions = Vec::new();
        self.source.limit(&limits);
        for SplitState { split, first, end, committed, next } in self.source.splits(&stored).await? {
            let stored = stored.remove(&split);
            let next = next.or(stored);
            let split = split.to_string();
            positions.push(Position { split, stored, committed, next, first, end, present: true });
        }
        positions.extend(stored.into_iter().map(|(split, position)| Position {
            split: split.to_string(),
            stored: Some(position),
            committed: None,
            next: None,
            first: None,
            end: None,
            present: false,
        }));
        positions.sort_by(|one, other| one.split.cmp(&other.split));
        Ok(positions)
    }

    /// Sets positions wherever they are kept.
    async fn set(&mut self, to: &[SplitPosition]) -> Result<()> {
        if to.is_empty() {
            return Ok(());
        }
        let batch = Batch { positions: to.iter().map(backward).collect(), ..Batch::default() };
        for sink in self.sinks.iter().filter(|sink| sink.capabilities.checkpoints) {
            sink.sink.write(&batch).await?;
        }
        if let Some(memory) = &mut self.memory {
            memory.note(to);
            memory.save().await?;
        }
        self.source.reset(to).await
    }
}

/// What is to be set.
async fn targets(
    positions: &[Position],
    source: &mut dyn Source,
    reset: &Reset,
) -> Result<Vec<SplitPosition>> {
    let there = positions.iter().filter(|each| each.present);
    match reset {
        Reset::To(point) => {
            let splits: Vec<_> = there.map(|each| SplitName::new(each.split.as_str())).collect();
            source.locate(*point, &splits).await
        }
        Reset::Split { name, position } => {
            let is_meant = |each: &&Position| each.split == *name || source.short_name(&each.split) == *name;
            let Some(split) = there.clone().find(is_meant) else { return Ok(Vec::new()) };
            let (first, end) = (split.first.unwrap_or(0), split.end.unwrap_or(u64::MAX));
            if !(first..=end).contains(position) {
                let message =
                    format!("{} has positions from {first} to {end}, and no {position}", split.split);
                return Err(Error::config(message));
            }
            Ok(vec![SplitPosition { split: SplitName::new(split.split.as_str()), position: *position }])
        }
    }
}
