//! Before a pipe reads: who receives, and which databases come there.

use levada_engine::PipeWork;
use levada_model::SessionError;
use levada_rpc::Pool;

use super::{Failing, may_heal};

/// What the receiver's engine is known by, where it has a name. Waits until it answers.
pub(super) async fn receiver(work: &PipeWork, pool: &Pool, failing: &mut Failing<'_>) -> Option<String> {
    loop {
        match introduce(work, pool, failing.is_for_long()).await {
            Ok(engine) => return engine,
            Err(error) => failing.failed(&error).await,
        }
    }
}

/// Tells the receiver which databases come; what it is known by.
async fn introduce(work: &PipeWork, pool: &Pool, for_long: bool) -> Result<Option<String>, SessionError> {
    let engine = pool.receiver().await?.engine;
    for database in work.databases() {
        let named = pool.name_database(&database).await;
        told(work, for_long, named, || format!("the database {database}"))?;
    }
    Ok(engine)
}

/// Goes on where the receiver rejects something for good, and tells it. Whether it is for good is shown by time alone where the
/// receiver does not say so: by then it has failed `for_long`.
pub(super) fn told(
    work: &PipeWork,
    for_long: bool,
    done: Result<(), SessionError>,
    what: impl FnOnce() -> String,
) -> Result<(), SessionError> {
    match done {
        Err(error) if error.code.is_vague() && !for_long => Err(SessionError { transient: true, ..error }),
        Err(error) if !may_heal(&error) => {
            work.lost(format!("the receiver rejects {}: {}", what(), error.message));
            Ok(())
        }
        done => done,
    }
}
