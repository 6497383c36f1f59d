//! Outcomes as the statuses of the protocol.

use levada_model::{SessionError, StatusCode};
use levada_rpc::{
    messages::{
        ExecuteStatementResp, FetchMetadataResp, FetchResultsResp, GetTimeZoneResp, PrepareResp,
        QueryTemplateResp, ShowConfigurationResp, ShowConfigurationTemplateResp, Status,
    },
    thrift::Wire,
};

/// What a call gives, which can also say that it failed.
pub(crate) trait Answer: Wire {
    /// The answer of a call that failed.
    fn failed(status: Status) -> Self;
}

impl Answer for Status {
    fn failed(status: Status) -> Self {
        status
    }
}

macro_rules! answers {
    ($($answer:ident),*) => {$(
        impl Answer for $answer {
            fn failed(status: Status) -> Self {
                Self { status, ..Self::default() }
            }
        }
    )*};
}

answers!(
    ExecuteStatementResp,
    FetchMetadataResp,
    FetchResultsResp,
    GetTimeZoneResp,
    PrepareResp,
    QueryTemplateResp,
    ShowConfigurationResp,
    ShowConfigurationTemplateResp
);

/// Success.
pub(crate) fn done() -> Status {
    said(StatusCode::SUCCESS, String::new())
}

/// A code with its message.
pub(crate) fn said(code: StatusCode, message: String) -> Status {
    Status { code: code.0, message: Some(message), ..Status::default() }
}

/// A failure. Clients repeat by themselves what may work later: only what is certain not to have been rejected for good.
pub(crate) fn failure(error: &SessionError) -> Status {
    let again = matches!(
        error.code,
        StatusCode::NOT_READY
            | StatusCode::WRITE_PROCESS_ERROR
            | StatusCode::WRITE_PROCESS_REJECT
            | StatusCode::DISK_SPACE_INSUFFICIENT
    );
    Status { need_retry: again.then_some(true), ..said(error.code, error.message.clone()) }
}

/// The status of a call of several parts: each has its own where one of them failed.
pub(crate) fn of_parts(parts: Vec<Status>) -> Status {
    if parts.iter().all(|part| StatusCode(part.code).is_success()) {
        return done();
    }
    let failed = parts.iter().filter(|part| !StatusCode(part.code).is_success());
    let words: Vec<_> = failed.filter_map(|part| part.message.as_deref()).take(3).collect();
    let message = words.join("; ");
    Status { sub_status: Some(parts), ..said(StatusCode::MULTIPLE_ERROR, message) }
}

/// The status of a call that wrote rows: that of the first part which failed, with what was said of each.
pub(crate) fn of_rows(parts: Vec<Status>) -> Status {
    let first = parts.iter().map(|part| part.code).find(|code| !StatusCode(*code).is_success());
    let whole = of_parts(parts);
    Status { code: first.unwrap_or(whole.code), ..whole }
}

/// The rejection of a request that is not well formed.
pub(crate) fn malformed(error: impl std::fmt::Display) -> SessionError {
    SessionError::new(StatusCode::ILLEGAL_PARAMETER, error.to_string())
}
