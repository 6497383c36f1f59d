//! What can go wrong in a query.

use arrow_schema::ArrowError;
use levada_model::{SessionError, StatusCode};
use levada_storage::StorageError;
use levada_udf::{FaultKind, UdfError};

/// Why a query gives no rows, or no more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The query makes no sense, or asks for what is not there; the code says which.
    #[error("{message}")]
    Rejected {
        /// As clients know it.
        code: StatusCode,
        /// What, why, and what to do.
        message: String,
    },
    /// The query needs more memory than it may have.
    #[error(
        "the query needs more than the {limit} bytes of memory it may have (for {what}); narrow its time range, \
         ask for fewer columns or leave out `order by`"
    )]
    Memory {
        /// What the memory was for.
        what: &'static str,
        /// The query's budget.
        limit: usize,
    },
    /// Nobody waits for the rows any more.
    #[error("the query was cancelled")]
    Cancelled,
    /// The store could not be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A function of a user's failed; the message names function and method.
    #[error(transparent)]
    Function(#[from] UdfError),
    /// A computation on columns failed.
    #[error("the query failed while computing: {0}")]
    Compute(#[from] ArrowError),
}

impl QueryError {
    /// A query that is well formed but makes no sense.
    pub(crate) fn semantic(message: impl Into<String>) -> Self {
        Self::Rejected { code: StatusCode::SEMANTIC_ERROR, message: message.into() }
    }

    /// A row cannot be computed.
    pub(crate) fn execution(message: impl Into<String>) -> Self {
        Self::Rejected { code: StatusCode::EXECUTE_STATEMENT_ERROR, message: message.into() }
    }

    /// A query that is recognised and not carried out.
    pub(crate) fn unsupported(what: impl std::fmt::Display) -> Self {
        Self::Rejected {
            code: StatusCode::UNSUPPORTED_OPERATION,
            message: format!("{what} is not supported"),
        }
    }

    /// A view that cannot be.
    pub(crate) fn view_unsupported(why: impl std::fmt::Display) -> Self {
        Self::Rejected {
            code: StatusCode::UNSUPPORTED_OPERATION,
            message: format!("View unsupported, because: {why}"),
        }
    }

    /// The code clients know it by.
    pub fn code(&self) -> StatusCode {
        match self {
            Self::Rejected { code, .. } => *code,
            Self::Memory { .. } => StatusCode::QUERY_MEMORY_NOT_ENOUGH,
            Self::Storage(error) => error.code(),
            Self::Function(error) => match error.fault.kind {
                FaultKind::Module => StatusCode::UDF_LOAD_CLASS_ERROR,
                FaultKind::MemoryLimit => StatusCode::QUERY_MEMORY_NOT_ENOUGH,
                // The call is what is wrong.
                _ if error.method.is_of_the_start() => StatusCode::SEMANTIC_ERROR,
                _ => StatusCode::EXECUTE_STATEMENT_ERROR,
            },
            Self::Compute(_) | Self::Cancelled => StatusCode::QUERY_PROCESS_ERROR,
        }
    }
}

impl From<QueryError> for SessionError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Storage(error) => error.into(),
            error => Self::new(error.code(), error.to_string()).caused_by(error),
        }
    }
}
