//! Positions of sources that remember none themselves, for sinks that store none with their rows.
//!
//! ```text
//!   file ─▶ iotdb (embedded)    the sink stores positions: nothing to remember here
//!   file ─▶ file                NODE.positions.json in the pipeline's state folder
//!   file ─▶ stdout              the sink keeps nothing: the source begins at its beginning each time
//! ```
//!
//! What is settled is written within a second, and at the end. After a crash up to that much is read again: into a sink
//! that stores no positions rows are delivered at least once.
//!
//! Positions belong to the sinks they were settled by. A sink that is new, or goes somewhere else now, knows none, and the
//! source begins at its beginning for it.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use levada_connector_api::{Error, Result, replace_state};
use levada_model::{Checkpoint, SplitPosition};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// How often positions are written.
const SAVED_EVERY: Duration = Duration::from_secs(1);

/// What is remembered of one source.
#[derive(Debug)]
pub(crate) struct Memory {
    at: Arc<Path>,
    document: Document,
    /// When to write next; `None` where all is written.
    due: Option<Instant>,
}

/// The file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Document {
    /// The sinks that have all before the positions: by name, what each one writes to.
    sinks: BTreeMap<String, Vec<String>>,
    positions: Checkpoint,
}

impl Memory {
    /// The memory of a source, for sinks by name and by what they write to. Touches nothing yet.
    pub(crate) fn new(state_dir: &Path, source: &str, sinks: BTreeMap<String, Vec<String>>) -> Self {
        let at: PathBuf = state_dir.join(format!("{source}.positions.json"));
        Self { at: at.into(), document: Document { sinks, ..Document::default() }, due: None }
    }

    /// Where it is written.
    pub(crate) fn at(&self) -> &Path {
        &self.at
    }

    /// Reads what was written by an earlier run, and gives the names of sinks that have no part in it. Blocks.
    ///
    /// # Errors
    /// The file is there and cannot be read: going on without it would write rows again.
    pub(crate) fn load(&mut self) -> Result<Vec<String>> {
        let failed = |error| Error::io(format!("cannot read positions from {}", self.at.display()), error);
        let text = match std::fs::read(&self.at) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            text => text.map_err(failed)?,
        };
        let found: Document = serde_json::from_slice(&text).map_err(|error| failed(error.into()))?;
        let sinks = &self.document.sinks;
        let strange = sinks.iter().filter(|(name, target)| found.sinks.get(*name) != Some(target));
        let strange: Vec<_> = strange.map(|(name, _)| name.clone()).collect();
        if strange.is_empty() {
            self.document.positions = found.positions;
        }
        Ok(strange)
    }

    /// Where the source stands for all its sinks.
    pub(crate) fn positions(&self) -> &Checkpoint {
        &self.document.positions
    }

    /// Notes what is settled.
    pub(crate) fn note(&mut self, settled: &[SplitPosition]) {
        for each in settled {
            self.document.positions.insert(each.split.clone(), each.position);
        }
        if !settled.is_empty() {
            self.due.get_or_insert_with(|| Instant::now() + SAVED_EVERY);
        }
    }

    /// When to write; `None` where there is nothing new.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Writes what was noted.
    ///
    /// # Errors
    /// It cannot be written; it is due again in a while.
    pub(crate) async fn save(&mut self) -> Result<()> {
        if self.due.is_none() {
            return Ok(());
        }
        let text = serde_json::to_vec(&self.document).map_err(|error| Error::bug(error.to_string()))?;
        let at = Arc::clone(&self.at);
        let written = tokio::task::spawn_blocking(move || replace_state(&at, &text)).await;
        let written = written.map_err(|error| Error::bug(error.to_string()))?;
        self.due = written.is_err().then(|| Instant::now() + SAVED_EVERY);
        written.map_err(|error| Error::io(format!("cannot write positions to {}", self.at.display()), error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(folder: &Path, target: &str) -> Memory {
        let sinks = BTreeMap::from([("out".to_owned(), vec![target.to_owned()])]);
        Memory::new(folder, "in", sinks)
    }

    #[tokio::test]
    async fn positions_are_those_of_the_sinks_that_had_the_rows() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut first = memory(folder.path(), "file out.jsonl");
        assert_eq!(first.load().expect("nothing there"), Vec::<String>::new());
        first.note(&[SplitPosition { split: "s".into(), position: 7 }]);
        first.save().await.expect("written");
        assert_eq!(first.due(), None);
        let mut again = memory(folder.path(), "file out.jsonl");
        assert_eq!(again.load().expect("there"), Vec::<String>::new());
        assert_eq!(again.positions(), &Checkpoint::from([("s".into(), 7)]));
        let mut other = memory(folder.path(), "file other.jsonl");
        assert_eq!(other.load().expect("there"), ["out"]);
        assert_eq!(other.positions(), &Checkpoint::new());
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_read_or_written_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("in.positions.json"), "{ torn").expect("written");
        let error = memory(folder.path(), "f").load().expect_err("torn");
        assert!(error.message().contains("in.positions.json") && !error.is_transient(), "{error}");
        let mut nowhere = memory(&folder.path().join("in.positions.json"), "f");
        nowhere.note(&[SplitPosition { split: "s".into(), position: 7 }]);
        let error = nowhere.save().await.expect_err("no folder");
        assert!(error.message().starts_with("cannot write positions to "), "{error}");
        assert!(nowhere.due().is_some());
    }
}
