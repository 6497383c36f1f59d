//! Before a pipe reads: who receives, and which databases come there.

use levada_engine::PipeWork;
use levada_model::SessionError;
use levada_rpc::Pool;

use super::{Failing, may_heal};

/// Who receives.
#[derive(Clone, Debug, Default)]
pub(super) struct Receiver {
    /// What its engine is known by, where it has a name.
    pub(super) engine: Option<String>,
    /// Whether it takes files of chunks.
    pub(super) takes_chunks: bool,
}

/// Who receives. Waits until it answers.
pub(super) async fn receiver(work: &PipeWork, pool: &Pool, failing: &mut Failing<'_>) -> Receiver {
    loop {
        match introduce(work, pool, failing.is_for_long()).await {
            Ok(receiver) => return receiver,
            Err(error) => failing.failed(&error).await,
        }
    }
}

/// Tells the receiver which databases come; who it is.
async fn introduce(work: &PipeWork, pool: &Pool, for_long: bool) -> Result<Receiver, SessionError> {
    let server = pool.receiver().await?;
    for database in work.databases() {
        let named = pool.name_database(&database).await;
        told(work, for_long, named, || format!("the database {database}"))?;
    }
    Ok(Receiver { engine: server.engine, takes_chunks: server.takes_chunks })
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
