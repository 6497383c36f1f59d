//! Files of lines, read once from end to end.
//!
//! ```text
//!   paths: logs/*.jsonl  →  logs/a.jsonl          a split each, in the order of their names
//!                           logs/b.jsonl.gz       position: bytes from the (unpacked) beginning
//! ```
//!
//! A line is a record; the last one needs no line break. Files are listed at the start: lines that are appended to a file
//! while it is read are read if they come before its end is reached.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use levada_connector_api::{
    Batch, BuildContext, DecoderFactory, Error, Problem, Progress, Result, Source, SourceCapabilities,
    SourceType,
    model::{Checkpoint, SplitPosition},
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{TextList, feed::Feed};

mod glob;
mod lines;
#[cfg(test)]
mod tests;

/// Which files are read.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileOptions {
    /// A path or several, each with `*`, `?`, `[…]`, `{a,b}` within a name and `**` for any folders. Those that end in
    /// `.gz` are unpacked.
    #[schemars(example = "in/*.jsonl")]
    paths: TextList,
}

/// Files of lines.
#[derive(Debug)]
pub struct FileSource {
    node: String,
    patterns: Vec<String>,
    decoder: DecoderFactory,
    files: Vec<PathBuf>,
    /// What was handed out, for going on after an error.
    read_to: Checkpoint,
    feed: Option<Feed>,
    read: Arc<AtomicU64>,
    ended: bool,
}

impl SourceType for FileSource {
    const NAME: &'static str = "file";
    const SUMMARY: &'static str =
        "Lines of files: JSON, separated values, event lines; also packed with gzip.";
    const DECODES: bool = true;
    type Options = FileOptions;

    fn check(options: &FileOptions) -> Vec<Problem> {
        let mut problems = Vec::new();
        if options.paths.as_slice().is_empty() {
            problems.push(Problem::new("paths", "no path is given"));
        }
        for (nth, pattern) in options.paths.as_slice().iter().enumerate() {
            if let Err(error) = glob::compile(pattern) {
                problems.push(Problem::new(format!("paths[{nth}]"), error));
            }
        }
        problems
    }

    fn build(options: FileOptions, context: &BuildContext) -> Result<Box<dyn Source>> {
        let decoder = context
            .decoder
            .clone()
            .ok_or_else(|| Error::config("a file needs `decode`, as in decode: {json: {}}"))?;
        Ok(Box::new(Self {
            node: context.node.clone(),
            patterns: options.paths.as_slice().to_vec(),
            decoder,
            files: Vec::new(),
            read_to: Checkpoint::new(),
            feed: None,
            read: Arc::default(),
            ended: false,
        }))
    }
}

#[async_trait]
impl Source for FileSource {
    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities { bounded: true, replayable: true }
    }

    async fn connect(&mut self, stored: &Checkpoint) -> Result<()> {
        let patterns = self.patterns.clone();
        let listed = tokio::task::spawn_blocking(move || glob::list(&patterns)).await;
        self.files = listed.map_err(|error| Error::bug(error.to_string()))??;
        self.read_to.clone_from(stored);
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
                // Asked again, it goes on where it was.
                self.feed = None;
                Err(error)
            }
        }
    }

    async fn settle(&mut self, _: &[SplitPosition]) -> Result<()> {
        Ok(())
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
        let reader = lines::Reader {
            node: self.node.clone(),
            decoder: self.decoder.clone(),
            from: self.read_to.clone(),
            read: Arc::clone(&self.read),
        };
        let files = self.files.clone();
        Feed::start(format!("file {}", self.node), move |outlet| {
            for file in &files {
                if reader.file(file, outlet)?.is_break() {
                    break;
                }
            }
            Ok(())
        })
    }
}
