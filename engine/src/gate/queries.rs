//! The queries that run: their numbers, and how they are ended.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use levada_model::{QueryId, SessionError, StatusCode};
use levada_query::Cancellation;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::users::Identity;

/// All queries that run.
#[derive(Debug, Default)]
pub(super) struct Queries {
    running: Mutex<BTreeMap<i64, Entry>>,
    /// The number of the last.
    last: AtomicI64,
}

#[derive(Debug)]
struct Entry {
    query: Running,
    cancellation: Cancellation,
    is_killed: Arc<AtomicBool>,
}

/// A query that runs.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) id: QueryId,
    /// Whose it is.
    pub(crate) owner: Identity,
    pub(crate) statement: Arc<str>,
    /// When it began, in milliseconds since 1970 UTC.
    pub(crate) started: i64,
    began: Instant,
}

impl Running {
    /// For how many seconds it has run.
    pub(crate) fn elapsed(&self) -> f32 {
        self.began.elapsed().as_secs_f32()
    }
}

/// A query's place among those that run. Dropped, it takes the query out of them, and ends it.
#[derive(Debug)]
pub(crate) struct Ticket {
    id: QueryId,
    queries: Arc<Queries>,
    cancellation: Cancellation,
    is_killed: Arc<AtomicBool>,
}

impl Ticket {
    pub(crate) fn id(&self) -> QueryId {
        self.id
    }

    /// What ends the query.
    pub(crate) fn cancellation(&self) -> &Cancellation {
        &self.cancellation
    }

    /// Fails where somebody has cancelled the query.
    pub(crate) fn check(&self) -> Result<(), SessionError> {
        if self.is_killed.load(Ordering::Acquire) {
            return Err(SessionError::new(StatusCode::QUERY_WAS_KILLED, "the query was cancelled"));
        }
        Ok(())
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.cancellation.cancel();
        self.queries.running.lock().remove(&self.id.0);
    }
}

impl Queries {
    pub(super) fn begin(of: &Arc<Self>, owner: &Identity, statement: &str, now: i64) -> Ticket {
        let id = QueryId(of.last.fetch_add(1, Ordering::Relaxed) + 1);
        let (cancellation, is_killed) = (Cancellation::default(), Arc::<AtomicBool>::default());
        let query = Running {
            id,
            owner: owner.clone(),
            statement: statement.into(),
            started: now,
            began: Instant::now(),
        };
        let entry = Entry { query, cancellation: cancellation.clone(), is_killed: Arc::clone(&is_killed) };
        of.running.lock().insert(id.0, entry);
        Ticket { id, queries: Arc::clone(of), cancellation, is_killed }
    }

    pub(super) fn running(&self) -> Vec<Running> {
        self.running.lock().values().map(|entry| entry.query.clone()).collect()
    }

    pub(super) fn owner(&self, id: QueryId) -> Option<Identity> {
        self.running.lock().get(&id.0).map(|entry| entry.query.owner.clone())
    }

    /// Ends a query: whoever reads its rows is told.
    pub(super) fn kill(&self, id: QueryId) -> Result<(), SessionError> {
        let running = self.running.lock();
        let entry = running.get(&id.0).ok_or_else(|| no_such(id))?;
        entry.is_killed.store(true, Ordering::Release);
        entry.cancellation.cancel();
        Ok(())
    }
}

/// The error of a query that does not run.
pub(super) fn no_such(id: QueryId) -> SessionError {
    SessionError::new(StatusCode::NO_SUCH_QUERY, format!("No such query: none of the number {} runs", id.0))
}

/// A query as `show queries` names it: when it began, its number, and that of the node, which is 1.
pub(crate) fn text_of(id: QueryId, started: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(started).unwrap_or_default();
    format!("{}_{:05}_1", time.strftime("%Y%m%d_%H%M%S"), id.0)
}

/// The number of a query by its name, or by the number alone.
///
/// # Errors
/// The text has neither form.
pub(crate) fn parse_id(text: &str) -> Result<QueryId, SessionError> {
    let parts: Vec<_> = text.split('_').map(|part| part.parse::<i64>().ok()).collect();
    match parts[..] {
        [Some(number)] | [Some(_), Some(_), Some(number), Some(_)] => Ok(QueryId(number)),
        _ => Err(SessionError {
            transient: false,
            ..SessionError::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "Please ensure your input <queryId> is correct",
            )
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_known_by_its_name_and_by_its_number() {
        let name = text_of(QueryId(154), 1_795_998_086_177);
        assert_eq!(name, "20261130_002126_00154_1");
        assert_eq!(parse_id(&name).expect("a name"), QueryId(154));
        assert_eq!(parse_id("7").expect("a number"), QueryId(7));
        for text in ["", "x", "20261130_002126_1", "20261130_002126_x_1", "1_2_3_4_5"] {
            assert_eq!(parse_id(text).expect_err(text).code, StatusCode::INTERNAL_SERVER_ERROR);
        }
    }

    #[test]
    fn a_query_is_listed_until_it_is_dropped_and_can_be_ended_meanwhile() {
        let queries = Arc::<Queries>::default();
        let ticket = Queries::begin(&queries, &Identity::root(), "select 1", 5);
        assert_eq!(queries.running().len(), 1);
        assert!(ticket.check().is_ok());
        queries.kill(ticket.id()).expect("it runs");
        assert_eq!(ticket.check().expect_err("ended").code, StatusCode::QUERY_WAS_KILLED);
        assert!(ticket.cancellation().is_cancelled());
        let id = ticket.id();
        drop(ticket);
        assert!(queries.running().is_empty());
        assert_eq!(queries.kill(id).expect_err("gone").code, StatusCode::NO_SUCH_QUERY);
    }
}
