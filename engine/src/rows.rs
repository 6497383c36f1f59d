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
//!
//! The time that steps take counts against the query's; the time in which nobody reads does not.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Field, Schema};
use futures::{Stream, StreamExt};
use levada_model::{DataType, Path, ResultColumn, Rows, SessionError, StatusCode};
use levada_query::{IntoSeries, QueryContext, QueryError, with_views};
use levada_sql::ast::{Select, Statement};
use levada_storage::{Direction, TimeRange};
use tokio::{
    task::{JoinHandle, spawn_blocking},
    time::timeout,
};

use crate::{
    engine::Shared,
    error::panicked,
    gate::{Scope, Ticket},
};

/// A step ends at so many bytes …
const STEP_BYTES: usize = 1 << 20;
/// … or so many batches.
const STEP_BATCHES: usize = 4;

/// What a query is limited to; nothing where `None`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// How long it may compute.
    pub(crate) time: Option<Duration>,
    /// Rows that a batch has at most.
    pub(crate) rows: Option<usize>,
}

/// Plans and starts a query, which sees what its scope has.
pub(crate) async fn run(
    shared: &Shared,
    statement: Statement,
    context: QueryContext,
    scope: Scope,
    ticket: Ticket,
    limits: Limits,
) -> Result<Rows, SessionError> {
    let storage = shared.storage.clone();
    let context = QueryContext { cancellation: ticket.cancellation().clone(), ..context };
    // The ticket is dropped with this future, or with the rows.
    let first = move || {
        if context.cancellation.is_cancelled() {
            return Err(QueryError::Cancelled.into());
        }
        let plan =
            levada_query::plan(&statement, scope.of_view(with_views(storage.view(), &context)), &context)?;
        let has_time = plan.has_time;
        let (columns, rows) = plan.into_rows();
        let step = Step::compute(Box::new(rows.map(|batch| Ok(batch?))));
        Ok((has_time, columns, step))
    };
    begin(first, ticket, limits).await
}

/// Plans and starts a query whose rows are to be written; and the series that its columns are written to.
pub(crate) async fn run_into(
    shared: &Shared,
    select: Select,
    context: QueryContext,
    scope: Scope,
    ticket: Ticket,
    limits: Limits,
) -> Result<(Rows, Vec<IntoSeries>), SessionError> {
    let storage = shared.storage.clone();
    let context = QueryContext { cancellation: ticket.cancellation().clone(), ..context };
    let told = Arc::new(OnceLock::new());
    let targets = Arc::clone(&told);
    let first = move || {
        let view = scope.of_view(with_views(storage.view(), &context));
        let (plan, found) = levada_query::plan_into(&select, view, &context)?;
        targets.get_or_init(|| found);
        let has_time = plan.has_time;
        let (columns, rows) = plan.into_rows();
        Ok((has_time, columns, Step::compute(Box::new(rows.map(|batch| Ok(batch?))))))
    };
    let rows = begin(first, ticket, limits).await?;
    let targets = told.get().cloned().unwrap_or_default();
    Ok((rows, targets))
}

/// All rows of some series or views of one device, by time: the names are bound, and no statement is made of them.
pub(crate) async fn of_series(
    shared: &Shared,
    device: Path,
    series: Vec<ResultColumn>,
    measurements: Vec<Arc<str>>,
    context: QueryContext,
    scope: Scope,
    ticket: Ticket,
) -> Result<Rows, SessionError> {
    let storage = shared.storage.clone();
    let cancellation = ticket.cancellation().clone();
    let context = QueryContext { cancellation: cancellation.clone(), ..context };
    let first = move || {
        let view = scope.of_view(with_views(storage.view(), &context));
        let rows = view.scan(&device, &measurements, TimeRange::ALL, Direction::Ascending);
        let rows = rows.map_err(QueryError::from)?.map(move |batch| {
            if cancellation.is_cancelled() {
                Err(QueryError::Cancelled.into())
            } else {
                Ok(batch.map_err(QueryError::from)?)
            }
        });
        Ok((true, series, Step::compute(Box::new(rows))))
    };
    begin(first, ticket, Limits::default()).await
}

/// Rows that are all there.
pub(crate) fn ready(
    has_time: bool,
    columns: Vec<ResultColumn>,
    arrays: Vec<ArrayRef>,
) -> Result<Rows, SessionError> {
    let time = has_time.then(|| Field::new("Time", arrow_schema::DataType::Int64, false));
    let fields = columns.iter().map(|column| Field::new(&column.name, column.data_type.arrow(), true));
    let schema = Arc::new(Schema::new(time.into_iter().chain(fields).collect::<Vec<_>>()));
    let batch = RecordBatch::try_new(schema, arrays).map_err(|error| {
        SessionError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).caused_by(error)
    })?;
    let batches = (batch.num_rows() > 0).then_some(Ok(batch));
    Ok(Rows::new(has_time, columns, futures::stream::iter(batches).boxed()))
}

/// A result column.
pub(crate) fn column(name: &str, data_type: DataType) -> ResultColumn {
    ResultColumn { name: name.to_owned(), data_type }
}

type First = (bool, Vec<ResultColumn>, Step);

async fn begin(
    first: impl FnOnce() -> Result<First, SessionError> + Send + 'static,
    ticket: Ticket,
    Limits { time, rows: most }: Limits,
) -> Result<Rows, SessionError> {
    if time.is_some_and(|time| time.is_zero()) {
        return Err(too_long());
    }
    let began = Instant::now();
    let started = spawn_blocking(first);
    let started = match time {
        None => started.await,
        Some(time) => timeout(time, started).await.map_err(|_| too_long())?,
    };
    let (has_time, columns, mut step) = match started.map_err(panicked)? {
        Ok(first) => first,
        Err(error) => {
            ticket.check()?;
            return Err(error);
        }
    };
    // What fails at once is the statement's failure rather than that of its rows.
    if let Some(Err(_)) = step.batches.front()
        && let Some(Err(error)) = step.batches.pop_front()
    {
        ticket.check()?;
        return Err(error);
    }
    let left = time.map(|time| time.saturating_sub(began.elapsed()));
    let query = Some(ticket.id());
    let batches =
        Batches { ready: step.batches, rest: step.rest, running: None, left, most, ticket: Some(ticket) };
    Ok(Rows { query, ..Rows::new(has_time, columns, batches.boxed()) })
}

/// What is still to be computed.
type Rest = Box<dyn Iterator<Item = Result<RecordBatch, SessionError>> + Send>;

/// Some batches, and the query if there may be more.
struct Step {
    batches: VecDeque<Result<RecordBatch, SessionError>>,
    rest: Option<Rest>,
    /// How long it took.
    took: Duration,
}

impl Step {
    fn compute(mut rows: Rest) -> Self {
        let began = Instant::now();
        let mut batches = VecDeque::new();
        let mut bytes = 0;
        let mut rest = false;
        while bytes < STEP_BYTES && batches.len() < STEP_BATCHES {
            let next = rows.next();
            rest = matches!(next, Some(Ok(_)));
            if let Some(Ok(batch)) = &next {
                bytes += batch.get_array_memory_size();
            }
            batches.extend(next);
            if !rest {
                break;
            }
        }
        Self { batches, rest: rest.then_some(rows), took: began.elapsed() }
    }

    fn failed(error: SessionError) -> Self {
        Self { batches: VecDeque::from([Err(error)]), rest: None, took: Duration::ZERO }
    }
}

struct Batches {
    ready: VecDeque<Result<RecordBatch, SessionError>>,
    rest: Option<Rest>,
    running: Option<JoinHandle<Step>>,
    /// How long steps may still take.
    left: Option<Duration>,
    /// Rows of a batch.
    most: Option<usize>,
    /// `None` once the query has ended.
    ticket: Option<Ticket>,
}

impl Batches {
    /// Starts the next step.
    fn start(&self, rest: Rest) -> JoinHandle<Step> {
        let step = spawn_blocking(move || Step::compute(rest));
        let Some((left, ticket)) = self.left.zip(self.ticket.as_ref()) else { return step };
        let cancellation = ticket.cancellation().clone();
        // The time runs out whether or not somebody waits for the step.
        tokio::spawn(async move {
            match timeout(left, step).await {
                Ok(step) => step.unwrap_or_else(|error| Step::failed(panicked(error))),
                Err(_) => {
                    cancellation.cancel();
                    Step::failed(too_long())
                }
            }
        })
    }

    /// Ends the query with an error.
    fn end(&mut self, error: SessionError) -> Poll<Option<Result<RecordBatch, SessionError>>> {
        (self.rest, self.running) = (None, None);
        self.ready.clear();
        let killed = self.ticket.take().map_or(Ok(()), |ticket| ticket.check());
        Poll::Ready(Some(Err(killed.err().unwrap_or(error))))
    }
}

impl Stream for Batches {
    type Item = Result<RecordBatch, SessionError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(Err(error)) = this.ticket.as_ref().map(Ticket::check) {
            return this.end(error);
        }
        loop {
            if let Some(rest) = this.rest.take() {
                this.running = Some(this.start(rest));
            }
            match this.ready.pop_front() {
                Some(Ok(batch)) => {
                    let rows = this.most.map_or(usize::MAX, |most| most.max(1)).min(batch.num_rows());
                    if rows < batch.num_rows() {
                        this.ready.push_front(Ok(batch.slice(rows, batch.num_rows() - rows)));
                    }
                    return Poll::Ready(Some(Ok(batch.slice(0, rows))));
                }
                Some(Err(error)) => return this.end(error),
                None => {}
            }
            let Some(running) = &mut this.running else {
                // All has been read: the query runs no more.
                this.ticket = None;
                return Poll::Ready(None);
            };
            let step = ready!(Pin::new(running).poll(context));
            this.running = None;
            match step {
                Ok(step) => {
                    this.ready = step.batches;
                    this.rest = step.rest;
                    this.left = this.left.map(|left| left.saturating_sub(step.took));
                }
                Err(error) => return this.end(panicked(error)),
            }
        }
    }
}

/// The error of a query that took longer than it may.
fn too_long() -> SessionError {
    let message =
        "the query was ended, as it computed longer than it may: ask for less, or allow a longer time";
    SessionError::new(StatusCode::QUERY_TIMEOUT, message)
}
