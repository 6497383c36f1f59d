//! Does steps at the receiver, each until it is done.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use levada_engine::{ChangeFeed, PipeWork, SeriesChange, path_sql, tsfiles::Tablets};
use levada_model::{Path, PathPattern, Session, SessionError, StatusCode, Tablet, Write, WriteReport};
use levada_rpc::{ClientTls, Pool, messages::sends_on};
use tokio::time::{Instant, sleep};

use super::{
    Databases, Failing, Gathering, Plan, Saver,
    alter::drop_others,
    introduce::told,
    may_heal,
    plan::{Deletion, Step, upsert},
    pool,
};

/// A pipe that delivers.
pub(super) struct Delivery<'a, 'w> {
    pub(super) work: &'w PipeWork,
    /// `None` where it sends nowhere.
    pub(super) pool: Option<&'a Pool>,
    /// How connections are encrypted.
    pub(super) tls: Option<&'a ClientTls>,
    /// Connections for what came here by other engines, which are named to the receiver.
    pub(super) came_by: BTreeMap<Arc<str>, Pool>,
    /// The databases of rows that were sent.
    pub(super) databases: Databases,
    /// What the receiver's engine is known by, where it has a name.
    pub(super) receiver: Option<String>,
    /// What comes was stored when the pipe began.
    pub(super) history: bool,
    pub(super) failing: &'a mut Failing<'w>,
}

impl Delivery<'_, '_> {
    /// Delivers what a feed gives. Ends with a position where nothing more is wanted.
    ///
    /// # Errors
    /// The feed cannot be read.
    pub(super) async fn all(
        &mut self,
        feed: &mut ChangeFeed,
        saver: &Saver<'_>,
    ) -> Result<u64, SessionError> {
        let definition = self.work.definition();
        let realtime = definition.realtime;
        // What a second may have, where that is bounded: the next waits until its time has come.
        let together = definition.rate.and_then(|rate| usize::try_from(rate).ok());
        let together = together.map_or(definition.batch, |rate| definition.batch.min(rate.max(1)));
        let work = self.work;
        let mut changes = feed.next(together).await?;
        work.waiting(true);
        loop {
            let (origins, count) = (work.origins(), changes.len());
            let plan = Plan::of(changes, definition, self.receiver.as_deref(), (self.history, &origins));
            let (position, mark, ends_history) = (plan.position, plan.mark.clone(), plan.ends_history);
            let gathering = match self.history {
                true => Gathering::default(),
                false => Gathering::read(Instant::now(), plan.bytes(), count, together),
            };
            // While this is sent, the next is read. What was read is kept where sending takes longer.
            let next = {
                let sending = self.deliver(plan);
                let reading = async {
                    gathering.wait().await;
                    feed.next(together).await
                };
                tokio::pin!(sending, reading);
                tokio::select! {
                    biased;
                    () = &mut sending => None,
                    next = &mut reading => {
                        let read = work.now();
                        sending.await;
                        work.waiting_since(read);
                        Some(next)
                    }
                }
            };
            self.history &= !ends_history;
            if ends_history {
                self.work.history_sent();
            }
            if let Some(mark) = mark.filter(|_| !ends_history) {
                saver.delivered_of_history(mark);
            }
            if let Some(position) = position {
                saver.delivered(position);
                if !realtime {
                    return Ok(position);
                }
            }
            changes = match next {
                Some(next) => next?,
                None => {
                    work.waiting(false);
                    gathering.wait().await;
                    let next = feed.next(together).await?;
                    work.waiting(true);
                    next
                }
            };
        }
    }

    async fn deliver(&mut self, plan: Plan) {
        let Some(own) = self.pool else { return };
        let mut pool = own.clone();
        for step in plan.steps {
            if let Step::CameBy(came_by) = step {
                pool = self.pool_of(own, came_by);
                continue;
            }
            let databases = self.databases.of(&step, self.work);
            loop {
                match self.named(&pool, &databases, &step).await {
                    Ok(()) => break,
                    Err(error) => self.failing.failed(&error).await,
                }
            }
            self.failing.worked();
        }
    }

    fn pool_of(&mut self, own: &Pool, came_by: Option<Arc<str>>) -> Pool {
        let Some(came_by) = came_by else { return own.clone() };
        let (work, tls) = (self.work, self.tls);
        let pool = || pool(work, &sends_on(&work.engine(), &came_by), tls).unwrap_or_else(|| own.clone());
        self.came_by.entry(Arc::clone(&came_by)).or_insert_with(pool).clone()
    }

    /// Names the databases of rows before these come: those that an insert made are named nowhere else.
    async fn named(&self, pool: &Pool, databases: &[Path], step: &Step) -> Result<(), SessionError> {
        for database in databases {
            let named = pool.name_database(database).await;
            self.told(named, || format!("the database {database}"))?;
        }
        self.step(pool, step).await
    }

    /// Does a step, or leaves it open whether it is done: doing it again does no harm.
    async fn step(&self, pool: &Pool, step: &Step) -> Result<(), SessionError> {
        match step {
            Step::CameBy(_) => Ok(()),
            Step::Database(path) => {
                let made = match pool.create_database(path).await {
                    Ok(()) => pool.name_database(path).await,
                    rejected => rejected,
                };
                self.told(made, || format!("the database {path}"))
            }
            Step::Series(series, statements) => {
                for (at, error) in pool.create_series(series).await? {
                    let path = series.get(at).map(|series| series.path());
                    self.told(Err(error), || {
                        format!("the series {}", path.map_or_else(String::new, |path| path.to_string()))
                    })?;
                }
                for statement in statements {
                    self.statement(pool, statement).await?;
                }
                Ok(())
            }
            Step::Rows(tablets) => self.rows(pool, tablets).await,
            Step::Chunks(_, file, points) => self.chunks(pool, file, *points).await,
            Step::Alter(path, change) => self.alter(pool, path, change).await,
            Step::Statement(statement) => self.statement(pool, statement).await,
            Step::Delete(deletion) => self.delete(pool, deletion).await,
        }
    }

    async fn alter(&self, pool: &Pool, path: &Path, change: &SeriesChange) -> Result<(), SessionError> {
        match drop_others(pool, path, change).await {
            Ok(Some(statement)) => self.statement(pool, &statement).await?,
            Ok(None) => {}
            Err(error) => self.told(Err(error), || format!("a look at the series {path}"))?,
        }
        match upsert(path, change) {
            Some(statement) => self.statement(pool, &statement).await,
            None => Ok(()),
        }
    }

    fn told(
        &self,
        done: Result<(), SessionError>,
        what: impl FnOnce() -> String,
    ) -> Result<(), SessionError> {
        told(self.work, self.failing.is_for_long(), done, what)
    }

    async fn rows(&self, pool: &Pool, tablets: &[Tablet]) -> Result<(), SessionError> {
        let write = Write { tablets: tablets.to_vec(), coerce: true, ..Write::default() };
        let report = pool.insert_tablets(write).await?;
        // What the pool gave up after its patience is no more tried for ever than the rest.
        let heals = |code: StatusCode| !code.is_vague() && may_heal(&SessionError::new(code, ""));
        if let Some(first) = report.rejected.iter().find(|rejected| heals(rejected.code)) {
            // Not for what they are: it may be put right, and then they are taken.
            return Err(SessionError {
                transient: false,
                ..SessionError::new(first.code, first.message.clone())
            });
        }
        let (points, bytes) = tablets
            .iter()
            .fold((0, 0), |(points, bytes), tablet| (points + tablet.points(), bytes + tablet.bytes()));
        let rejected = self.rejected(tablets, &report);
        self.work.delivered(points.saturating_sub(rejected), bytes);
        self.pace(bytes).await;
        Ok(())
    }

    /// Sends a file with rows. What the receiver does not take so it is sent row by row, and then says of each what is wrong with it.
    async fn chunks(&self, pool: &Pool, file: &Bytes, points: u64) -> Result<(), SessionError> {
        match pool.send_chunks(file).await {
            Ok(()) => {}
            Err(error) if error.code.is_vague() && self.failing.is_for_long() => {
                return self.rows_of(pool, file).await;
            }
            Err(error) if may_heal(&error) => return Err(error),
            Err(error) => {
                tracing::debug!(%error, "a file of chunks is sent as rows");
                return self.rows_of(pool, file).await;
            }
        }
        self.work.delivered(usize::try_from(points).unwrap_or(usize::MAX), file.len());
        self.pace(file.len()).await;
        Ok(())
    }

    /// Sends the rows of a file.
    async fn rows_of(&self, pool: &Pool, file: &Bytes) -> Result<(), SessionError> {
        let mut tablets = Tablets::of_bytes(file.clone());
        while let Some(parcel) = tablets.next().await {
            let parcel = parcel
                .map_err(|error| SessionError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
            if !parcel.tablets.is_empty() {
                self.rows(pool, &parcel.tablets).await?;
            }
        }
        Ok(())
    }

    /// Waits for as long as bytes take, where a second may have so many only.
    async fn pace(&self, bytes: usize) {
        if let Some(rate) = self.work.definition().rate {
            sleep(Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64)).await;
        }
    }

    /// Tells which values were rejected; how many.
    fn rejected(&self, tablets: &[Tablet], report: &WriteReport) -> usize {
        let Some(first) = report.to_tell() else { return 0 };
        let of = |rejected: &levada_model::RejectedRows| {
            let tablet = tablets.get(rejected.tablet);
            let rows = rejected.rows.as_ref().map_or_else(|| tablet.map_or(0, Tablet::rows), Vec::len);
            rows * if rejected.measurement.is_some() {
                1
            } else {
                tablet.map_or(1, |tablet| tablet.columns().len())
            }
        };
        let count = report.rejected.iter().map(of).sum();
        let device = tablets.get(first.tablet).map(|tablet| tablet.device().to_string()).unwrap_or_default();
        let measurement = first.measurement.as_deref().map(|name| format!(".{name}")).unwrap_or_default();
        self.work.rejected(count);
        self.work.lost(format!(
            "the receiver rejected {count} values, the first of {device}{measurement}: {}",
            first.message
        ));
        count
    }

    async fn statement(&self, pool: &Pool, statement: &str) -> Result<(), SessionError> {
        match pool.execute(statement).await {
            Ok(_) => Ok(()),
            // What is not there needs no deletion, and what is as it should be no change.
            Err(error)
                if matches!(
                    error.code,
                    StatusCode::PATH_NOT_EXIST
                        | StatusCode::DATABASE_NOT_EXIST
                        | StatusCode::PATH_ALREADY_EXIST
                ) =>
            {
                Ok(())
            }
            Err(error) => self.told(Err(error), || format!("`{statement}`")),
        }
    }

    async fn delete(&self, pool: &Pool, deletion: &Deletion) -> Result<(), SessionError> {
        let selection = &self.work.definition().selection;
        for pattern in &deletion.patterns {
            if selection.has_all_series() && selection.has_all_times() {
                self.statement(pool, &statement(pattern, deletion.times)).await?;
                continue;
            }
            // Only what this pipe has sent may go.
            for series in pool.find_series(pattern).await? {
                let path = series.path();
                if selection.has(&path) {
                    // Where it sent some of a series' rows, those go, and the series stays for the others.
                    let sent = (!selection.has_all_times()).then_some(selection.times);
                    let times = deletion.times.or(sent);
                    self.statement(pool, &statement(&PathPattern::from(&path), times)).await?;
                }
            }
        }
        Ok(())
    }
}

fn statement(pattern: &PathPattern, times: Option<(i64, i64)>) -> String {
    let text = pattern.to_string();
    let path = path_sql(&text);
    match times {
        None => format!("delete timeseries {path}"),
        Some((i64::MIN, i64::MAX)) => format!("delete from {path}"),
        Some((from, i64::MAX)) => format!("delete from {path} where time >= {from}"),
        Some((i64::MIN, to)) => format!("delete from {path} where time <= {to}"),
        Some((from, to)) => format!("delete from {path} where time >= {from} and time <= {to}"),
    }
}
