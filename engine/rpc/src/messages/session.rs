//! Logging in and out.

use super::Status;
use crate::thrift::{Pairs, structures};

/// `client_protocol` and `serverProtocolVersion` of everything from 0.12 on (`IOTDB_SERVICE_PROTOCOL_V3`).
pub const PROTOCOL_V3: i32 = 2;

structures! {
    /// Who logs in, and how.
    OpenSessionReq {
        /// See [`PROTOCOL_V3`].
        1 required client_protocol: i32,
        /// A name such as `Europe/Berlin`, or `+08:00`.
        2 required zone_id: String,
        /// Required from 0.13 on, except in 1.0.
        3 optional username: String,
        4 optional password: String,
        /// `version` (`V_0_12`, `V_0_13`, `V_1_0`), `sql_dialect` (`tree`, `table`), `db`.
        5 optional configuration: Pairs<String, String>,
    }

    /// The session.
    OpenSessionResp {
        1 required status: Status,
        /// See [`PROTOCOL_V3`].
        2 required server_protocol_version: i32,
        3 optional session_id: i64,
        /// From 2.0 on `timestamp_precision`: `ms`, `us` or `ns`.
        4 optional configuration: Pairs<String, String>,
    }

    /// Ends a session.
    CloseSessionReq {
        1 required session_id: i64,
    }

    /// The session's time zone.
    GetTimeZoneResp {
        1 required status: Status,
        2 required time_zone: String,
    }

    /// Sets the session's time zone.
    SetTimeZoneReq {
        1 required session_id: i64,
        2 required time_zone: String,
    }

    /// Who is connected.
    ConnectionInfo {
        1 required user_name: String,
        /// Milliseconds since 1970 UTC.
        2 required log_in_time: i64,
        3 required connection_id: String,
        /// 0 Thrift, 1 MQTT, 2 internal, 3 REST.
        4 required kind: i32,
    }

    /// All who are connected.
    ConnectionInfoResp {
        1 required connection_info_list: Vec<ConnectionInfo>,
    }
}
