//! Continuous queries: queries that run again and again, each time over the times before their moment, and whose rows are written.
//!
//! ```text
//!   create cq ─► Book      which there are, durable before the statement returns
//!   clock ─────► ticker ─► a task for each that is due ─► Runner ─► gate ─► select … into, over [moment − from, moment − to)
//!                             └─ Progress   the next moment of each, durable behind each run
//! ```
//!
//! # Invariants
//! * Runs of one query never overlap, and come in the order of their moments. Of different ones so many run at the same time as
//!   [`CONCURRENT`] says.
//! * A run is that of the user who made the query, and passes the gate as any statement of theirs.
//! * A run that fails is logged and counted, and the next comes at its time. It is not repeated: what failed once for its data would
//!   fail for ever.
//! * After a restart a query goes on with the first run that is not known to have ended. So a crash repeats a run, whose rows
//!   replace themselves, and leaves none out but for what the policy of late runs says. How far it has come is stored when its rows
//!   are synced, whatever the sync mode.
//! * Where the clock is set back by more than an interval, moments come again, and their runs do.

mod book;
mod progress;
mod query;
mod run;
mod runner;
mod ticker;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Weak},
};

use jiff::tz::TimeZone;
use levada_model::{SessionError, StatusCode};
use levada_sql::ast::CreateCq;
use levada_storage::{Disk, StorageError};
use parking_lot::{Mutex, RwLock};
use tokio::{
    sync::{Notify, Semaphore},
    task::{JoinError, JoinHandle, spawn_blocking},
};

pub use self::query::ContinuousQueryInfo;
pub(crate) use self::runner::{Run, Runner, Written};
use self::{
    book::{Book, StoredCq},
    progress::Progress,
    query::Cq,
};
use crate::{document::DocumentFile, gate::Caller};

/// How many queries run at the same time.
const CONCURRENT: usize = 4;

/// The continuous queries of an engine.
#[derive(Debug)]
pub(crate) struct ContinuousQueries {
    document: DocumentFile,
    /// Held while one is made or dropped.
    book: Mutex<Book>,
    queries: RwLock<BTreeMap<String, Arc<Cq>>>,
    progress: Progress,
    permits: Semaphore,
    /// Told when one is made.
    made: Arc<Notify>,
    ticker: Mutex<Option<JoinHandle<()>>>,
}

impl ContinuousQueries {
    /// Reads the continuous queries of a folder; none where there are none. Runs that were missed until `now` are left out or come
    /// later, as each says.
    ///
    /// # Errors
    /// A file cannot be read, or is damaged.
    pub(crate) fn open(data: &Path, disk: Arc<dyn Disk>, now: i64) -> Result<Self, StorageError> {
        let document = DocumentFile::new(data.join("continuous"), "queries.json", disk);
        let book = document.read::<Book>()?.unwrap_or_default();
        document.check_version(book.version, book::VERSION)?;
        let (progress, next) = Progress::open(document.beside("progress.json"))?;
        let mut queries = BTreeMap::new();
        for (name, stored) in &book.queries {
            let zone = levada_model::parse_zone(&stored.zone)
                .map_err(|error| document.damaged(0, error.to_string()))?;
            let next = next.get(&stored.id).copied().unwrap_or(stored.begins);
            let query = Cq::new(name.clone(), stored.clone(), zone, next);
            query.pass_over_missed(now);
            queries.insert(name.clone(), Arc::new(query));
        }
        Ok(Self {
            document,
            book: Mutex::new(book),
            queries: RwLock::new(queries),
            progress,
            permits: Semaphore::new(CONCURRENT),
            made: Arc::default(),
            ticker: Mutex::new(None),
        })
    }

    /// `create cq`: returns when it is durable. Blocks.
    ///
    /// # Errors
    /// There is one of the name, or it cannot be stored.
    pub(crate) fn create(
        &self,
        create: &CreateCq,
        sql: &str,
        by: &Caller,
        zone: &TimeZone,
        now: i64,
    ) -> Result<(), SessionError> {
        let mut book = self.book.lock();
        self.check_free(&create.name)?;
        let mut more = book.clone();
        let stored = StoredCq {
            id: more.next,
            sql: sql.trim().trim_end_matches(';').trim_end().to_owned(),
            user: by.identity.user.to_string(),
            user_id: by.identity.id,
            zone: zone_name(zone),
            begins: create.schedule.first(now),
            schedule: create.schedule.into(),
        };
        more.next += 1;
        more.queries.insert(create.name.clone(), stored.clone());
        self.document.write(&more)?;
        *book = more;
        let query = Cq::new(create.name.clone(), stored.clone(), zone.clone(), stored.begins);
        self.queries.write().insert(create.name.clone(), Arc::new(query));
        self.made.notify_one();
        Ok(())
    }

    /// That there is none of a name.
    ///
    /// # Errors
    /// There is.
    pub(crate) fn check_free(&self, name: &str) -> Result<(), SessionError> {
        if self.queries.read().contains_key(name) {
            let message = format!("CQ {name} has already been created.");
            return Err(SessionError::new(StatusCode::CQ_ALREADY_EXIST, message));
        }
        Ok(())
    }

    /// `drop cq`: returns when it is durable. A run that is under way comes to its end, and no other begins. Blocks.
    ///
    /// # Errors
    /// There is none of the name, or this cannot be stored.
    pub(crate) fn remove(&self, name: &str) -> Result<(), SessionError> {
        let mut book = self.book.lock();
        let mut fewer = book.clone();
        if fewer.queries.remove(name).is_none() {
            let message = format!("CQ {name} doesn't exist.");
            return Err(SessionError::new(StatusCode::NO_SUCH_CQ, message));
        }
        self.document.write(&fewer)?;
        *book = fewer;
        if let Some(query) = self.queries.write().remove(name) {
            query.forget();
        }
        Ok(())
    }

    /// All there are, by name.
    fn all(&self) -> Vec<Arc<Cq>> {
        self.queries.read().values().cloned().collect()
    }

    /// Name and statement of each, by name.
    pub(crate) fn statements(&self) -> Vec<(String, String)> {
        let statement = |query: &Arc<Cq>| (query.name().to_owned(), query.sql().to_owned());
        self.queries.read().values().map(statement).collect()
    }

    /// How each does.
    pub(crate) fn infos(&self, now: i64) -> Vec<ContinuousQueryInfo> {
        self.queries.read().values().map(|query| query.info(now)).collect()
    }

    /// Runs them from now on, until the engine goes. A second call does nothing.
    pub(crate) fn start(self: &Arc<Self>, runner: Weak<dyn Runner>) {
        let mut ticker = self.ticker.lock();
        if ticker.is_none() {
            *ticker = Some(tokio::spawn(ticker::tick(Arc::downgrade(self), runner, Arc::clone(&self.made))));
        }
    }

    /// Runs what is due, and waits until that is done.
    pub(crate) async fn run_due(self: &Arc<Self>, runner: &Arc<dyn Runner>) {
        let catch_up = |query| run::catch_up(Arc::clone(self), Arc::clone(runner), query);
        let runs = self.all().into_iter().map(catch_up);
        futures::future::join_all(runs).await;
    }

    /// Ends what runs, which is begun again when the folder is opened again, and stores nothing any more.
    ///
    /// # Errors
    /// It was broken off.
    pub(crate) async fn close(&self) -> Result<(), JoinError> {
        let ticker = self.ticker.lock().take();
        if let Some(ticker) = ticker {
            ticker.abort();
            match ticker.await {
                Err(error) if error.is_panic() => {
                    tracing::error!(%error, "continuous queries ended in a panic");
                }
                _ => {}
            }
        }
        let progress = self.progress.clone();
        spawn_blocking(move || progress.close()).await
    }
}

impl Drop for ContinuousQueries {
    fn drop(&mut self) {
        if let Some(ticker) = self.ticker.get_mut().take() {
            ticker.abort();
        }
    }
}

/// A zone's name, or its offset.
fn zone_name(zone: &TimeZone) -> String {
    match zone.iana_name() {
        Some(name) => name.to_owned(),
        None => zone.to_fixed_offset().map_or_else(|_| "UTC".to_owned(), |offset| offset.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_read_as_it_is_stored() {
        for name in ["UTC", "Europe/Paris", "+08:00", "-03:30"] {
            let zone = levada_model::parse_zone(name).expect(name);
            assert_eq!(levada_model::parse_zone(&zone_name(&zone)).expect(name), zone);
        }
    }
}
