//! Dead letters sent again, through the nodes that did not have them.
//!
//! ```text
//!   dead-letters.jsonl ─▶ plan: read, selected, by rejecting node ─▶ a part for each ─▶ its pipeline: run to its end
//!                          ▲                                          │
//!                          └── journal: letters that were settled ◀───┘
//! ```
//!
//! A letter goes again where it has not been, and nowhere else:
//!
//! | rejected by | is read by the source's decoder and goes |
//! | --- | --- |
//! | a source | to all that reads the source |
//! | a transform | through what is in front of the transform, to the transform and all that reads it |
//! | a sink | through what is in front of the sink, to that sink |
//!
//! A row that came from no record goes to the sink that rejected it as it is.
//!
//! What fails again is a new letter in the pipeline's own file of dead letters, durable before the old one counts as replayed. A transform
//! that remembers rows and passes them on as they are (`dedupe`) is left out: who has a letter never passed it, or did so for
//! good. A letter whose way leads through one that makes its rows of several readings (`window`) stays where it is, since an
//! aggregate of the letters alone would replace the right one.
//!
//! Which letters are settled stands in a journal, by their content; so a file may be moved, cut or filtered with other tools.
//! A sink that stores positions stores those of the journal with the rows: after a crash at any moment it has every letter
//! once. Any other has at least once what was under way.

use std::{
    collections::{BTreeMap, HashSet},
    fs::File,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use levada_config::{ComponentRef, Pipeline};
use levada_connector_api::{BuildContext, Component, Error, Result, Source};
use serde::Serialize;

mod graph;
mod journal;
mod letter;
mod reader;
mod source;

use self::{
    journal::Journal,
    reader::{Entry, Reader, Verdict},
    source::LetterSource,
};
use crate::{
    running::RunningPipeline,
    runtime::{Runtime, letters_at},
};

/// So many lines that cannot be read are told of one by one.
const TOLD: usize = 20;

/// Which letters are sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// Those whose reason holds this text.
    pub reason: Option<String>,
    /// Those that this node rejected.
    pub node: Option<String>,
    /// Those of this time, in milliseconds, and later ones.
    pub since: Option<i64>,
    /// Those before this time, in milliseconds.
    pub until: Option<i64>,
    /// So many at most, the first in the file.
    pub limit: Option<u64>,
    /// Also those that were replayed before.
    pub again: bool,
}

/// Letters that have to be sent together: those that one node rejected, of one source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    /// The node that rejected them.
    node: String,
    /// The source of their records; `None` for rows that came from none.
    source: Option<String>,
}

/// What a file of dead letters holds, as far as a replay is concerned.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Found {
    /// Letters in the file.
    pub letters: u64,
    /// Letters that are to be sent.
    pub selected: u64,
    /// Letters that were replayed before.
    pub replayed_before: u64,
    /// Letters that the selection leaves out.
    pub not_selected: u64,
    /// Letters that cannot be sent, with the reason.
    pub left: Vec<Left>,
    /// Lines that are no letters.
    pub unreadable: u64,
    /// The first of them, with their reasons.
    pub unreadable_lines: Vec<(u64, String)>,
}

/// Letters that cannot be sent. They stay where they are.
#[derive(Clone, Debug, Serialize)]
pub struct Left {
    /// The node that rejected them.
    pub node: String,
    /// Why.
    pub reason: String,
    /// How many.
    pub letters: u64,
}

/// A replay, planned. While it lives no other process replays into the same pipeline.
#[derive(Debug)]
pub struct Replay {
    runtime: Runtime,
    found: Found,
    parts: Vec<(Pipeline, Arc<Part>)>,
    _lock: File,
}

/// The letters of one [`Key`].
#[derive(Debug)]
struct Part {
    job: Arc<Job>,
    key: Key,
    letters: u64,
    journal: PathBuf,
    settled: AtomicU64,
}

/// What all parts have in common.
#[derive(Debug)]
struct Job {
    file: PathBuf,
    /// So long the file is: what comes to it meanwhile is another replay's.
    length: u64,
    pipeline: String,
    selection: Selection,
    /// The letters that were settled before.
    done: HashSet<u128>,
}

impl Replay {
    /// Reads a file of dead letters, and finds which are to be sent, and where. Nothing is sent yet. Blocks.
    ///
    /// # Errors
    /// The file or the journal cannot be read, or another process is replaying.
    pub fn plan(runtime: &Runtime, pipeline: &Pipeline, file: &Path, selection: Selection) -> Result<Self> {
        let state = runtime.state_dir(pipeline);
        let folder = state.join("replay");
        let lock = lock(&folder)?;
        let done = if selection.again { HashSet::new() } else { Journal::all_settled(&folder)? };
        let cannot = |error| Error::io(format!("cannot read {}", file.display()), error);
        let length = std::fs::metadata(file).map_err(cannot)?.len();
        let (name, file) = (pipeline.name.clone(), file.to_owned());
        let job = Arc::new(Job { file, length, pipeline: name, selection, done });
        let mut reader = Reader::open(&job).map_err(|error| Error::io("cannot read dead letters", error))?;
        let mut plan = Plan::default();
        while let Some(entry) = reader.next().map_err(cannot)? {
            plan.count(entry, pipeline, runtime);
        }
        let Plan { mut found, ways } = plan;
        let mut parts = Vec::new();
        for (key, Way { letters, pipeline: way }) in ways {
            match way {
                Ok(mut way) => {
                    way.errors.dead_letter.file = Some(letters_at(pipeline, &state));
                    way.state_dir = Some(folder.clone());
                    let (journal, settled) = (folder.join(journal::name(&key)), AtomicU64::new(0));
                    found.selected += letters;
                    parts.push((
                        way,
                        Arc::new(Part { job: Arc::clone(&job), key, letters, journal, settled }),
                    ));
                }
                Err(reason) => found.left.push(Left { node: key.node, reason, letters }),
            }
        }
        Ok(Self { runtime: runtime.clone(), found, parts, _lock: lock })
    }

    /// What the file holds.
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// In how many runs, one after the other, the letters are sent.
    pub fn runs(&self) -> usize {
        self.parts.len()
    }

    /// The node that rejected the letters of a run.
    pub fn node(&self, run: usize) -> &str {
        self.parts.get(run).map_or("", |(_, part)| &part.key.node)
    }

    /// So many letters of a run are settled: delivered, or written to the dead letters again.
    pub fn settled(&self, run: usize) -> u64 {
        self.parts.get(run).map_or(0, |(_, part)| part.settled.load(Ordering::Relaxed))
    }

    /// Starts one of the runs; the one before must have ended. Its report counts letters that failed again as dead ones.
    ///
    /// # Errors
    /// As [`Runtime::start`].
    pub fn start(&self, run: usize) -> Result<RunningPipeline> {
        let part = self.parts.get(run);
        let (pipeline, part) = part.ok_or_else(|| Error::bug(format!("there is no run {run}")))?;
        let part = Arc::clone(part);
        let instead =
            move |component: Option<&_>, node: &_, context: &_| part.source(component, node, context);
        self.runtime.start_with(pipeline, Some(Arc::new(instead)))
    }
}

/// Holds off other processes for as long as the file lives.
fn lock(folder: &Path) -> Result<File> {
    let cannot = |error| Error::io(format!("cannot write to {}", folder.display()), error);
    std::fs::create_dir_all(folder).map_err(cannot)?;
    let lock = File::create(folder.join("lock")).map_err(cannot)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => {
            Err(Error::config("dead letters of this pipeline are being replayed by another process"))
        }
        Err(std::fs::TryLockError::Error(error)) => Err(cannot(error)),
    }
}

#[derive(Default)]
struct Plan {
    found: Found,
    ways: BTreeMap<Key, Way>,
}

/// Where the letters of a key go.
struct Way {
    letters: u64,
    pipeline: Result<Pipeline, String>,
}

impl Plan {
    fn count(&mut self, entry: Entry, pipeline: &Pipeline, runtime: &Runtime) {
        let found = &mut self.found;
        let (line, read) = match entry {
            Entry::Letter(read) => (0, Ok(read)),
            Entry::Unreadable { line, reason } => (line, Err(reason)),
        };
        let read = match read {
            Ok(read) => read,
            Err(reason) => {
                found.unreadable += 1;
                if found.unreadable_lines.len() < TOLD {
                    found.unreadable_lines.push((line, reason));
                }
                return;
            }
        };
        found.letters += 1;
        match read.verdict {
            Verdict::Settled => found.replayed_before += 1,
            Verdict::Unselected => found.not_selected += 1,
            Verdict::Send | Verdict::Repeat => {
                let key = read.letter.key();
                let way = |key: &Key| graph::way(pipeline, runtime.registry(), key);
                let known = self.ways.entry(key);
                let known = known.or_insert_with_key(|key| Way { letters: 0, pipeline: way(key) });
                known.letters += 1;
            }
            Verdict::Foreign(reason) => {
                let node = read.letter.node;
                match found.left.iter_mut().find(|left| left.node == node && left.reason == reason) {
                    Some(left) => left.letters += 1,
                    None => found.left.push(Left { node, reason, letters: 1 }),
                }
            }
        }
    }
}

impl Part {
    /// The source of these letters, in the place of the node that they came from.
    ///
    /// # Errors
    /// The records of that node cannot be read again.
    fn source(
        self: &Arc<Self>,
        component: Option<&Component>,
        node: &ComponentRef,
        context: &BuildContext,
    ) -> Result<Box<dyn Source>> {
        let component = component.filter(|_| self.key.source.is_some());
        let reread = component.map(|component| component.reread(node.options.clone(), context));
        Ok(Box::new(LetterSource::new(Arc::clone(self), reread.transpose()?)))
    }
}
