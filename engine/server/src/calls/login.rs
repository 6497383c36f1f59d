//! Logging in and out.

use std::ops::ControlFlow::{Break, Continue};

use levada_model::StatusCode;
use levada_rpc::{
    messages::{
        CloseSession, GetTimeZone, GetTimeZoneResp, OpenSession, OpenSessionReq, OpenSessionResp,
        PROTOCOL_V3, Request, RequestStatementId, SetTimeZone, Status,
    },
    thrift::Pairs,
};

use super::{Answered, Replies};
use crate::{
    client::Client,
    conversation::{Conversation, in_zone},
    status::{done, failure, said},
};

impl Conversation {
    pub(super) async fn login_calls(&mut self, replies: Replies<'_>, request: Request) -> Answered {
        Break(match request {
            Request::OpenSession(OpenSession { req }) => replies.value(self.open_session(&req).await),
            Request::CloseSession(CloseSession { .. }) => {
                self.log_out();
                replies.value(done())
            }
            Request::RequestStatementId(RequestStatementId { .. }) => replies.value(self.shared.next_id()),
            Request::GetTimeZone(GetTimeZone { .. }) => replies.result(
                self.known().map(|known| GetTimeZoneResp { status: done(), time_zone: known.zone.clone() }),
            ),
            Request::SetTimeZone(SetTimeZone { req }) => {
                replies.result(self.set_zone(&req.time_zone).map(|()| done()))
            }
            other => return Continue(other),
        })
    }

    async fn open_session(&mut self, req: &OpenSessionReq) -> OpenSessionResp {
        let (status, session_id) = match self.try_open(req).await {
            Ok(id) => (said(StatusCode::SUCCESS, "Login successfully".to_owned()), id),
            Err(status) => (status, -1),
        };
        let precision = Pairs(vec![("timestamp_precision".to_owned(), "ms".to_owned())]);
        OpenSessionResp {
            status,
            server_protocol_version: PROTOCOL_V3,
            session_id: Some(session_id),
            configuration: Some(precision),
        }
    }

    async fn try_open(&mut self, req: &OpenSessionReq) -> Result<i64, Status> {
        const UNSUPPORTED_SQL_DIALECT: StatusCode = StatusCode(205);
        if req.client_protocol != PROTOCOL_V3 {
            let message = "The version is incompatible, please use a client of version 0.12 or later";
            return Err(said(StatusCode::INCOMPATIBLE_VERSION, message.to_owned()));
        }
        let setting = |key: &str| {
            let pairs = req.configuration.iter().flat_map(|pairs| &pairs.0);
            pairs.filter(|(each, _)| each == key).map(|(_, value)| value.as_str()).next_back()
        };
        if let Some(dialect) = setting("sql_dialect").filter(|dialect| !dialect.eq_ignore_ascii_case("tree"))
        {
            let message = format!("Unknown sql_dialect: {dialect}; only `tree` is supported");
            return Err(said(UNSUPPORTED_SQL_DIALECT, message));
        }
        let client = match (setting("version"), setting("sql_dialect")) {
            // Clients before 0.13 say no version.
            (None | Some("V_0_12"), None) => Client::Oldest,
            (Some("V_0_13"), None) => Client::Old,
            (_, None) => Client::V1,
            (_, Some(_)) => Client::V2,
        };
        let user = req.username.as_deref().unwrap_or_default();
        let password = req.password.as_deref().unwrap_or_default();
        let (engine, time) = (&self.shared.engine, self.shared.query_timeout());
        let opened = self.shared.logins.open(engine, (user, password), self.peer, time).await;
        let session = opened.and_then(|session| in_zone(&session, &req.zone_id));
        let session = session.map_err(|error| failure(&error))?;
        let session = if client == Client::Oldest { session.by_prefixes() } else { session };
        Ok(self.log_in(client, req.zone_id.clone(), session))
    }
}
