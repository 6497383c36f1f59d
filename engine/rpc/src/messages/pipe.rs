//! How servers send data to each other, and to subscribers.

use bytes::Bytes;

use super::Status;
use crate::thrift::structures;

/// The version whose protocol this program speaks to other servers.
pub const PROTOCOL_VERSION: &str = "2.0.1";

/// Whose version it is, where it is this program's.
const OURS: &str = " (Levada";

/// What stands before the name of an engine.
const ENGINE: &str = "engine ";

/// Whether a server's version says that it is one of this program's.
pub fn is_ours(version: &str) -> bool {
    version.contains(OURS)
}

/// The version of who shakes hands as a pipe, with the name of the engine that sends.
pub fn introduce(engine: &str) -> String {
    format!("{PROTOCOL_VERSION}{OURS}; {ENGINE}{engine})")
}

/// Between the name of an engine and those of the engines that its rows came by.
const CAME_BY: char = '<';

/// The name of an engine that sends on what came by others, the nearest first.
pub fn sends_on(engine: &str, came_by: &str) -> String {
    format!("{engine}{CAME_BY}{came_by}")
}

/// The engines that rows came by, the nearest first: see [`sends_on`].
pub fn engines(came_by: &str) -> impl Iterator<Item = &str> {
    came_by.split(CAME_BY)
}

/// The name of an engine in what it was introduced with, or in an answer to that.
pub fn introduced(text: &str) -> Option<&str> {
    let (_, name) = text.split_once(ENGINE)?;
    Some(name.split([')', ';']).next().unwrap_or(name)).filter(|name| !name.is_empty())
}

/// Said by a receiver that takes files of chunks on the connections of a pipe.
const TAKES_CHUNKS: &str = "; takes chunks";

/// An answer to a handshake with the name of the engine that receives. It takes files of chunks.
pub fn answer_introduction(engine: &str) -> String {
    format!("{ENGINE}{engine}{TAKES_CHUNKS}")
}

/// Whether who answered so takes files of chunks.
pub fn takes_chunks(answer: &str) -> bool {
    answer.contains(TAKES_CHUNKS)
}

structures! {
    /// Who begins to sync.
    SyncIdentityInfo {
        1 required pipe_name: String,
        2 required create_time: i64,
        3 required version: String,
        4 required database: String,
    }

    /// A piece of a file.
    SyncTransportMetaInfo {
        1 required file_name: String,
        2 required start_index: i64,
    }

    /// A database, as servers keep it among themselves.
    DatabaseSchema {
        1 required name: String,
    }

    /// A step of a pipe.
    PipeTransferReq {
        1 required version: i8,
        2 required kind: i16,
        3 required body: Bytes,
    }

    /// How it went.
    PipeTransferResp {
        1 required status: Status,
        2 optional body: Bytes,
    }

    /// A step of a subscription.
    PipeSubscribeReq {
        1 required version: i8,
        2 required kind: i16,
        3 optional body: Bytes,
    }

    /// How it went.
    PipeSubscribeResp {
        1 required status: Status,
        2 required version: i8,
        3 required kind: i16,
        4 optional body: Vec<Bytes>,
    }
}
