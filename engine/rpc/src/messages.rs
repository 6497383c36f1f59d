//! The services' structures and calls: `TSIService` (0.12, 0.13) and `IClientRPCService` (from 1.0 on).
//!
//! One set of structures serves all versions: unknown fields are skipped, absent fields are `None`. The structure
//! `TSInsertTabletReq` is [`InsertTabletReq`] here; fields keep their names, in snake case.

mod calls;
mod insert;
mod pipe;
mod query;
mod schema;
mod server;
mod session;
mod statement;
mod status;

pub use calls::*;
pub use insert::*;
pub use pipe::*;
pub use query::*;
pub use schema::*;
pub use server::*;
pub use session::*;
pub use statement::*;
pub use status::{EndPoint, Status};

/// A call: a method's name, its arguments (the implementing type) and its reply.
pub trait Call: crate::thrift::Wire {
    /// The name on the wire.
    const METHOD: &'static str;
    /// The reply.
    type Reply: crate::thrift::Wire;
}
