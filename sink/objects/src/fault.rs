//! From the library's errors to those of connectors: what passes, and what somebody has to do about the others.

use std::{error::Error as StdError, io};

use levada_connector_api::{Domain, Error, ErrorKind, Retry};
use object_store::client::{HttpError, HttpErrorKind};

use crate::http::Answer;

/// The place that is asked for keys on a machine of AWS, where none are given.
const METADATA: &str = "169.254.169.254";

/// What an error of an attempt to do `what` means.
pub(crate) fn fault(what: &str, error: object_store::Error) -> Error {
    use object_store::Error as Known;
    let text = told(&error);
    let make = |kind, retry, advice: &str| {
        let advice = if advice.is_empty() { String::new() } else { format!(": {advice}") };
        Error::new(kind, Domain::External, retry, format!("cannot {what}{advice}")).with("answer", &text)
    };
    let made = match &error {
        Known::NotFound { .. } => make(
            ErrorKind::NotFound,
            Retry::Never,
            "there is no such bucket or folder: make it, or correct `url`, `endpoint` or `region`",
        ),
        Known::PermissionDenied { .. } | Known::Unauthenticated { .. } => make(
            ErrorKind::Auth,
            Retry::Never,
            "the keys may not do that: give keys that may get, put and delete objects there (`keys`, or AWS_ACCESS_KEY_ID \
                and AWS_SECRET_ACCESS_KEY)",
        ),
        // Somebody else was at the same object at the same time.
        Known::AlreadyExists { .. } | Known::Precondition { .. } => {
            make(ErrorKind::Rejected, Retry::Later, "")
        }
        Known::NotSupported { .. } | Known::NotImplemented { .. } | Known::InvalidPath { .. } => {
            make(ErrorKind::Config, Retry::Never, "this store does not do that")
        }
        _ => return of_cause(what, error, &make),
    };
    made.caused_by(error)
}

fn of_cause(what: &str, error: object_store::Error, make: &dyn Fn(ErrorKind, Retry, &str) -> Error) -> Error {
    if let Some(answer) = find::<Answer>(&error) {
        let made = match answer.status {
            300..400 => make(
                ErrorKind::Config,
                Retry::Never,
                "the bucket is in another region or at another endpoint: set `region` or `endpoint`",
            ),
            408 | 429 => make(ErrorKind::Exhausted, Retry::Later, "the store asks to wait"),
            503 if answer.text.contains("SlowDown") => {
                make(ErrorKind::Exhausted, Retry::Later, "the store asks to wait")
            }
            400 if answer.text.contains("RequestTimeout") => make(ErrorKind::Timeout, Retry::Later, ""),
            400..=499 | 501 => make(ErrorKind::Rejected, Retry::Never, "the store does not take the request"),
            _ => make(ErrorKind::Connection, Retry::Later, ""),
        };
        return made.caused_by(error);
    }
    if let Some(http) = find::<HttpError>(&error) {
        let kind = match http.kind() {
            HttpErrorKind::Timeout => ErrorKind::Timeout,
            _ => ErrorKind::Connection,
        };
        let advice = match told(&error).contains(METADATA) {
            true => {
                "no keys are given, and this is no machine that AWS gives some: set `keys`, or AWS_ACCESS_KEY_ID \
                    and AWS_SECRET_ACCESS_KEY"
            }
            false => "",
        };
        return make(kind, Retry::Later, advice).caused_by(error);
    }
    if let Some(io) = find::<io::Error>(&error) {
        let again = io::Error::new(io.kind(), told(&error));
        return Error::io(format!("cannot {what}"), again).caused_by(error);
    }
    make(ErrorKind::Connection, Retry::Later, "").caused_by(error)
}

/// An error and its causes, each once.
fn told(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// The first cause of a kind.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}
