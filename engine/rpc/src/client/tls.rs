//! Failures of encryption as errors of a client.

use levada_model::{SessionError, StatusCode};
use levada_net::Failure;

use super::ClientError;

/// Authentication failed before a login: the code IoTDB has for it.
const INIT_AUTH_ERROR: StatusCode = StatusCode(800);

/// The error where a connection's encryption failed: a rejection where waiting does not heal it.
pub(super) fn failed(node: &str, failure: &Failure) -> ClientError {
    match failure {
        failure if failure.lasts() => rejected(node, &failure.to_string()),
        Failure::Broken(_) => lost(node, format!("{failure} (`enable_thrift_ssl` of an IoTDB)")),
        failure => lost(node, failure.to_string()),
    }
}

/// The error where a server speaks TLS to a client that does not.
pub(super) fn wanted(node: &str) -> ClientError {
    rejected(
        node,
        "it wants TLS: ask for it (`tls: {}` at `nodes` of a pipeline, `--tls` on the command line)",
    )
}

fn lost(node: &str, reason: String) -> ClientError {
    ClientError::Lost { node: node.to_owned(), reason, timed_out: false }
}

fn rejected(node: &str, reason: &str) -> ClientError {
    ClientError::Rejected(SessionError::new(INIT_AUTH_ERROR, format!("{node}: {reason}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_waiting_does_not_heal_is_a_rejection() {
        let rejects = |failure| matches!(failed("node:6667", &failure), ClientError::Rejected(_));
        assert!(rejects(Failure::UnknownAuthority) && rejects(Failure::Plain));
        assert!(!rejects(Failure::Passing("expired".to_owned())));
        let broken = failed("node:6667", &Failure::Broken("ended".to_owned())).to_string();
        assert!(broken.contains("perhaps it does not serve TLS (`enable_thrift_ssl`"), "{broken}");
    }
}
