//! `dedupe`: a reading that comes twice goes on once.
//!
//! A row is a duplicate where one of the same device and time, with the same measurements, went on before; its values do not
//! matter. Of each row that went on, a key of 16 bytes is remembered, up to a capacity; the oldest are forgotten first, by arrival.
//! The keys are part of the saved state, so what came before a crash is known after it.

mod names;

use std::collections::{HashSet, VecDeque};

use arrow_array::{Array, BooleanArray};
use arrow_buffer::BooleanBufferBuilder;
use foldhash::fast::RandomState;
use levada_connector_api::{
    Batch, BuildContext, Emitter, Error, Holds, Readings, Result, Transform, TransformType, model::Tablet,
};
use schemars::JsonSchema;
use serde::Deserialize;
use tracing::info;

use self::names::{Name, Names};
use super::saved::{Put, Take, damaged};

/// How much is remembered.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(example = serde_json::json!({}))]
#[schemars(example = serde_json::json!({"capacity": 100_000}))]
pub struct DedupeOptions {
    /// Rows that are remembered, over all devices; each takes about 45 bytes of memory. A duplicate that comes after so many
    /// other rows goes on as if it were new.
    #[schemars(range(min = 1, max = 100_000_000))]
    pub capacity: usize,
}

impl Default for DedupeOptions {
    fn default() -> Self {
        Self { capacity: 1_000_000 }
    }
}

/// The component `dedupe`.
#[derive(Debug)]
pub struct Dedupe {
    node: String,
    capacity: usize,
    names: Names,
    seen: HashSet<Key, RandomState>,
    /// The same keys, by arrival.
    order: VecDeque<Key>,
    /// So many of the last are not saved yet.
    unsaved: usize,
    /// That some were forgotten was told.
    told: bool,
}

/// What tells one row from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    device: Name,
    /// The names of the measurements that it has values of.
    measurements: Name,
    time: i64,
}

impl TransformType for Dedupe {
    const NAME: &'static str = "dedupe";
    const SUMMARY: &'static str = "Lets a reading that comes twice go on once, by device and time.";
    const HOLDS: Holds = Holds::State;
    const PASSES: bool = true;
    type Options = DedupeOptions;

    fn build(options: DedupeOptions, context: &BuildContext) -> Result<Box<dyn Transform>> {
        if options.capacity == 0 {
            return Err(Error::config("nothing is remembered with 0").with("option", "capacity"));
        }
        Ok(Box::new(Self {
            node: context.node.clone(),
            capacity: options.capacity,
            names: Names::default(),
            seen: HashSet::default(),
            order: VecDeque::new(),
            unsaved: 0,
            told: false,
        }))
    }
}

impl Transform for Dedupe {
    fn apply(&mut self, batch: Batch, out: &mut Emitter) -> Result<()> {
        let Batch { readings, rejected, .. } = batch;
        rejected.into_iter().for_each(|each| out.reject(each));
        for each in readings {
            let keep = self.new_rows(&each.tablet);
            let kept = keep.true_count();
            out.leave_out(keep.len() - kept);
            match kept {
                0 => {}
                kept if kept == keep.len() => out.emit(each),
                _ => out.emit(Readings::filter(&each, &keep)?),
            }
        }
        Ok(())
    }

    fn save(&mut self, whole: bool, state: &mut Vec<u8>) -> Result<()> {
        let keys = if whole { self.order.len() } else { self.unsaved };
        let keys = self.order.range(self.order.len() - keys..);
        self.unsaved = 0;
        names::save(whole, keys.map(|key| (key.device, key.measurements, key.time)), &self.names, state);
        Ok(())
    }

    fn restore(&mut self, state: &[u8]) -> Result<()> {
        let mut state = Take::new(state);
        if state.byte()? == 1 {
            self.seen.clear();
            self.order.clear();
            self.names = Names::default();
        }
        let texts = (0..state.count()?).map(|_| state.text()).collect::<Result<Vec<_>>>()?;
        let text = |at: u64| {
            let at = usize::try_from(at).map_err(|_| damaged())?;
            texts.get(at).copied().ok_or_else(damaged)
        };
        for _ in 0..state.count()? {
            let (device, measurements) = (text(state.number()?)?, text(state.number()?)?);
            let (device, measurements) = (self.names.of(device), self.names.of(measurements));
            self.remember(Key { device, measurements, time: state.signed()? });
        }
        self.unsaved = 0;
        Ok(())
    }
}

impl Dedupe {
    /// Which rows are new; they are remembered.
    fn new_rows(&mut self, tablet: &Tablet) -> BooleanArray {
        let mut keep = BooleanBufferBuilder::new(tablet.rows());
        let device = self.names.of(tablet.device().as_str());
        let partly = tablet.columns().iter().any(|column| column.values.null_count() > 0);
        let mut set = Vec::new();
        let mut text = String::new();
        // Rows that follow each other have nearly always the same measurements.
        let mut last: Option<(Vec<bool>, Name)> = None;
        for (row, &time) in tablet.times().values().iter().enumerate() {
            let measurements = match &last {
                Some((_, name)) if !partly => *name,
                _ => {
                    set.clear();
                    set.extend(tablet.columns().iter().map(|column| column.values.is_valid(row)));
                    match &last {
                        Some((known, name)) if *known == set => *name,
                        _ => {
                            let name = self.names.of(measurements(tablet, &set, &mut text));
                            last = Some((set.clone(), name));
                            name
                        }
                    }
                }
            };
            keep.append(self.remember(Key { device, measurements, time }));
        }
        self.forget();
        self.names.release();
        BooleanArray::new(keep.finish(), None)
    }

    /// Remembers a key; false where it is known.
    fn remember(&mut self, key: Key) -> bool {
        if !self.seen.insert(key) {
            return false;
        }
        self.names.hold(key.device);
        self.names.hold(key.measurements);
        self.order.push_back(key);
        self.unsaved += 1;
        if self.order.len() > self.capacity {
            self.forget();
        }
        true
    }

    /// Forgets the oldest keys beyond the capacity.
    fn forget(&mut self) {
        while self.order.len() > self.capacity
            && let Some(key) = self.order.pop_front()
        {
            self.seen.remove(&key);
            self.names.let_go(key.device);
            self.names.let_go(key.measurements);
            if !self.told {
                self.told = true;
                let (node, capacity) = (&self.node, self.capacity);
                info!(%node, capacity, "the oldest readings are forgotten from now on: duplicates of them go on");
            }
        }
        self.unsaved = self.unsaved.min(self.order.len());
    }
}

/// The names of the measurements in a set, in alphabetical order, as one text.
fn measurements<'t>(tablet: &Tablet, set: &[bool], text: &'t mut String) -> &'t str {
    let columns = tablet.columns().iter().zip(set).filter(|(_, has)| **has);
    let mut names: Vec<_> = columns.map(|(column, _)| &*column.name).collect();
    names.sort_unstable();
    text.clear();
    for name in names {
        text.push_str(name);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests;
