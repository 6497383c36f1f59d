//! Files of lines, read once from end to end.
//!
//! ```text
//!   paths: logs/*.jsonl  →  logs/a.jsonl          a split each, in the order of their names
//!                           logs/b.jsonl.gz       position: bytes from the (unpacked) beginning
//!
//!   file       the source: options, what was handed out
//!   reader     the thread that reads files one after another
//!   known      which file is which, whatever its name is now
//!   split      the names of their positions
//!   unpack     those that are packed
//! ```
//!
//! A line is a record. Files are listed at the start: lines that are appended to a file while it is read are read if they come
//! before its end is reached. A last line that has no line break may not be complete yet, see [`LastLine`].
//!
//! # Rotated, cut and replaced files
//!
//! A position belongs to a file, told by device, inode and content, and not to its name. A file that was renamed is read on where
//! it was, also under a name beside its own that `paths` do not match; the new one in its place, or one that was cut and
//! written anew, is read from its start. The account of files is `NODE.files.json` in the pipeline's state folder. Where that is
//! lost, the names of the positions that a store has tell which file they are of: `NODE/logs/a.jsonl@4096-00c0ffee00c0ffee` says
//! how it begins. What they cannot tell for certain is read from its start. A file that `paths` names twice (a link) is read once.
//!
//! # What cannot be read
//!
//! Behind the end of a packed file, zeros and what is nothing that is packed are passed over, as `gzip` does it.
//!
//! A file that is broken, gone, forbidden or no plain file, and a pattern that nothing matches, is given up with its reason;
//! what could be read of it is kept, and the others are read. An error that may pass is tried again, after the others, eight
//! times. Where there is no file at all the pipeline fails.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use levada_connector_api::{
    Batch, BuildContext, DecoderFactory, Error, Guarantee, Problem, Progress, Repeats, Reread, Result,
    Source, SourceCapabilities, SourceType, SplitState,
    model::{Checkpoint, SplitName, SplitPosition},
};
use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{TextList, feed::Feed};

mod excerpt;
mod glob;
mod known;
mod lines;
mod look;
mod reader;
mod reread;
mod split;
#[cfg(test)]
mod tests;
mod unpack;

/// Which files are read.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileOptions {
    /// A path or several, each with `*`, `?`, `[…]`, `{a,b}` within a name and `**` for any folders. Those that end in
    /// `.gz` are unpacked.
    #[schemars(example = "in/*.jsonl")]
    paths: TextList,
    /// What becomes of a last line that has no line break.
    #[serde(default)]
    last_line: LastLine,
}

/// What becomes of a last line that has no line break: whoever writes the file may not be done with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LastLine {
    /// It is read where it is whole beyond doubt: a JSON object or list that is closed, or the end of a packed file. Otherwise
    /// it waits for the next run, and a warning says so.
    #[default]
    Auto,
    /// It is read as it is: for files that are complete without a last line break.
    Read,
    /// It waits for the next run, whatever it is.
    Wait,
}

/// Warnings of one kind get a line in the log at most this often.
const SAID_EVERY: Duration = Duration::from_secs(10);

/// Files of lines.
#[derive(Debug)]
pub struct FileSource {
    node: String,
    patterns: Vec<String>,
    last_line: LastLine,
    decoder: DecoderFactory,
    state_dir: PathBuf,
    /// What was handed out, for going on after an error.
    read_to: Checkpoint,
    given_up: BTreeSet<SplitName>,
    troubles: Arc<Mutex<BTreeMap<SplitName, u32>>>,
    feed: Option<Feed>,
    read: Arc<AtomicU64>,
    ended: bool,
}

fn decoder(context: &BuildContext) -> Result<DecoderFactory> {
    let decoder = context.decoder.clone();
    decoder.ok_or_else(|| Error::config("a file needs `decode`, as in decode: {json: {}}"))?.at_once()
}

impl SourceType for FileSource {
    const NAME: &'static str = "file";
    const SUMMARY: &'static str =
        "Lines of files: JSON, separated values, event lines; also packed with gzip.";
    const GUARANTEE: Option<Guarantee> = Some(Guarantee {
        text: "At least once; exactly once into a sink that stores positions with its rows. A position belongs to a file (device, inode, \
            content), whatever its name is by now: what was renamed is read on, what was replaced or cut is read from its start.",
        tests: &["files_pass_the_contract", "a_half_line_is_completed_by_the_next_run"],
    });
    const DECODES: bool = true;
    type Options = FileOptions;

    fn check(options: &FileOptions) -> Vec<Problem> {
        let mut problems = Vec::new();
        if options.paths.as_slice().is_empty() {
            problems.push(Problem::new("paths", "no path is given"));
        }
        for (nth, pattern) in options.paths.as_slice().iter().enumerate() {
            if let Err(error) = glob::check(pattern) {
                problems.push(Problem::new(format!("paths[{nth}]"), error));
            }
        }
        problems
    }

    fn reread(_: FileOptions, context: &BuildContext) -> Result<Box<dyn Reread>> {
        Ok(Box::new(reread::Lines::new(&context.node, decoder(context)?)))
    }

    fn build(options: FileOptions, context: &BuildContext) -> Result<Box<dyn Source>> {
        let decoder = decoder(context)?;
        Ok(Box::new(Self {
            node: context.node.clone(),
            patterns: options.paths.as_slice().to_vec(),
            last_line: options.last_line,
            decoder,
            state_dir: context.state_dir.clone(),
            read_to: Checkpoint::new(),
            given_up: BTreeSet::new(),
            troubles: Arc::default(),
            feed: None,
            read: Arc::default(),
            ended: false,
        }))
    }
}

#[async_trait]
impl Source for FileSource {
    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities { bounded: true, replayable: true, remembers: false }
    }

    async fn connect(&mut self, stored: &Checkpoint) -> Result<()> {
        self.read_to.clone_from(stored);
        self.given_up.clear();
        self.troubles.lock().clear();
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<Batch>> {
        if self.ended {
            return Ok(None);
        }
        if self.feed.is_none() {
            self.feed = Some(self.start()?);
        }
        let Some(feed) = &mut self.feed else { return Ok(None) };
        match feed.next().await {
            Ok(Some(batch)) => {
                for each in &batch.positions {
                    self.read_to.insert(each.split.clone(), each.range.end);
                }
                Ok(Some(batch))
            }
            Ok(None) => {
                self.ended = true;
                Ok(None)
            }
            Err(error) => {
                match error.given_up() {
                    Some(split) => drop(self.given_up.insert(split.clone())),
                    // Asked again, it goes on where it was.
                    None => self.feed = None,
                }
                Err(error)
            }
        }
    }

    async fn settle(&mut self, _: &[SplitPosition]) -> Result<()> {
        Ok(())
    }

    async fn splits(&mut self, stored: &Checkpoint) -> Result<Vec<SplitState>> {
        let (node, state_dir) = (self.node.clone(), self.state_dir.clone());
        let (patterns, stored) = (self.patterns.clone(), stored.clone());
        let look = move || {
            // Where no file is there, none of the positions is of one.
            let files = glob::list(&patterns).map_or_else(|_| Vec::new(), |listed| listed.files);
            known::Known::load(&node, &state_dir).there(&files, &stored)
        };
        tokio::task::spawn_blocking(look).await.map_err(|error| Error::bug(error.to_string()))
    }

    fn short_name(&self, name: &str) -> String {
        split::parts(name).map_or(name, |parts| parts.plain).to_owned()
    }

    fn progress(&self) -> Progress {
        Progress { read: self.read.load(Ordering::Relaxed), total: None, lag: None }
    }

    async fn close(&mut self) -> Result<()> {
        self.ended = true;
        match self.feed.take() {
            Some(feed) => feed.stop().await,
            None => Ok(()),
        }
    }
}

impl FileSource {
    fn start(&self) -> Result<Feed> {
        let reader = reader::Reader {
            node: self.node.clone(),
            state_dir: self.state_dir.clone(),
            patterns: self.patterns.clone(),
            last_line: self.last_line,
            decoder: self.decoder.clone(),
            from: self.read_to.clone(),
            given_up: self.given_up.clone(),
            troubles: Arc::clone(&self.troubles),
            read: Arc::clone(&self.read),
            waiting: Repeats::new(SAID_EVERY),
        };
        Feed::start(format!("file {}", self.node), move |outlet| reader.run(outlet))
    }
}
