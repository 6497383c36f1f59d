//! What became of a step, and what its sender is told.

use levada_engine::tsfiles::ReadError;
use levada_model::{RejectedRows, SessionError, StatusCode};
use levada_rpc::messages::Status;

use super::{
    FilesError,
    codes::{CONFLICT, FILE, LATER, OFFSET, PASSED_OVER},
};
use crate::status::{done, said};

/// What became of a step whose other parts are stored.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    rejections: usize,
    first: Option<(StatusCode, String)>,
    passed_over: Option<String>,
}

impl Outcome {
    /// Rows, or values of them, were rejected.
    pub(crate) fn rejected(&mut self, count: usize, first: Option<RejectedRows>) {
        let Some(first) = first else { return };
        self.rejections += count;
        let of = first.measurement.map(|name| format!("measurement {name}: ")).unwrap_or_default();
        self.first.get_or_insert_with(|| (first.code, format!("{of}{}", first.message)));
    }

    /// A change of the catalog was rejected.
    pub(crate) fn failed(&mut self, error: &SessionError) {
        self.rejections += 1;
        self.first.get_or_insert_with(|| (error.code, error.message.clone()));
    }

    /// A change is one that is not made here.
    pub(crate) fn pass_over(&mut self, what: String) {
        self.passed_over.get_or_insert(what);
    }

    pub(crate) fn status(self) -> Status {
        match (self.first, self.passed_over) {
            // Rows that have lived their time are no loss.
            (Some((StatusCode::OUT_OF_TTL, why)), _) => said(PASSED_OVER, why),
            (Some((code, why)), _) => {
                let message =
                    format!("{} parts are rejected, all others are stored: {why} ({code})", self.rejections);
                tracing::warn!(reason = message, "a pipe's changes do not fit");
                said(CONFLICT, message)
            }
            (None, Some(what)) => {
                tracing::warn!(what, "a pipe asks for what is not done here");
                said(PASSED_OVER, what)
            }
            (None, None) => done(),
        }
    }
}

/// The status of a step that failed.
pub(crate) fn status_of(error: &SessionError) -> Status {
    let unreadable = error.source.as_ref().and_then(|source| source.downcast_ref::<ReadError>());
    let code = match (error.code, unreadable) {
        (_, Some(ReadError::Io { .. })) => LATER,
        // Sent again it is the same: the pipe goes on after a while, and says so.
        (_, Some(_)) => CONFLICT,
        (_, None) if error.transient => LATER,
        (code, None) => code,
    };
    said(code, error.message.clone())
}

/// The code of a piece or a seal that is not taken.
pub(crate) fn code_of(error: &FilesError) -> StatusCode {
    match error {
        FilesError::Offset { .. } => OFFSET,
        FilesError::Later(_) => LATER,
        FilesError::Wrong(_) => FILE,
    }
}
