//! A query's rows, or those of named series, computed on the runtime's blocking threads.
//!
//! ```text
//!   blocking thread     plan, step 0 │        step 1 │              step 2 │
//!   whoever reads                    ▼ takes step 0  ▼ takes step 1        ▼
//! ```
//!
//! A step is one or a few batches. The next is computed while the one before is read, never more, and a thread is held
//! for the time of a step only: a result that nobody goes on reading costs the memory of two steps and no thread. One that is
//! dropped, before its first rows or after, cancels the step under way, which gives its thread back at the next batch.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use arrow_array::RecordBatch;
use futures::{Stream, StreamExt};
use levada_model::{Path, ResultColumn, Rows, SessionError, StatusCode};
use levada_query::{Cancellation, QueryContext, QueryError};
use levada_sql::ast::Statement;
use levada_storage::{Direction, TimeRange};
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use crate::engine::Shared;

/// A step ends at so many bytes …
const STEP_BYTES: usize = 1 << 20;
/// … or so many batches.
const STEP_BATCHES: usize = 4;

/// Plans and starts a query.
pub(crate) async fn run(
    shared: &Shared,
    statement: Statement,
    context: QueryContext,
) -> Result<Rows, SessionError> {
    let storage = shared.storage.clone();
    // Drops with this future, or with the rows.
    let wanted = Wanted(context.cancellation.clone());
    let started = spawn_blocking(move || {
        if context.cancellation.is_cancelled() {
            return Err(QueryError::Cancelled.into());
        }
        let plan = levada_query::plan(&statement, storage.view(), &context)?;
        let has_time = plan.has_time;
        let (columns, rows) = plan.into_rows();
        let step = Step::compute(Box::new(rows.map(|batch| Ok(batch?))));
        Ok::<_, SessionError>((has_time, columns, step))
    });
    let (has_time, columns, step) = started.await.map_err(panicked)??;
    begin(has_time, columns, step, wanted)
}

/// All rows of some series of one device, by time: the names are bound, and no statement is made of them.
pub(crate) async fn of_series(
    shared: &Shared,
    device: Path,
    series: Vec<ResultColumn>,
    measurements: Vec<Arc<str>>,
) -> Result<Rows, SessionError> {
    let storage = shared.storage.clone();
    let cancellation = Cancellation::default();
    let wanted = Wanted(cancellation.clone());
    let started = spawn_blocking(move || {
        let rows = storage.view().scan(&device, &measurements, TimeRange::ALL, Direction::Ascending);
        let rows = rows.map_err(QueryError::from)?.map(move |batch| {
            if cancellation.is_cancelled() {
                Err(QueryError::Cancelled.into())
            } else {
                Ok(batch.map_err(QueryError::from)?)
            }
        });
        Ok::<_, SessionError>(Step::compute(Box::new(rows)))
    });
    let step = started.await.map_err(panicked)??;
    begin(true, series, step, wanted)
}

fn begin(
    has_time: bool,
    columns: Vec<ResultColumn>,
    mut step: Step,
    wanted: Wanted,
) -> Result<Rows, SessionError> {
    // What fails at once is the statement's failure rather than that of its rows.
    if let Some(Err(_)) = step.batches.front()
        && let Some(Err(error)) = step.batches.pop_front()
    {
        return Err(error);
    }
    let batches = Batches { ready: step.batches, rest: step.rest, running: None, _wanted: wanted };
    Ok(Rows { has_time, columns, batches: batches.boxed() })
}

/// Ends the query when it is dropped.
struct Wanted(Cancellation);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// What is still to be computed.
type Rest = Box<dyn Iterator<Item = Result<RecordBatch, SessionError>> + Send>;

/// Some batches, and the query if there may be more.
struct Step {
    batches: VecDeque<Result<RecordBatch, SessionError>>,
    rest: Option<Rest>,
}

impl Step {
    fn compute(mut rows: Rest) -> Self {
        let mut batches = VecDeque::new();
        let mut bytes = 0;
        while bytes < STEP_BYTES && batches.len() < STEP_BATCHES {
            match rows.next() {
                Some(Ok(batch)) => {
                    bytes += batch.get_array_memory_size();
                    batches.push_back(Ok(batch));
                }
                Some(Err(error)) => {
                    batches.push_back(Err(error));
                    return Self { batches, rest: None };
                }
                None => return Self { batches, rest: None },
            }
        }
        Self { batches, rest: Some(rows) }
    }
}

struct Batches {
    ready: VecDeque<Result<RecordBatch, SessionError>>,
    rest: Option<Rest>,
    running: Option<JoinHandle<Step>>,
    _wanted: Wanted,
}

impl Stream for Batches {
    type Item = Result<RecordBatch, SessionError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(rest) = this.rest.take() {
                this.running = Some(spawn_blocking(move || Step::compute(rest)));
            }
            if let Some(batch) = this.ready.pop_front() {
                return Poll::Ready(Some(batch));
            }
            let Some(running) = &mut this.running else { return Poll::Ready(None) };
            let step = ready!(Pin::new(running).poll(context));
            this.running = None;
            match step {
                Ok(step) => {
                    this.ready = step.batches;
                    this.rest = step.rest;
                }
                Err(error) => return Poll::Ready(Some(Err(panicked(error)))),
            }
        }
    }
}

/// The error of a task that did not come to its end.
pub(crate) fn panicked(error: JoinError) -> SessionError {
    SessionError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "the statement was broken off by a fault of the engine's own",
    )
    .caused_by(error)
}
