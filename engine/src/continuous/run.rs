//! The runs of one continuous query, one after the other.

use std::sync::Arc;

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
        store(&queries).await;
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

/// Stores how far all have come. Where that fails, a crash repeats runs, which does no harm.
async fn store(queries: &Arc<ContinuousQueries>) {
    let queries = Arc::clone(queries);
    let stored = spawn_blocking(move || {
        let next = || queries.all().iter().map(|query| (query.id(), query.next())).collect();
        queries.progress.store(next).map_err(SessionError::from)
    });
    if let Err(error) = stored.await.map_err(panicked).flatten() {
        warn!(%error, "how far continuous queries have come is not stored: a crash would repeat runs");
    }
}
