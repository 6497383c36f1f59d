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
    /// The first that is a loss, or, where none is, the first.
    first: Option<(StatusCode, String)>,
    passed_over: Option<String>,
}

impl Outcome {
    /// Rows, or values of them, were rejected; which of these is to be told of.
    pub(crate) fn rejected(&mut self, count: usize, first: Option<RejectedRows>) {
        let Some(first) = first else { return };
        let of = first.measurement.map(|name| format!("measurement {name}: ")).unwrap_or_default();
        self.count(count, first.code, format!("{of}{}", first.message));
    }

    /// A change of the catalog was rejected.
    pub(crate) fn failed(&mut self, error: &SessionError) {
        self.count(1, error.code, error.message.clone());
    }

    fn count(&mut self, rejections: usize, code: StatusCode, why: String) {
        self.rejections += rejections;
        match &self.first {
            Some((known, _)) if *known != StatusCode::OUT_OF_TTL || code == StatusCode::OUT_OF_TTL => {}
            _ => self.first = Some((code, why)),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(codes: &[StatusCode]) -> i32 {
        let mut outcome = Outcome::default();
        for &code in codes {
            let rows =
                RejectedRows { tablet: 0, rows: None, measurement: None, code, message: "why".to_owned() };
            outcome.rejected(1, Some(rows));
        }
        outcome.status().code
    }

    #[test]
    fn what_is_lost_is_told_whatever_has_lived_its_time_beside_it() {
        let (late, lost) = (StatusCode::OUT_OF_TTL, StatusCode::DATA_TYPE_MISMATCH);
        assert_eq!(of(&[late, late]), PASSED_OVER.0);
        for codes in [&[lost][..], &[late, lost], &[lost, late], &[late, lost, late]] {
            assert_eq!(of(codes), CONFLICT.0, "{codes:?}");
        }
        assert_eq!(of(&[]), StatusCode::SUCCESS.0);
    }
}
