//! What is known of the client of a connection: who it is, and the queries it has open.

use std::{collections::HashMap, net::SocketAddr, sync::Arc};

use levada_engine::EmbeddedSession;
use levada_model::{Outcome, SessionError, StatusCode};
use levada_rpc::messages::{ConnectionInfo, ExecuteStatementResp, FetchResultsReq, FetchResultsResp};
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    time::{Duration, Instant},
};

use crate::{
    apart::Apart,
    client::Client,
    heads,
    insert::Names,
    link::Link,
    results::{Form, Query, Wanted},
    shared::Shared,
    status::{done, said},
    transfer::Slices,
};

/// A login.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) id: i64,
    pub(crate) client: Client,
    pub(crate) zone: String,
    pub(crate) session: EmbeddedSession,
    shared: Arc<Shared>,
}

impl Drop for Known {
    fn drop(&mut self) {
        self.shared.clients.lock().remove(&self.id);
    }
}

/// A connection's state.
pub(crate) struct Conversation {
    pub(crate) shared: Arc<Shared>,
    /// The address of this end, as the client knows it.
    pub(crate) address: SocketAddr,
    pub(crate) peer: SocketAddr,
    /// It is a pipe's.
    pub(crate) pipe: Option<Link>,
    known: Option<Known>,
    pub(crate) queries: HashMap<i64, Query>,
    /// Queries whose columns have times of their own.
    pub(crate) apart: HashMap<i64, Apart>,
    pub(crate) names: Names,
}

impl Conversation {
    pub(crate) fn new(shared: Arc<Shared>, address: SocketAddr, peer: SocketAddr) -> Self {
        Self {
            shared,
            address,
            peer,
            pipe: None,
            known: None,
            queries: HashMap::new(),
            apart: HashMap::new(),
            names: Names::default(),
        }
    }

    /// Whether somebody is logged in.
    pub(crate) fn is_known(&self) -> bool {
        self.known.is_some()
    }

    /// Until when the next slice of a step has to come, where there is a step that is not complete. Others wait for the room that it has.
    pub(crate) fn slice_due(&self) -> Option<Instant> {
        let transfer = self.pipe.as_ref()?.transfer.as_ref()?;
        Some(transfer.slices.grown()? + self.shared.options.stall)
    }

    /// Forgets the slices of a step that is not complete: what comes of it is rejected, and the step is sent anew.
    pub(crate) fn forget_slices(&mut self) {
        if let Some(transfer) = self.pipe.as_mut().and_then(|link| link.transfer.as_mut()) {
            transfer.slices = Slices::default();
        }
    }

    /// The login.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn known(&self) -> Result<&Known, SessionError> {
        self.known.as_ref().ok_or_else(not_logged_in)
    }

    /// Logs in; who was logged in before is not any more.
    pub(crate) fn log_in(&mut self, client: Client, zone: String, session: EmbeddedSession) -> i64 {
        let id = self.shared.next_id();
        let info = ConnectionInfo {
            user_name: session.user().to_owned(),
            log_in_time: jiff::Timestamp::now().as_millisecond(),
            connection_id: self.peer.to_string(),
            kind: 0,
        };
        self.queries.clear();
        self.apart.clear();
        (self.known, self.pipe) = (None, None);
        // Clients from 1.3 on ask which nodes there are, and send their queries to the addresses they get.
        let mut session = session.reached_at(self.address);
        if Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread {
            session = session.blocking();
        }
        self.shared.clients.lock().insert(id, info);
        self.known = Some(Known { id, client, zone, session, shared: Arc::clone(&self.shared) });
        id
    }

    /// What comes from now on is a pipe's.
    pub(crate) fn comes_by_pipe(&mut self, owner: Arc<str>) {
        if let Some(known) = &mut self.known {
            known.session = known.session.of_pipe(owner);
        }
    }

    /// Another time zone for what is still to come.
    pub(crate) fn set_zone(&mut self, zone: &str) -> Result<(), SessionError> {
        let known = self.known.as_mut().ok_or_else(not_logged_in)?;
        known.session = in_zone(&known.session, zone)?;
        zone.clone_into(&mut known.zone);
        Ok(())
    }

    /// Logs out, which ends all that is open.
    pub(crate) fn log_out(&mut self) {
        self.queries.clear();
        self.apart.clear();
        (self.known, self.pipe) = (None, None);
    }

    /// Runs a statement.
    pub(crate) async fn run(
        &mut self,
        sql: &str,
        wanted: Wanted,
    ) -> Result<ExecuteStatementResp, SessionError> {
        // Deletions come as statements: from a pipe as long as it may send.
        let known = self.sender()?;
        let time = time(&self.shared, wanted.timeout);
        // Clients before 1.0 alone have a form for columns with times of their own.
        if known.client.is_old()
            && wanted.form == Form::Set
            && let Some(columns) = known.session.query_apart(sql, Some(time)).await?
        {
            let mut query = Apart::open(&self.shared, columns, wanted)?;
            let answer = query.first().await?;
            self.apart.insert(query.id(), query);
            return Ok(answer);
        }
        match known.session.execute_within(sql, Some(time)).await? {
            Outcome::Done(message) => Ok(ExecuteStatementResp {
                status: said(StatusCode::SUCCESS, message),
                ..ExecuteStatementResp::default()
            }),
            Outcome::Rows(rows) => {
                let client = known.client;
                let rows = if client == Client::Oldest { heads::of_0_12(sql, rows) } else { rows };
                let mut query = Query::open(&self.shared, rows, wanted, client)?;
                let answer = query.first().await?;
                if query.has_more() {
                    self.queries.insert(query.id(), query);
                }
                Ok(answer)
            }
        }
    }

    /// More rows of a query. One that is over, or is not known, has none.
    pub(crate) async fn fetch(
        &mut self,
        req: &FetchResultsReq,
        form: Form,
    ) -> Result<FetchResultsResp, SessionError> {
        self.known()?;
        if let Some(query) = self.apart.get_mut(&req.query_id) {
            let answer = query.next(req.fetch_size).await;
            if !answer.as_ref().is_ok_and(|answer| answer.has_result_set) {
                self.apart.remove(&req.query_id);
            }
            return answer;
        }
        let none = FetchResultsResp { status: done(), is_align: true, ..FetchResultsResp::default() };
        let Some(query) = self.queries.get_mut(&req.query_id) else {
            return Ok(FetchResultsResp { more_data: Some(false), ..none });
        };
        let answer = query.next(form, req.fetch_size).await;
        if answer.is_err() || !query.has_more() {
            self.queries.remove(&req.query_id);
        }
        answer
    }
}

/// A session in another time zone.
///
/// # Errors
/// There is no such time zone.
pub(crate) fn in_zone(session: &EmbeddedSession, zone: &str) -> Result<EmbeddedSession, SessionError> {
    const SET_TIME_ZONE_ERROR: StatusCode = StatusCode(703);
    session.in_zone(zone).map_err(|error| SessionError::new(SET_TIME_ZONE_ERROR, error.to_string()))
}

fn not_logged_in() -> SessionError {
    SessionError::new(
        StatusCode::NOT_LOGIN,
        "Log in failed. Either you are not authorized or the session has timed out.",
    )
}

/// How long a query may compute.
fn time(shared: &Shared, milliseconds: Option<i64>) -> Duration {
    let given = milliseconds.and_then(|time| u64::try_from(time).ok()).filter(|time| *time > 0);
    given.map_or_else(|| shared.query_timeout(), Duration::from_millis)
}
