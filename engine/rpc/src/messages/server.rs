//! What a server says of itself.

use super::Status;
use crate::thrift::structures;

structures! {
    /// Version and limits. Fields from 5 on moved between 1.0 and 1.2: those of the newer numbers are read.
    ServerProperties {
        1 required version: String,
        2 required supported_time_aggregation_operations: Vec<String>,
        3 required timestamp_precision: String,
        4 optional max_concurrent_client_num: i32,
        5 optional thrift_max_frame_size: i32,
        6 optional is_read_only: bool,
        7 optional build_info: String,
        8 optional logo: String,
    }

    /// Asks for metadata.
    FetchMetadataReq {
        1 required session_id: i64,
        /// `METADATA_IN_JSON`, `COLUMN` or `ALL_COLUMNS`.
        2 required kind: String,
        3 optional column_path: String,
    }

    /// Metadata.
    FetchMetadataResp {
        1 required status: Status,
        2 optional metadata_in_json: String,
        3 optional columns_list: Vec<String>,
        4 optional data_type: String,
    }

    /// 0.13: the system's status.
    GetSystemStatusResp {
        1 required status: Status,
        2 required system_status: String,
    }

    /// 0.13: a write for a second server.
    OperationSyncWriteReq {
        1 required session_id: i64,
        2 required operation_sync_type: i8,
        3 required physical_plan: bytes::Bytes,
    }

    /// Whether writes go to a second server, too.
    BackupConfigurationResp {
        1 required status: Status,
        2 optional enable_operation_sync: bool,
        3 optional secondary_address: String,
        4 optional secondary_port: i32,
    }

    /// The configuration's template.
    ShowConfigurationTemplateResp {
        1 required status: Status,
        2 required content: String,
    }

    /// The configuration.
    ShowConfigurationResp {
        1 required status: Status,
        2 required content: String,
    }
}
