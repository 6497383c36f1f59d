//! Records and rows that no sink will have: written to a file before what they came from counts as settled.
//!
//! ```text
//!   source, transform, sink tasks ── submit ──▶ writer task ── write, fsync ──▶ dead-letters.jsonl
//!            ▲                                      │
//!            └──────── durable(ticket) ◀────────────┘   all that waits shares one fsync
//! ```
//!
//! A letter is durable before the positions it came from are settled, and before a sink that stores positions is given
//! them; so no record is lost silently by a crash at any moment. A letter may be there twice after a crash between its
//! fsync and the settlement: `split` and `position` tell that it is the same record.

mod file;
mod letter;

use std::{path::PathBuf, sync::Arc};

use levada_connector_api::{Domain, Error, ErrorKind, Result, Retry};
use parking_lot::Mutex;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tracing::{error, info};

use self::file::LetterFile;
pub(crate) use self::letter::{
    Circumstances, Letter, LetterRows, Stage, of_record, of_rejections, row_as_json,
};
use crate::{disk::Disk, retry::Attempts};

/// The letters up to one: durable once all of them are. The default stands for none at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// Where letters are handed in. Clones lead to the same file; when all are gone the writer ends.
#[derive(Clone, Debug)]
pub(crate) struct DeadLetters {
    outbox: Arc<Mutex<Outbox>>,
    durable: watch::Receiver<Durable>,
}

#[derive(Debug)]
struct Outbox {
    last: Ticket,
    /// Unbounded only in name: letters hold records of batches that queues bound.
    sender: mpsc::UnboundedSender<Submission>,
}

#[derive(Debug)]
struct Submission {
    letters: Vec<Letter>,
    ticket: Ticket,
}

#[derive(Clone, Debug, Default)]
struct Durable {
    upto: Ticket,
    failed: Option<(ErrorKind, Arc<str>)>,
}

/// Starts the writer of a pipeline's letters. The file is opened with the first letter.
pub(crate) fn start(
    path: PathBuf,
    pipeline: Arc<str>,
    attempts: Attempts,
    disk: Disk,
) -> (DeadLetters, JoinHandle<()>) {
    #[expect(
        clippy::disallowed_methods,
        reason = "a letter's rows stay in flight until it is written, and those are bounded"
    )]
    let (sender, inbox) = mpsc::unbounded_channel();
    let (durable, watched) = watch::channel(Durable::default());
    let outbox = Arc::new(Mutex::new(Outbox { last: Ticket::default(), sender }));
    let writer = Writer { file: LetterFile::new(path, disk), pipeline, attempts, inbox, durable };
    (DeadLetters { outbox, durable: watched }, tokio::spawn(writer.run()))
}

impl DeadLetters {
    /// Hands letters in. Returns at once; the ticket tells when they are durable.
    pub(crate) fn submit(&self, letters: Vec<Letter>) -> Ticket {
        let mut outbox = self.outbox.lock();
        let ticket = Ticket(outbox.last.0 + 1);
        outbox.last = ticket;
        // Where the writer has ended, `durable` says so.
        drop(outbox.sender.send(Submission { letters, ticket }));
        ticket
    }

    /// Waits until all letters up to a ticket are durable. Cancel safe.
    ///
    /// # Errors
    /// The file cannot be written, and never will be.
    pub(crate) async fn durable(&self, ticket: Ticket) -> Result<()> {
        if ticket == Ticket::default() {
            return Ok(());
        }
        let mut durable = self.durable.clone();
        let state = durable.wait_for(|state| state.upto >= ticket || state.failed.is_some()).await;
        let state = state.map_err(|_| Error::bug("the writer of dead letters ended before its letters"))?;
        match &state.failed {
            Some((kind, message)) if state.upto < ticket => {
                Err(Error::new(*kind, Domain::External, Retry::Never, message.as_ref()))
            }
            _ => Ok(()),
        }
    }
}

struct Writer {
    file: LetterFile,
    pipeline: Arc<str>,
    attempts: Attempts,
    inbox: mpsc::UnboundedReceiver<Submission>,
    durable: watch::Sender<Durable>,
}

impl Writer {
    async fn run(mut self) {
        let mut waiting = Vec::new();
        while self.inbox.recv_many(&mut waiting, 1_024).await > 0 {
            let mut lines = Vec::new();
            let mut upto = Ticket::default();
            for submission in waiting.drain(..) {
                upto = upto.max(submission.ticket);
                for letter in &submission.letters {
                    letter.write(&self.pipeline, &mut lines);
                }
            }
            if let Err(error) = self.persist(lines).await {
                error!(pipeline = %self.pipeline, file = %self.file.path().display(), %error, "dead letters cannot be written");
                let failed = Some((error.kind(), error.to_string().into()));
                self.durable.send_modify(|state| state.failed = failed);
                return;
            }
            self.durable.send_modify(|state| state.upto = upto);
        }
    }

    /// Writes lines until they are durable, or never can be.
    async fn persist(&mut self, lines: Vec<u8>) -> Result<()> {
        let lines = Arc::new(lines);
        while let Err(error) = self.append(Arc::clone(&lines)).await {
            let pipeline = &self.pipeline;
            let told = |error: &Error, failed| {
                if failed == 1 {
                    error!(%pipeline, %error, "dead letters cannot be written; trying again");
                }
            };
            self.attempts.pause(error, told).await?;
        }
        if self.attempts.count() > 0 {
            info!(pipeline = %self.pipeline, "dead letters are written again");
        }
        self.attempts.worked();
        Ok(())
    }

    async fn append(&self, lines: Arc<Vec<u8>>) -> Result<()> {
        let file = self.file.clone();
        match tokio::task::spawn_blocking(move || file.append(&lines)).await {
            Ok(done) => done.map_err(|error| {
                Error::io(format!("dead letters cannot be written to {}", self.file.path().display()), error)
            }),
            Err(error) => Err(Error::bug(format!("the writer of dead letters failed: {error}"))),
        }
    }
}

#[cfg(test)]
mod tests;
