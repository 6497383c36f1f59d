//! Queries other than statements.

use crate::thrift::structures;

structures! {
    /// Values of series from one time up to, but not including, another.
    RawDataQueryReq {
        1 required session_id: i64,
        2 required paths: Vec<String>,
        3 optional fetch_size: i32,
        4 required start_time: i64,
        5 required end_time: i64,
        6 required statement_id: i64,
        7 optional enable_redirect_query: bool,
        8 optional jdbc_query: bool,
        9 optional timeout: i64,
        10 optional legal_path_nodes: bool,
    }

    /// The last values of series from a time on.
    LastDataQueryReq {
        1 required session_id: i64,
        2 required paths: Vec<String>,
        3 optional fetch_size: i32,
        4 required time: i64,
        5 required statement_id: i64,
        6 optional enable_redirect_query: bool,
        7 optional jdbc_query: bool,
        8 optional timeout: i64,
        9 optional legal_path_nodes: bool,
    }

    /// The last values of a device.
    FastLastDataQueryForOneDeviceReq {
        1 required session_id: i64,
        2 required db: String,
        3 required device_id: String,
        4 required sensors: Vec<String>,
        5 optional fetch_size: i32,
        6 required statement_id: i64,
        7 optional enable_redirect_query: bool,
        8 optional jdbc_query: bool,
        9 optional timeout: i64,
        10 optional legal_path_nodes: bool,
    }

    /// The last values below a path.
    FastLastDataQueryForOnePrefixPathReq {
        1 required session_id: i64,
        2 required prefixes: Vec<String>,
        3 optional fetch_size: i32,
        4 required statement_id: i64,
        5 optional enable_redirect_query: bool,
        6 optional jdbc_query: bool,
        7 optional timeout: i64,
    }

    /// Aggregates of series; in windows where there is an interval.
    AggregationQueryReq {
        1 required session_id: i64,
        2 required statement_id: i64,
        3 required paths: Vec<String>,
        /// For each of `paths` the number of its aggregation: 0 count, 1 avg, 2 sum …
        4 required aggregations: Vec<i32>,
        5 optional start_time: i64,
        6 optional end_time: i64,
        7 optional interval: i64,
        8 optional sliding_step: i64,
        9 optional fetch_size: i32,
        10 optional timeout: i64,
        11 optional legal_path_nodes: bool,
    }

    /// Aggregates of one series in windows.
    GroupByQueryIntervalReq {
        1 required session_id: i64,
        2 required statement_id: i64,
        3 required device: String,
        4 required measurement: String,
        5 required data_type: i32,
        6 required aggregation_type: i32,
        7 optional database: String,
        8 optional start_time: i64,
        9 optional end_time: i64,
        10 optional interval: i64,
        11 optional fetch_size: i32,
        12 optional timeout: i64,
        13 optional is_aligned: bool,
    }
}
