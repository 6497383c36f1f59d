//! Errors of librdkafka as ours.

use levada_connector_api::{Domain, Error, ErrorKind, Retry};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// Whether an error stays until somebody changes something: a right, a password, a certificate.
pub fn is_lasting(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::UnsupportedSASLMechanism
            | Code::SSL
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::NotImplemented
            | Code::UnsupportedFeature
    )
}

/// A client's error as one of ours.
pub fn failure(what: &str, error: &KafkaError) -> Error {
    use RDKafkaErrorCode as Code;
    let (kind, domain, retry) = match error.rdkafka_error_code() {
        Some(Code::NotImplemented | Code::UnsupportedFeature) => {
            (ErrorKind::Rejected, Domain::User, Retry::Never)
        }
        Some(code) if is_lasting(code) => (ErrorKind::Auth, Domain::User, Retry::Never),
        Some(Code::FencedInstanceId) => {
            let message = format!(
                "{what}: another process has the same member id; two processes must not share, nor copy, a state folder"
            );
            return Error::new(ErrorKind::Rejected, Domain::User, Retry::Never, message);
        }
        Some(Code::OperationTimedOut | Code::RequestTimedOut) => {
            (ErrorKind::Timeout, Domain::External, Retry::Later)
        }
        Some(Code::Fatal) => (ErrorKind::Rejected, Domain::External, Retry::Never),
        _ => (ErrorKind::Connection, Domain::External, Retry::Later),
    };
    Error::new(kind, domain, retry, format!("{what}: {error}"))
}
