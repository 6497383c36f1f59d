//! A client: one connection with one node, logged in.
//!
//! A [`Client`] does one thing at a time. Several at a time, over several nodes, is what [`Pool`](crate::Pool) is for.
//! A call that was dropped, or failed halfway, leaves the connection out of step: [`Client::is_broken`] holds from then on
//! and every further call fails.

mod codes;
mod connection;
mod insert;
mod login;
mod options;
mod rows;
mod schema;
mod statement;
mod tls;

pub use codes::Generation;
pub use login::{Client, Server};
pub use options::ClientOptions;
pub use rows::Shape;
pub use statement::{Answer, Cursor};
pub use tls::{Tls, TlsError, TlsFiles};

use levada_model::SessionError;

/// Why a node did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The node cannot be reached, hung up, does not answer, or does not speak the protocol. What became of the request is not
    /// known.
    #[error("{node}: {reason}")]
    Lost {
        /// The node.
        node: String,
        /// What happened.
        reason: String,
        /// Whether the time was over.
        timed_out: bool,
    },
    /// The node answered that it does not.
    #[error(transparent)]
    Refused(#[from] SessionError),
}

impl From<ClientError> for SessionError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Lost { .. } => Self::new(levada_model::StatusCode::NOT_READY, error.to_string()),
            ClientError::Refused(error) => error,
        }
    }
}
