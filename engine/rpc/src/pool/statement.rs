//! Statements, and rows that keep their session until they end.

use std::time::Duration;

use arrow_array::RecordBatch;
use futures::StreamExt;
use levada_model::{Outcome, Rows, SessionError};

use super::{Lease, Pool, ready::Readiness};
use crate::client::{Answer, ClientError, Cursor};

/// How long closing a query at the server may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A running query. Dropping it closes the query at the server.
struct Running {
    lease: Option<Lease>,
    cursor: Option<Box<Cursor>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let (Some(mut lease), Some(mut cursor)) = (self.lease.take(), self.cursor.take()) else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            // The server ends the queries of a connection that ends.
            return lease.discard();
        };
        runtime.spawn(async move {
            let closed = tokio::time::timeout(CLOSE_TIMEOUT, lease.client().close_query(&mut cursor)).await;
            if !matches!(closed, Ok(Ok(()))) {
                lease.discard();
            }
        });
    }
}

impl Running {
    async fn next(&mut self) -> Result<Option<RecordBatch>, SessionError> {
        let (Some(lease), Some(cursor)) = (&mut self.lease, &mut self.cursor) else { return Ok(None) };
        let batch = lease.client().next_batch(cursor).await?;
        if batch.is_none() {
            // The server has closed it.
            self.cursor = None;
            self.lease = None;
        }
        Ok(batch)
    }
}

impl Pool {
    /// Runs one statement. It is not repeated once it was sent, since running it twice may do harm.
    pub(super) async fn run(&self, sql: &str) -> Result<Outcome, SessionError> {
        let mut readiness = Readiness::new(self.0.options.ready_within);
        loop {
            let mut lease = match self.lease(None).await {
                Ok(lease) => lease,
                Err(error) => {
                    readiness.unanswered(error).await?;
                    continue;
                }
            };
            if lease.used
                && let Err(error) = lease.client().ping().await
            {
                match self.judge(lease, error, false) {
                    Some(error) => return Err(error),
                    None => continue,
                }
            }
            return match lease.client().execute(sql).await {
                Ok(answer) => Ok(outcome(lease, answer)),
                Err(ClientError::Rejected(error)) if readiness.waits_for(&error) && reads_only(sql) => {
                    drop(lease);
                    readiness.wait(error).await?;
                    continue;
                }
                Err(error) => Err(self.judge(lease, error, true).unwrap_or_else(closed)),
            };
        }
    }

    /// Runs one statement that only reads; it is repeated if it was lost.
    pub(super) async fn ask(&self, sql: &str) -> Result<Rows, SessionError> {
        if !reads_only(sql) {
            return Err(SessionError::not_a_query(sql));
        }
        let mut attempts = self.nodes().len() + 1;
        let mut readiness = Readiness::new(self.0.options.ready_within);
        loop {
            let mut lease = match self.lease(None).await {
                Ok(lease) => lease,
                Err(error) => {
                    readiness.unanswered(error).await?;
                    continue;
                }
            };
            match lease.client().query(sql).await {
                Ok(answer) => {
                    return match outcome(lease, answer) {
                        Outcome::Rows(rows) => Ok(rows),
                        Outcome::Done(_) => Err(SessionError::not_a_query(sql)),
                    };
                }
                Err(ClientError::Rejected(error))
                    if readiness.waits_for(&error) && self.nodes().len() == 1 =>
                {
                    drop(lease);
                    readiness.wait(error).await?;
                }
                Err(error) => {
                    attempts = attempts.saturating_sub(usize::from(!lease.used));
                    if let Some(error) = self.judge(lease, error, attempts == 0) {
                        return Err(error);
                    }
                }
            }
        }
    }
}

fn closed() -> SessionError {
    SessionError::new(levada_model::StatusCode::NOT_READY, "the session was lost")
}

fn outcome(lease: Lease, answer: Answer) -> Outcome {
    match answer {
        Answer::Done(message) => Outcome::Done(message),
        Answer::Rows(cursor) => {
            let (has_time, columns) = (cursor.shape().has_time, cursor.shape().columns.clone());
            let running = Running { lease: Some(lease), cursor: Some(cursor) };
            let batches = futures::stream::try_unfold(running, |mut running| async move {
                let batch = running.next().await?;
                Ok(batch.map(|batch| (batch, running)))
            });
            Outcome::Rows(Rows::new(has_time, columns, batches.boxed()))
        }
    }
}

/// Whether a statement returns rows and changes nothing, judged by its words, since a server runs whatever it is sent. A
/// statement that is not known to be harmless counts as one that changes something.
fn reads_only(sql: &str) -> bool {
    let words = words(sql);
    let first = words.first().map(String::as_str);
    matches!(first, Some("select" | "show" | "count" | "list" | "explain" | "describe" | "desc"))
        && !words.iter().any(|word| word == "into")
}

/// The words outside quotes and comments, in lower case.
fn words(sql: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut chars = sql.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_alphanumeric() || c == '_' {
            word.extend(c.to_lowercase());
            continue;
        }
        if !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        match (c, chars.peek()) {
            ('\'' | '"' | '`', _) => {
                // A doubled quote ends one string and begins another.
                chars.by_ref().find(|each| *each == c);
            }
            ('-', Some('-')) => {
                chars.by_ref().find(|each| *each == '\n');
            }
            ('/', Some('*')) => {
                let mut before = ' ';
                for each in chars.by_ref() {
                    if before == '*' && each == '/' {
                        break;
                    }
                    before = each;
                }
            }
            _ => {}
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_change_something_is_no_query() {
        for sql in [
            "select s from root.d",
            "SHOW databases",
            "-- delete\n select 'into' from root.`into`",
            "/* into */ count timeseries root.**",
            "select \"it''s into\" from root.d",
        ] {
            assert!(reads_only(sql), "{sql}");
        }
        for sql in [
            "select s into root.e(t) from root.d",
            "insert into root.d(time, s) values (1, 1)",
            "delete from root.d.s",
            "select s /* */ INTO root.e(t) from root.d",
            "flush",
            "",
        ] {
            assert!(!reads_only(sql), "{sql}");
        }
    }
}
