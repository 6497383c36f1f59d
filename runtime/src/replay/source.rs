//! The source of the letters of one part.

use std::{
    collections::HashSet,
    io,
    sync::{Arc, atomic::Ordering},
};

use async_trait::async_trait;
use levada_connector_api::{
    Batch, BatchBuilder, Domain, Earlier, Error, ErrorKind, Progress, Reread, Result, Retry, Source,
    SourceCapabilities,
};
use levada_model::{Checkpoint, SplitName, SplitPosition, SplitRange};

use super::{
    Part,
    journal::Journal,
    letter::{Content, Letter, Record},
    reader::{Entry, Judged, Reader, Verdict},
};

/// Letters and bytes of a batch. A batch waits for its journal to be synced.
const LETTERS: usize = 2_000;
const BYTES: usize = 2 << 20;

/// Reads the letters of a part, and notes what is settled of them.
///
/// The file and the journal are read and written where `next` is called: a batch takes some milliseconds.
pub(super) struct LetterSource {
    part: Arc<Part>,
    split: SplitName,
    reread: Option<Box<dyn Reread>>,
    open: Option<Open>,
    rows: BatchBuilder,
    /// A batch that is not in the journal yet.
    made: Option<(Vec<u128>, Batch)>,
    read: u64,
}

struct Open {
    reader: Reader,
    journal: Journal,
    /// The position at which this run began.
    first: u64,
    /// Letters that the sinks turned out to have.
    stored: HashSet<u128>,
}

impl LetterSource {
    pub(super) fn new(part: Arc<Part>, reread: Option<Box<dyn Reread>>) -> Self {
        let key = &part.key;
        let split = match &key.source {
            Some(source) => SplitName::new(format!("replay/{}@{source}", key.node)),
            None => SplitName::new(format!("replay/{}", key.node)),
        };
        Self { part, split, reread, open: None, rows: BatchBuilder::new(), made: None, read: 0 }
    }

    fn cannot(&self, what: &str, error: io::Error) -> Error {
        Error::io(format!("cannot {what} {}", self.part.journal.display()), error)
    }

    /// Makes a batch of the next letters; `None` where there are no more.
    fn make(&mut self) -> Result<Option<(Vec<u128>, Batch)>> {
        let Some(Open { reader, journal, stored, .. }) = &mut self.open else { return Ok(None) };
        let cannot = |error| Error::io(format!("cannot read {}", self.part.job.file.display()), error);
        let mut ids = Vec::new();
        while ids.len() < LETTERS && self.rows.bytes() < BYTES {
            let Some(entry) = reader.next().map_err(cannot)? else { break };
            let Entry::Letter(judged) = entry else { continue };
            let Judged { id, letter, verdict } = *judged;
            if !matches!(verdict, Verdict::Send | Verdict::Repeat) || letter.key() != self.part.key {
                continue;
            }
            self.read += 1;
            if stored.contains(&id) && !self.part.job.selection.again {
                continue;
            }
            if verdict == Verdict::Send {
                put(&letter, self.reread.as_deref_mut(), &mut self.rows)?;
            }
            ids.push(id);
        }
        if ids.is_empty() {
            return Ok(None);
        }
        let range = journal.next()..journal.next() + ids.len() as u64;
        let batch = self.rows.finish(vec![SplitRange { split: self.split.clone(), range }]);
        Ok(Some((ids, batch)))
    }
}

/// Puts a letter's rows into the builder.
fn put(letter: &Letter, reread: Option<&mut (dyn Reread + '_)>, rows: &mut BatchBuilder) -> Result<()> {
    match (&letter.content, reread) {
        (Content::Record(record), Some(reread)) => put_record(record, reread, rows),
        (Content::Row(row), _) => {
            row.put(rows).map_err(|error| Error::data(error).with("device", &row.device))
        }
        (Content::Record(_), None) => Err(Error::bug("a record among rows that came from none")),
    }
}

/// Puts a record's rows into the builder, or rejects it.
///
/// # Errors
/// It cannot be read for now.
fn put_record(record: &Record, reread: &mut dyn Reread, rows: &mut BatchBuilder) -> Result<()> {
    let Record { split, position, bytes, envelope } = record;
    rows.split(split);
    rows.record(bytes, *position);
    if let Some(envelope) = envelope {
        rows.envelope(envelope.key.as_deref(), envelope.time, envelope.has_value);
        envelope.headers.iter().for_each(|(name, value)| rows.header(name, value.as_deref()));
    }
    // As the builder keeps it: what the decoder is given is what a letter would have again.
    let mut kept = levada_connector_api::RecordsBuilder::default();
    let again = envelope.as_ref().map(|envelope| {
        kept.push(bytes, *position);
        kept.envelope(envelope.key.as_deref(), envelope.time, envelope.has_value);
        envelope.headers.iter().for_each(|(name, value)| kept.header(name, value.as_deref()));
        kept.finish()
    });
    let envelope = again.as_ref().and_then(|records| records.envelope(0));
    match reread.reread(&Earlier { bytes, split, position: *position, envelope }, rows) {
        Err(error) if error.is_not_now() => {
            // What was made of letters before goes with the run: they are sent by the next.
            let message = format!("{}; send the letters again when it is there", error.message);
            return Err(Error::new(ErrorKind::Connection, Domain::External, Retry::Never, message));
        }
        Err(error) => rows.reject(error.message),
        Ok(()) => {}
    }
    Ok(())
}

#[async_trait]
impl Source for LetterSource {
    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities { bounded: true, replayable: true, remembers: true }
    }

    async fn connect(&mut self, stored: &Checkpoint) -> Result<()> {
        let stored = stored.get(&self.split).copied();
        let opened = Journal::open(&self.part.journal, stored);
        let (journal, stored) = opened.map_err(|error| self.cannot("write", error))?;
        let reader = Reader::open(&self.part.job)
            .map_err(|error| Error::io(format!("cannot read {}", self.part.job.file.display()), error))?;
        let first = journal.next();
        self.open = Some(Open { reader, journal, first, stored });
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<Batch>> {
        let made = match self.made.take() {
            Some(made) => Some(made),
            None => self.make()?,
        };
        let (Some((ids, batch)), Some(open)) = (made, &mut self.open) else { return Ok(None) };
        if let Err(error) = open.journal.append(&ids) {
            self.made = Some((ids, batch));
            return Err(self.cannot("write", error));
        }
        Ok(Some(batch))
    }

    async fn settle(&mut self, settled: &[SplitPosition]) -> Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        for each in settled.iter().filter(|each| each.split == self.split) {
            self.part.settled.store(each.position.saturating_sub(open.first), Ordering::Relaxed);
            let noted = open.journal.settle(each.position);
            noted
                .map_err(|error| Error::io(format!("cannot write {}", self.part.journal.display()), error))?;
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        let total = self.part.letters;
        Progress { read: self.read, total: Some(total), lag: Some(total.saturating_sub(self.read)) }
    }

    async fn close(&mut self) -> Result<()> {
        let synced = self.open.as_ref().map_or(Ok(()), |open| open.journal.sync());
        synced.map_err(|error| self.cannot("write", error))
    }
}
