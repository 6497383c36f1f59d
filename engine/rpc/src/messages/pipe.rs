//! How servers send data to each other, and to subscribers.

use bytes::Bytes;

use super::Status;
use crate::thrift::structures;

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
