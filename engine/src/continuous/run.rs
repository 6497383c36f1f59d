//! The runs of one continuous query, one after the other.

use std::{collections::BTreeMap, sync::Arc};

use levada_model::SessionError;
use levada_sql::{
    ParseContext,
    ast::{ChangeCq, Statement},
};
use tokio::task::spawn_blocking;
use tracing::warn;

use super::{
    ContinuousQueries,
    query::Cq,
    runner::{Run, Runner, Written},
};
use crate::error::panicked;

/// Runs a query until no run of it is due. While the store takes no writes, none is: they are late then.
pub(super) async fn catch_up(queries: Arc<ContinuousQueries>, runner: Arc<dyn Runner>, query: Arc<Cq>) {
    let _alone = query.running.lock().await;
    loop {
        let Ok(_permit) = queries.permits.acquire().await else { return };
        if query.is_dropped() || !runner.takes_writes() {
            return;
        }
        let Some(moment) = query.due(runner.now()) else { return };
        let outcome = run(&*runner, &query, moment).await;
        query.settle(moment, &outcome, runner.now());
        store(&queries, &runner).await;
    }
}

/// The run of a moment.
async fn run(runner: &dyn Runner, query: &Cq, moment: i64) -> Result<Written, SessionError> {
    let context = ParseContext { zone: query.zone().clone(), now: moment };
    let Statement::ChangeCq(ChangeCq::Create(create)) = levada_sql::parse(query.sql(), &context)? else {
        return Err(SessionError::unsupported(format!("`{}` as a continuous query", query.sql())));
    };
    let (start, end) = query.schedule().range(moment);
    let select = create.between(start, end);
    runner.run(Run { select, caller: query.caller(), sql: query.sql(), zone: query.zone() }).await
}

/// Stores how far all have come, when the rows of those runs are synced: a power cut must not leave runs out. Where that fails, a crash
/// repeats runs, which does no harm.
async fn store(queries: &Arc<ContinuousQueries>, runner: &Arc<dyn Runner>) {
    let (queries, runner) = (Arc::clone(queries), Arc::clone(runner));
    let stored = spawn_blocking(move || {
        let next = || {
            let come: BTreeMap<_, _> = queries.all().iter().map(|query| (query.id(), query.next())).collect();
            runner.sync().map(|()| come)
        };
        queries.progress.store(next)
    });
    if let Err(error) = stored.await.map_err(panicked).flatten() {
        warn!(%error, "how far continuous queries have come is not stored: a crash would repeat runs");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

    use futures::future::BoxFuture;
    use jiff::tz::TimeZone;
    use levada_model::StatusCode;

    use super::*;
    use crate::{gate::Caller, users::Identity};

    /// Writes nothing; its log is synced where it is told so.
    #[derive(Debug, Default)]
    struct Told {
        now: AtomicI64,
        syncs: AtomicBool,
    }

    impl Runner for Told {
        fn now(&self) -> i64 {
            self.now.load(Ordering::Relaxed)
        }

        fn takes_writes(&self) -> bool {
            true
        }

        fn sync(&self) -> Result<(), SessionError> {
            if self.syncs.load(Ordering::Relaxed) {
                return Ok(());
            }
            Err(SessionError::new(StatusCode::INTERNAL_SERVER_ERROR, "the log is not synced"))
        }

        fn run<'a>(&'a self, _: Run<'a>) -> BoxFuture<'a, Result<Written, SessionError>> {
            Box::pin(async { Ok(Written::default()) })
        }
    }

    #[tokio::test]
    async fn progress_is_stored_when_the_rows_are_synced() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || {
            let disk = Arc::new(levada_storage::SystemDisk);
            Arc::new(ContinuousQueries::open(folder.path(), disk, 0).expect("it opens"))
        };
        let sql = "create cq c begin select count(s) into root.b.d(n) from root.a.d group by (10s) end";
        let context = ParseContext { zone: TimeZone::UTC, now: 0 };
        let Ok(Statement::ChangeCq(ChangeCq::Create(create))) = levada_sql::parse(sql, &context) else {
            panic!("{sql} makes one");
        };
        let by = Caller { identity: Identity { user: "root".into(), id: 0 }, address: None, pipe: None };
        let queries = open();
        queries.create(&create, sql, &by, &TimeZone::UTC, 5_000).expect("made");
        let told = Arc::new(Told::default());
        let runner: Arc<dyn Runner> = Arc::clone(&told) as _;
        let next = |queries: &ContinuousQueries| queries.all().first().map(|query| query.next());
        told.now.store(20_000, Ordering::Relaxed);
        queries.run_due(&runner).await;
        assert_eq!((next(&queries), next(&open())), (Some(30_000), Some(10_000)));
        told.syncs.store(true, Ordering::Relaxed);
        told.now.store(30_000, Ordering::Relaxed);
        queries.run_due(&runner).await;
        assert_eq!((next(&queries), next(&open())), (Some(40_000), Some(40_000)));
    }
}
