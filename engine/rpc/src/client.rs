//! A client: one connection with one node, logged in.
//!
//! A [`Client`] makes one call at a time; [`Pool`](crate::Pool) makes several at a time, over several nodes. A call that was
//! dropped or failed halfway leaves the connection out of step: from then on [`Client::is_broken`] is true and every call
//! fails.

mod codes;
mod connection;
mod insert;
mod login;
mod options;
mod pipe;
mod rows;
mod schema;
mod statement;
mod tls;

pub use codes::Generation;
pub use levada_net::{ClientFiles, ClientTls, TlsError};
pub use login::{Client, Server};
pub use options::ClientOptions;
pub use pipe::PipeIdentity;
pub use rows::Shape;
pub use statement::{Answer, Cursor};

use levada_model::SessionError;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The node cannot be reached, hung up, does not answer, or does not speak the protocol. Whether the request took effect is
    /// unknown.
    #[error("{node}: {reason}")]
    Lost {
        /// The node.
        node: String,
        /// What happened.
        reason: String,
        /// Whether the time was over.
        timed_out: bool,
    },
    /// The node answered with an error.
    #[error(transparent)]
    Rejected(#[from] SessionError),
}

impl From<ClientError> for SessionError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Lost { .. } => Self::new(levada_model::StatusCode::NOT_READY, error.to_string()),
            ClientError::Rejected(error) => error,
        }
    }
}
