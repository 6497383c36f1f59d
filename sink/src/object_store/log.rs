//! The log: one object that says which batch is the last that counts, the positions behind it, and which objects are on their way.
//!
//! Invariant: nobody relies on what is not stored. Whether a put of the log arrived may be open for a while (the answer was lost, the
//! caller left); then it is read before it is written again.

use std::hash::{BuildHasher, Hasher, RandomState};

use bytes::Bytes;
use levada_connector_api::{
    Domain, Error, ErrorKind, Result, Retry,
    model::{Checkpoint, SplitRange},
};
use levada_objects::{Bucket, Version};
use serde::{Deserialize, Serialize};

/// What the log says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Which log it is; in the names of all its objects.
    pub(super) identity: String,
    /// How often it was opened; tells one process's from another's.
    pub(super) opened: u64,
    /// The number of the last batch that counts.
    pub(super) batch: u64,
    /// Where sources go on.
    pub(super) positions: Checkpoint,
    /// Objects that do not count, and may be there.
    pub(super) pending: Vec<String>,
}

/// The log of one process.
#[derive(Debug)]
pub(super) struct Log {
    bucket: Bucket,
    name: String,
    now: Entry,
    seen: Option<Version>,
    /// What was put without an answer so far.
    doubt: Option<Entry>,
}

impl Entry {
    fn first() -> Self {
        let identity = RandomState::new().build_hasher().finish() >> 16;
        let identity = format!("{identity:012x}");
        Self { identity, opened: 0, batch: 0, positions: Checkpoint::new(), pending: Vec::new() }
    }

    /// Takes note of what a batch holds of splits.
    pub(super) fn advance(&mut self, ranges: &[SplitRange]) {
        for SplitRange { split, range } in ranges {
            let known = self.positions.entry(split.clone()).or_insert(range.end);
            *known = if range.start > range.end { range.end } else { range.end.max(*known) };
        }
    }
}

impl Log {
    /// Opens the log of a name, or begins it. Who had it before can write it no more.
    ///
    /// # Errors
    /// The store does not answer; another process opens it at the same time; what is there is no log.
    pub(super) async fn open(bucket: Bucket, name: String) -> Result<Self> {
        let (before, seen) = match bucket.get(&name).await? {
            Some((bytes, version)) => (read(&name, &bytes)?, Some(version)),
            None => (Entry::first(), None),
        };
        let now = Entry { opened: before.opened + 1, ..before };
        let put = bucket.replace(&name, written(&now)?, seen.as_ref()).await?;
        let seen = Some(put.ok_or_else(|| busy(&name))?);
        Ok(Self { bucket, name, now, seen, doubt: None })
    }

    /// What is stored.
    pub(super) fn now(&self) -> &Entry {
        &self.now
    }

    /// Stores what is wanted; nothing where that is stored.
    ///
    /// # Errors
    /// The store does not answer, which leaves open whether it is stored; another process has taken the log over.
    pub(super) async fn store(&mut self, wanted: Entry) -> Result<()> {
        self.settle().await?;
        if wanted == self.now {
            return Ok(());
        }
        let bytes = written(&wanted)?;
        self.doubt = Some(wanted.clone());
        match self.bucket.replace(&self.name, bytes, self.seen.as_ref()).await? {
            Some(version) => {
                (self.now, self.seen, self.doubt) = (wanted, Some(version), None);
                Ok(())
            }
            None => {
                self.settle().await?;
                if self.now == wanted { Ok(()) } else { Err(busy(&self.name)) }
            }
        }
    }

    /// Finds out what became of a put that nobody heard of.
    ///
    /// # Errors
    /// As [`Log::store`].
    pub(super) async fn settle(&mut self) -> Result<()> {
        let Some(wanted) = &self.doubt else { return Ok(()) };
        let found = self.bucket.get(&self.name).await?;
        let found = found.map(|(bytes, version)| Ok::<_, Error>((read(&self.name, &bytes)?, version)));
        match found.transpose()? {
            Some((entry, version)) if entry == *wanted || entry == self.now => {
                (self.now, self.seen, self.doubt) = (entry, Some(version), None);
                Ok(())
            }
            _ => {
                let message = format!(
                    "another process has taken the log `{}` over, or it was removed: let one process at a time write under the name of a pipeline \
                        and node, or give each its own by `writer`",
                    self.name
                );
                Err(Error::new(ErrorKind::Rejected, Domain::User, Retry::Never, message))
            }
        }
    }
}

fn busy(name: &str) -> Error {
    let message = format!("another process writes the log `{name}` at this moment");
    Error::new(ErrorKind::Rejected, Domain::External, Retry::Later, message)
}

fn written(entry: &Entry) -> Result<Bytes> {
    let bytes = serde_json::to_vec(entry).map_err(|error| Error::bug(error.to_string()))?;
    Ok(bytes.into())
}

fn read(name: &str, bytes: &[u8]) -> Result<Entry> {
    serde_json::from_slice(bytes).map_err(|error| {
        Error::config(format!(
            "`{name}` is no log of this sink: {error}. Move it away; the pipeline then begins as one without positions, and its new objects do not \
                touch those that are there"
        ))
    })
}
