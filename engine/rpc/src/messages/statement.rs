//! Statements and their results.

use bytes::Bytes;

use super::Status;
use crate::thrift::{Pairs, structures};

structures! {
    /// Rows, column by column: see [`dataset`](crate::columns::dataset).
    QueryDataSet {
        1 required time: Bytes,
        2 required value_list: Vec<Bytes>,
        3 required bitmap_list: Vec<Bytes>,
    }

    /// Rows of a query with `disable align`: each column has times of its own.
    QueryNonAlignDataSet {
        1 required time_list: Vec<Bytes>,
        2 required value_list: Vec<Bytes>,
    }

    /// What a traced query did.
    TracingInfo {
        1 required activity_list: Vec<String>,
        2 required elapsed_time_list: Vec<i64>,
        3 optional series_path_num: i32,
        4 optional seq_file_num: i32,
        5 optional un_seq_file_num: i32,
        6 optional sequence_chunk_num: i32,
        7 optional sequence_chunk_point_num: i64,
        8 optional unsequence_chunk_num: i32,
        9 optional unsequence_chunk_point_num: i64,
        10 optional total_page_num: i32,
        11 optional overlapped_page_num: i32,
    }

    /// Runs a statement.
    ExecuteStatementReq {
        1 required session_id: i64,
        2 required statement: String,
        3 required statement_id: i64,
        /// Rows to be sent at once.
        4 optional fetch_size: i32,
        /// Milliseconds; the server's own where 0 or less.
        5 optional timeout: i64,
        6 optional enable_redirect_query: bool,
        7 optional jdbc_query: bool,
    }

    /// What a statement gives. It has rows if, and only if, it has `columns`.
    ExecuteStatementResp {
        1 required status: Status,
        2 optional query_id: i64,
        /// Names, without `Time`.
        3 optional columns: Vec<String>,
        4 optional operation_type: String,
        /// The rows have no time.
        5 optional ignore_time_stamp: bool,
        /// For each of `columns` the name of its type.
        6 optional data_type_list: Vec<String>,
        7 optional query_data_set: QueryDataSet,
        8 optional non_align_query_data_set: QueryNonAlignDataSet,
        /// Where a name's values are among the columns sent; each is sent once.
        9 optional column_name_index_map: Pairs<String, i32>,
        /// 0.13: what stands before the names that are no aliases.
        10 optional sg_columns: Vec<String>,
        /// A bit for each of `columns`, the lowest first: it is an alias.
        11 optional alias_columns: Vec<i8>,
        12 optional tracing_info: TracingInfo,
        /// Blocks: see [`block`](crate::columns::block).
        13 optional query_result: Vec<Bytes>,
        14 optional more_data: bool,
        15 optional database: String,
        16 optional table_model: bool,
        /// 2.0: for each of `columns` where its values are in a block, -1 for the time.
        17 optional column_index_to_block: Vec<i32>,
    }

    /// Runs statements, one after the other.
    ExecuteBatchStatementReq {
        1 required session_id: i64,
        2 required statements: Vec<String>,
    }

    /// Asks for the progress of a query.
    GetOperationStatusReq {
        1 required session_id: i64,
        2 required query_id: i64,
    }

    /// Ends a query.
    CancelOperationReq {
        1 required session_id: i64,
        2 required query_id: i64,
    }

    /// Ends a query, or a statement with all its queries.
    CloseOperationReq {
        1 required session_id: i64,
        2 optional query_id: i64,
        3 optional statement_id: i64,
        4 optional prepared_statement_name: String,
    }

    /// Asks for more rows of a query.
    FetchResultsReq {
        1 required session_id: i64,
        2 required statement: String,
        3 required fetch_size: i32,
        4 required query_id: i64,
        5 required is_align: bool,
        /// Milliseconds.
        6 optional timeout: i64,
        7 optional statement_id: i64,
    }

    /// More rows.
    FetchResultsResp {
        1 required status: Status,
        2 required has_result_set: bool,
        3 required is_align: bool,
        4 optional query_data_set: QueryDataSet,
        5 optional non_align_query_data_set: QueryNonAlignDataSet,
        6 optional query_result: Vec<Bytes>,
        7 optional more_data: bool,
    }

    /// Prepares a statement.
    PrepareReq {
        1 required session_id: i64,
        2 required sql: String,
        3 required statement_name: String,
    }

    /// A statement that is prepared.
    PrepareResp {
        1 required status: Status,
        2 optional parameter_count: i32,
    }

    /// Runs a prepared statement.
    ExecutePreparedReq {
        1 required session_id: i64,
        2 required statement_name: String,
        3 required parameters: Bytes,
        4 optional fetch_size: i32,
        5 optional timeout: i64,
        6 required statement_id: i64,
    }

    /// Forgets a prepared statement.
    DeallocatePreparedReq {
        1 required session_id: i64,
        2 required statement_name: String,
    }
}
