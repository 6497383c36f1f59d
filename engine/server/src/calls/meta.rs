//! What the server says of itself, and what it does not do.

use std::ops::ControlFlow::{Break, Continue};

use levada_engine::EmbeddedSession;
use levada_model::SessionError;
use levada_rpc::{
    messages::{
        BackupConfigurationResp, ConnectionInfo, ConnectionInfoResp, FetchMetadataResp, GetSystemStatusResp,
        PipeSubscribeResp, PrepareResp, QueryTemplateResp, Request, ServerProperties, ShowConfigurationResp,
        ShowConfigurationTemplateResp,
    },
    thrift::Frame,
};

use super::{Answered, Replies};
use crate::{
    conversation::Conversation,
    status::{Answer, done, failure},
};

/// The version whose protocol and answers these are. Clients read its numbers; the rest says whose server it is.
const VERSION: &str = concat!("2.0.1 (Levada ", env!("CARGO_PKG_VERSION"), ")");

impl Conversation {
    pub(super) async fn meta_calls(&mut self, replies: Replies<'_>, request: Request) -> Answered {
        Break(match request {
            Request::GetProperties(_) => replies.value(self.properties()),
            Request::TestConnectionEmpty(_) => replies.value(done()),
            Request::FetchAllConnectionsInfo(_) => replies.value(ConnectionInfoResp {
                connection_info_list: match self.known() {
                    Ok(known) => self.clients_seen_by(&known.session),
                    Err(_) => Vec::new(),
                },
            }),
            Request::GetBackupConfiguration(_) => replies
                .value(BackupConfigurationResp { status: done(), ..BackupConfigurationResp::default() }),
            Request::GetSystemStatus(_) => replies.value(match self.known() {
                Ok(_) => GetSystemStatusResp { status: done(), system_status: "NORMAL".to_owned() },
                Err(error) => {
                    GetSystemStatusResp { status: failure(&error), ..GetSystemStatusResp::default() }
                }
            }),
            other => match self.known() {
                Ok(_) => return Continue(other),
                Err(error) => rejected(replies, &other, &error),
            },
        })
    }

    /// Who is logged in; those who may not know who else is see themselves.
    fn clients_seen_by(&self, session: &EmbeddedSession) -> Vec<ConnectionInfo> {
        let all = session.may_maintain();
        let clients = self.shared.clients.lock();
        clients.values().filter(|client| all || client.user_name == session.user()).cloned().collect()
    }

    fn properties(&self) -> ServerProperties {
        let number = |count: usize| Some(i32::try_from(count).unwrap_or(i32::MAX));
        ServerProperties {
            version: VERSION.to_owned(),
            supported_time_aggregation_operations: vec!["max_time".to_owned(), "min_time".to_owned()],
            timestamp_precision: "ms".to_owned(),
            max_concurrent_client_num: number(self.shared.options.connections),
            thrift_max_frame_size: number(self.shared.options.frame_bytes),
            is_read_only: Some(false),
            build_info: Some(env!("CARGO_PKG_VERSION").to_owned()),
            logo: Some("Levada".to_owned()),
        }
    }
}

/// The answer to a call of something that this server does not do.
pub(super) fn answer_unsupported(replies: Replies<'_>, request: &Request) -> Frame {
    rejected(replies, request, &SessionError::unsupported(format_args!("the call `{}`", replies.head.name)))
}

fn rejected(replies: Replies<'_>, request: &Request, error: &SessionError) -> Frame {
    let status = failure(error);
    match request {
        Request::FetchMetadata(_) => replies.value(FetchMetadataResp::failed(status)),
        Request::QuerySchemaTemplate(_) => replies.value(QueryTemplateResp::failed(status)),
        Request::ShowConfiguration(_) => replies.value(ShowConfigurationResp::failed(status)),
        Request::ShowConfigurationTemplate(_) => replies.value(ShowConfigurationTemplateResp::failed(status)),
        Request::PrepareStatement(_) => replies.value(PrepareResp::failed(status)),
        Request::ExecutePreparedStatement(_)
        | Request::ExecuteGroupByQueryIntervalQuery(_)
        | Request::ExecuteFastLastDataQueryForOnePrefixPath(_) => {
            replies.value(levada_rpc::messages::ExecuteStatementResp::failed(status))
        }
        Request::PipeSubscribe(_) => {
            replies.value(PipeSubscribeResp { status, ..PipeSubscribeResp::default() })
        }
        _ => replies.value(status),
    }
}
